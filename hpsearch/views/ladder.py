"""What came of a ladder: a row a rung, and the networks that no other beats."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from hpsearch.durations import format_duration
from hpsearch.reporting.measured import describe_example
from hpsearch.sessions.ladder import is_unbeaten
from hpsearch.views.networks import list_footprint
from hpsearch.views.search import format_accuracy

if TYPE_CHECKING:
    from rich.console import Console

    from hpsearch.sessions.ladder import Rung


def show_rungs(console: "Console", rungs: "Sequence[Rung]") -> None:
    """Write the table."""
    from hpsearch.views.tables import make_table

    figures = ("weights>", "MACs>", "RAM int8>", "flash int8>", "validation>", "test>", "trials>", "time>")
    table = make_table("arch", "limits", *figures, "", "network/", drops=("MACs", "time", "trials", "RAM int8"))
    for rung in rungs:
        spec, best = rung.record.study.spec, rung.best
        table.add_row(
            spec.arch,
            spec.limits.describe_briefly(),
            f"{best.weights:,}" if best and best.weights is not None else "-",
            f"{best.macs:,}" if best and best.macs is not None else "-",
            *(list_footprint(best) if best else ("-", "-")),
            format_accuracy(best.value if best else None),
            format_accuracy(best.test_accuracy if best else None),
            f"{rung.record.finished_count} of {rung.record.trials_wanted}",
            format_duration(rung.seconds),
            "*" if is_unbeaten(rung, rungs) else "",
            (best.network or "") if best else "",
        )
    console.print()
    console.print(table)
    console.print("* no other network here is as accurate in validation with as few weights", style="dim")
    measures = (f"{rung.record.study.name}: {text}" for rung in rungs if (text := describe_example(rung.record)))
    if (measure := next(measures, None)) is not None:  # all rungs share their images
        console.print(measure, style="dim")


def describe_rung(rung: "Rung", rungs: "Sequence[Rung]") -> dict[str, Any]:
    """A rung as a JSON document."""
    record, best = rung.record, rung.best
    spec = record.study.spec
    return {
        "study": record.study.name,
        "arch": spec.arch,
        "budget": spec.budget,
        "limits": spec.limits.named,
        "target": spec.target,
        "ending": rung.ending,
        "is_finished": record.is_finished,
        "counts": record.counts,
        "trial": best.number if best else None,
        "weights": best.weights if best else None,
        "macs": best.macs if best else None,
        "footprint": asdict(best.footprint) if best and best.footprint else None,
        "validation_accuracy": best.value if best else None,
        "test_accuracy": best.test_accuracy if best else None,
        "is_on_frontier": is_unbeaten(rung, rungs),
        "config": dict(best.config_json) if best and best.config_json else None,
    }
