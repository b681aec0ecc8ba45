"""What figures are drawn on: one look, one kind of file, no state shared with other figures of the process."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DOTS_PER_INCH = 120
_STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "axes.edgecolor": "#666666",
    "axes.titlesize": 10.0,
    "grid.color": "#dddddd",
    "text.parse_math": False,
}


def make_figure(width_inches: float, height_inches: float) -> "Figure":
    """A figure that no window and no global list of figures knows of."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_inches, height_inches), dpi=_DOTS_PER_INCH, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def write_png(figure: "Figure") -> bytes:
    """The figure as a PNG file, the same bytes on every run of the same Matplotlib."""
    buffer = io.BytesIO()
    # Matplotlib would write its version into the file.
    figure.savefig(buffer, format="png", dpi=_DOTS_PER_INCH, metadata={"Software": None})
    return buffer.getvalue()


@contextmanager
def styled() -> Iterator[None]:
    """The style of these figures; a character that the font lacks becomes a box, without a word in a worker's log."""
    from matplotlib import rc_context

    with rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        yield
