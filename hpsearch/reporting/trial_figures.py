"""Figures of many trials: the best ones' curves, the course of a search, its pruning, accuracy beside weights."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hpsearch.reporting.canvas import Drawing, make_figure, styled, write_png
from hpsearch.reporting.lines import (
    BLUE,
    CURVE_REACH,
    DARK,
    GREY,
    LIGHT,
    MANY_TRIALS,
    choose_look,
    count_whole,
    finish_axes,
    fit_loss_axis,
    fit_percent_axis,
    mark_every,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from hpsearch.tuning.records import TrialRecord


@Drawing
def draw_best_curves(trials: "Sequence[TrialRecord]") -> "Figure":
    """Losses and validation accuracy of a few trials by epoch; each of them has a curve with validation."""
    from matplotlib.lines import Line2D

    figure = make_figure(7.6, 6.6)
    upper, lower = figure.subplots(2, 1, sharex=True)
    handles, names = [], []
    for index, trial in enumerate(trials):
        look = choose_look(index) | {"linestyle": "-", "linewidth": 1.4, "markersize": 4}
        epochs = [point.epoch + 1 for point in trial.curve]
        markers = {"markevery": mark_every(len(epochs))}
        upper.plot(epochs, [point.validation_loss for point in trial.curve], **look, **markers)
        upper.plot(
            epochs, [point.train_loss for point in trial.curve], color=look["color"], linestyle=":", linewidth=1.4
        )
        percents = [100 * (point.validation_accuracy or 0.0) for point in trial.curve]
        names.append(f"trial {trial.number}: {percents[-1]:.2f}%")
        handles += lower.plot(epochs, percents, **look, **markers)
    upper.set_ylabel("loss (cross-entropy)")
    dashes = [Line2D([], [], color=DARK, linestyle=dash) for dash in ("-", ":")]
    upper.legend(dashes, ["validation", "train, as optimized"], frameon=False)
    lower.set_ylabel("validation accuracy (%)")
    lower.set_xlabel("epoch")
    figure.legend(handles, names, loc="outside lower center", ncols=3, frameon=False)
    count_whole(lower)
    for axes in (upper, lower):
        finish_axes(axes)
    points = [point for trial in trials for point in trial.curve]
    losses = [loss for point in points for loss in (point.train_loss, point.validation_loss) if loss is not None]
    fit_loss_axis(upper, losses)
    percents = [100 * (point.validation_accuracy or 0.0) for point in points]
    fit_percent_axis(lower, percents, reach=CURVE_REACH)
    return figure


@Drawing
def draw_course(trials: "Sequence[TrialRecord]", round_starts: Sequence[int] = ()) -> "Figure":
    """Validation accuracy by the number of the trial, and the best so far; a line where a round begins."""
    complete = [trial for trial in trials if trial.state == "COMPLETE" and trial.value is not None]
    pruned = [trial for trial in trials if trial.state == "PRUNED" and trial.value is not None]
    figure = make_figure(7.6, 3.6)
    axes = figure.subplots()
    size = 36 if len(trials) <= MANY_TRIALS else 10
    _draw_ends(axes, pruned, "pruned, when it was stopped", s=size, marker="v", facecolors="white", edgecolors=GREY)
    _draw_ends(axes, complete, "complete", s=size, color=BLUE)
    if steps := _find_best_so_far(complete):
        last = max(trial.number for trial in trials)
        axes.step(
            [number for number, _best in steps] + [last],
            [best for _number, best in steps] + [steps[-1][1]],
            where="post",
            color=DARK,
            linewidth=1.2,
            label="best complete one so far",
        )
    _draw_failures(axes, [trial.number for trial in trials if trial.state == "FAIL"])
    for index, number in enumerate(round_starts):
        words = "where a round begins" if index == 0 else None
        axes.axvline(number - 0.5, color=GREY, linestyle=":", linewidth=1.2, label=words)
    axes.set_xlabel("trial")
    axes.set_ylabel("validation accuracy (%)")
    finish_axes(axes)
    count_whole(axes)
    fit_percent_axis(axes, [100 * (trial.value or 0.0) for trial in (*complete, *pruned)])
    figure.legend(loc="outside upper center", ncols=4, frameon=False)
    return figure


def _draw_ends(axes: "Axes", trials: "Sequence[TrialRecord]", words: str, **look: Any) -> None:
    """Where trials ended; words for the legend where there are any."""
    numbers = [trial.number for trial in trials]
    axes.scatter(numbers, [100 * (trial.value or 0.0) for trial in trials], label=words if trials else None, **look)


def _draw_failures(axes: "Axes", numbers: Sequence[int]) -> None:
    """On the edge of the picture: a trial that failed has no accuracy."""
    if numbers:
        look: dict[str, Any] = {"linestyle": "none", "marker": "x", "color": DARK, "label": "failed"}
        axes.plot(numbers, [0.0] * len(numbers), transform=axes.get_xaxis_transform(), clip_on=False, **look)


def draw_pruning(trials: "Sequence[TrialRecord]") -> bytes:
    """Which trials went how far: every accuracy by epoch, and the epochs of every trial; of many, how many got there.

    At least one of them has an accuracy.
    """
    from matplotlib.collections import LineCollection

    are_many = len(trials) > MANY_TRIALS
    with styled():
        figure = make_figure(7.6, 6.2)
        upper, lower = figure.subplots(2, 1)
        ends, values = [], []
        for state, color in (("PRUNED", GREY if are_many else LIGHT), ("COMPLETE", BLUE)):
            lines = [_list_points(trial) for trial in trials if trial.state == state and trial.accuracies]
            look = {"linewidths": 0.5, "alpha": 0.12} if are_many else {"linewidths": 1.0}
            upper.add_collection(LineCollection(lines, colors=color, **look))
            values += [percent for line in lines for _epoch, percent in line]
            if state == "PRUNED":
                ends = [line[-1] for line in lines]
        if ends and not are_many:
            upper.scatter(*zip(*ends, strict=True), marker="x", color=DARK, s=28, zorder=3)
        upper.set_xlim(0.5, max((trial.epochs for trial in trials), default=1) + 0.5)
        upper.set_xlabel("epoch")
        upper.set_ylabel("validation accuracy (%)")
        (_draw_survivors if are_many else _draw_epochs)(lower, trials)
        for axes in (upper, lower):
            finish_axes(axes)
            count_whole(axes)
        fit_percent_axis(upper, values, reach=2.0)
        figure.legend(*_list_ends(is_stop_shown=not are_many), loc="outside upper center", ncols=4, frameon=False)
        return write_png(figure)


_FULL_AREA = 260.0
"""Of the longest training, in square points."""
_FILLED: Any = {"facecolors": "#0b539499", "edgecolors": DARK}


@dataclass(frozen=True)
class MeasuredPoint:
    """A network: how large, how good, how long its training took."""

    weights: int
    accuracy: float
    seconds: float
    label: str | None = None


def draw_accuracy_by_weights(points: Sequence[MeasuredPoint]) -> bytes:
    """Accuracy against weights, an area in proportion to the seconds of training; at least one point."""
    from matplotlib.ticker import EngFormatter, LogLocator, MaxNLocator, NullLocator, StrMethodFormatter

    longest = max(point.seconds for point in points) or 1.0
    weights = [point.weights for point in points]
    is_wide = max(weights) > 4 * min(weights)
    with styled():
        figure = make_figure(7.6, 4.2)
        axes = figure.subplots()
        axes.scatter(
            weights,
            [100 * point.accuracy for point in points],
            s=[_area(point.seconds / longest) for point in points],
            **_FILLED,
        )
        for point in points:
            if point.label is not None:
                place = (point.weights, 100 * point.accuracy)
                is_right = point.weights > math.sqrt(min(weights) * max(weights))  # there is no room beyond the axes
                offset, side = ((-8, 6), "right") if is_right else ((8, 6), "left")
                axes.annotate(point.label, place, offset, textcoords="offset points", fontsize=8, ha=side)
        if is_wide:
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.xaxis.set_minor_locator(NullLocator())
            axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        else:
            axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True, min_n_ticks=1))
            axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axes.set_xlabel("weights")
        axes.set_ylabel("validation accuracy (%)")
        finish_axes(axes)
        axes.margins(x=0.08)
        fit_percent_axis(axes, [100 * point.accuracy for point in points])
        sizes = [axes.scatter([], [], s=_area(part), **_FILLED) for part in (1.0, 0.5, 0.1)]
        names = [f"{part * longest:,.3g} s" for part in (1.0, 0.5, 0.1)]
        figure.legend(sizes, names, title="training", loc="outside right center", frameon=False, labelspacing=1.4)
        return write_png(figure)


def _find_best_so_far(complete: "Sequence[TrialRecord]") -> list[tuple[int, float]]:
    steps: list[tuple[int, float]] = []
    for trial in complete:
        percent = 100 * (trial.value or 0.0)
        if not steps or percent > steps[-1][1]:
            steps.append((trial.number, percent))
    return steps


def _list_points(trial: "TrialRecord") -> list[tuple[float, float]]:
    points = [(epoch + 1.0, 100 * accuracy) for epoch, accuracy in trial.accuracies.items()]
    return points if len(points) > 1 else [(points[0][0] - 0.2, points[0][1]), points[0]]


def _draw_survivors(axes: "Axes", trials: "Sequence[TrialRecord]") -> None:
    """How many trials reached each epoch, and how many of these are complete by now."""
    most = max((trial.epochs for trial in trials), default=1)
    epochs = range(1, most + 1)
    for states, color in ((("PRUNED", "COMPLETE"), LIGHT), (("COMPLETE",), BLUE)):
        reached = [sum(trial.epochs >= epoch for trial in trials if trial.state in states) for epoch in epochs]
        axes.bar(epochs, reached, color=color, width=0.9)
    axes.set_xlim(0.5, most + 0.5)
    axes.set_xlabel("epoch")
    axes.set_ylabel("trials that reached it")


def _draw_epochs(axes: "Axes", trials: "Sequence[TrialRecord]") -> None:
    from matplotlib.ticker import MaxNLocator

    width = 5.0 if len(trials) <= 60 else 300 / len(trials)
    for state, color in (("COMPLETE", BLUE), ("PRUNED", LIGHT), ("FAIL", DARK), ("RUNNING", GREY)):
        mine = [trial for trial in trials if trial.state == state]
        axes.vlines(
            [trial.number for trial in mine], 0, [trial.epochs for trial in mine], colors=color, linewidth=width
        )
    pruned = [trial for trial in trials if trial.state == "PRUNED"]
    numbers, epochs = [trial.number for trial in pruned], [trial.epochs for trial in pruned]
    axes.scatter(numbers, epochs, marker="x", color=DARK, s=28, zorder=3)
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_xlabel("trial")
    axes.set_ylabel("epochs trained")


def _list_ends(*, is_stop_shown: bool) -> tuple[list[Any], list[str]]:
    from matplotlib.lines import Line2D

    handles: list[Any] = [
        Line2D([], [], color=BLUE, linewidth=3),
        Line2D([], [], color=LIGHT, linewidth=3),
        Line2D([], [], color=DARK, marker="x", linestyle="none"),
    ]
    words = ["complete", "pruned", "where it was stopped"]
    return (handles, words) if is_stop_shown else (handles[:2], words[:2])


def _area(share: float) -> float:
    """In square points; nothing is too small to be seen."""
    return _FULL_AREA * (0.06 + share)
