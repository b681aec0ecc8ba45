"""The picture of a ladder: accuracy against weights, and multiply-accumulates below."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hpsearch.errors import InputError
from hpsearch.reporting.canvas import Drawing, make_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
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


_LOOKS: dict[str, dict[str, Any]] = {
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
    for series in sorted({point.series for point in points}):
        mine = sorted((point for point in points if point.series == series), key=lambda point: point.weights)
        _draw_series(upper, lower, series, mine)
    _mark_beaten(upper, [point for point in points if not point.is_on_frontier])
    upper.set_ylabel("accuracy (%)")
    lower.set_ylabel("MACs an image")
    lower.set_xlabel("weights")
    lower.set_xscale("log")
    lower.set_yscale("log")
    handles, words = upper.get_legend_handles_labels()
    figure.legend(handles, words, loc="outside lower center", ncols=3, frameon=False)
    lower.set_xticks(_choose_ticks(points))
    lower.xaxis.set_minor_locator(NullLocator())
    for axis in (lower.xaxis, lower.yaxis):
        axis.set_major_formatter(EngFormatter(sep=""))
    lower.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    lower.yaxis.set_minor_locator(NullLocator())
    for axes in (upper, lower):
        axes.grid(visible=True, which="major")
    return figure


def _draw_series(upper: "Axes", lower: "Axes", series: str, points: Sequence[FrontierPoint]) -> None:
    """The points of a family, by their weights."""
    look = _LOOKS[series]
    weights = [point.weights for point in points]
    upper.plot(weights, [100 * point.validation_accuracy for point in points], label=f"{series}, validation", **look)
    scored = [(point.weights, 100 * point.test_accuracy) for point in points if point.test_accuracy is not None]
    upper.plot(
        [weights for weights, _accuracy in scored],
        [accuracy for _weights, accuracy in scored],
        label=f"{series}, test" if scored else None,
        **(look | {"linestyle": "none" if points[0].is_planned else ":", "fillstyle": "none"}),
    )
    lower.plot(weights, [point.macs for point in points], **look)


def _mark_beaten(axes: "Axes", points: Sequence[FrontierPoint]) -> None:
    if points:
        axes.plot(
            [point.weights for point in points],
            [100 * point.validation_accuracy for point in points],
            linestyle="none",
            marker="x",
            markersize=11,
            color="black",
            label="another, no larger, is as good",
        )


def _choose_ticks(points: Sequence[FrontierPoint]) -> list[int]:
    """One at each budget, in thousands and millions, but for those that would touch."""
    ticks: list[int] = []
    for weights in sorted({round(point.weights, -len(str(point.weights)) + 2) for point in points}):
        if not ticks or weights > _CLOSEST_TICKS * ticks[-1]:
            ticks.append(weights)
    return ticks
