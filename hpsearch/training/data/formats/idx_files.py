"""Raw IDX files, as MNIST and its kin have them: train-images-idx3-ubyte, train-labels-idx1-ubyte, gzipped or not."""

import gzip
import math
import re
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hpsearch.errors import DataError
from hpsearch.training.data.array_file import UNPACKED_AT_MOST
from hpsearch.training.data.formats.labels import number_labels
from hpsearch.training.data.formats.reading import Reading, add_left_out, assemble, prepare_arrays
from hpsearch.training.data.image_reading import show_path
from hpsearch.training.data.labelled_images import LabelledImages
from hpsearch.training.data.left_out import LeftOut, note_others
from hpsearch.training.data.own_images import GivenImages
from hpsearch.training.data.split_words import SPLIT_WORDS
from hpsearch.training.data.system_files import is_system_name

_NAME = re.compile(r"(?P<head>.*?)(?P<what>images|labels)[-._]idx[1-4][-._](ubyte|int)(\.gz)?", re.IGNORECASE)
_TYPES: dict[int, np.dtype[Any]] = {
    0x08: np.dtype(np.uint8),
    0x09: np.dtype(np.int8),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
}
_DAMAGED = (OSError, EOFError, zlib.error)


class _Pair(NamedTuple):
    images: Path
    labels: Path


def recognizes(path: Path) -> bool:
    """A folder with such files, or one of them."""
    if path.is_file():
        return _NAME.fullmatch(path.name) is not None
    return path.is_dir() and any(_NAME.fullmatch(child.name) for child in path.iterdir() if child.is_file())


def read(reading: Reading) -> GivenImages:
    """Every image of the folder's files; of a file that is named alone those of its split.

    Raises:
        DataError: A file of a pair is missing, damaged, or shorter than it says.
        OSError: A file cannot be read.
    """
    pairs = find_pairs(reading.path)
    files = [file for pair in pairs.values() for file in pair]
    given = reading.keep("idx", files, lambda: _read(reading, pairs))
    left_out = LeftOut()
    if reading.path.is_dir():
        # The gzipped one beside its unpacked self is read, too.
        packed = [child for child in reading.path.iterdir() if _NAME.fullmatch(child.name)]
        note_others(reading.path, {*files, *packed}, left_out)
    return add_left_out(given, left_out)


def find_pairs(path: Path) -> dict[str, _Pair]:
    """The files of images and labels of each split. Raises DataError."""
    folder = path if path.is_dir() else path.parent
    found: dict[tuple[str, str], dict[str, Path]] = {}
    for child in sorted(folder.iterdir()):
        if is_system_name(child.name) or not child.is_file() or (match := _NAME.fullmatch(child.name)) is None:
            continue
        head = match["head"].lower()
        words = re.split(r"[^a-z0-9]+", head)
        split = next((SPLIT_WORDS[word] for word in words if word in SPLIT_WORDS), "train")
        # The gzipped one beside its unpacked self is the same file.
        found.setdefault((split, head), {}).setdefault(match["what"].lower(), child)
    if path.is_file():
        found = {key: files for key, files in found.items() if _same_pair(path, key[1])}
    pairs: dict[str, _Pair] = {}
    for (split, _head), files in found.items():
        if missing := {"images", "labels"} - files.keys():
            there = next(iter(files.values()))
            raise DataError(f"{show_path(there)} is there without its {missing.pop()}: put both into the folder")
        if split in pairs:
            raise DataError(
                f"{show_path(folder)} has {pairs[split].images.name} and {files['images'].name}, two files for one "
                "split: give one of them as the data set, or put one pair into a folder of its own"
            )
        pairs[split] = _Pair(files["images"], files["labels"])
    return pairs


def read_idx(path: Path) -> npt.NDArray[Any]:
    """The array of an IDX file.

    Raises:
        DataError: It is none, or its length is not what its head says.
    """
    try:
        with path.open("rb") as raw:
            is_packed = raw.read(2) == b"\x1f\x8b"
        with gzip.open(path) if is_packed else path.open("rb") as file:
            head = file.read(4)
            if len(head) < 4 or head[:2] != b"\0\0" or head[2] not in _TYPES or not 1 <= head[3] <= 4:
                raise DataError(f"{show_path(path)} is no IDX file: its first bytes are {head.hex(' ') or 'missing'}")
            lengths = [int.from_bytes(file.read(4), "big") for _axis in range(head[3])]
            dtype = _TYPES[head[2]]
            size = math.prod(lengths) * dtype.itemsize
            # No more memory than the file can fill is asked for, whatever it says.
            most = path.stat().st_size * (UNPACKED_AT_MOST if is_packed else 1)
            content = file.read(min(size, most) + 1)
    except _DAMAGED as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{show_path(path)} cannot be read: {reason}; bring the file here again") from error
    if len(content) != size:
        longer = "more" if len(content) > size else f"{len(content):,}"
        raise DataError(f"{show_path(path)} says that it holds {size:,} bytes and holds {longer}: it is damaged")
    return np.frombuffer(bytearray(content), dtype=dtype).reshape(lengths)


def _same_pair(path: Path, head: str) -> bool:
    match = _NAME.fullmatch(path.name)
    return match is not None and match["head"].lower() == head


def _read(reading: Reading, pairs: dict[str, _Pair]) -> GivenImages:
    images: dict[str, npt.NDArray[np.uint8]] = {}
    labels: list[str] = []
    for split, pair in pairs.items():
        pixels, numbers = read_idx(pair.images), read_idx(pair.labels)
        if pixels.dtype != np.uint8 or pixels.ndim not in (3, 4) or pixels.shape[3:] not in ((), (1,), (3,)):
            raise DataError(
                f"{show_path(pair.images)} is {pixels.dtype} {pixels.shape}; images are bytes (n, h, w), or "
                "(n, h, w, 1 or 3)"
            )
        numbers = numbers[:, 0] if numbers.ndim == 2 else numbers  # QMNIST: the class, then who wrote it
        if numbers.ndim != 1 or len(numbers) != len(pixels):
            raise DataError(f"{show_path(pair.labels)} has labels {numbers.shape} for {len(pixels):,} images")
        if 0 in pixels.shape[1:]:
            raise DataError(f"{show_path(pair.images)} holds images without pixels")
        images[split] = pixels[:, np.newaxis] if pixels.ndim == 3 else pixels.transpose(0, 3, 1, 2)
        labels += [str(number) for number in numbers.tolist()]
    class_names, codes = number_labels(reading.path, labels)
    parts, begun = {}, 0
    for split, each in images.items():
        prepared = prepare_arrays(np.ascontiguousarray(each), reading.preparation)
        parts[split] = LabelledImages.from_arrays(prepared, codes[begun : begun + len(each)])
        begun += len(each)
    kinds = [f"IDX files: {', '.join(pair.images.name for pair in pairs.values())}"]
    return assemble(reading.path, class_names, parts, reading.least_classes, kinds=kinds)
