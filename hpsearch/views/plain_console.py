"""A console that shows what a person named, and obeys none of it: no markup, and no control characters."""

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from hpsearch.storable_text import write_out

_KEPT = "\n\t"


class PlainConsole(Console):
    """Names of files, data sets and classes are whatever somebody's disk has: an escape sequence among them is written
    out, wherever on a screen it stands.
    """

    def on_broken_pipe(self) -> None:
        """Who called decides what comes of that, as for any other line."""
        raise

    def render_str(self, text: str, **keywords: Any) -> Text:
        """What is given as a plain string, before it is measured: a column becomes as wide as what is shown."""
        return super().render_str(write_out(text, keeps=_KEPT), **keywords)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Every screen, table and line goes through here."""
        for segment in super().render(renderable, options):
            text, style, control = segment
            if control is None and not text.isprintable():
                segment = Segment(write_out(text, keeps=_KEPT), style)
            yield segment
