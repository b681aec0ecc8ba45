"""A person's .npz file of images and labels, read: under the names that people give its arrays."""

import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hpsearch.errors import DataError
from hpsearch.storable_text import find_name_fault, write_out
from hpsearch.training.data.array_file import CLASS_NAMES, ArrayHeader, load_array, read_headers
from hpsearch.training.data.array_values import bring_to_bytes, bring_to_labels, check_image_header, check_labels
from hpsearch.training.data.image_reading import show_path
from hpsearch.training.data.labelled_images import LabelledImages
from hpsearch.training.data.own_images import GivenImages


class Keys(NamedTuple):
    """The names of one split's two arrays in the file."""

    images: str
    labels: str


_TRAIN = (
    ("x_train", "y_train"),
    ("train_x", "train_y"),
    ("train_images", "train_labels"),
    ("images", "labels"),
    ("x", "y"),
)
_VALIDATION = (
    ("x_val", "y_val"),
    ("x_valid", "y_valid"),
    ("x_validation", "y_validation"),
    ("val_x", "val_y"),
    ("val_images", "val_labels"),
    ("valid_images", "valid_labels"),
    ("validation_images", "validation_labels"),
)
_TEST = (("x_test", "y_test"), ("test_x", "test_y"), ("test_images", "test_labels"))
SPLIT_NAMES = {"train": _TRAIN, "validation": _VALIDATION, "test": _TEST}
"""The names that the arrays of each split may have, in small letters: of the images and of the labels."""
_EXPECTED = "x_train and y_train (and x_test, y_test), or images and labels (and test_images, test_labels)"
_MOST_NUMBERED = 100_000
"""A label above is no class: nothing of its size is made."""


def read_archive(path: Path, *, least_classes: int = 2) -> GivenImages:
    """Every image of an .npz file, of a folder of such or of .npy files, or of an .npy file and those beside it.

    With one class as the least, to evaluate, a split may be alone and a class without an image.

    Raises:
        DataError: It is none, its arrays do not fit together, or a value is out of its range.
    """
    headers = read_headers(path)
    if least_classes < 2:
        return _read_any(path, headers)
    train, validation, test = find_keys(path, headers)
    shape = check_image_header(path, train, headers)
    for keys in filter(None, (validation, test)):
        if check_image_header(path, keys, headers) != shape:
            raise DataError(
                f"the images of {keys.images} in {show_path(path)} have another shape than the training ones"
            )
    parts = {keys: read_part(path, keys, headers) for keys in (train, validation, test) if keys is not None}
    labels = parts[train].labels.numpy()
    class_names = _name_classes(path, headers, check_labels(path, train.labels, labels))
    for keys, part in parts.items():
        if len(part) and int(part.labels.max()) >= len(class_names):
            raise DataError(
                f"{keys.labels} in {show_path(path)} has the {'test ' * (keys == test)}label {int(part.labels.max())}, "
                f"and the training split knows {len(class_names)} classes, counted from 0"
            )
    return GivenImages(
        class_names,
        parts[train],
        None if validation is None else parts[validation],
        None if test is None else parts[test],
        _describe_others(path, headers, parts),
        tuple(f"{name}: {headers[name]}{_tell_file(path, headers[name])}" for keys in parts for name in keys),
    )


def _tell_file(path: Path, header: ArrayHeader) -> str:
    """In which of several archives an array is."""
    return f" in {header.file.name}" if path.is_dir() and header.key is not None else ""


def _describe_others(path: Path, headers: Mapping[str, ArrayHeader], used: Iterable[Keys]) -> tuple[str, ...]:
    known = {name for keys in used for name in keys} | {key for key in headers if key.lower() == CLASS_NAMES}
    others = [write_out(name) for name in sorted(headers.keys() - known)]
    if not others:
        return ()
    are = "array of {} is" if len(others) == 1 else "arrays of {} are"
    return (f"{len(others)} {are.format(show_path(path))} left out: {', '.join(others)[:200]}",)


def _read_any(path: Path, headers: Mapping[str, ArrayHeader]) -> GivenImages:
    """Whatever splits are there, to evaluate a network on."""
    found = {split: find_split(path, headers, names) for split, names in SPLIT_NAMES.items()}
    parts = {}
    for split, keys in found.items():
        if keys is not None:
            check_image_header(path, keys, headers)
            parts[split] = read_part(path, keys, headers)
    if not parts:
        raise DataError(
            f"{show_path(path)} holds the arrays {', '.join(sorted(headers)) or 'none'}; expected are x_test and "
            "y_test, or others that a data set may have"
        )
    highest = max(int(part.labels.max()) for part in parts.values())
    names = read_class_names(path, headers) or tuple(str(label) for label in range(min(highest, _MOST_NUMBERED) + 1))
    if highest >= len(names):
        raise DataError(f"{show_path(path)} has the label {highest}, and there are {len(names)} classes, from 0")
    first = next(iter(parts.values()))
    train = parts.get("train", first.select(np.arange(0, dtype=np.int64)))
    notes = _describe_others(path, headers, [keys for keys in found.values() if keys is not None])
    return GivenImages(names, train, parts.get("validation"), parts.get("test"), notes)


def read_part(path: Path, keys: Keys, headers: Mapping[str, ArrayHeader]) -> LabelledImages:
    """The images and labels of one split. Raises DataError."""
    labels = bring_to_labels(path, keys.labels, load_array(path, keys.labels, headers))
    images = bring_to_bytes(path, keys.images, load_array(path, keys.images, headers))
    return LabelledImages.from_arrays(images, labels)


def find_keys(path: Path, headers: Mapping[str, ArrayHeader]) -> tuple[Keys, Keys | None, Keys | None]:
    """The arrays of the training, the validation and the test split. Raises DataError."""
    train = find_split(path, headers, _TRAIN)
    if train is None:
        only = next(iter(headers.values())) if len(headers) == 1 else None
        images = "images" if only is None else f"numpy.load({str(only.file)!r}){f'[{only.key!r}]' if only.key else ''}"
        is_archive = path.is_file() and path.suffix.lower() != ".npy"
        beside = "; or give its folder, if the labels are in a file beside it" if only and is_archive else ""
        raise DataError(
            f"{show_path(path)} holds the arrays {', '.join(sorted(headers)) or 'none'}; expected are {_EXPECTED}: "
            f"write it with numpy.savez('data.npz', x_train={images}, y_train=labels){beside}"
        )
    return train, find_split(path, headers, _VALIDATION), find_split(path, headers, _TEST)


def find_split(path: Path, headers: Mapping[str, ArrayHeader], names: tuple[tuple[str, str], ...]) -> Keys | None:
    """The two arrays of one split under whichever names it has, in capitals or not; None where it is not there."""
    by_name: dict[str, list[str]] = {}
    for key in headers:
        by_name.setdefault(key.lower(), []).append(key)
    for pair in names:
        found = [by_name[name] for name in pair if name in by_name]
        if any(len(same) > 1 for same in found):
            raise DataError(f"{show_path(path)} has {' and '.join(found[0])}, which differ in capitals alone: keep one")
        if len(found) == 2:
            return Keys(found[0][0], found[1][0])
        if len(found) == 1 and names is not _TRAIN:
            raise DataError(f"{show_path(path)} has {found[0][0]} alone; a split is {' and '.join(pair)}")
    return None


def _name_classes(path: Path, headers: Mapping[str, ArrayHeader], count: int) -> tuple[str, ...]:
    """The classes: as the file names them, else by number."""
    if count < 2:
        raise DataError(f"{show_path(path)} has one class; a data set needs at least two")
    names = read_class_names(path, headers)
    if names is None:
        return tuple(str(label) for label in range(count))
    if len(names) != count:
        raise DataError(f"{show_path(path)} names {len(names)} classes and its labels show {count}")
    return names


def read_class_names(path: Path, headers: Mapping[str, ArrayHeader]) -> tuple[str, ...] | None:
    """The names of the classes; None where the file names none. Raises DataError."""
    key = next((key for key in headers if key.lower() == CLASS_NAMES), None)
    if key is None:
        return None
    array = load_array(path, key, headers)
    if array.ndim != 1:
        raise DataError(f"{key} in {show_path(path)} is {headers[key]}; names are one text a class, (classes,)")
    names = tuple(_read_name(path, key, name) for name in array.tolist())
    if twice := [name for position, name in enumerate(names) if name in names[:position]]:
        raise DataError(f"{key} in {show_path(path)} has {twice[0]!r} twice: give each class a name of its own")
    return names


def _read_name(path: Path, key: str, name: Any) -> str:
    if isinstance(name, bytes):
        name = name.decode("utf-8", errors="surrogateescape")
    text = unicodedata.normalize("NFC", str(name))
    if fault := find_name_fault(text):
        raise DataError(f"{key} in {show_path(path)}: the name {text[:40]!a} {fault}: rename it")
    return text
