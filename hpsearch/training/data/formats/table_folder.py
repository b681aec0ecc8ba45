"""A folder with a table for each split, as competitions have them: train.csv and test.csv, or train/labels.csv."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from hpsearch.errors import DataError
from hpsearch.training.data.folder_scan import holds_images, list_folders
from hpsearch.training.data.formats import path_table, pixel_table
from hpsearch.training.data.formats.labels import order_label
from hpsearch.training.data.formats.reading import Form, Reading, assemble
from hpsearch.training.data.formats.table_file import is_table_name, open_table
from hpsearch.training.data.image_reading import show_path
from hpsearch.training.data.labelled_images import LabelledImages
from hpsearch.training.data.left_out import LeftOut, note_others
from hpsearch.training.data.own_images import GivenImages, join_images
from hpsearch.training.data.split_words import find_split_word, read_split

_FORMS: tuple[Form, ...] = (pixel_table, path_table)


def recognizes(path: Path) -> bool:
    """A folder with a table to train on, and no folders of classes, which say more than a table beside them."""
    if not path.is_dir() or _holds_classes(path):
        return False
    return any(_has_labels(table) for table in find_tables(path).get("train", ()))


def read(reading: Reading) -> GivenImages:
    """Every image of every labelled table.

    Raises:
        DataError: Two tables are for one split, or a table cannot be taken.
        OSError: A table or an image cannot be read.
    """
    notes: list[str] = []
    tables: dict[str, Path] = {}
    found = find_tables(reading.path)
    for split, candidates in found.items():
        labelled = [table for table in candidates if _has_labels(table)]
        if len(labelled) > 1:
            raise DataError(
                f"{show_path(labelled[0])} and {show_path(labelled[1])} are two tables for one split: give one of them "
                "as the data set, or take one away"
            )
        if labelled:
            tables[split] = labelled[0]
        notes += [
            f"{show_path(table)} has no labels and is left out: hpsearch predict labels such images"
            for table in candidates
            if table not in labelled
        ]
    given = {
        split: _choose(table).read(replace(reading, path=table, least_classes=1)) for split, table in tables.items()
    }
    names = tuple(sorted({name for each in given.values() for name in each.class_names}, key=order_label))
    return assemble(
        reading.path,
        names,
        {split: _renumber(each, names) for split, each in given.items()},
        reading.least_classes,
        notes=[
            *notes,
            *(note for each in given.values() for note in each.notes),
            *_describe_others(reading.path, found),
        ],
        kinds=[
            f"{show_path(tables[split].relative_to(reading.path))}: {kind}"
            for split, each in given.items()
            for kind in each.kinds
        ],
    )


def find_tables(folder: Path) -> dict[str, list[Path]]:
    """The tables of images by their split: those called after it, and the one in a folder called after it."""
    found: dict[str, list[Path]] = {}
    for table in _list_tables(folder):
        if (split := find_split_word(table.stem)) is not None and "submission" not in table.name.lower():
            found.setdefault(split, []).append(table)
    for below in list_folders(folder):
        if (split := read_split(below.name)) is not None and len(tables := _list_tables(below)) == 1:
            found.setdefault(split, []).append(tables[0])
    return found


def _list_tables(folder: Path) -> list[Path]:
    files = sorted(child for child in folder.iterdir() if is_table_name(child) and child.is_file())
    return [file for file in files if any(_recognizes(form, file) for form in _FORMS)]


def _recognizes(form: Form, file: Path) -> bool:
    try:
        return form.recognizes(file)
    except DataError:  # a note about the data, that is no table
        return False


def _choose(table: Path) -> Form:
    return next(form for form in _FORMS if form.recognizes(table))


def _has_labels(path: Path) -> bool:
    """Whether a column says that it holds labels: a log of a training has as many columns, and is none."""
    table = open_table(path)
    try:
        if pixel_table.recognizes(path):
            return pixel_table.find_columns(table).label is not None
        return path_table.names_labels(table)
    except DataError:
        return False


def _holds_classes(folder: Path) -> bool:
    """Whether a folder in it holds folders of images."""
    return any(holds_images(below) for child in list_folders(folder) for below in list_folders(child))


def _renumber(given: GivenImages, names: tuple[str, ...]) -> LabelledImages:
    """All images of a table, with the numbers that these names give them."""
    parts = [part for part in (given.train, given.validation, given.test) if part is not None and len(part)]
    together = join_images(*parts)
    numbers = np.array([names.index(name) for name in given.class_names], dtype=np.int64)
    return LabelledImages.from_arrays(together.images.numpy(), numbers[together.labels.numpy()])


def _describe_others(folder: Path, found: Mapping[str, Sequence[Path]]) -> list[str]:
    """A line for what lies beside the tables."""
    left_out = LeftOut()
    note_others(folder, {*(table for tables in found.values() for table in tables), *list_folders(folder)}, left_out)
    unread = [
        f"{show_path(child)} holds images without labels and is left out: hpsearch predict labels them"
        for child in list_folders(folder)
        if (split := read_split(child.name)) is not None and split not in found and holds_images(child)
    ]
    return [*left_out.describe(), *unread]
