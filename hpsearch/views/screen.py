"""The two streams that a person or a program reads: stdout for what was asked for, stderr for the rest."""

import json
import math
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from hpsearch.storable_text import write_out

if TYPE_CHECKING:
    from rich.console import Console

_LOG_WIDTH = 120
"""Columns where no terminal says how many it has."""


def open_console(*, stderr: bool = False) -> "Console":
    """A console on stdout or stderr as they are now, without markup: a study's words are shown as they are."""
    from hpsearch.views.plain_console import PlainConsole

    console = PlainConsole(stderr=stderr, markup=False, highlight=False, emoji=False)
    if not console.is_terminal:
        console.width = max(console.width, _LOG_WIDTH)
    return console


def write_line(text: str) -> None:
    """One line on stdout, as it is but for control characters."""
    print(write_out(text, keeps="\n\t"), flush=True)  # noqa: T201


def write_error_line(text: str) -> None:
    """One line on stderr, whatever line breaks the text had."""
    print(write_out(" ".join(text.split())), file=sys.stderr, flush=True)  # noqa: T201


def write_json(document: Mapping[str, Any] | Sequence[Any]) -> None:
    """A document on stdout as valid JSON: what is no finite number becomes null."""
    print(json.dumps(_make_finite(document), indent=2, allow_nan=False), flush=True)  # noqa: T201


def _make_finite(value: Any) -> Any:
    match value:
        case float():
            return value if math.isfinite(value) else None
        case Mapping():
            return {str(key): _make_finite(item) for key, item in value.items()}
        case list() | tuple():
            return [_make_finite(item) for item in value]
    return value


class SpinnerSteps:
    """Steps on a terminal: one line that is gone when they are done."""

    def __init__(self, console: "Console") -> None:
        self._status = console.status("starting ...", spinner="dots")

    def tell(self, text: str) -> None:
        """Replace the line."""
        from rich.text import Text

        self._status.update(Text(text))  # a text by itself would be read as markup

    def note(self, text: str) -> None:
        """Write it above the line."""
        self._status.console.print(text, soft_wrap=True)

    def __enter__(self) -> Self:
        self._status.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._status.stop()


class LineSteps:
    """Steps where there is no terminal: a line each, or nothing without a console."""

    def __init__(self, console: "Console | None") -> None:
        self._console = console

    def tell(self, text: str) -> None:
        """Write the line."""
        if self._console is not None:
            self._console.print(text, soft_wrap=True)

    def note(self, text: str) -> None:
        """Write the line, on stderr where nothing else is to be said."""
        if self._console is None:
            write_error_line(text)
        else:
            self.tell(text)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing to clear."""
