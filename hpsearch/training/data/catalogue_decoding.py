"""How the images of the catalogue lie in their files, for those that are neither MNIST's four files nor CIFAR-10's.

Everything here reads one split of one file, by the name it is given: test_split.py asks for test images.
Nothing is unpickled: CIFAR-100 is read from its binary form.
"""

import bz2
import gzip
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hpsearch.errors import DataError
from hpsearch.training.data.byte_arrays import ByteArray
from hpsearch.training.data.catalogue import CatalogueEntry, FileFormat
from hpsearch.training.data.labelled_images import LabelledImages

_DAMAGED = (
    OSError,
    EOFError,
    KeyError,
    ValueError,
    zlib.error,
    zipfile.BadZipFile,
    tarfile.TarError,
    NotImplementedError,
)


def read_part(entry: CatalogueEntry, folder: Path, part: str) -> LabelledImages:
    """The images of `part`, which is train or test, of an entry whose files lie whole in `folder`.

    Raises:
        DataError: A file holds something else than its form has.
    """
    path = folder / entry.files[0 if part == "train" else -1].name
    with _explained(path):
        match entry.file_format:
            case FileFormat.EMNIST:
                return read_emnist(path, f"{entry.name}-{part}")
            case FileFormat.CIFAR100:
                return read_cifar100(path, part, entry.class_names)
            case FileFormat.SVHN:
                return read_svhn(path)
            case FileFormat.USPS:
                return read_usps(path)
            case _:
                raise NotImplementedError(entry.file_format)


def read_emnist(path: Path, name: str) -> LabelledImages:
    """One split of a division of EMNIST, from the archive that holds them all, gzipped.

    They are stored turned and mirrored, as no person would see them, and are put upright. Letters count from 1.
    """
    with zipfile.ZipFile(path) as archive:
        arrays = []
        for what in ("images-idx3", "labels-idx1"):
            with archive.open(f"gzip/{name}-{what}-ubyte.gz") as packed, gzip.open(packed) as file:
                arrays.append(_parse_bytes(file.read()))
    pixels, labels = arrays
    upright = np.ascontiguousarray(pixels.transpose(0, 2, 1))[:, np.newaxis]
    numbers = labels.astype(np.int64)
    return LabelledImages.from_arrays(upright, numbers - 1 if "letters" in name else numbers)


def read_cifar100(path: Path, part: str, class_names: tuple[str, ...]) -> LabelledImages:
    """One split of CIFAR-100: of each image a byte for its coarse class, one for its fine one, then its pixels."""
    with tarfile.open(path) as archive:
        names = _read_member(archive, "cifar-100-binary/fine_label_names.txt").decode("ascii").split()
        content = _read_member(archive, f"cifar-100-binary/{part}.bin")
    if tuple(names) != class_names:
        raise ValueError(f"its classes are others than {', '.join(class_names[:3])} and so on")
    rows = np.frombuffer(bytearray(content), dtype=np.uint8).reshape(-1, 2 + 3 * 32 * 32)
    return LabelledImages.from_arrays(rows[:, 2:].reshape(-1, 3, 32, 32), rows[:, 1].astype(np.int64))


def read_svhn(path: Path) -> LabelledImages:
    """A file of SVHN: X (32, 32, 3, n) and y (n, 1), in which 10 means the digit 0."""
    from scipy.io import loadmat  # type: ignore[import-untyped]

    arrays = loadmat(str(path))
    pixels: ByteArray = np.ascontiguousarray(arrays["X"].transpose(3, 2, 0, 1))
    return LabelledImages.from_arrays(pixels, arrays["y"].astype(np.int64).reshape(-1) % 10)


def read_usps(path: Path) -> LabelledImages:
    """A file of USPS in the form of LIBSVM: a label from 1, then 256 values from -1 to 1, each behind its number."""
    labels, rows = [], []
    with bz2.open(path, "rt", encoding="ascii") as lines:
        for line in lines:
            label, *cells = line.split()
            labels.append(int(label) - 1)
            rows.append([float(cell.partition(":")[2]) for cell in cells])
    values = np.array(rows, dtype=np.float64).reshape(-1, 1, 16, 16)
    pixels = np.rint((values.clip(-1, 1) + 1) / 2 * 255).astype(np.uint8)
    return LabelledImages.from_arrays(pixels, np.array(labels, dtype=np.int64))


def _parse_bytes(content: bytes) -> npt.NDArray[np.uint8]:
    """The array of an IDX file of bytes."""
    axes = content[3]
    if content[:3] != b"\0\0\x08":
        raise ValueError("no IDX file of bytes is in it")
    lengths = [int.from_bytes(content[4 + 4 * axis : 8 + 4 * axis], "big") for axis in range(axes)]
    return np.frombuffer(bytearray(content[4 + 4 * axes :]), dtype=np.uint8).reshape(lengths)


def _read_member(archive: tarfile.TarFile, name: str) -> bytes:
    member = archive.extractfile(name)
    if member is None:
        raise KeyError(name)
    with member:
        return member.read()


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except _DAMAGED as error:
        raise DataError(f"{path} cannot be read: {error}; remove it and fetch it again") from error
