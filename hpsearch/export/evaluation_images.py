"""The labelled images that a bundle is measured on: all that a person gives, less those that it was trained on."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from hpsearch.dataset import DatasetIdentity
from hpsearch.errors import DataError
from hpsearch.home import expand_home
from hpsearch.study.trial_config import TrialConfig
from hpsearch.training.data.catalogue import CATALOGUE
from hpsearch.training.data.formats.choice import read_own
from hpsearch.training.data.formats.reading import Reading
from hpsearch.training.data.labelled_images import LabelledImages
from hpsearch.training.data.located_dataset import is_there, locate_dataset
from hpsearch.training.data.own_images import join_images
from hpsearch.training.data.search_splits import load_search_splits
from hpsearch.training.data.test_split import open_test_split
from hpsearch.whole_number import read_whole_number

Split = Literal["test", "validation", "all"]


@dataclass(frozen=True, eq=False)
class ChosenImages:
    """Images with labels in the numbers of the bundle's classes."""

    images: LabelledImages
    split: Split
    notes: tuple[str, ...] = ()


def load_own(name: str, config: TrialConfig, cache_folder: Path, split: Split) -> ChosenImages:
    """A split of the data set that a bundle was made with.

    Raises:
        DataError: The data are missing or damaged.
    """
    rules, preparation = config.dataset.rules, config.dataset.preparation
    test = None
    if split != "validation":
        test = open_test_split(name, cache_folder, rules=rules, preparation=preparation).test_images
    if split == "test" and test is not None:
        return ChosenImages(test, split)
    # With a share also where nothing was held out: the caller refuses what was trained on.
    fraction = config.validation_fraction
    splits = load_search_splits(
        name,
        cache_folder,
        validation_fraction=fraction,
        split_seed=config.split_seed,
        rules=rules,
        preparation=preparation,
    )
    if test is None:
        return ChosenImages(splits.validation, split)
    return ChosenImages(join_images(splits.train, splits.validation, test), split)


def load_other(name: str, config: TrialConfig, cache_folder: Path, split: Split | None) -> ChosenImages:
    """Images of another data set: of a person's own all of them, where it brings no test split of its own.

    Not every class needs to be there.

    Raises:
        DataError: The data are missing or damaged, or have another shape or other classes than the bundle.
        InputError: There is no data set of this name.
    """
    if name not in CATALOGUE and is_there(name) and split in (None, "all"):
        return _load_every_part(name, expand_home(name), config.dataset, cache_folder, split)
    preparation = None if name in CATALOGUE else config.dataset.preparation
    identity = locate_dataset(name, cache_folder, preparation=preparation).identity
    _check_shape(name, identity.input_shape, config.dataset)
    chosen: Split = split or "test"
    parts = []
    if chosen in ("test", "all"):
        parts.append(open_test_split(name, cache_folder, preparation=preparation).test_images)
    if chosen in ("validation", "all"):
        fraction = config.validation_fraction if chosen == "validation" else None
        splits = load_search_splits(
            name,
            cache_folder,
            validation_fraction=fraction,
            split_seed=config.split_seed,
            preparation=preparation,
        )
        parts.append(splits.validation if chosen == "validation" else splits.train)
    images = _relabel(name, join_images(*parts), identity.class_names, config.dataset.class_names)
    return ChosenImages(images, chosen)


def _load_every_part(
    name: str, path: Path, wanted: DatasetIdentity, cache_folder: Path, split: Split | None
) -> ChosenImages:
    try:
        given = read_own(Reading(path, cache_folder, wanted.preparation, least_classes=1))
    except OSError as error:
        raise DataError(f"{error.filename or name} cannot be read: {error.strerror or error}") from error
    found = {"train": given.train, "validation": given.validation, "test": given.test}
    parts = {
        part: _relabel(name, images, given.class_names, wanted.class_names)
        for part, images in found.items()
        if images is not None and len(images)
    }
    for images in parts.values():
        _check_shape(name, tuple(images.images.shape[1:]), wanted)
    if split is None and "test" in parts:
        others = sum(len(images) for part, images in parts.items() if part != "test")
        more = f"its {others:,} other images are left aside: --split all takes them as well"
        return ChosenImages(parts["test"], "test", (*given.notes, *([more] if others else [])))
    return ChosenImages(join_images(*parts.values()), "all", given.notes)


def _relabel(name: str, images: LabelledImages, names: Sequence[str], wanted: Sequence[str]) -> LabelledImages:
    """The images with the bundle's numbers of their classes. Raises DataError for a class that it does not know."""
    labels = images.labels.numpy()
    present = np.unique(labels).tolist()
    if present and present[-1] >= len(names):
        raise DataError(f"data set {name!r} has the label {present[-1]}, and there are {len(names)} classes, from 0")
    strangers = [names[label] for label in present if names[label] not in wanted]
    positions = [-1 if (number := read_whole_number(each)) is None else number for each in names]
    if strangers and all(0 <= position < len(wanted) for position in positions):
        # Bare numbers mean the classes of the bundle in their order.
        return LabelledImages.from_arrays(images.images.numpy(), np.array(positions, dtype=np.int64)[labels])
    if strangers:
        raise DataError(f"data set {name!r} has the classes {_list(strangers)}, and this network knows {_list(wanted)}")
    if tuple(names) == tuple(wanted):
        return images
    numbers = np.array([wanted.index(each) if each in wanted else -1 for each in names], dtype=np.int64)
    return LabelledImages.from_arrays(images.images.numpy(), numbers[labels])


def _check_shape(name: str, shape: tuple[int, ...], wanted: DatasetIdentity) -> None:
    if tuple(shape) != tuple(wanted.input_shape):
        text = "x".join(str(length) for length in shape)
        raise DataError(f"data set {name!r} has images of {text}, and this network takes {wanted.input_shape}")


def _list(names: Sequence[str]) -> str:
    shown = ", ".join(names[:10])
    return shown if len(names) <= 10 else f"{shown} and {len(names) - 10} more"
