"""Tables on a terminal: as wide as there is room, without a blank at the end of a line."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.measure import Measurement
    from rich.segment import Segment
    from rich.table import Table

_GAP = 2
_LEAST_WORDS = 24
"""Columns that words need to be read; with less they get a line of their own below their row."""


class Trimmed:
    """Anything, without the blanks that fill its lines up to the width: they would wrap in a pager."""

    def __init__(self, inner: "RenderableType") -> None:
        self._inner = inner

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "Iterator[Segment]":
        from rich.segment import Segment

        for line in console.render_lines(self._inner, options, pad=False):
            yield from _trim(line)
            yield Segment.line()


class FittedTable:
    """A table without lines that leaves out what there is no room for.

    Args:
        headings: As `make_table` has them.
        drops: The columns that may go, the first to go first.
    """

    def __init__(self, headings: Sequence[str], drops: Sequence[str]) -> None:
        self._headings = tuple(headings)
        self._drops = tuple(drops)
        self._rows: list[tuple[tuple[str, ...], str | None]] = []

    def add_row(self, *cells: str, style: str | None = None) -> None:
        """A cell for each heading."""
        self._rows.append((cells, style))

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "Iterator[Segment]":
        from rich.segment import Segment

        columns = self._choose_columns(options.max_width)
        last = columns[-1]
        has_words_below = self._is_words(last) and len(columns) > 1 and self._measure(columns) > options.max_width
        shown = columns[:-1] if has_words_below else columns
        for index, line in enumerate(self._render(console, options, shown)):
            yield from _trim(line)
            yield Segment.line()
            if has_words_below and index > 0 and (words := self._rows[index - 1][0][last]):
                for part in _wrap(words, options.max_width - 4):
                    yield Segment(f"    {part}")
                    yield Segment.line()

    def __rich_measure__(self, _console: "Console", _options: "ConsoleOptions") -> "Measurement":
        from rich.measure import Measurement

        every = range(len(self._headings))
        return Measurement(self._measure(every), self._measure(every, least_words=None))

    def _choose_columns(self, width: int) -> list[int]:
        columns = list(range(len(self._headings)))
        for name in self._drops:
            if self._measure(columns) <= width:
                break
            columns = [column for column in columns if _name(self._headings[column]) != name]
        return columns

    def _measure(self, columns: Sequence[int], *, least_words: int | None = _LEAST_WORDS) -> int:
        """How wide the table is with these columns, words at their narrowest, or in one line."""
        widths = [self._measure_column(column, least_words) for column in columns]
        return sum(widths) + _GAP * (len(widths) - 1)

    def _measure_column(self, column: int, least_words: int | None) -> int:
        from rich.cells import cell_len

        texts = (_name(self._headings[column]), *(cells[column] for cells, _style in self._rows))
        natural = max(cell_len(text) for text in texts)
        return natural if least_words is None or not self._is_words(column) else min(natural, least_words)

    def _is_words(self, column: int) -> bool:
        return self._headings[column].endswith("/")

    def _render(self, console: "Console", options: "ConsoleOptions", columns: Sequence[int]) -> "list[list[Segment]]":
        table = _make_rich_table([self._headings[column] for column in columns])
        for cells, style in self._rows:
            table.add_row(*(cells[column] for column in columns), style=style)
        return console.render_lines(table, options, pad=False)


def make_table(*headings: str, drops: Sequence[str] = ()) -> FittedTable:
    """A table without lines.

    Args:
        headings: One a column. Those that end in ">" are over figures, one that ends in "/" over words that take
            several lines where there is no room; no other column is cut or broken for their sake.
        drops: The columns that are left out where there is no room, the first of them first.
    """
    return FittedTable(headings, drops)


def _make_rich_table(headings: Sequence[str]) -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="dim")
    for heading in headings:
        table.add_column(
            _name(heading),
            justify="right" if heading.endswith(">") else "left",
            no_wrap=not heading.endswith("/"),
            overflow="fold" if heading.endswith("/") else "ellipsis",
        )
    return table


def _name(heading: str) -> str:
    return heading.removesuffix(">").removesuffix("/")


def _wrap(text: str, width: int) -> list[str]:
    import textwrap

    return textwrap.wrap(text, max(width, 1)) or [""]


def _trim(line: "list[Segment]") -> "list[Segment]":
    from rich.segment import Segment

    kept = list(line)
    while kept and not kept[-1].control and not kept[-1].text.strip():
        kept.pop()
    if kept and not kept[-1].control:
        kept[-1] = Segment(kept[-1].text.rstrip(), kept[-1].style)
    return kept
