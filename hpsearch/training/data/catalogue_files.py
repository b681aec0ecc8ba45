"""A catalogue entry that lies whole in the cache."""

import gzip
import hashlib
import math
import pickle
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
import torch

from hpsearch.dataset import DatasetIdentity
from hpsearch.errors import DataError
from hpsearch.training.data.byte_arrays import ByteArray
from hpsearch.training.data.catalogue import CatalogueEntry, FileFormat
from hpsearch.training.data.catalogue_decoding import read_part
from hpsearch.training.data.decoded_images import load_decoded
from hpsearch.training.data.fetch import find_faults
from hpsearch.training.data.formats.idx_files import read_idx
from hpsearch.training.data.labelled_images import LabelledImages

if TYPE_CHECKING:
    from torchvision.datasets import CIFAR10  # type: ignore[import-untyped]

_UNSIGNED_BYTES = 8
"""The kind of an IDX file's values."""


@dataclass(frozen=True)
class CatalogueFiles:
    """The files of a catalogue entry, found whole in `folder`."""

    entry: CatalogueEntry
    folder: Path

    @classmethod
    def locate(cls, entry: CatalogueEntry, cache_folder: Path) -> Self:
        """The files in the cache, each hashed. Raises DataError naming the first that is missing or damaged."""
        folder = cache_folder / entry.name
        for file, fault in find_faults(entry, folder).items():
            raise DataError(f"{folder / file.name} {fault}; type `hpsearch data fetch {entry.name}`")
        return cls(entry, folder)

    @property
    def identity(self) -> DatasetIdentity:
        """Who these images are; the hash is over the pinned hashes of all files, in their order."""
        digest = hashlib.sha256("\n".join(file.pin for file in self.entry.files).encode())
        return DatasetIdentity(
            name=self.entry.name,
            sha256=digest.hexdigest(),
            input_shape=self.entry.input_shape,
            class_names=self.entry.class_names,
            train_count=self.entry.train_count,
            test_count=self.entry.test_count,
        )

    def load_train(self, cache_folder: Path) -> LabelledImages:
        """The training split, the validation part included."""
        images, labels = self.entry.files[0], self.entry.files[-1]
        if self.entry.file_format is FileFormat.IDX:
            images, labels = self.entry.files[:2]
            return read_idx_pair(self.folder / images.name, self.folder / labels.name)
        archive = self.folder / images.name
        if self.entry.file_format is not FileFormat.CIFAR:
            key = f"{self.entry.name}-{self.identity.sha256}-train"
            return load_decoded(cache_folder, key, lambda: read_part(self.entry, self.folder, "train"))
        return load_decoded(cache_folder, f"{images.sha256}-train", lambda: _decode_cifar_train(archive))


def read_idx_pair(images_path: Path, labels_path: Path) -> LabelledImages:
    """The images (n, 1, h, w) and labels (n,) of two IDX files, gzipped or not. Raises DataError for other files.

    Of labels with several columns, as QMNIST has them, the first is the class.
    """
    if "idx2" in labels_path.name:
        images, labels = _read_idx(images_path, 3), read_idx(labels_path)[:, 0]
    else:
        images, labels = _read_idx(images_path, 3), _read_idx(labels_path, 1)
    return LabelledImages.from_arrays(images[:, np.newaxis], labels.astype(np.int64))


def _read_idx(path: Path, dimensions: int) -> ByteArray:
    """An array of bytes: two zeros, their kind, the number of dimensions, each of them in four bytes, the bytes."""
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    head = 4 + 4 * dimensions
    shape = tuple(int.from_bytes(content[place : place + 4], "big") for place in range(4, head, 4))
    if content[:4] != bytes([0, 0, _UNSIGNED_BYTES, dimensions]) or len(content) != head + math.prod(shape):
        raise DataError(f"{path} is no IDX file of bytes in {dimensions} dimensions")
    return np.frombuffer(content, np.uint8, offset=head).reshape(shape).copy()


@contextmanager
def unpack_cifar(archive: Path) -> Iterator[Path]:
    """A temporary folder with what CIFAR-10's archive holds.

    Raises DataError when it cannot be unpacked. torchvision's class unpickles the batches in there: acceptable only
    because the SHA-256 of the archive was checked before, and torchvision checks the MD5 of each batch again.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            with tarfile.open(archive) as packed:
                packed.extractall(folder, filter="data")
            yield Path(folder)
        except (tarfile.TarError, RuntimeError, pickle.UnpicklingError) as error:
            raise DataError(f"{archive} cannot be read: {error}; remove it and fetch it again") from error


def to_labelled_images(batches: "CIFAR10") -> LabelledImages:
    """What torchvision read, (n, h, w, c), as tensors (n, c, h, w) and (n,)."""
    images = torch.from_numpy(np.ascontiguousarray(batches.data.transpose(0, 3, 1, 2)))
    return LabelledImages(images, torch.tensor(batches.targets, dtype=torch.int64))


def _decode_cifar_train(archive: Path) -> LabelledImages:
    from torchvision.datasets import CIFAR10

    with unpack_cifar(archive) as folder:
        return to_labelled_images(CIFAR10(str(folder), train=True))
