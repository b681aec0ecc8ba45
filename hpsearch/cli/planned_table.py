"""What a planned study came to, as a table beside the printed figures, and as JSON."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hpsearch.cli.durations import format_duration
from hpsearch.cli.progress import list_failures
from hpsearch.cli.tables import make_table

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from hpsearch.tuning.finalists import Spread
    from hpsearch.tuning.plan_summary import LabelSummary, PlanSummary

_WIDEST = 1000
"""Columns that no table needs."""


@dataclass(frozen=True)
class _Measure:
    """A column of ours and, where the report prints any of it, one of the printed figures and one of the difference."""

    heading: str
    ours: "Callable[[LabelSummary], str]"
    printed: "Callable[[LabelSummary], str]"
    """Empty where nothing is printed."""
    difference: "Callable[[LabelSummary], float | None] | None" = None
    is_always_shown: bool = True

    def is_printed(self, summary: "PlanSummary") -> bool:
        """Whether the report has any figure of it."""
        return any(self.printed(mine) for mine in summary.labels)

    def is_shown(self, summary: "PlanSummary") -> bool:
        """Whether the table has it."""
        return self.is_always_shown or self.is_printed(summary)


_MEASURES = (
    _Measure(
        "weights",
        lambda mine: f"{mine.weights:,}",
        lambda mine: "" if mine.printed.weights is None else f"{mine.printed.weights:,}",
    ),
    _Measure(
        "validation",
        lambda mine: _format_spread(mine.validation),
        lambda mine: _format_percent(mine.printed.validation_percent),
        lambda mine: mine.validation_difference,
    ),
    _Measure(
        "first epoch",
        lambda mine: _format_spread(mine.first_validation),
        lambda mine: _format_percent(mine.printed.first_validation_percent),
        lambda mine: mine.first_validation_difference,
        is_always_shown=False,
    ),
    _Measure(
        "best epoch",
        lambda mine: _format_spread(mine.highest_validation),
        lambda mine: _format_percent(mine.printed.highest_validation_percent),
        lambda mine: mine.highest_validation_difference,
        is_always_shown=False,
    ),
    _Measure(
        "test",
        lambda mine: _format_spread(mine.test),
        lambda mine: _format_printed_test(mine),
        lambda mine: mine.test_difference,
    ),
    _Measure(
        "an epoch",
        lambda mine: _format_seconds(mine.epoch_seconds) or "-",
        lambda mine: _format_seconds(mine.printed.epoch_seconds),
        is_always_shown=False,
    ),
    _Measure(
        "a training",
        lambda mine: _format_seconds(mine.seconds) or "-",
        lambda mine: _format_seconds(mine.printed.training_seconds),
    ),
)


def show_plan_summary(console: "Console", summary: "PlanSummary", seconds: float | None = None) -> None:
    """Write the table and what belongs to it."""
    from hpsearch.reporting.words import describe_openings

    origin, record = summary.origin, summary.record
    console.print()
    console.print(origin.title or record.study.name, style="bold", soft_wrap=True)
    if origin.source is not None:
        place = f", {origin.source.place}" if origin.source.place else ""
        verb = "printed in" if origin.printed else "after"
        console.print(f"{verb} {origin.source.report}{place}", style="dim", soft_wrap=True)
    table = _draw_table(summary, _MEASURES)
    if console.measure(table, options=console.options.update(width=_WIDEST)).maximum <= console.width:
        console.print(table)
    else:  # a narrow terminal: one table below the other
        for measure in _MEASURES:
            if measure.is_shown(summary):
                console.print(_draw_table(summary, (measure,), has_seeds=measure is _MEASURES[0]))
    console.print(_explain_figures(summary), style="dim", soft_wrap=True)
    for mine in summary.labels:
        if mine.printed.note is not None:
            console.print(f"{mine.label}: {mine.printed.note}", style="dim", soft_wrap=True)
    for failure in list_failures(record):
        console.print(f"failed: {failure}", soft_wrap=True)
    if record.test_openings:
        console.print(f"the test split was opened {describe_openings(record)}", style="dim", soft_wrap=True)
    if seconds is not None:
        console.print(f"time {format_duration(seconds)}", style="dim")


def _draw_table(summary: "PlanSummary", measures: Sequence[_Measure], *, has_seeds: bool = True) -> "Table":
    headings = ["/"]
    columns: list[Callable[[LabelSummary], str]] = []
    if has_seeds:
        headings.append("seeds>")
        columns.append(_format_seeds)
    for measure in measures:
        if not measure.is_shown(summary):
            continue
        headings.append(f"{measure.heading}>")
        columns.append(measure.ours)
        if measure.is_printed(summary):
            headings.append("printed>")
            columns.append(measure.printed)
            if measure.difference is not None:
                headings.append("differs>")
                columns.append(_write_difference(measure.difference))
    table = make_table(*headings)
    for mine in summary.labels:
        table.add_row(mine.label, *(write(mine) for write in columns))
    return table


def _write_difference(measure: "Callable[[LabelSummary], float | None]") -> "Callable[[LabelSummary], str]":
    def write(mine: "LabelSummary") -> str:
        difference = measure(mine)
        return "" if difference is None else f"{100 * difference:+.2f}"

    return write


def _explain_figures(summary: "PlanSummary") -> str:
    text = "accuracies in %, mean ± standard deviation over seeds"
    if any(mine.printed.test_spread_percent is not None for mine in summary.labels):
        text += "; a printed ± is the report's own"
    return text


def _format_seeds(mine: "LabelSummary") -> str:
    count = str(len(mine.complete)) if len(mine.complete) == mine.wanted else f"{len(mine.complete)} of {mine.wanted}"
    return f"{count} ({mine.failed} failed)" if mine.failed else count


def _format_spread(spread: "Spread | None") -> str:
    """In percent: the mean and the standard deviation."""
    if spread is None:
        return "-"
    return f"{100 * spread.mean:.2f}" + ("" if spread.deviation is None else f" ± {100 * spread.deviation:.2f}")


def _format_percent(percent: float | None) -> str:
    return "" if percent is None else f"{percent:.2f}"


def _format_printed_test(mine: "LabelSummary") -> str:
    printed = mine.printed
    if printed.test_percent is None:
        return "" if printed.goal_test_percent is None else f"over {printed.goal_test_percent:g}"
    spread = "" if printed.test_spread_percent is None else f" ± {printed.test_spread_percent:.2f}"
    return _format_percent(printed.test_percent) + spread


def _format_seconds(seconds: float | None) -> str:
    return "" if seconds is None else format_duration(seconds)


def describe_plan_summary(summary: "PlanSummary") -> dict[str, Any]:
    """The same as a JSON document: accuracies are fractions, but for what is printed, as it is printed."""
    record, origin = summary.record, summary.origin
    return {
        "study": record.study.name,
        "title": origin.title,
        "source": origin.source.model_dump() if origin.source else None,
        "is_finished": record.is_finished,
        "counts": record.counts,
        "failures": list_failures(record),
        "test_openings": record.test_openings,
        "labels": [_describe_label(mine) for mine in summary.labels],
    }


def _describe_label(mine: "LabelSummary") -> dict[str, Any]:
    return {
        "label": mine.label,
        "network": mine.network,
        "weights": mine.weights,
        "macs": mine.macs,
        "seeds": len(mine.complete),
        "seeds_wanted": mine.wanted,
        "failed": mine.failed,
        "validation": _describe_spread(mine.validation),
        "first_validation": _describe_spread(mine.first_validation),
        "highest_validation": _describe_spread(mine.highest_validation),
        "highest_validation_epochs": list(mine.highest_validation_epochs),
        "lowest_train_loss": _describe_spread(mine.lowest_train_loss),
        "lowest_train_loss_epochs": list(mine.lowest_train_loss_epochs),
        "test": _describe_spread(mine.test),
        "training_seconds": mine.seconds,
        "epoch_seconds": mine.epoch_seconds,
        "printed": mine.printed.model_dump(mode="json", exclude_none=True),
        "difference": {
            "validation": mine.validation_difference,
            "first_validation": mine.first_validation_difference,
            "highest_validation": mine.highest_validation_difference,
            "test": mine.test_difference,
        },
        "trials": [
            {"trial": trial.number, "validation_accuracy": trial.value, "test_accuracy": trial.test_accuracy}
            for trial in mine.complete
        ],
    }


def _describe_spread(spread: "Spread | None") -> dict[str, Any] | None:
    return None if spread is None else spread.describe()
