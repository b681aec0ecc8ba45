"""How a study begins: with the best of another one, with the portfolio, or with what its sampler draws.

First trials are decided when a study is made, and written in the transaction that makes it one: whoever dies before has
made nothing, and whoever comes after finds them all, once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from hpsearch.errors import InputError
from hpsearch.storage import leases, optuna_rows
from hpsearch.study.parameters import RECIPE_PARAMETERS, spell_out
from hpsearch.study.portfolio import list_fitting_entries
from hpsearch.study.search_space import Choices, FloatRange, IntRange, SearchSpace, Value, takes
from hpsearch.study.spec import StudySpec
from hpsearch.tuning.attributes import FROM_PORTFOLIO, GIVEN_BY
from hpsearch.tuning.stored_beginning import WarmStart
from hpsearch.tuning.study_teacher import GivenTeacher, StudyTeacher
from hpsearch.tuning.suggest import FIXED_PARAMETERS, fixed_parameters

if TYPE_CHECKING:
    from hpsearch.tuning.records import StudyRecord, TrialRecord

BEST_OF_STUDY = 3
"""So many of a study's best distinct configurations begin another one that a person starts from it."""
BEST_OF_RUNG = 2
"""The same for the next rung of a ladder."""


@dataclass(frozen=True)
class Predecessor:
    """A study whose best configurations begin another one."""

    name: str
    read: "Callable[[], StudyRecord]"
    """Reads it; called only where a study is to be made."""
    is_asked: bool = True
    """Whether a person named it: then something has to come of it, and a study that exists has to be begun with it."""


@dataclass(frozen=True)
class FirstTrial:
    """A trial that is not drawn, or not all of it."""

    parameters: Mapping[str, Value]
    """Of the searched ones; the sampler draws the rest."""
    given_by: str
    """In words."""


@dataclass(frozen=True)
class Beginning:
    """The first trials of a study that is made now, and its teacher."""

    spec: StudySpec
    """With the portfolio decided."""
    trials: tuple[FirstTrial, ...] = ()
    warm_start: WarmStart | None = None
    teacher: GivenTeacher | None = None
    """Whom all of its trials learn from, not the first alone."""

    @property
    def study_teacher(self) -> StudyTeacher | None:
        """The same as the study keeps it."""
        return None if self.teacher is None else self.teacher.teacher


def plan_beginning(spec: StudySpec, space: SearchSpace, predecessor: Predecessor | None = None) -> Beginning:
    """Decide how a study begins.

    A person's predecessor may fill all of its trials; a ladder's, and the portfolio, leave half of them to the sampler.

    Args:
        spec: What the study searches.
        space: What is really drawn from.
        predecessor: Whose best come first.

    Raises:
        InputError: The predecessor has nothing to give, or nothing of it fits.
    """
    drawn = spec.trials if spec.round_plan is None else spec.round_plan.drawn
    warm_start: WarmStart | None = None
    first: list[FirstTrial] = []
    if predecessor is not None:
        room = min(BEST_OF_STUDY, drawn) if predecessor.is_asked else min(BEST_OF_RUNG, drawn // 2)
        warm_start, first = _take_best(predecessor, spec, space, room)
    spec = spec.settle_portfolio(is_warm=warm_start is not None)
    if spec.portfolio:
        fixed = fixed_parameters(space)
        shipped = [
            FirstTrial(_keep_searched(entry.parameters, space, fixed), f"{FROM_PORTFOLIO}{entry.name}")
            for entry in list_fitting_entries(spec.arch, space, spec.limits.weights_at_most)
        ]
        first += shipped[: max(0, count_given(spec) - len(first))]
    return Beginning(spec, tuple(first), warm_start)


def count_given(spec: StudySpec) -> int:
    """How many of a study's trials the portfolio may be: half, and of rounds three quarters of the first.

    Where nothing is screened, all: there a draw would be a result that nobody has compared.
    """
    if spec.round_plan is None:
        return spec.trials // 2
    drawn = spec.round_plan.drawn
    return drawn if len(spec.round_plan.rounds) == 1 else drawn - drawn // 4


def add_given_trial(
    connection: sa.Connection, study_id: int, parameters: Mapping[str, Value], *, given_by: str
) -> None:
    """Add a trial that waits, with what it is given. The caller holds the study's claim lock."""
    trial_id = leases.add_waiting_trial(connection, study_id)
    optuna_rows.write_system_attribute(connection, trial_id, FIXED_PARAMETERS, dict(parameters))
    optuna_rows.write_attributes(connection, trial_id, {GIVEN_BY: given_by})
    leases.record_event(connection, "enqueued", study_id, trial_id)


def _take_best(
    predecessor: Predecessor, spec: StudySpec, space: SearchSpace, room: int
) -> tuple[WarmStart | None, list[FirstTrial]]:
    record = predecessor.read()
    if predecessor.is_asked:
        _check_predecessor(record, spec)
    elif spec.sampler == "grid":
        return None, []
    taken: dict[int, dict[str, Value]] = {}
    changes: list[str] = []
    for trial in record.distinct_ranking:
        if len(taken) == room:
            break
        given, changed = _transfer(record, trial, spec, space)
        if given and given not in taken.values():
            taken[trial.number] = given
            changes += [f"{change} (trial {trial.number})" for change in changed]
    if not taken:
        if predecessor.is_asked:
            raise InputError(
                f"nothing of the best of study {predecessor.name!r} is searched by the new one: "
                "give another --from, or none"
            )
        return None, []
    whence = record.study
    if whence.spec.arch != spec.arch:
        changes.insert(0, f"only the recipe is taken: the network of a {spec.arch} is drawn")
    warm_start = WarmStart(
        study=whence.name,
        arch=whence.spec.arch,
        budget=whence.spec.budget,
        dataset=whence.dataset.name,
        trials=tuple(taken),
        changes=tuple(changes),
    )
    return warm_start, [FirstTrial(given, f"{whence.name}, trial {number}") for number, given in taken.items()]


def _check_predecessor(record: "StudyRecord", spec: StudySpec) -> None:
    name = record.study.name
    if spec.sampler == "grid":
        raise InputError("sampler grid walks through all its points, so --from is not allowed: take another sampler")
    if record.study.plan is not None:
        search = record.study.plan.search
        hint = f"give --from {search}, whose trials they are" if search else "give --from a study that drew its trials"
        raise InputError(f"the trials of study {name!r} were planned, not drawn: {hint}")
    if record.best is None:
        raise InputError(
            f"study {name!r} has no complete trial to begin with: hpsearch show {name} says more; give another --from"
        )


def _transfer(
    record: "StudyRecord", trial: "TrialRecord", spec: StudySpec, space: SearchSpace
) -> tuple[dict[str, Value], list[str]]:
    """What a trial of another study gives to this one, and in words what becomes of the rest.

    A number beyond a range is put to its nearer end. A choice that is not searched here is left to the sampler: the
    rest of the configuration is still better than a draw.
    """
    whence = record.study
    values = spell_out(fixed_parameters(whence.space) | dict(trial.parameters))
    names = space.distributions if whence.spec.arch == spec.arch else RECIPE_PARAMETERS
    fixed = fixed_parameters(space)
    given: dict[str, Value] = {}
    changes: list[str] = []
    for name in names:
        if name not in values:
            continue
        value, distribution = values[name], space.distributions[name]
        nearest = _find_nearest(distribution, value)
        if nearest is not None and name not in fixed:
            given[name] = nearest
        if nearest != value:
            here = fixed.get(name, nearest)
            becomes = "is drawn anew" if here is None else f"becomes {_write(here)}"
            changes.append(f"{name} {_write(value)} {becomes}")
    return _keep_searched(given, space, fixed), changes


def _find_nearest(distribution: FloatRange | IntRange | Choices, value: Any) -> Value | None:
    """The value itself or the nearer end of a range; None where it is no choice."""
    if takes(distribution, value):
        found: Value = value
        return found
    if isinstance(distribution, Choices) or isinstance(value, bool) or not isinstance(value, int | float):
        return None
    nearest = min(max(value, distribution.low), distribution.high)
    return round(nearest) if isinstance(distribution, IntRange) else nearest


def _keep_searched(parameters: Mapping[str, Value], space: SearchSpace, fixed: Mapping[str, Value]) -> dict[str, Value]:
    """Those that have more than one value, each of the type in which it is stored."""
    return {
        name: float(value) if isinstance(space.distributions[name], FloatRange) else value
        for name, value in parameters.items()
        if name not in fixed
    }


def _write(value: Value) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
