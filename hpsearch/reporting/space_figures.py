"""Figures of a search space: which parameter mattered, which values the good trials had."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hpsearch.reporting.canvas import make_figure, styled, write_png
from hpsearch.reporting.lines import BLUE, DARK, GREY, choose_look, finish_axes, fit_percent_axis
from hpsearch.reporting.words import write_value
from hpsearch.study.search_space import Choices, FloatRange, IntRange, SearchSpace

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from hpsearch.tuning.records import TrialRecord

MOST_AXES, MOST_PARALLEL_TRIALS = 9, 100
"""Of parallel coordinates."""


def draw_importance(shares: Mapping[str, float]) -> bytes:
    """A bar for each parameter, the largest share at the top."""
    with styled():
        figure = make_figure(7.6, 0.8 + 0.27 * len(shares))
        axes = figure.subplots()
        percents = [100 * share for share in shares.values()]
        axes.barh([_name(name) for name in shares], percents, color=BLUE, height=0.75)
        axes.invert_yaxis()
        for position, percent in enumerate(percents):
            words = f" {percent:.0f}%" if percent >= 0.5 else " under 1%"
            axes.text(percent, position, words, va="center", ha="left")
        axes.set_xlabel("share of the importance (%)")
        axes.set_xlim(0, max(percents) * 1.12)
        axes.margins(y=0.02)
        finish_axes(axes)
        axes.grid(visible=False, axis="y")
        return write_png(figure)


def draw_parallel_coordinates(trials: "Sequence[TrialRecord]", space: SearchSpace, names: Sequence[str]) -> bytes:
    """A line for each complete trial through its values, the darker the better; the best one thick.

    Args:
        trials: Complete ones, the best first; at least one.
        space: What they were drawn from.
        names: The parameters that have an axis.
    """
    from matplotlib.collections import LineCollection

    accuracies = [100 * (trial.value or 0.0) for trial in trials]
    low, high = _bound(accuracies)
    with styled():
        figure = make_figure(max(7.6, 1.0 + 0.72 * (len(names) + 1)), 4.6)
        axes = figure.subplots()
        lines, shades = [], []
        for trial, accuracy in zip(trials, accuracies, strict=True):
            heights = [_place(space.distributions[name], trial.parameters.get(name)) for name in names]
            height = min(1.0, max(0.0, (accuracy - low) / (high - low)))
            lines.append(list(enumerate([*heights, height])))
            shades.append(str(round(0.82 * (1 - height**2), 3)))
        thin = 1.1 if len(trials) <= 100 else 0.5
        order = range(len(lines) - 1, 0, -1)  # the better ones above
        axes.add_collection(
            LineCollection([lines[i] for i in order], colors=[shades[i] for i in order], linewidths=thin)
        )
        axes.plot(*zip(*lines[0], strict=True), color=BLUE, linewidth=2.6, marker="o", markersize=4)
        for position, name in enumerate(names):
            _draw_scale(axes, position, space.distributions[name])
        _draw_ticks(axes, len(names), [(0.0, f"{low:.1f}"), (0.5, f"{(low + high) / 2:.1f}"), (1.0, f"{high:.1f}")])
        axes.set_xticks(range(len(names) + 1), [*(_name(name) for name in names), "validation\naccuracy (%)"])
        axes.tick_params(axis="x", length=0, rotation=40, labelsize=8)
        for label in axes.get_xticklabels():
            label.set_horizontalalignment("right")
            label.set_rotation_mode("anchor")
        axes.set_xlim(-0.3, len(names) + 0.75)
        axes.set_ylim(-0.05, 1.05)
        axes.set_yticks([])
        axes.spines[:].set_visible(False)
        return write_png(figure)


def find_varied_fields(trials: "Sequence[TrialRecord]") -> list[str]:
    """Those of learning rate and dropout that differ between trials with an accuracy."""
    recipes = [trial.config.recipe for trial in trials if trial.config is not None and trial.value is not None]
    return [field for field in ("lr", "dropout") if len({getattr(recipe, field) for recipe in recipes}) > 1]


def draw_recipe_effects(effects: "Mapping[str, Sequence[TrialRecord]]") -> bytes:
    """A field of the recipe (`lr`, `dropout`) beside accuracy in each panel, a marker for each optimizer.

    Args:
        effects: The trials of each panel; those without a configuration or an accuracy are left out.
    """
    known = {
        field: [(trial, trial.config.recipe) for trial in trials if trial.config and trial.value is not None]
        for field, trials in effects.items()
    }
    optimizers = sorted({recipe.optimizer for mine in known.values() for _trial, recipe in mine})
    with styled():
        figure = make_figure(7.6, 3.6)
        panels = figure.subplots(1, len(known), sharey=True, squeeze=False)[0]
        handles: list[Any] = []
        for axes, (field, everything) in zip(panels, known.items(), strict=True):
            for index, optimizer in enumerate(optimizers):
                mine = [(trial, recipe) for trial, recipe in everything if recipe.optimizer == optimizer]
                handle = _scatter(axes, mine, field, index)
                if axes is panels[0]:
                    handles.append(handle)
            has_peak = any(recipe.schedule != "constant" for _trial, recipe in everything)
            rate = "learning rate (peak)" if has_peak else "learning rate"
            axes.set_xlabel({"lr": rate, "dropout": "dropout (probability)"}[field])
            if field == "lr":
                _use_log_scale(axes, [recipe.lr for _trial, recipe in everything])
            finish_axes(axes)
        panels[0].set_ylabel("validation accuracy (%)")
        values = [100 * (trial.value or 0.0) for mine in known.values() for trial, _recipe in mine]
        fit_percent_axis(panels[0], values)
        figure.legend(handles, optimizers, loc="outside upper center", ncols=len(optimizers), frameon=False)
        return write_png(figure)


def _scatter(axes: "Axes", mine: "Sequence[tuple[TrialRecord, Any]]", field: str, index: int) -> Any:
    """Complete ones filled, pruned ones hollow; the legend shows a filled one."""
    look = choose_look(index)
    for state in ("PRUNED", "COMPLETE"):
        points = [
            (getattr(recipe, field), 100 * (trial.value or 0.0)) for trial, recipe in mine if trial.state == state
        ]
        axes.plot(
            [x for x, _y in points],
            [y for _x, y in points],
            linestyle="none",
            marker=look["marker"],
            color=look["color"],
            markerfacecolor=look["color"] if state == "COMPLETE" else "white",
            markersize=6 if len(mine) <= 100 else 3,
        )
    return axes.plot([], [], linestyle="none", marker=look["marker"], color=look["color"])[0]


def _use_log_scale(axes: "Axes", values: Sequence[float]) -> None:
    """With as many decimal ticks as a narrow range needs."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_xscale("log")
    decades = math.log10(max(values) / min(values))
    subs = (1.0,) if decades > 3 else (1.0, 3.0) if decades > 1.5 else (1.0, 2.0, 5.0)
    axes.xaxis.set_major_locator(LogLocator(subs=subs))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _position: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _bound(percents: Sequence[float]) -> tuple[float, float]:
    """The ends of the accuracy's axis: without the few that learned nothing."""
    ordered = sorted(percents)
    high, quarter = ordered[-1], ordered[len(ordered) // 4]
    low = max(ordered[0], quarter - 1.2 * (high - quarter))
    return (low, high) if high - low > 1e-9 else (low - 0.5, high + 0.5)


def _place(distribution: FloatRange | IntRange | Choices, value: Any) -> float:
    """Where a value lies on its axis, from 0 to 1; one that the space does not have at the nearer end, if any."""
    match distribution:
        case Choices(values=values):
            known = [each for each in values if each == value and type(each) is type(value)]
            return values.index(known[0]) / max(1, len(values) - 1) if known else 0.0
        case IntRange(low=low, high=high, log=log) | FloatRange(low=low, high=high, log=log):
            if not isinstance(value, int | float) or high == low:
                return 0.0
            inside = min(max(value, low), high)
            if log:
                return math.log(inside / low) / math.log(high / low)
            return (inside - low) / (high - low)


def _draw_scale(axes: "Axes", position: int, distribution: FloatRange | IntRange | Choices) -> None:
    match distribution:
        case Choices(values=values):
            ticks = [(index / max(1, len(values) - 1), _name(write_value(value))) for index, value in enumerate(values)]
        case IntRange(low=low, high=high) if high - low <= 6 and not distribution.log:
            ticks = [((value - low) / (high - low), str(value)) for value in range(low, high + 1)]
        case IntRange(low=low, high=high, log=log) | FloatRange(low=low, high=high, log=log):
            middle = math.sqrt(low * high) if log else (low + high) / 2
            ticks = [(0.0, f"{low:.3g}"), (0.5, f"{middle:.2g}".replace("e-0", "e-")), (1.0, f"{high:.3g}")]
    _draw_ticks(axes, position, ticks)


def _draw_ticks(axes: "Axes", position: int, ticks: Sequence[tuple[float, str]]) -> None:
    axes.vlines(position, 0, 1, color=GREY, linewidth=0.8)
    for height, text in ticks:
        axes.hlines(height, position - 0.04, position + 0.04, color=DARK, linewidth=0.8)
        shown = text if len(text) <= 10 else f"{text[:9]}…"
        box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.6}
        axes.text(position + 0.07, height, shown, fontsize=7.5, va="center", ha="left", bbox=box, zorder=4)


def _name(parameter: str) -> str:
    return parameter.replace("_", " ")
