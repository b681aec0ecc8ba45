"""Figures of trainings under several seeds: curves by label, ours beside what was printed, finalists."""

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
    fit_percent_axis,
    mark_every,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from hpsearch.epoch_result import EpochResult
    from hpsearch.tuning.finalists import Final, Spread
    from hpsearch.tuning.plan_summary import LabelSummary
    from hpsearch.tuning.records import TrialRecord

_MOST_ROWS = 60
_LABEL_CHARACTERS = 44
_ABOVE: Any = {"loc": "outside upper center", "ncols": 3, "frameon": False}


def draw_label_curves(labels: "Sequence[LabelSummary]") -> bytes:
    """Loss and validation accuracy by epoch, a line for each label: the mean over its seeds, all between them shaded.

    Args:
        labels: Each with a complete trial that has a curve; of more than ten, the further ones are thin and unnamed.
    """
    is_validated = any(point.validation_accuracy is not None for mine in labels for point in mine.complete[0].curve)
    ranked = sorted(labels, key=lambda mine: -(mine.validation.mean if mine.validation else 0.0))
    named = [mine.label for mine in (ranked if len(labels) > MOST_LINES else labels)[:MOST_LINES]]
    with styled():
        figure = make_figure(7.6, (6.2 if is_validated else 3.6) + 0.2 * min(len(labels), MOST_LINES))
        upper, *below = figure.subplots(2 if is_validated else 1, 1, sharex=True, squeeze=False)[:, 0]
        for mine in labels:
            look = _choose_label_look(named, mine.label)
            _draw_mean(upper, mine.complete, "validation_loss" if is_validated else "train_loss", look)
            for lower in below:
                _draw_mean(lower, mine.complete, "validation_accuracy", look)
        upper.set_ylabel("validation loss (cross-entropy)" if is_validated else "training loss (cross-entropy)")
        for lower in below:
            lower.set_ylabel("validation accuracy (%)")
            fit_percent_axis(
                lower,
                [
                    100 * (point.validation_accuracy or 0.0)
                    for mine in labels
                    for trial in mine.complete
                    for point in trial.curve
                ],
                reach=CURVE_REACH,
            )
        (upper, *below)[-1].set_xlabel("epoch")
        for axes in (upper, *below):
            count_whole(axes)
            finish_axes(axes)
        handles, words = upper.get_legend_handles_labels()
        figure.legend(handles, words, loc="outside lower center", ncols=2, frameon=False)
        return write_png(figure)


def draw_beside_printed(labels: "Sequence[LabelSummary]") -> bytes:
    """Ours and the printed accuracies, a row for each label; a panel for each accuracy that there is.

    At least one of them has a figure of ours.
    """
    shown = labels[:_MOST_ROWS]
    panels = [panel for panel in _PANELS if panel.is_shown(shown)]
    with styled():
        figure = make_figure(7.6, 1.3 + 0.36 * len(shown))
        every = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for axes, panel in zip(every, panels, strict=True):
            for row, mine in enumerate(shown):
                _draw_seeds(axes, row, [value for trial in mine.complete if (value := panel.read(trial)) is not None])
                _draw_spread(axes, row, panel.measure(mine), uses_interval=False)
                percent, spread = panel.find_printed(mine)
                if percent is not None:
                    look = {"marker": "D", "markersize": 5, "markerfacecolor": "white", "color": DARK}
                    axes.errorbar(percent, row + 0.22, xerr=spread, linestyle="none", linewidth=0.8, **look)
            axes.set_xlabel(panel.heading)
            _finish_rows(axes, [mine.label for mine in shown])
        has_printed = any(panel.find_printed(mine)[0] is not None for panel in panels for mine in shown)
        figure.legend(*_list_marks(has_printed=has_printed), **_ABOVE)
        return write_png(figure)


@dataclass(frozen=True)
class _Panel:
    """An accuracy: how it is called, ours over seeds, a trial's, the printed one in percent with its spread."""

    heading: str
    measure: "Callable[[LabelSummary], Spread | None]"
    read: "Callable[[TrialRecord], float | None]"
    find_printed: "Callable[[LabelSummary], tuple[float | None, float | None]]"
    is_always_shown: bool = True

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
    ),
)


def draw_finalists(final: "Final") -> bytes:
    """What the search said of each finalist, and what its fresh seeds gave, with the 95% interval of their mean."""
    finalists = final.finalists
    with styled():
        figure = make_figure(7.6, 1.3 + 0.45 * len(finalists))
        axes = figure.subplots()
        for row, finalist in enumerate(finalists):
            _draw_seeds(axes, row, [trial.value for trial in finalist.replicates if trial.value is not None])
            _draw_spread(axes, row, finalist.validation, uses_interval=True)
            if finalist.trial.value is not None:
                place = (100 * finalist.trial.value, row + 0.22)
                axes.plot(*place, marker="D", markerfacecolor="white", color=DARK, markersize=6)
        axes.set_xlabel("validation accuracy (%)")
        _finish_rows(axes, [finalist.label for finalist in finalists])
        handles, words = _list_marks(has_printed=True)
        words = ["mean and its 95% interval", words[1], "in the search"]
        figure.legend(handles, words, **_ABOVE)
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
        return {"color": LIGHT, "linewidth": 0.7}
    return choose_look(named.index(label)) | {"linewidth": 1.4, "markersize": 4, "label": _cut(label)}


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
    axes.set_yticks(range(len(labels)), [_cut(label) for label in labels])
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.margins(x=0.08)
    low, high = axes.get_xlim()
    axes.set_xlim(max(low, -0.5), min(high, 101.0))
    finish_axes(axes)


def _list_marks(*, has_printed: bool) -> tuple[list[Any], list[str]]:
    from matplotlib.lines import Line2D

    handles: list[Any] = [
        Line2D([], [], color=BLUE, marker="o", linestyle="-", linewidth=1.6),
        Line2D([], [], color=GREY, marker="|", linestyle="none"),
    ]
    words = ["ours: mean ± standard deviation", "each seed"]
    if has_printed:
        handles.append(Line2D([], [], color=DARK, marker="D", markerfacecolor="white", linestyle="none"))
        words.append("printed")
    return handles, words


def _cut(label: str) -> str:
    return label if len(label) <= _LABEL_CHARACTERS else f"{label[: _LABEL_CHARACTERS - 1]}…"
