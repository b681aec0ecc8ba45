"""Images that were decoded once, kept in the cache as plain arrays: 60,000 PNGs take a minute, their pixels a blink."""

import tempfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
from filelock import FileLock

from hpsearch.training.data.cache import install_file
from hpsearch.training.data.labelled_images import ByteArray, IntegerArray, LabelledImages

Decode = Callable[[], LabelledImages]


def load_decoded(cache_folder: Path, key: str, decode: Decode) -> LabelledImages:
    """What `decode` gives, from the cache where it lies there whole under `key`, a hash of all it depends on.

    Several processes decode once. A cache that cannot be written to is done without. Raises what `decode` raises.
    """
    folder = cache_folder / "decoded"
    path = folder / f"{key}.npz"
    if (images := _read(path)) is not None:
        return images
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / f"{key}.lock")
        lock.acquire()
    except OSError:
        return decode()
    try:
        images = _read(path)
        if images is None:
            images = decode()
            with suppress(OSError):  # a full disk costs time later, not this search
                _write(images, path)
        return images
    finally:
        lock.release()


def _read(path: Path) -> LabelledImages | None:
    """What lies at `path`; None when it is missing or damaged: the zip around the arrays checks their bytes."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            images: ByteArray = arrays["images"]
            labels: IntegerArray = arrays["labels"]
        return LabelledImages.from_arrays(images, labels)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _write(images: LabelledImages, path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=path.parent, ignore_cleanup_errors=True) as temporary:
        finished = Path(temporary) / path.name
        np.savez(finished, images=images.images.numpy(), labels=images.labels.numpy())
        install_file(finished, path)
