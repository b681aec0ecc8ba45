"""What several lines of one picture are told apart by, without colours: shade, marker and dashes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLUE, DARK, GREY, LIGHT = "#0b5394", "#1b1b1b", "#6b6b6b", "#b5b5b5"

_SHADES = (BLUE, DARK, GREY, "#4a86c5", "#8a8a8a")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")
_DASHES = ("-", "--", "-.", ":")

CURVE_REACH = 5.0
"""Of learning curves: their first epochs are far below the others, and are wanted all the same."""
MANY_TRIALS = 150
"""Of more, a picture shows how many did something, not which."""
_FAR_ABOVE, _LEAST_DIVERGED = 20.0, 10.0
"""Times the loss that a quarter of all do not exceed, and what guessing never costs: 2.3 with ten classes."""
MOST_LINES = len(_MARKERS)
"""Of more lines nobody can tell one from the other."""


def choose_look(index: int) -> dict[str, Any]:
    """The look of a line or of a kind of point: no two of the first ten have the same marker."""
    return {
        "color": _SHADES[index % len(_SHADES)],
        "marker": _MARKERS[index % len(_MARKERS)],
        "linestyle": _DASHES[index % len(_DASHES)],
    }


def mark_every(points: int) -> int:
    """Every how many points a line has a marker: about twelve of them."""
    return max(1, points // 12)


def finish_axes(axes: "Axes") -> None:
    """A grid behind, and no more frame than needed."""
    axes.grid(visible=True)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def count_whole(axes: "Axes") -> None:
    """Ticks at whole numbers along the horizontal axis."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(nbins=12, integer=True, min_n_ticks=1))


def fit_loss_axis(axes: "Axes", losses: Sequence[float]) -> None:
    """A logarithmic vertical axis where some of the losses are far above the others, which would lie on zero."""
    from matplotlib.ticker import NullFormatter, StrMethodFormatter

    known = sorted(loss for loss in losses if loss > 0)
    if known and known[-1] > max(_LEAST_DIVERGED, _FAR_ABOVE * known[len(known) // 4]):
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())


def fit_percent_axis(axes: "Axes", values: Sequence[float], *, reach: float = 1.2) -> None:
    """Let the vertical axis begin where most values do: a few trials that learned nothing would flatten the rest.

    `reach` is how far below the lowest quarter it goes, in distances from there to the highest. What lies below is said
    in a corner.
    """
    if not values:
        return
    lowest, quarter, highest = (float(value) for value in np.quantile(values, (0, 0.25, 1)))
    floor = max(lowest, quarter - reach * (highest - quarter) - 0.5)
    margin = max(0.08 * (highest - floor), 0.1)
    axes.set_ylim(floor - margin, highest + margin)
    hidden = sum(value < floor - margin for value in values)
    if hidden:
        points = "point" if hidden == 1 else "points"
        words = f"{hidden:,} {points} below {floor - margin:.1f}%"
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
        axes.text(0.01, 0.02, words, transform=axes.transAxes, ha="left", va="bottom", color=GREY, bbox=box, zorder=4)
