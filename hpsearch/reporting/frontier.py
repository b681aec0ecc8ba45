"""The picture of a ladder: accuracy against weights, and multiply-accumulates below."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hpsearch.errors import InputError
from hpsearch.reporting.canvas import Drawing, make_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class FrontierPoint:
    """The best network of a budget."""

    arch: str
    weights: int
    macs: int
    validation_accuracy: float
    """As a fraction, like the next."""
    test_accuracy: float | None
    is_on_frontier: bool
    """Whether no other point is as accurate with as few weights."""
    is_planned: bool = False
    """Whether it was given instead of searched: no line joins such points."""

    @property
    def series(self) -> str:
        """What it is one of."""
        return f"{self.arch}, planned" if self.is_planned else self.arch


_LOOKS = {
    "cnn": {"color": "#0b5394", "marker": "o", "linestyle": "-"},
    "fcn": {"color": "#6b6b6b", "marker": "s", "linestyle": "--"},
    "cnn, planned": {"color": "#1b1b1b", "marker": "^", "linestyle": "none"},
    "fcn, planned": {"color": "#8a8a8a", "marker": "D", "linestyle": "none"},
}
_CLOSEST_TICKS = 1.15
"""Budgets that are nearer to each other than by this factor share a tick."""


@Drawing
def draw_frontier(points: Sequence[FrontierPoint], title: str) -> "Figure":
    """Accuracy (validation filled, test hollow) and MACs against weights, a line a family, as a PNG file.

    Points that are not on the frontier have a cross over them.

    Raises:
        InputError: There are no points.
    """
    if not points:
        raise InputError("a frontier needs at least one point")
    from matplotlib.ticker import EngFormatter, LogLocator, NullLocator

    figure = make_figure(7.0, 5.8)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    figure.suptitle(title, fontsize=10)
    has_cross = False
    for series in sorted({point.series for point in points}):
        mine = sorted((point for point in points if point.series == series), key=lambda point: point.weights)
        look = _LOOKS[series]
        weights = [point.weights for point in mine]
        values = [100 * point.validation_accuracy for point in mine]
        upper.plot(weights, values, label=f"{series}, validation", **look)
        scored = [point for point in mine if point.test_accuracy is not None]
        upper.plot(
            [point.weights for point in scored],
            [100 * (point.test_accuracy or 0.0) for point in scored],
            label=f"{series}, test" if scored else None,
            **(look | {"linestyle": "none" if mine[0].is_planned else ":", "fillstyle": "none"}),
        )
        beaten = [point for point in mine if not point.is_on_frontier]
        upper.plot(
            [point.weights for point in beaten],
            [100 * point.validation_accuracy for point in beaten],
            linestyle="none",
            marker="x",
            markersize=11,
            color="black",
            label=None if has_cross or not beaten else "another, no larger, is as good",
        )
        has_cross = has_cross or bool(beaten)
        lower.plot(weights, [point.macs for point in mine], **look)
    upper.set_ylabel("accuracy (%)")
    lower.set_ylabel("MACs an image")
    lower.set_xlabel("weights")
    lower.set_xscale("log")
    lower.set_yscale("log")
    handles, words = upper.get_legend_handles_labels()
    figure.legend(handles, words, loc="outside lower center", ncols=3, frameon=False)
    # A tick at each budget, in thousands and millions.
    ticks: list[int] = []
    for weights_there in sorted({round(point.weights, -len(str(point.weights)) + 2) for point in points}):
        if not ticks or weights_there > _CLOSEST_TICKS * ticks[-1]:
            ticks.append(weights_there)
    lower.set_xticks(ticks)
    lower.xaxis.set_minor_locator(NullLocator())
    for axis in (lower.xaxis, lower.yaxis):
        axis.set_major_formatter(EngFormatter(sep=""))
    lower.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    lower.yaxis.set_minor_locator(NullLocator())
    for axes in (upper, lower):
        axes.grid(visible=True, which="major")
    return figure
