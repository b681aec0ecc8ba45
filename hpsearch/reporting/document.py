"""A report before it is HTML or Markdown: sections of sentences, tables, pictures and commands.

All text is plain: whoever renders it escapes it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

_FEW_CHARACTERS = 22


@dataclass(frozen=True)
class Sentence:
    """A paragraph."""

    kind: ClassVar[str] = "sentence"
    text: str
    is_note: bool = False
    """Whether it is beside the point."""


@dataclass(frozen=True)
class KeyFigures:
    """What a reader looks for first: a name, a figure, and a word on it."""

    kind: ClassVar[str] = "key-figures"
    figures: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Facts:
    """Names and their values, a line each."""

    kind: ClassVar[str] = "facts"
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    heading: str
    is_figure: bool
    """Whether it holds figures, which stand below each other."""
    is_wordy: bool = False
    """Whether it holds more than a few words, which need room."""


@dataclass(frozen=True)
class Table:
    """A table; the first column names the row."""

    kind: ClassVar[str] = "table"
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Picture:
    """A picture that is drawn when it is needed."""

    kind: ClassVar[str] = "picture"
    name: str
    """Its file's name without the ending; no other picture of the report has it."""
    caption: str
    alternative: str
    """What it shows, for whoever does not see it."""
    draw: Callable[[], bytes]
    """As a PNG file."""


@dataclass(frozen=True)
class Commands:
    """What to type: each with a word on what it does."""

    kind: ClassVar[str] = "commands"
    lines: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Listing:
    """A file's content, as it is."""

    kind: ClassVar[str] = "listing"
    caption: str
    text: str


Block = Sentence | KeyFigures | Facts | Table | Picture | Commands | Listing


@dataclass(frozen=True)
class Section:
    """Blocks under a heading."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Part:
    """What is said of one study, or of several in comparison."""

    title: str
    lead: str
    """The question, in a sentence."""
    blocks: tuple[Block, ...]
    """Before the first section."""
    sections: tuple[Section, ...]


@dataclass(frozen=True)
class Report:
    """Everything."""

    title: str
    parts: tuple[Part, ...]

    def list_pictures(self) -> Iterator[Picture]:
        """Every picture, in order."""
        for part in self.parts:
            for blocks in (part.blocks, *(section.blocks for section in part.sections)):
                yield from (block for block in blocks if isinstance(block, Picture))


def make_table(caption: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A table; headings that end in > are over columns of figures."""
    columns = []
    for index, heading in enumerate(headings):
        longest = max((len(row[index]) for row in rows), default=0)
        is_figure = heading.endswith(">")
        columns.append(Column(heading.removesuffix(">"), is_figure, not is_figure and longest > _FEW_CHARACTERS))
    return Table(caption, tuple(columns), tuple(tuple(row) for row in rows))


def draw_pictures(report: Report, tell: Callable[[str], None]) -> dict[str, bytes]:
    """Every picture of a report by its name; `tell` hears of each before it is drawn."""
    pictures = list(report.list_pictures())
    drawn = {}
    for number, picture in enumerate(pictures, start=1):
        tell(f"drawing {number} of {len(pictures)}: {picture.name}")
        drawn[picture.name] = picture.draw()
    return drawn
