"""What a planned study came to, as a table beside the printed figures, and as JSON."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hpsearch.durations import format_duration
from hpsearch.reporting.record_words import list_failures
from hpsearch.views.tables import FittedTable, make_table

if TYPE_CHECKING:
    from rich.console import Console

    from hpsearch.reporting.plan_measures import Cell, PlanMeasure
    from hpsearch.tuning.finalists import Spread
    from hpsearch.tuning.plan_summary import LabelSummary, PlanSummary

_WIDEST = 1000
"""Columns that no table needs."""


def show_plan_summary(console: "Console", summary: "PlanSummary", seconds: float | None = None) -> None:
    """Write the table and what belongs to it."""
    from hpsearch.reporting.measured import describe_example
    from hpsearch.reporting.plan_measures import explain_measures, list_measures
    from hpsearch.reporting.words import describe_openings

    origin, record = summary.origin, summary.record
    console.print()
    console.print(origin.title or record.study.name, style="bold", soft_wrap=True)
    if origin.source is not None:
        place = f", {origin.source.place}" if origin.source.place else ""
        verb = "printed in" if origin.printed else "after"
        console.print(f"{verb} {origin.source.report}{place}", style="dim", soft_wrap=True)
    measures = list_measures(format_duration)
    table = _draw_table(summary, measures)
    if console.measure(table, options=console.options.update(width=_WIDEST)).maximum <= console.width:
        console.print(table)
    else:  # a narrow terminal: one table below the other
        for measure in measures:
            if measure.is_shown(summary):
                console.print(_draw_table(summary, (measure,), has_seeds=measure is measures[0]))
    console.print(f"accuracies: {explain_measures(summary, measures)}", style="dim", soft_wrap=True)
    if (worth := describe_example(record)) is not None:
        console.print(worth, style="dim", soft_wrap=True)
    for mine in summary.labels:
        if mine.printed.note is not None:
            console.print(f"{mine.label}: {mine.printed.note}", style="dim", soft_wrap=True)
    for failure in list_failures(record):
        console.print(f"failed: {failure}", soft_wrap=True)
    if record.test_openings:
        console.print(f"the test split was opened {describe_openings(record)}", style="dim", soft_wrap=True)
    if seconds is not None:
        console.print(f"time {format_duration(seconds)}", style="dim")


def _draw_table(summary: "PlanSummary", measures: "Sequence[PlanMeasure]", *, has_seeds: bool = True) -> "FittedTable":
    from hpsearch.reporting.plan_measures import write_seeds

    columns: list[tuple[str, Cell]] = [("seeds", write_seeds)] if has_seeds else []
    columns += [column for measure in measures for column in measure.list_columns(summary)]
    table = make_table("/", *(f"{heading}>" for heading, _write in columns))
    for mine in summary.labels:
        table.add_row(mine.label, *(write(mine) for _heading, write in columns))
    return table


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
