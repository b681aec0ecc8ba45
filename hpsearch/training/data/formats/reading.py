"""What every form of data is read by, and its result kept in the cache."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from hpsearch.dataset import Preparation
from hpsearch.errors import DataError
from hpsearch.training.data.byte_arrays import ByteArray
from hpsearch.training.data.cache import hash_file
from hpsearch.training.data.folder_reading import describe_preparation
from hpsearch.training.data.given_cache import load_given
from hpsearch.training.data.image_reading import prepare_pixels, show_path
from hpsearch.training.data.labelled_images import LabelledImages
from hpsearch.training.data.left_out import LeftOut
from hpsearch.training.data.own_images import GivenImages

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Reading:
    """A file or folder, and how it is to be read."""

    path: Path
    cache_folder: Path
    preparation: Preparation | None = None
    least_classes: int = 2
    """To search, two; one to evaluate."""

    def keep(self, form: str, files: Iterable[Path], make: Callable[[], GivenImages]) -> GivenImages:
        """What `make` reads from these files, from the cache where they have not changed since."""
        content = [
            form,
            str(self.path.absolute()),
            describe_preparation(self.preparation),
            self.least_classes,
            *([str(file), hash_file(file)] for file in files),
        ]
        return load_given(self.cache_folder, hashlib.sha256(json.dumps(content).encode()).hexdigest(), make)


class Form(Protocol):
    """A form of data: a module of this folder is one."""

    def recognizes(self, path: Path) -> bool:
        """Whether a path looks like this form; its content is barely looked at. Raises OSError."""

    def read(self, reading: Reading) -> GivenImages:
        """Every image. Raises DataError, OSError."""


def add_left_out(given: GivenImages, left_out: LeftOut) -> GivenImages:
    """The same with a line for each kind of what was left out: after the cache, whose key knows nothing of it."""
    return replace(given, notes=(*given.notes, *left_out.describe()))


def prepare_arrays(images: ByteArray, preparation: Preparation | None) -> ByteArray:
    """Images (n, c, h, w) as a rule has them, which is as they are where there is none."""
    if preparation is None or len(images) == 0:
        return images
    prepared = []
    for image in images:
        pixels = image[0] if len(image) == 1 else np.ascontiguousarray(image.transpose(1, 2, 0))
        ready = prepare_pixels(pixels, preparation)
        prepared.append(ready[np.newaxis] if ready.ndim == 2 else ready.transpose(2, 0, 1))
    return np.stack(prepared)


def assemble(
    path: Path,
    class_names: tuple[str, ...],
    parts: Mapping[str, LabelledImages],
    least_classes: int,
    *,
    notes: Iterable[str] = (),
    kinds: Iterable[str] = (),
) -> GivenImages:
    """Parts by their split as what was given; to evaluate, there may be nothing to train on.

    Raises:
        DataError: There is nothing to train on, too few classes, or a class without a training image.
    """
    there = {split: images for split, images in parts.items() if len(images)}
    if not there:
        raise DataError(f"{show_path(path)} holds no images")
    if len(shapes := {tuple(images.images.shape[1:]) for images in there.values()}) > 1:
        shown = " and ".join(sorted("x".join(map(str, shape)) for shape in shapes))
        raise DataError(f"the splits in {show_path(path)} have images of different shapes, {shown}: make them one")
    if least_classes < 2:
        train = there.pop("train", None)
        others = {split: there.get(split) for split in ("validation", "test")}
        if train is None:
            train = next(iter(there.values())).select(np.arange(0, dtype=np.int64))
        return GivenImages(class_names, train, others["validation"], others["test"], tuple(notes), tuple(kinds))
    if "train" not in there:
        raise DataError(f"{show_path(path)} has images to test alone, and none to train on")
    if len(class_names) < least_classes:
        raise DataError(f"{show_path(path)} has one class; a data set needs at least two")
    present = set(there["train"].labels.tolist())
    if missing := [name for label, name in enumerate(class_names) if label not in present]:
        raise DataError(
            f"class {missing[0]!r} in {show_path(path)} has images to test or to validate on, and none to train on"
        )
    return GivenImages(
        class_names, there["train"], there.get("validation"), there.get("test"), tuple(notes), tuple(kinds)
    )
