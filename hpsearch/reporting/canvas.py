"""What figures are drawn on: one look, one kind of file, no state shared with other figures of the process."""

import functools
import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Generic, ParamSpec

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Figure

P = ParamSpec("P")

_DOTS_PER_INCH = 120
_COLOURS = 256
"""What a palette holds: a quarter of the bytes that true colours take."""
_SEEN = 16
"""A difference of so many 255ths of a colour can be seen on more than a few pixels."""
_FEW = 0.005
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

    from hpsearch.reporting.shown_figure import ShownFigure

    size = (width_inches, height_inches)
    figure = ShownFigure(figsize=size, dpi=_DOTS_PER_INCH, layout="constrained", facecolor="white")
    figure.write = _write_styled
    FigureCanvasAgg(figure)
    return figure


def write_png(figure: "Figure") -> bytes:
    """The figure as a PNG file, the same bytes on every run of the same Matplotlib and Pillow.

    With a palette, unless that could be seen: in photographs, say.
    """
    import numpy as np
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    drawn = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    small = drawn.quantize(_COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    error = np.abs(np.asarray(small.convert("RGB"), np.int16) - np.asarray(drawn, np.int16)).max(axis=2)
    is_seen = float((error > _SEEN).mean()) > _FEW
    packed = io.BytesIO()
    (drawn if is_seen else small).save(packed, format="PNG", optimize=True)
    return packed.getvalue()


def _write_styled(figure: "Figure") -> bytes:
    with styled():
        return write_png(figure)


@contextmanager
def styled() -> Iterator[None]:
    """The style of these figures; a character that the font lacks becomes a box, without a word in a worker's log."""
    from matplotlib import rc_context

    with rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        yield


class Drawing(Generic[P]):
    """What draws a figure: called, it gives a PNG file; `make` gives the figure itself. Use it as a decorator."""

    def __init__(self, draw: "Callable[P, Figure]") -> None:
        self._draw = draw
        functools.update_wrapper(self, draw)

    def __call__(self, *args: P.args, **keywords: P.kwargs) -> bytes:
        """As a PNG file."""
        with styled():
            return write_png(self._draw(*args, **keywords))

    def make(self, *args: P.args, **keywords: P.kwargs) -> "Figure":
        """The figure, for whoever shows or changes it."""
        with styled():
            return self._draw(*args, **keywords)
