"""What was read of a person's folder, kept in the cache as plain arrays."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from hpsearch.training.data.decoded_images import DAMAGED, load_cached, write_arrays
from hpsearch.training.data.labelled_images import LabelledImages
from hpsearch.training.data.own_images import GivenImages

_PARTS = ("train", "validation", "test")


def load_given(cache_folder: Path, key: str, read: Callable[[], GivenImages]) -> GivenImages:
    """What `read` gives, from the cache where it lies there whole under `key`. Raises what `read` raises."""
    return load_cached(cache_folder, key, read, _read, _write)


def _read(path: Path) -> GivenImages | None:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            parts = {
                part: LabelledImages.from_arrays(arrays[f"{part}_images"], arrays[f"{part}_labels"])
                for part in _PARTS
                if f"{part}_images" in arrays
            }
            class_names = tuple(arrays["class_names"].tolist())
            notes, kinds = tuple(arrays["notes"].tolist()), tuple(arrays["kinds"].tolist())
        return GivenImages(class_names, parts["train"], parts.get("validation"), parts.get("test"), notes, kinds)
    except DAMAGED:
        return None


def _write(given: GivenImages, path: Path) -> None:
    parts = {"train": given.train, "validation": given.validation, "test": given.test}
    arrays = {f"{part}_images": images.images.numpy() for part, images in parts.items() if images is not None}
    arrays |= {f"{part}_labels": images.labels.numpy() for part, images in parts.items() if images is not None}
    texts = {"class_names": given.class_names, "notes": given.notes, "kinds": given.kinds}
    arrays |= {name: np.array(lines, dtype=np.str_) for name, lines in texts.items()}
    write_arrays(path, **arrays)
