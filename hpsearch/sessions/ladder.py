"""A ladder: a study for each of several budgets. Which there are, and what came of them."""

import itertools
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpsearch.errors import InputError
from hpsearch.sessions.stopping import Ending
from hpsearch.wording import quote

if TYPE_CHECKING:
    from hpsearch.network.limits import LimitName
    from hpsearch.tuning.frontier import Measured
    from hpsearch.tuning.records import StudyRecord, TrialRecord

_MOST_RUNGS = 40
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(,\d{3})+", re.ASCII)


@dataclass(frozen=True)
class Rung:
    """A study of the ladder, and what came of it."""

    record: "StudyRecord"
    ending: Ending
    seconds: float

    @property
    def best(self) -> "TrialRecord | None":
        """Its best trial."""
        return self.record.best

    @property
    def measured(self) -> "Measured":
        """What the frontier compares."""
        from hpsearch.tuning.frontier import Measured

        best = self.best
        return Measured(best.value, best.weights) if best else Measured(None, None)


def is_unbeaten(rung: Rung, rungs: Sequence[Rung]) -> bool:
    """Whether its network is on the frontier of all rungs' networks."""
    from hpsearch.tuning.frontier import is_on_frontier

    return is_on_frontier(rung.measured, [each.measured for each in rungs])


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


def list_first_predecessors(rungs: Sequence[Mapping[str, Any]], named: str | None) -> list[str | None]:
    """For each rung the study that a person named to begin with, where it is the lowest of its family; else None."""
    lowest = {rung["arch"]: rung for rung in reversed(rungs)}
    return [named if rung is lowest[rung["arch"]] else None for rung in rungs]


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
    if text is not None and _THOUSANDS.fullmatch(text.strip()):
        plain = text.replace(",", "_")
        raise InputError(
            f"{name} {quote(text)} divides thousands by a comma, which divides the rungs of a ladder here: give {plain}"
        )
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
