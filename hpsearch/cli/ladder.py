"""A ladder: a study for each of several budgets, the best of one at the beginning of the next, a table of all."""

import itertools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpsearch.cli.result import Ending
from hpsearch.cli.screen import open_console, write_json
from hpsearch.cli.session import Session
from hpsearch.cli.signals import Interrupts
from hpsearch.cli.views import format_accuracy
from hpsearch.durations import format_duration
from hpsearch.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from hpsearch.tuning.frontier import Measured
    from hpsearch.tuning.records import StudyRecord, TrialRecord
    from hpsearch.tuning.warm_start import Predecessor

_MOST_RUNGS = 40


def read_rungs(flags: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The flags of each rung: one of each family and budget that `--arch` and `--budget` list, small budgets first.

    Raises:
        InputError: A budget is none, or one is given twice.
    """
    from hpsearch.network.budget import format_budget, parse_budget

    archs, budgets = _split(flags.get("arch")), _split(flags.get("budget"))
    if len(archs) * len(budgets) == 1:
        return [dict(flags)]
    weights = [parse_budget(budget) if budget is not None else None for budget in budgets]
    for listed in (archs, weights):
        if len(set(listed)) < len(listed):
            raise InputError(f"{', '.join(map(str, listed))} has the same twice: give each once")
    if len(archs) * len(budgets) > _MOST_RUNGS:
        raise InputError(f"{len(archs) * len(budgets)} studies at once are too many: give at most {_MOST_RUNGS}")
    rungs = []
    for arch, weight in itertools.product(archs, sorted(weights, key=lambda weight: weight or 0)):
        rung = dict(flags) | {"arch": arch, "budget": format_budget(weight) if weight is not None else None}
        if flags.get("name") is not None:
            named = [
                flags["name"],
                *([arch] if len(archs) > 1 else []),
                *([rung["budget"]] if len(budgets) > 1 else []),
            ]
            rung["name"] = "-".join(str(part) for part in named)
        rungs.append(rung)
    return rungs


def read_listed_budgets(study_file: Path | None, flags: Mapping[str, Any]) -> dict[str, Any]:
    """The budgets that a study file lists, as the flag has them, with the name that their studies begin with.

    Nothing where the file lists none, or the flag goes above it.

    Raises:
        InputError: The file cannot be read.
    """
    from hpsearch.study.file import read_study_file

    fields = read_study_file(study_file) if study_file is not None and flags.get("budget") is None else {}
    budgets = fields.get("budget")
    if not isinstance(budgets, list) or not budgets:
        return {}
    name = flags.get("name")
    return {"budget": ",".join(str(budget) for budget in budgets), "name": fields.get("name") if name is None else name}


def _split(text: str | None) -> list[str | None]:
    return [None] if text is None else [part.strip() for part in text.split(",")]


@dataclass(frozen=True)
class _Rung:
    record: "StudyRecord"
    ending: Ending
    seconds: float

    @property
    def best(self) -> "TrialRecord | None":
        return self.record.best

    @property
    def measured(self) -> "Measured":
        """What the frontier compares."""
        from hpsearch.tuning.frontier import Measured

        best = self.best
        return Measured(best.value, best.weights) if best else Measured(None, None)


class Ladder:
    """Several searches, one after the other."""

    def __init__(self, sessions: Sequence[Session]) -> None:
        self._sessions = sessions

    def climb(self, interrupts: Interrupts, cache_folder: Path) -> int:
        """Search rung after rung, and show what came of it; the exit code."""
        rungs: list[_Rung] = []
        first = self._sessions[0]
        log = None if first.quiet else open_console(stderr=first.as_json)
        for number, session in enumerate(self._sessions, start=1):
            spec = session.request.spec
            if log is not None:
                title = f"rung {number} of {len(self._sessions)}: {spec.arch} of at most {spec.budget:,} weights"
                log.print(f"\n{title}", style="bold", soft_wrap=True)
            below = [rung.record for rung in rungs if rung.record.study.spec.arch == spec.arch]
            begun = time.monotonic()
            predecessor = hand_up(below[-1]) if below else None
            record, ending = session.search(interrupts, cache_folder, predecessor=predecessor)
            rungs.append(_Rung(record, ending, time.monotonic() - begun))
            if ending in ("interrupted", "study-stopped"):
                break
        self._show(rungs)
        if interrupts.exit_code is not None:
            return interrupts.exit_code
        is_whole = len(rungs) == len(self._sessions) and all(rung.best is not None for rung in rungs)
        return 0 if is_whole else 1

    def _show(self, rungs: Sequence[_Rung]) -> None:
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


def hand_up(below: "StudyRecord") -> "Predecessor":
    """The rung below, for the next to begin with its best: the solver gives their shapes the next one's widths.

    A rung that exists goes on as it was made.
    """
    from hpsearch.tuning.warm_start import Predecessor

    return Predecessor(below.study.name, lambda: below, is_asked=False)


def is_unbeaten(rung: _Rung, rungs: Sequence[_Rung]) -> bool:
    """Whether its network is on the frontier of all rungs' networks."""
    from hpsearch.tuning.frontier import is_on_frontier

    return is_on_frontier(rung.measured, [each.measured for each in rungs])


def show_rungs(console: "Console", rungs: Sequence[_Rung]) -> None:
    """Write the table."""
    from hpsearch.cli.tables import make_table

    headings = ("arch", "budget>", "weights>", "MACs>", "validation>", "test>", "trials>", "time>", "", "network/")
    table = make_table(*headings)
    for rung in rungs:
        spec, best = rung.record.study.spec, rung.best
        table.add_row(
            spec.arch,
            f"{spec.budget:,}",
            f"{best.weights:,}" if best and best.weights is not None else "-",
            f"{best.macs:,}" if best and best.macs is not None else "-",
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


def _describe(rung: _Rung, rungs: Sequence[_Rung]) -> dict[str, Any]:
    record, best = rung.record, rung.best
    spec = record.study.spec
    return {
        "study": record.study.name,
        "arch": spec.arch,
        "budget": spec.budget,
        "ending": rung.ending,
        "is_finished": record.is_finished,
        "counts": record.counts,
        "trial": best.number if best else None,
        "weights": best.weights if best else None,
        "macs": best.macs if best else None,
        "validation_accuracy": best.value if best else None,
        "test_accuracy": best.test_accuracy if best else None,
        "is_on_frontier": is_unbeaten(rung, rungs),
        "config": dict(best.config_json) if best and best.config_json else None,
    }
