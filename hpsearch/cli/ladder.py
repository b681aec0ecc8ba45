"""`hpsearch run` of several budgets: a search each, and a table of all."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from hpsearch.cli.session import ShownSession
from hpsearch.cli.signals import Interrupts
from hpsearch.durations import format_duration
from hpsearch.sessions.ladder import Rung, climb, is_unbeaten
from hpsearch.views.networks import list_footprint
from hpsearch.views.screen import open_console, write_json
from hpsearch.views.search import format_accuracy

if TYPE_CHECKING:
    from rich.console import Console


class Ladder:
    """Several searches, one after the other."""

    def __init__(self, sessions: Sequence[ShownSession]) -> None:
        self._sessions = sessions

    def climb(self, interrupts: Interrupts) -> int:
        """Search rung after rung, and show what came of it; the exit code."""
        first = self._sessions[0]
        log = None if first.quiet else open_console(stderr=first.as_json)

        def announce(title: str) -> None:
            if log is not None:
                log.print(f"\n{title}", style="bold", soft_wrap=True)

        rungs = climb([shown.session for shown in self._sessions], first.progress, interrupts, announce)
        self._show(rungs)
        if interrupts.exit_code is not None:
            return interrupts.exit_code
        is_whole = len(rungs) == len(self._sessions) and all(rung.best is not None for rung in rungs)
        return 0 if is_whole else 1

    def _show(self, rungs: Sequence[Rung]) -> None:
        session = self._sessions[0]
        if session.as_json:
            write_json([_describe(rung, rungs) for rung in rungs])
            return
        console = open_console()
        show_rungs(console, rungs)
        if len(rungs) < len(self._sessions):
            console.print("\nThe same command goes on where this stopped:", soft_wrap=True)
            console.print(f"  {session.command}", style="bold cyan", soft_wrap=True)
            return
        console.print("\nNext")
        for rung in rungs:
            command = session.storage.complete_command(f"hpsearch export {rung.record.study.name}")
            console.print(f"  {command}", style="cyan", soft_wrap=True)
        names = " ".join(rung.record.study.name for rung in rungs)
        command = session.storage.complete_command(f"hpsearch report {names}")
        console.print(f"  {command}", style="cyan", soft_wrap=True)


def show_rungs(console: "Console", rungs: Sequence[Rung]) -> None:
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


def _describe(rung: Rung, rungs: Sequence[Rung]) -> dict[str, Any]:
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
