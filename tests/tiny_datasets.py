"""Catalogue entries and sources small enough to be made in a test."""

import gzip
import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import Image

from hpsearch.dataset import InputShape
from hpsearch.training.data.catalogue import CatalogueEntry, FileFormat
from hpsearch.training.data.pinned_file import PinnedFile
from hpsearch.training.data.sources import SourceError

IDX_NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
TRAIN_COUNT, TEST_COUNT, SIDE, CLASS_COUNT = 40, 12, 5, 4


def encode_idx(array: np.ndarray) -> bytes:
    """The bytes of an IDX file of unsigned bytes."""
    lengths = b"".join(length.to_bytes(4, "big") for length in array.shape)
    return bytes([0, 0, 8, array.ndim]) + lengths + array.astype(np.uint8).tobytes()


def make_images(count: int, seed: int) -> np.ndarray:
    """Images (count, side, side) of bytes."""
    return np.random.default_rng(seed).integers(0, 256, (count, SIDE, SIDE), dtype=np.uint8)


def make_labels(count: int) -> np.ndarray:
    """Labels (count,), every class in turn."""
    return np.arange(count) % CLASS_COUNT


def pin(name: str, content: bytes) -> PinnedFile:
    """The pin that `content` satisfies."""
    return PinnedFile(name, len(content), hashlib.sha256(content).hexdigest())


def make_idx_contents() -> dict[str, bytes]:
    """The four files of a tiny data set."""
    arrays = (
        make_images(TRAIN_COUNT, 1),
        make_labels(TRAIN_COUNT),
        make_images(TEST_COUNT, 2),
        make_labels(TEST_COUNT),
    )
    return {name: encode_idx(array) for name, array in zip(IDX_NAMES, arrays, strict=True)}


def make_entry(contents: dict[str, bytes], name: str = "tiny") -> CatalogueEntry:
    """The entry whose files are `contents`; it brings no sources of its own."""
    return CatalogueEntry(
        name=name,
        class_names=("a", "b", "c", "d"),
        input_shape=InputShape(1, SIDE, SIDE),
        train_count=TRAIN_COUNT,
        test_count=TEST_COUNT,
        origin="made in a test",
        licence="MIT",
        file_format=FileFormat.IDX,
        files=tuple(pin(file_name, content) for file_name, content in contents.items()),
        sources=(),
        remedy="put them into {folder}",
    )


def compress_contents(contents: dict[str, bytes]) -> dict[str, bytes]:
    """The same files, gzipped, under their names with .gz."""
    return {f"{name}.gz": gzip.compress(content, mtime=0) for name, content in contents.items()}


@dataclass
class FakeSource:
    """Delivers `contents`, whatever is wanted; remembers what it was asked for."""

    contents: dict[str, bytes]
    description: str = "the fake source"
    asked: list[list[str]] = field(default_factory=list)

    def deliver(self, wanted: Sequence[PinnedFile], folder: Path) -> None:
        self.asked.append([file.name for file in wanted])
        for name, content in self.contents.items():
            (folder / name).write_bytes(content)


@dataclass
class FailingSource:
    """Delivers nothing but the reason."""

    error: Exception = field(default_factory=lambda: SourceError("is asleep"))
    description: str = "the failing source"

    def deliver(self, wanted: Sequence[PinnedFile], folder: Path) -> None:
        raise self.error


def fill_cache(cache_folder: Path, contents: dict[str, bytes], name: str = "tiny") -> None:
    """Put the files where a fetch would."""
    shutil.rmtree(cache_folder / name, ignore_errors=True)
    (cache_folder / name).mkdir(parents=True)
    for file_name, content in contents.items():
        (cache_folder / name / file_name).write_bytes(content)


def write_image_folder(
    folder: Path, counts: dict[str, int], *, mode: str = "L", size: tuple[int, int] = (6, 5), seed: int = 0
) -> None:
    """Write `counts[class]` random PNGs of `size` (width, height) into a folder per class."""
    generator = np.random.default_rng(seed)
    for class_name, count in counts.items():
        (folder / class_name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            shape = (size[1], size[0]) if mode == "L" else (size[1], size[0], 3)
            pixels = generator.integers(0, 256, shape, dtype=np.uint8)
            Image.fromarray(pixels).save(folder / class_name / f"{number:03}.png")


def with_sources(entry: CatalogueEntry, *sources: FakeSource | FailingSource) -> CatalogueEntry:
    """The same entry with sources of its own."""
    return replace(entry, sources=tuple(sources))
