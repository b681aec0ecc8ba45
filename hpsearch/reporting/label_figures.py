"""Figures of trainings under several seeds: curves by label, ours beside what was printed, finalists."""

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

from hpsearch.reporting.canvas import make_figure, styled, write_png
from hpsearch.reporting.lines import (
    BLUE,
    CURVE_REACH,
    DARK,
    GREY,
    LIGHT,
    MOST_LINES,
    choose_look,
    count_whole,
    finish_axes,
    fit_loss_axis,
    fit_percent_axis,
    mark_every,
)
from hpsearch.tuning.plan_summary import has_several_seeds

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from hpsearch.epoch_result import EpochResult
    from hpsearch.tuning.finalists import Final, Spread
    from hpsearch.tuning.plan_summary import LabelSummary
    from hpsearch.tuning.records import TrialRecord

_MOST_ROWS = 60
_CURVES = {
    "train_loss": "training loss\n(cross-entropy)",
    "validation_loss": "validation loss\n(cross-entropy)",
    "validation_accuracy": "validation\naccuracy (%)",
}
_MOST_ROW_LINES = 3
_ROW_CHARACTERS, _LEGEND_CHARACTERS = 30, 44
"""Of a line of a label: beside rows, and in a legend of two columns."""
_PRINTED: Any = {"marker": "D", "markerfacecolor": "white", "color": DARK, "linestyle": "none"}
"""What was known before: the printed figure, or what a search said."""
_GOAL: Any = _PRINTED | {"marker": ">"}
_UNNAMED: Any = {"color": LIGHT, "linewidth": 0.7}


def draw_label_curves(labels: "Sequence[LabelSummary]") -> bytes:
    """Losses and validation accuracy by epoch, a line for each label: the mean over its seeds, all between them shaded.

    Args:
        labels: Each with a complete trial that has a curve; of more than ten, some are thin: those of the lowest
            accuracy, where that is known.
    """
    is_validated = any(point.validation_accuracy is not None for mine in labels for point in mine.complete[0].curve)
    fields = ["train_loss", "validation_loss", "validation_accuracy"] if is_validated else ["train_loss"]
    named = choose_named(labels)
    with styled():
        figure = make_figure(7.6, 1.2 + 2.5 * len(fields) + 0.2 * min(len(labels), MOST_LINES))
        panels = figure.subplots(len(fields), 1, sharex=True, squeeze=False)[:, 0]
        for axes, field in zip(panels, fields, strict=True):
            for mine in labels:
                _draw_mean(axes, mine.complete, field, _choose_label_look(named, mine.label))
            axes.set_ylabel(_CURVES[field])
            values = [
                value
                for mine in labels
                for trial in mine.complete
                for point in trial.curve
                if (value := _read(point, field)) is not None
            ]
            count_whole(axes)
            finish_axes(axes)
            if field == "validation_accuracy":
                fit_percent_axis(axes, values, reach=CURVE_REACH)
            else:
                fit_loss_axis(axes, values)
        panels[-1].set_xlabel("epoch")
        handles, words = _list_lines(named, len(labels) - len(named), is_validated=is_validated)
        columns = 2 if max(map(len, words)) <= _LEGEND_CHARACTERS else 1
        figure.legend(handles, words, loc="outside lower center", ncols=columns, frameon=False)
        return write_png(figure)


def choose_named(labels: "Sequence[LabelSummary]") -> list[str]:
    """The labels whose curves have a look of their own: all, or of more than ten those of the highest accuracy.

    Without validation they are the first ten.
    """
    if len(labels) <= MOST_LINES:
        return [mine.label for mine in labels]
    ranked = sorted(labels, key=lambda mine: -(mine.validation.mean if mine.validation else 0.0))
    return [mine.label for mine in ranked[:MOST_LINES]]


def _list_lines(named: Sequence[str], unnamed: int, *, is_validated: bool) -> tuple[list[Any], list[str]]:
    """For a legend: every named line, and what the thin ones are. Matplotlib itself leaves names such as `_a` out."""
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], **_choose_label_look(named, label)) for label in named]
    words = [_wrap(label, 2 * _LEGEND_CHARACTERS, 1) for label in named]
    if unnamed:
        handles.append(Line2D([], [], **_UNNAMED))
        words.append(f"{unnamed} more{', of lower accuracy' if is_validated else ''}")
    return handles, words


def draw_beside_printed(labels: "Sequence[LabelSummary]") -> bytes:
    """Ours and the printed accuracies, a row for each label; a panel for each accuracy that there is.

    At least one of them has a figure of ours.
    """
    shown = labels[:_MOST_ROWS]
    panels = [panel for panel in _PANELS if panel.is_shown(shown)]
    with styled():
        lines = max(_wrap(mine.label, _ROW_CHARACTERS, _MOST_ROW_LINES).count("\n") for mine in shown)
        figure = make_figure(7.6, 1.3 + (0.36 if lines < 2 else 0.5) * len(shown))
        every = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for axes, panel in zip(every, panels, strict=True):
            for row, mine in enumerate(shown):
                _draw_seeds(axes, row, [value for trial in mine.complete if (value := panel.read(trial)) is not None])
                _draw_spread(axes, row, panel.measure(mine), uses_interval=False)
                percent, spread = panel.find_printed(mine)
                if percent is not None:
                    axes.errorbar(percent, row + 0.22, xerr=spread, linewidth=0.8, markersize=5, **_PRINTED)
                goal = mine.printed.goal_test_percent if panel.has_goal else None
                if goal is not None:
                    axes.plot(goal, row + (0.22 if percent is None else 0.4), markersize=6, **_GOAL)
            axes.set_xlabel(panel.heading)
            _finish_rows(axes, [mine.label for mine in shown])
        has_goal = any(
            panel.has_goal and mine.printed.goal_test_percent is not None for panel in panels for mine in shown
        )
        marks = _list_marks("± standard deviation" if has_several_seeds(shown) else None)
        marks += [(_PRINTED, "printed")] if has_printed_accuracies(shown) else []
        marks += [(_GOAL, "what the report would have liked")] if has_goal else []
        _write_legend(figure, marks)
        return write_png(figure)


def has_printed_accuracies(labels: "Sequence[LabelSummary]") -> bool:
    """Whether a printed accuracy stands beside ours in the picture."""
    panels = [panel for panel in _PANELS if panel.is_shown(labels)]
    return any(panel.find_printed(mine)[0] is not None for panel in panels for mine in labels)


@dataclass(frozen=True)
class _Panel:
    """An accuracy: how it is called, ours over seeds, a trial's, the printed one in percent with its spread."""

    heading: str
    measure: "Callable[[LabelSummary], Spread | None]"
    read: "Callable[[TrialRecord], float | None]"
    find_printed: "Callable[[LabelSummary], tuple[float | None, float | None]]"
    is_always_shown: bool = True
    has_goal: bool = False
    """Whether it is the one that a report's goals are of."""

    def is_shown(self, labels: "Sequence[LabelSummary]") -> bool:
        """Whether there is anything in it."""
        is_known = any(self.measure(mine) for mine in labels)
        return is_known and (self.is_always_shown or any(self.find_printed(mine)[0] is not None for mine in labels))


_PANELS = (
    _Panel(
        "validation accuracy (%)",
        lambda mine: mine.validation,
        lambda trial: trial.value,
        lambda mine: (mine.printed.validation_percent, None),
    ),
    _Panel(
        "validation accuracy,\nbest epoch (%)",
        lambda mine: mine.highest_validation,
        lambda trial: max(trial.accuracies.values(), default=None),
        lambda mine: (mine.printed.highest_validation_percent, None),
        is_always_shown=False,
    ),
    _Panel(
        "test accuracy (%)",
        lambda mine: mine.test,
        lambda trial: trial.test_accuracy,
        lambda mine: (mine.printed.test_percent, mine.printed.test_spread_percent),
        has_goal=True,
    ),
)


def draw_finalists(final: "Final") -> bytes:
    """What the search said of each finalist, and what its fresh seeds gave, with the 95% interval of their mean."""
    finalists = final.finalists
    has_several = any(len(finalist.replicates) > 1 for finalist in finalists)
    with styled():
        figure = make_figure(7.6, 1.3 + 0.45 * len(finalists))
        axes = figure.subplots()
        for row, finalist in enumerate(finalists):
            _draw_seeds(axes, row, [trial.value for trial in finalist.replicates if trial.value is not None])
            _draw_spread(axes, row, finalist.validation, uses_interval=True)
            if finalist.trial.value is not None:
                axes.plot(100 * finalist.trial.value, row + 0.22, markersize=6, **_PRINTED)
        axes.set_xlabel("validation accuracy (%)")
        _finish_rows(axes, [finalist.label for finalist in finalists])
        _write_legend(
            figure, [*_list_marks("and its 95% interval" if has_several else None), (_PRINTED, "in the search")]
        )
        return write_png(figure)


def average_curve(trials: "Sequence[TrialRecord]", field: str) -> list[tuple[int, float, float, float]]:
    """For each epoch, from 1, that all of the trials have: mean, lowest and highest value of this field.

    Accuracies are in percent.
    """
    rows = []
    for points in zip(*(trial.curve for trial in trials), strict=False):
        values = [value for value in (_read(point, field) for point in points) if value is not None]
        if values:
            rows.append((points[0].epoch + 1, fmean(values), min(values), max(values)))
    return rows


def _read(point: "EpochResult", field: str) -> float | None:
    value: float | None = getattr(point, field)
    return value if value is None or not field.endswith("accuracy") else 100 * value


def _draw_mean(axes: "Axes", trials: "Sequence[TrialRecord]", field: str, look: dict[str, Any]) -> None:
    rows = average_curve(trials, field)
    if not rows:
        return
    epochs = [epoch for epoch, *_ in rows]
    axes.plot(epochs, [mean for _, mean, _, _ in rows], markevery=mark_every(len(rows)), **look)
    if len(trials) > 1:
        lows, highs = [low for *_, low, _ in rows], [high for *_, high in rows]
        axes.fill_between(epochs, lows, highs, color=look["color"], alpha=0.15, linewidth=0)


def _choose_label_look(named: Sequence[str], label: str) -> dict[str, Any]:
    if label not in named:
        return dict(_UNNAMED)
    return choose_look(named.index(label)) | {"linewidth": 1.4, "markersize": 4}


def _draw_seeds(axes: "Axes", row: int, values: Sequence[float]) -> None:
    if len(values) > 1:
        axes.plot([100 * value for value in values], [row - 0.2] * len(values), "|", color=GREY, markersize=6)


def _draw_spread(axes: "Axes", row: int, spread: "Spread | None", *, uses_interval: bool) -> None:
    if spread is None:
        return
    half = spread.half_width if uses_interval else spread.deviation
    axes.errorbar(
        100 * spread.mean,
        row,
        xerr=None if half is None else 100 * half,
        marker="o",
        markersize=6,
        color=BLUE,
        linewidth=1.6,
        capsize=3,
        linestyle="none",
    )


def _finish_rows(axes: "Axes", labels: Sequence[str]) -> None:
    axes.set_yticks(range(len(labels)), [_wrap(label, _ROW_CHARACTERS, _MOST_ROW_LINES) for label in labels])
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.margins(x=0.08)
    low, high = axes.get_xlim()
    axes.set_xlim(max(low, -0.5), min(high, 101.0))
    finish_axes(axes)


def _list_marks(spread: str | None) -> list[tuple[dict[str, Any], str]]:
    """What stands for ours: how each mark looks, and what it is called.

    Args:
        spread: What the line through the mean is; None where every label has one seed.
    """
    ours: dict[str, Any] = {"color": BLUE, "marker": "o"}
    if spread is None:
        return [(ours | {"linestyle": "none"}, "ours, one seed")]
    seeds: dict[str, Any] = {"color": GREY, "marker": "|", "linestyle": "none"}
    return [(ours | {"linestyle": "-", "linewidth": 1.6}, f"ours: mean {spread}"), (seeds, "each seed")]


def _write_legend(figure: "Figure", marks: "Sequence[tuple[dict[str, Any], str]]") -> None:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], **look) for look, _words in marks]
    words = [words for _look, words in marks]
    figure.legend(handles, words, loc="outside upper center", ncols=min(3, len(marks)), frameon=False)


def _wrap(label: str, width: int, lines: int) -> str:
    """On so many lines of so many characters; a longer one loses its middle: what tells it apart may be at its end."""
    wrapped = textwrap.wrap(label, width) or [" "]
    half = lines * width // 2
    while len(wrapped) > lines:
        half -= 1
        wrapped = textwrap.wrap(f"{label[:half].rstrip()} … {label[-half:].lstrip()}", width)
    return "\n".join(wrapped)
