"""Figures that a notebook shows as they are, whether or not Matplotlib's own way into notebooks is on."""

from matplotlib.figure import Figure


class ShownFigure(Figure):
    """A figure with a picture of itself; a notebook on which Matplotlib draws takes Matplotlib's instead."""

    def _repr_png_(self) -> bytes:
        from hpsearch.reporting.canvas import styled, write_png

        with styled():
            return write_png(self)
