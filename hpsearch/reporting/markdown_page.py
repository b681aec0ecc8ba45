"""A report as a folder: README.md, and a PNG file for each picture."""

import re
from collections.abc import Iterator, Mapping, Sequence

from hpsearch.markdown import escape, write_table
from hpsearch.output_folder import MARKDOWN_MARK, REPORT_PAGE
from hpsearch.reporting.document import (
    Block,
    Commands,
    Facts,
    KeyFigures,
    Listing,
    Picture,
    Report,
    Section,
    Sentence,
    Table,
)

_PICTURE = re.compile(r"^!\[.*\]\(([A-Za-z0-9._-]+\.png)\)$", re.MULTILINE)


def render_markdown(report: Report, pictures: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files of the folder, by name."""
    lines = [MARKDOWN_MARK, ""]
    level = 2 if len(report.parts) > 1 else 1
    if level > 1:
        lines += [f"# {escape(report.title)}", ""]
    for part in report.parts:
        lines += [f"{'#' * level} {escape(part.title)}", "", escape(part.lead), "", *_write_blocks(part.blocks)]
        for section in part.sections:
            lines += _write_section(section, level + 1)
    text = "\n".join(lines).rstrip() + "\n"
    return {REPORT_PAGE: text.encode(), **{f"{name}.png": content for name, content in pictures.items()}}


def list_files(page: str) -> set[str]:
    """The files that belong to a README.md that was written here, itself included."""
    return {REPORT_PAGE, *_PICTURE.findall(page)}


def _write_section(section: Section, level: int) -> list[str]:
    return [f"{'#' * level} {escape(section.title)}", "", *_write_blocks(section.blocks)]


def _write_blocks(blocks: Sequence[Block]) -> Iterator[str]:
    for block in blocks:
        yield from _write_block(block)
        yield ""


def _write_block(block: Block) -> list[str]:
    match block:
        case Sentence(text=text, is_note=is_note):
            return [f"*{escape(text)}*" if is_note else escape(text)]
        case KeyFigures(figures=figures):
            return write_table(("", "", ""), [(escape(a), f"**{escape(b)}**", escape(c)) for a, b, c in figures])
        case Facts(rows=rows):
            return write_table(("", ""), [(escape(name), escape(value)) for name, value in rows])
        case Table():
            head = [f"{escape(column.heading)}{':' if column.is_figure else ''}" for column in block.columns]
            return [
                f"*{escape(block.caption)}*",
                "",
                *write_table(head, [[escape(cell) for cell in row] for row in block.rows]),
            ]
        case Picture():
            return [f"![{escape(block.alternative)}]({block.name}.png)", "", f"*{escape(block.caption)}*"]
        case Commands(lines=lines):
            return _fence("sh", "\n".join(f"# {word}\n{command}" for word, command in lines))
        case Listing():
            return [f"*{escape(block.caption)}*", "", *_fence("toml", block.text)]


def _fence(language: str, text: str) -> list[str]:
    """A block of code; its fence is longer than any in it."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}{language}", text.rstrip("\n"), fence]
