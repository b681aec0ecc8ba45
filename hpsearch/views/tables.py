"""Tables on a terminal."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table


def make_table(*headings: str) -> "Table":
    """A table without lines.

    Args:
        headings: One a column. Those that end in ">" are over figures, one that ends in "/" over words that take
            several lines where there is no room; no other column is cut or broken for their sake.
    """
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in headings:
        table.add_column(
            heading.removesuffix(">").removesuffix("/"),
            justify="right" if heading.endswith(">") else "left",
            no_wrap=not heading.endswith("/"),
            overflow="fold" if heading.endswith("/") else "ellipsis",
        )
    return table
