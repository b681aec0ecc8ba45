"""A ladder: a study for each of several budgets, the best of one at the beginning of the next, a table of all."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpsearch.cli.session import ShownSession
from hpsearch.cli.signals import Interrupts
from hpsearch.durations import format_duration
from hpsearch.errors import InputError
from hpsearch.sessions.session import Ending
from hpsearch.views.networks import list_footprint
from hpsearch.views.screen import open_console, write_json
from hpsearch.views.search import format_accuracy

if TYPE_CHECKING:
    from rich.console import Console

    from hpsearch.network.limits import LimitName
    from hpsearch.tuning.frontier import Measured
    from hpsearch.tuning.records import StudyRecord, TrialRecord
    from hpsearch.tuning.warm_start import Predecessor

_MOST_RUNGS = 40


def read_rungs(flags: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The flags of each rung: one of each family and limit that `--arch`, `--budget`, `--ram` list, small ones first.

    Raises:
        InputError: A limit is none, or one is given twice.
    """
    from hpsearch.network.limits import LIMIT_NAMES, format_limit

    archs = _split(flags.get("arch"))
    if len(archs) == 1 and all(len(_split(flags.get(name))) == 1 for name in LIMIT_NAMES):
        return [dict(flags)]
    listed = {name: _read_limits(name, flags.get(name)) for name in LIMIT_NAMES}
    axes: list[Sequence[object]] = [archs, *listed.values()]
    count = math.prod(len(values) for values in axes)
    for values in axes:
        if len(set(values)) < len(values):
            raise InputError(f"{', '.join(map(str, values))} has the same twice: give each once")
    if count > _MOST_RUNGS:
        raise InputError(f"{count} studies at once are too many: give at most {_MOST_RUNGS}")
    rungs = []
    in_order = itertools.product(*(_sort(values) for values in listed.values()))
    for arch, limits in itertools.product(archs, in_order):
        written = {
            name: format_limit(name, limit) if limit is not None else None
            for name, limit in zip(LIMIT_NAMES, limits, strict=True)
        }
        rung = dict(flags) | {"arch": arch} | written
        if flags.get("name") is not None:
            several = [name for name in LIMIT_NAMES if len(listed[name]) > 1]
            tail = [str(written[name]) if name == "budget" else f"{name}{written[name]}" for name in several]
            rung["name"] = "-".join([str(flags["name"]), *([str(arch)] if len(archs) > 1 else []), *tail])
        rungs.append(rung)
    return rungs


def read_listed_limits(study_file: Path | None, flags: Mapping[str, Any]) -> dict[str, Any]:
    """The limits that a study file lists, as the flags have them, with the name that their studies begin with.

    Nothing where the file lists none, or the flag goes above it.

    Raises:
        InputError: The file cannot be read.
    """
    from hpsearch.network.limits import LIMIT_NAMES
    from hpsearch.study.file import read_study_file

    wanted = [name for name in LIMIT_NAMES if flags.get(name) is None]
    fields = read_study_file(study_file) if study_file is not None and wanted else {}
    listed: dict[str, Any] = {
        name: ",".join(str(limit) for limit in fields[name])
        for name in wanted
        if isinstance(fields.get(name), list) and fields[name]
    }
    if not listed:
        return {}
    name = flags.get("name")
    return {**listed, "name": fields.get("name") if name is None else name}


def _read_limits(name: "LimitName", text: str | None) -> list[int | None]:
    return [None if part is None else _read_limit(name, part) for part in _split(text)]


def _read_limit(name: "LimitName", text: str) -> int:
    from hpsearch.network.budget import parse_budget
    from hpsearch.network.sizes import parse_bytes, parse_macs

    match name:
        case "budget":
            return parse_budget(text)
        case "macs":
            return parse_macs(text, name)
        case _:
            return parse_bytes(text, name)


def _sort(limits: list[int | None]) -> list[int | None]:
    return sorted(limits, key=lambda limit: limit or 0)


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

    def __init__(self, sessions: Sequence[ShownSession]) -> None:
        self._sessions = sessions

    def climb(self, interrupts: Interrupts) -> int:
        """Search rung after rung, and show what came of it; the exit code."""
        rungs: list[_Rung] = []
        first = self._sessions[0]
        log = None if first.quiet else open_console(stderr=first.as_json)
        for number, session in enumerate(self._sessions, start=1):
            spec = session.session.request.spec
            if log is not None:
                title = f"rung {number} of {len(self._sessions)}: {spec.arch} of {spec.limits.describe()}"
                log.print(f"\n{title}", style="bold", soft_wrap=True)
            below = [rung.record for rung in rungs if rung.record.study.spec.arch == spec.arch]
            predecessor = hand_up(below[-1]) if below else None
            result = session.session.run(session.progress, interrupts, predecessor=predecessor)
            rungs.append(_Rung(result.record, result.ending, result.seconds))
            if result.ending in ("interrupted", "study-stopped"):
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


def _describe(rung: _Rung, rungs: Sequence[_Rung]) -> dict[str, Any]:
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
