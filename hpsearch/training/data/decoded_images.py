"""Images that were decoded once, kept in the cache as plain arrays: 60,000 PNGs take a minute, their pixels a blink."""

import tempfile
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from filelock import FileLock

from hpsearch.training.data.array_file import BROKEN_HEADER
from hpsearch.training.data.byte_arrays import ByteArray, IntegerArray
from hpsearch.training.data.cache import install_file
from hpsearch.training.data.labelled_images import LabelledImages

Decode = Callable[[], LabelledImages]
Kept = TypeVar("Kept")

DAMAGED = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, *BROKEN_HEADER)
"""What reading a damaged .npz file raises."""


def load_decoded(cache_folder: Path, key: str, decode: Decode) -> LabelledImages:
    """What `decode` gives, from the cache where it lies there whole under `key`, a hash of all it depends on.

    Several processes decode once. A cache that cannot be written to is done without. Raises what `decode` raises.
    """
    return load_cached(cache_folder, key, decode, _read, _write)


def load_cached(
    cache_folder: Path,
    key: str,
    make: Callable[[], Kept],
    read: Callable[[Path], Kept | None],
    write: Callable[[Kept, Path], None],
) -> Kept:
    """What `make` gives, from the cache where `read` finds it whole."""
    folder = cache_folder / "decoded"
    path = folder / f"{key}.npz"
    if (kept := read(path)) is not None:
        return kept
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / f"{key}.lock")
        lock.acquire()
    except OSError:
        return make()
    try:
        kept = read(path)
        if kept is None:
            kept = make()
            with suppress(OSError):  # a full disk costs time later, not this search
                write(kept, path)
        return kept
    except BaseException:  # wrong input leaves nothing behind
        with suppress(OSError):
            (folder / f"{key}.lock").unlink()
            folder.rmdir()
            cache_folder.rmdir()
        raise
    finally:
        lock.release()


def _read(path: Path) -> LabelledImages | None:
    """What lies at `path`; None when it is missing or damaged: the zip around the arrays checks their bytes."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            images: ByteArray = arrays["images"]
            labels: IntegerArray = arrays["labels"]
        return LabelledImages.from_arrays(images, labels)
    except DAMAGED:
        return None


def _write(images: LabelledImages, path: Path) -> None:
    write_arrays(path, images=images.images.numpy(), labels=images.labels.numpy())


def write_arrays(path: Path, **arrays: Any) -> None:
    """Write arrays to a file of the cache, whole or not at all. Raises OSError."""
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=path.parent, ignore_cleanup_errors=True) as temporary:
        finished = Path(temporary) / path.name
        np.savez(finished, **arrays)
        install_file(finished, path)
