"""A table in a text file, as spreadsheets and Kaggle write them: with commas or others, gzipped or not."""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hpsearch.errors import DataError
from hpsearch.training.data.image_reading import show_path

ENDINGS = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")
_DELIMITERS = (",", ";", "\t", "|")
_LISTED = re.compile(r"\S+ \S+")
"""A path and its label with a blank between, as lists of images have them: no other delimiter stands there."""
_COMMENT = "#"
_MOST_CELL_CHARACTERS = 8_000_000
_PEEK_CHARACTERS = 1 << 22
DAMAGED = (OSError, EOFError, zlib.error, UnicodeError, csv.Error)
"""What reading a damaged table raises."""


@dataclass(frozen=True)
class Table:
    """A table, opened and not read: its columns' names, or numbers from 1 where it has no head."""

    path: Path
    delimiter: str
    columns: tuple[str, ...]
    has_head: bool
    first: tuple[str, ...]
    """Its first row of values; empty where it has none."""
    lead: int
    """How many lines come before it."""

    def find(self, names: frozenset[str]) -> int | None:
        """The first column of one of these names, in small letters; numpy.savetxt writes `# ` before the first."""
        return next((place for place, name in enumerate(self.columns) if name.strip("# \t").lower() in names), None)

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Each row with the number of its line, empty ones left out.

        Raises:
            DataError: A row has another number of cells, or the file is damaged.
        """
        try:
            with _open_text(self.path) as text:
                for _ in range(self.lead):
                    text.readline()
                reader = csv.reader(text, delimiter=self.delimiter)
                for row in reader:
                    if not row or (len(row) == 1 and not row[0].strip()):
                        continue
                    line = self.lead + reader.line_num
                    if len(row) != len(self.columns):
                        raise DataError(
                            f"line {line:,} of {show_path(self.path)} has {len(row):,} cells where its "
                            f"first has {len(self.columns):,}: mend it or take it away"
                        )
                    yield line, row
        except DAMAGED as error:
            raise _explain(self.path, error) from error


def is_table_name(path: Path) -> bool:
    """Whether a file is named as a table."""
    return path.name.lower().endswith(ENDINGS)


def open_table(path: Path) -> Table:
    """Look at the head of a table.

    Raises:
        DataError: It is empty, damaged, or no text.
    """
    csv.field_size_limit(_MOST_CELL_CHARACTERS)
    try:
        with _open_text(path) as text:
            head = text.read(_PEEK_CHARACTERS)
        lines = list(io.StringIO(head, newline=""))
        first_line = next((line for line in lines if line.strip() and not line.startswith(_COMMENT)), "").strip("\r\n")
        first_line = first_line or next((line.strip("\r\n") for line in lines if line.strip()), "")
        if not first_line or "\0" in first_line:
            raise DataError(f"{show_path(path)} is {'no table: it is no text' if first_line else 'an empty table'}")
        delimiter = max(_DELIMITERS, key=first_line.count)
        if delimiter not in first_line and _LISTED.fullmatch(first_line):
            delimiter = " "
        comments = _count_comments(lines, first_line, delimiter)
        reader = csv.reader(lines[comments:], delimiter=delimiter)
        rows = (row for row in reader if any(cell.strip() for cell in row))
        if (head_row := next(rows, None)) is None:
            raise DataError(f"{show_path(path)} is an empty table")
        has_head = not all(_is_number(cell) for cell in head_row)
        lead = comments + reader.line_num if has_head else comments
        first = next(rows, []) if has_head else head_row
    except DAMAGED as error:
        raise _explain(path, error) from error
    columns = tuple(head_row) if has_head else tuple(str(number) for number in range(1, len(head_row) + 1))
    return Table(path, delimiter, columns, has_head, tuple(first), lead)


def _count_comments(lines: list[str], first_line: str, delimiter: str) -> int:
    """How many lines at the beginning are empty or comments: such as begin with # and are no row.

    Args:
        lines: Of the file.
        first_line: The first that is neither.
        delimiter: Of its cells.
    """
    cells = len(next(csv.reader([first_line], delimiter=delimiter)))
    for place, line in enumerate(lines):
        is_row = line.strip() and len(next(csv.reader([line], delimiter=delimiter))) == cells
        if is_row or not (line.startswith(_COMMENT) or not line.strip()):
            return place
    return 0


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


@contextmanager
def _open_text(path: Path) -> Iterator[io.TextIOBase]:
    """The text of a file, unpacked where it is gzipped, in UTF-8 or with the mark of UTF-16."""
    with path.open("rb") as raw:
        head = raw.read(2)
    is_packed = head == b"\x1f\x8b"
    if is_packed:
        with gzip.open(path) as packed:
            head = packed.read(2)
    encoding = "utf-16" if head in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    with (
        gzip.open(path, "rt", encoding=encoding, errors="surrogateescape", newline="")
        if is_packed
        else path.open(encoding=encoding, errors="surrogateescape", newline="")
    ) as text:
        yield text


def _explain(path: Path, error: Exception) -> DataError:
    reason = getattr(error, "strerror", None) or error
    return DataError(f"{show_path(path)} cannot be read as a table: {reason}; write it again, or unpack it first")
