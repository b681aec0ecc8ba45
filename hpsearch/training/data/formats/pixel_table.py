"""A table with a row an image and a column a pixel, as Kaggle has them: label, pixel0, pixel1 and so on."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hpsearch.errors import DataError
from hpsearch.storable_text import write_out
from hpsearch.training.data.byte_arrays import ByteArray
from hpsearch.training.data.formats.labels import number_labels
from hpsearch.training.data.formats.reading import SPLITS, Reading, assemble, prepare_arrays
from hpsearch.training.data.formats.table_file import Table, is_table_name, open_table
from hpsearch.training.data.image_reading import show_path
from hpsearch.training.data.labelled_images import LabelledImages
from hpsearch.training.data.own_images import GivenImages
from hpsearch.training.data.split_words import SPLIT_WORDS

LABELS = frozenset(
    {"label", "labels", "class", "target", "y", "digit", "emotion", "category", "letter", "class_id", "diagnosis"}
)
_IDS = frozenset({"id", "imageid", "image_id", "index", "unnamed: 0", "", "row_id", "img_id"})
_SPLIT_COLUMNS = frozenset({"usage", "split", "set", "subset", "partition"})
_ONE_COLUMN = frozenset({"pixels", "pixel_values"})
_ROW_BY_COLUMN = re.compile(r"(\d{1,4})x(\d{1,4})", re.ASCII)
_FEWEST_COLUMNS = 12
"""Tables of fewer name files, or hold an image in a cell."""
_ROWS_AT_ONCE = 1000


@dataclass(frozen=True)
class PixelColumns:
    """Which columns are what, and the shape of the images."""

    pixels: tuple[int, ...]
    is_one_cell: bool
    """Whether all pixels of an image are in one cell, divided by blanks."""
    shape: tuple[int, int, int]
    """(height, width, channels)"""
    label: int | None
    identifier: int | None
    split: int | None


@dataclass(frozen=True, eq=False)
class PixelRows:
    """What the rows of a table hold."""

    images: ByteArray
    """(n, channels, height, width)"""
    labels: tuple[str, ...] | None
    names: tuple[str, ...]
    """What each row is called: by its own column, else by its place, from 1."""
    splits: tuple[str, ...] | None


def recognizes(path: Path) -> bool:
    """A table with enough columns for an image, or one that holds an image in a cell."""
    if not (is_table_name(path) and path.is_file()):
        return False
    table = open_table(path)
    return len(table.columns) >= _FEWEST_COLUMNS or table.find(_ONE_COLUMN) is not None


def read(reading: Reading) -> GivenImages:
    """Every row. Raises DataError for a table without labels, a value that is no pixel, a row that is too short."""
    return reading.keep("pixel table", [reading.path], lambda: _read(reading))


def read_rows(path: Path) -> PixelRows:
    """Every row of a table, with labels or without.

    Raises:
        DataError: The table is damaged, its pixels make no image, or a value is no pixel.
    """
    table = open_table(path)
    columns = find_columns(table)
    blocks: list[npt.NDArray[np.float32] | ByteArray] = []
    labels: list[str] = []
    names: list[str] = []
    splits: list[str] = []
    rows = table.rows()
    while block := list(islice(rows, _ROWS_AT_ONCE)):
        blocks.append(_read_block(table, columns, block))
        labels += _take(block, columns.label)
        names += _take(block, columns.identifier)
        splits += _take(block, columns.split)
    if not blocks:
        raise DataError(f"{show_path(path)} holds no rows of pixels")
    images = _bring_to_bytes(path, blocks).reshape(-1, *columns.shape).transpose(0, 3, 1, 2)
    return PixelRows(
        np.ascontiguousarray(images),
        tuple(labels) if columns.label is not None else None,
        tuple(names) if columns.identifier is not None else tuple(str(row + 1) for row in range(len(images))),
        tuple(splits) if columns.split is not None else None,
    )


def find_columns(table: Table) -> PixelColumns:
    """Which columns hold the pixels, the label, the name and the split of an image. Raises DataError."""
    label, identifier, split = table.find(LABELS), table.find(_IDS), table.find(_SPLIT_COLUMNS)
    if (cell := table.find(_ONE_COLUMN)) is not None and len(table.columns) < _FEWEST_COLUMNS:
        first = next((row for _line, row in table.rows()), None)  # a row of another length is refused there
        count = len(first[cell].split()) if first else 0
        return PixelColumns((cell,), True, _find_shape(table, count), label, identifier, split)
    if not table.has_head:
        label = None if _is_image(len(table.columns)) else 0
        identifier = split = None
    known = {label, identifier, split}
    pixels = tuple(place for place in range(len(table.columns)) if place not in known)
    if label is None and not _is_image(len(pixels)) and _is_image(len(pixels) - 1) and _name_shape(table) is None:
        ends = (pixels[0], pixels[-1])
        label = next((end for end in ends if not table.columns[end].strip().lower().startswith("pixel")), None)
        pixels = tuple(place for place in pixels if place != label)
    return PixelColumns(pixels, False, _find_shape(table, len(pixels)), label, identifier, split)


def _read(reading: Reading) -> GivenImages:
    path = reading.path
    found = read_rows(path)
    if found.labels is None:
        raise DataError(
            f"{show_path(path)} has no column of labels (label, class, target): give the table to train on; this one "
            f"is labelled by hpsearch predict BUNDLE --csv {show_path(path)}"
        )
    class_names, labels = number_labels(path, found.labels)
    images = LabelledImages.from_arrays(prepare_arrays(found.images, reading.preparation), labels)
    parts, notes = {"train": images}, []
    if found.splits is not None:
        words = [SPLIT_WORDS.get(word.strip().lower()) for word in found.splits]
        if strangers := sorted({word for word, known in zip(found.splits, words, strict=True) if known is None}):
            raise DataError(
                f"{show_path(path)} has the split '{write_out(strangers[0])[:40]}'; known are train, val and test"
            )
        there = np.array(words)
        parts = {split: images.select(np.flatnonzero(there == split).astype(np.int64)) for split in SPLITS}
        notes.append("its own column says which images are to train, to validate and to test")
    table = open_table(path)
    columns = find_columns(table)
    height, width, channels = columns.shape
    kinds = [f"rows of {height}x{width} pixels" + (", red, green, blue beside each other" if channels == 3 else "")]
    if columns.label is not None:
        kinds.append(f"column of labels: {write_out(table.columns[columns.label])}")
    return assemble(path, class_names, parts, reading.least_classes, notes=notes, kinds=kinds)


def _take(block: Sequence[tuple[int, list[str]]], column: int | None) -> Iterator[str]:
    return (row[column] for _line, row in block) if column is not None else iter(())


def _read_block(
    table: Table, columns: PixelColumns, block: Sequence[tuple[int, list[str]]]
) -> "npt.NDArray[np.float32] | ByteArray":
    """Values (rows, pixels), as bytes where all are whole numbers from 0 to 255."""
    if columns.is_one_cell:
        cells = [row[columns.pixels[0]].split() for _line, row in block]
    else:
        first, last = columns.pixels[0], columns.pixels[-1]
        is_run = last - first + 1 == len(columns.pixels)
        cells = [row[first : last + 1] if is_run else [row[place] for place in columns.pixels] for _line, row in block]
    count = math.prod(columns.shape)
    for (line, _row), values in zip(block, cells, strict=True):
        if len(values) != count:
            raise DataError(f"line {line:,} of {show_path(table.path)} has {len(values):,} pixels instead of {count:,}")
    numbers = _parse(cells)
    if numbers is None and table.delimiter != ",":  # 0,5 for a half
        cells = [[value.replace(",", ".") for value in values] for values in cells]
        numbers = _parse(cells)
    if numbers is None or np.isnan(numbers).any():
        line, value = _find_stranger(block, cells)
        raise DataError(
            f"line {line:,} of {show_path(table.path)} has '{write_out(value)[:40]}' where a pixel should be: give it "
            "its value, or take the line away"
        )
    if np.array_equal(numbers, np.rint(numbers)) and numbers.min() >= 0 and numbers.max() <= 255:
        return numbers.astype(np.uint8)
    return numbers


def _parse(cells: Sequence[Sequence[str]]) -> "npt.NDArray[np.float32] | None":
    """The numbers that cells hold; None where one holds none."""
    try:
        return np.array(cells, dtype=np.float32)
    except ValueError:
        return None


def _find_stranger(block: Sequence[tuple[int, list[str]]], cells: Sequence[Sequence[str]]) -> tuple[int, str]:
    for (line, _row), values in zip(block, cells, strict=True):
        for value in values:
            try:
                if math.isnan(float(value)):
                    return line, value
            except ValueError:
                return line, value
    return block[0][0], ""


def _bring_to_bytes(path: Path, blocks: Sequence["npt.NDArray[np.float32] | ByteArray"]) -> ByteArray:
    if all(block.dtype == np.uint8 for block in blocks):
        return np.concatenate(blocks).astype(np.uint8)
    numbers = np.concatenate([block.astype(np.float32) for block in blocks])
    lowest, highest = float(numbers.min()), float(numbers.max())
    if not (lowest >= 0 and highest <= 1):  # not: a NaN compares false
        raise DataError(
            f"{show_path(path)} holds pixels from {lowest:g} to {highest:g}: they are whole numbers from 0 to 255, or "
            "all from 0 to 1; is a column among them that is none?"
        )
    scaled: ByteArray = np.rint(numbers * 255).astype(np.uint8)
    return scaled


def _name_shape(table: Table) -> tuple[int, int] | None:
    """Height and width where columns are called 1x1 to 28x28."""
    last = _ROW_BY_COLUMN.fullmatch(table.columns[-1].strip().lower())
    return (int(last[1]), int(last[2])) if last else None


def _is_image(count: int) -> bool:
    return count > 0 and any(count == math.isqrt(count // channels) ** 2 * channels for channels in (1, 3))


def _find_shape(table: Table, count: int) -> tuple[int, int, int]:
    if (named := _name_shape(table)) is not None and named[0] * named[1] == count:
        return named[0], named[1], 1
    for channels in (1, 3):
        side = math.isqrt(count // channels)
        if side > 0 and side * side * channels == count:
            return side, side, channels
    raise DataError(
        f"the {count:,} pixels of a row in {show_path(table.path)} make no square image, neither grey nor of red, "
        f"green, blue; its other columns are to be called label, id or split, and non-square images 1x1 to "
        "HEIGHTxWIDTH"
    )
