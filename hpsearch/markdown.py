"""Markdown: tables, and a person's own words in them."""

from collections.abc import Sequence


def write_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table; columns whose heading ends in a colon hold figures."""
    lines = [f"| {' | '.join(name.removesuffix(':') for name in head)} |"]
    lines.append(f"|{'|'.join('---:' if name.endswith(':') else '---' for name in head)}|")
    return [*lines, *(f"| {' | '.join(row)} |" for row in rows)]


def escape(text: str) -> str:
    """A person's own words inside a table or a sentence: neither Markdown nor HTML."""
    kept = " ".join(text.split())
    for sign in "\\`*_|<>[]#":
        kept = kept.replace(sign, f"\\{sign}")
    return kept
