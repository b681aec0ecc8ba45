"""A table that names an image file and its label in each row, beside the images."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hpsearch.errors import DataError
from hpsearch.storable_text import write_out
from hpsearch.training.data.formats.labels import number_labels
from hpsearch.training.data.formats.named_files import NamedFiles
from hpsearch.training.data.formats.pixel_table import LABELS
from hpsearch.training.data.formats.reading import SPLITS, Reading, add_left_out, assemble
from hpsearch.training.data.formats.table_file import Table, is_table_name, open_table
from hpsearch.training.data.image_collection import ImageCollection, ImageSource
from hpsearch.training.data.image_reading import ENDINGS, show_path
from hpsearch.training.data.left_out import LeftOut
from hpsearch.training.data.own_images import GivenImages
from hpsearch.training.data.split_words import SPLIT_WORDS
from hpsearch.training.data.system_files import is_system_name

_SPLIT_COLUMNS = frozenset({"split", "set", "subset", "usage", "partition"})
_MOST_COLUMNS = 11
_LABELS = LABELS | {"classid", "class_name", "classname", "label_name", "breed", "species", "dx"}
_SET = frozenset({"1", "1.0"})
_MARKS = _SET | {"0", "0.0"}


@dataclass(frozen=True)
class PathColumns:
    """Which columns are what."""

    path: int
    labels: tuple[int, ...]
    """One that holds the labels, or one for each class, with a 1 in that of the image and 0 in the others."""
    split: int | None

    def read_label(self, table: Table, line: int, row: Sequence[str]) -> str:
        """The label of a row. Raises DataError where it marks no class, or several."""
        if len(self.labels) == 1:
            return row[self.labels[0]]
        marked = [place for place in self.labels if row[place].strip() in _SET]
        if len(marked) != 1:
            raise DataError(
                f"line {line:,} of {show_path(table.path)} marks {len(marked)} of {len(self.labels)} classes: an image "
                "has one"
            )
        return table.columns[marked[0]].strip()


def recognizes(path: Path) -> bool:
    """A table of a few columns, one of which names files that are there."""
    if not (is_table_name(path) and path.is_file()):
        return False
    table = open_table(path)
    return len(table.columns) <= _MOST_COLUMNS and (_names_file(table, table.columns) or _has_path(table))


def read(reading: Reading) -> GivenImages:
    """Every image that a row names.

    Raises:
        DataError: No column names labels, no named file is there, or an image cannot be taken.
    """
    table = open_table(reading.path)
    is_headless = _is_headless(table)
    columns = find_columns(table, is_headless=is_headless)
    named, left_out = NamedFiles(table.path), LeftOut()
    found = [
        (file, columns.read_label(table, line, row), "train" if columns.split is None else row[columns.split])
        for line, row, file in _find_files(table, columns.path, named, left_out, is_headless=is_headless)
    ]
    files = [reading.path, *(file for file, _label, _split in found)]
    given = reading.keep("path table", files, lambda: _read_images(reading, found, left_out, is_split=columns.split))
    unnamed = LeftOut()
    _note_unnamed({file for file, _label, _split in found}, unnamed)
    if named.moved_from is not None:
        line = f"its paths lead nowhere here: of what follows {write_out(named.moved_from)} what is beside it is taken"
        given = replace(given, notes=(*given.notes, line))
    return add_left_out(given, unnamed)


def list_named_files(path: Path) -> tuple[list[Path], LeftOut]:
    """The files that the rows of a table name, labelled or not, and the rows whose file is not there.

    Raises:
        DataError: The table is damaged, none of its files is there, or a name can mean two.
    """
    table, left_out = open_table(path), LeftOut()
    is_headless = _is_headless(table)
    column = _find_path_column(table, is_headless=is_headless)
    found = _find_files(table, column, NamedFiles(path), left_out, is_headless=is_headless)
    return [file for _line, _row, file in found], left_out


def _is_headless(table: Table) -> bool:
    """Whether its head names a file: then it is a row, and there is none."""
    return table.has_head and _names_file(table, table.columns)


def _find_files(
    table: Table, column: int, named: NamedFiles, left_out: LeftOut, *, is_headless: bool
) -> list[tuple[int, Sequence[str], Path]]:
    """Each row whose file is there, with its line and the file; the others are noted."""
    rows: list[tuple[int, Sequence[str]]] = [(1, table.columns)] if is_headless else []
    rows += table.rows()
    found = []
    for line, row in rows:
        if (file := named.find(row[column])) is None:
            one, several = "row whose file is not there", "rows whose file is not there"
            left_out.add(one, several, table.path.parent / row[column])
        else:
            found.append((line, row, file))
    if not found:
        raise DataError(
            f"{show_path(table.path)}: none of the {len(rows):,} files that it names is beside it or in a folder "
            "there; keep the table where its paths begin"
        )
    return found


def _note_unnamed(named: set[Path], left_out: LeftOut) -> None:
    """Note the images that lie beside those that the table names."""
    resolved = {file.resolve() for file in named}
    for folder in sorted({file.parent for file in resolved}):
        for child in sorted(folder.iterdir()):
            if child.suffix.lower() in ENDINGS and not is_system_name(child.name) and child not in resolved:
                left_out.add("image that no row names", "images that no row names", child)


def find_columns(table: Table, *, is_headless: bool) -> PathColumns:
    """The columns of the file, the label and the split. Raises DataError where none can be the label."""
    path = _find_path_column(table, is_headless=is_headless)
    split = None if is_headless else table.find(_SPLIT_COLUMNS)
    label = None if is_headless else table.find(_LABELS)
    others = tuple(place for place in range(len(table.columns)) if place not in (path, split))
    if label is None and len(others) == 1:
        label = others[0]
    if label is None and not is_headless and _are_marks(table, others):
        return PathColumns(path, others, split)
    if label is None or label == path:
        raise DataError(
            f"{show_path(table.path)} has the columns {', '.join(table.columns)[:200]}: call the one of the labels "
            "'label'"
        )
    return PathColumns(path, (label,), split)


def names_labels(table: Table) -> bool:
    """Whether a column is called one of labels, or all beside that of the paths mark classes. Raises DataError."""
    if table.find(_LABELS) is not None:
        return True
    known = {_find_path_column(table, is_headless=False), table.find(_SPLIT_COLUMNS)}
    return _are_marks(table, [place for place in range(len(table.columns)) if place not in known])


def _find_path_column(table: Table, *, is_headless: bool) -> int:
    values = table.columns if is_headless or not table.first else table.first
    named = NamedFiles(table.path)
    # 12 is an image's width more often than the file 12.png: what has an ending comes first.
    by_form = sorted(range(len(values)), key=lambda place: not values[place].strip().lower().endswith(ENDINGS))
    return next((place for place in by_form if named.find_all(values[place])), 0)


def _are_marks(table: Table, columns: Sequence[int]) -> bool:
    """Whether columns hold nothing but 0 and 1."""
    return len(columns) > 1 and all(row[place].strip() in _MARKS for _line, row in table.rows() for place in columns)


def _names_file(table: Table, values: Sequence[str]) -> bool:
    files = NamedFiles(table.path)
    return any(files.find_all(value) for value in values)


def _has_path(table: Table) -> bool:
    """Whether the first row names a file that is there, or would be an image by its name."""
    return _names_file(table, table.first) or any(
        value.strip().lower().endswith(ENDINGS) for value in (*table.first, *table.columns)
    )


def _read_images(
    reading: Reading, found: Sequence[tuple[Path, str, str]], left_out: LeftOut, *, is_split: int | None
) -> GivenImages:
    class_names, labels = number_labels(reading.path, [label for _file, label, _split in found])
    words = [SPLIT_WORDS.get(split.strip().lower()) for _file, _label, split in found]
    if None in words:
        stranger = found[words.index(None)][2]
        raise DataError(f"{show_path(reading.path)} has the split {stranger!r}; known are train, val and test")
    collection = ImageCollection(reading.path.parent, reading.preparation, left_out)
    there = np.array(words)
    parts = {}
    for split in SPLITS:
        images = collection.read_all(
            ImageSource(found[row][0], int(labels[row])) for row in np.flatnonzero(there == split).tolist()
        )
        if images:
            parts[split] = images
    collection.check()
    packed = {split: collection.pack(images) for split, images in parts.items()}
    own = ["its own column says which images are to train, to validate and to test"] if is_split is not None else []
    return assemble(
        reading.path,
        class_names,
        packed,
        reading.least_classes,
        notes=[*own, *collection.describe()],
        kinds=collection.describe_kinds(),
    )
