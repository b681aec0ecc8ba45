"""Figures that a notebook shows as they are, whether or not Matplotlib's own way into notebooks is on."""

from collections.abc import Callable

from matplotlib.figure import Figure


class ShownFigure(Figure):
    """A figure with a picture of itself; a notebook on which Matplotlib draws takes Matplotlib's instead."""

    write: Callable[[Figure], bytes]
    """Makes the picture: a PNG file."""

    def _repr_png_(self) -> bytes:
        return self.write(self)
