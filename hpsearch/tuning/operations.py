"""What operators do to a study: stop it, let it go on, put trials back or in, delete it.

Each is one transaction under the study's claim lock, so that no worker claims or reaps in the middle of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from optuna.trial import TrialState
from pydantic import TypeAdapter, ValidationError

from hpsearch.errors import InputError
from hpsearch.storage import leases, optuna_rows, study_rows, tables
from hpsearch.storage.blobs import delete_blobs
from hpsearch.storage.database import Database
from hpsearch.storage.engines import read_clock
from hpsearch.storage.optuna_rows import trials
from hpsearch.storage.stored_rows import StudyCourse
from hpsearch.storage.study_rows import read_course
from hpsearch.study.search_space import FloatRange, Value, takes
from hpsearch.study.spec import StudySpec, Trials
from hpsearch.tuning.sampler import GridSampler
from hpsearch.tuning.study import Study, find_study_id
from hpsearch.tuning.suggest import fixed_parameters, searched_distributions
from hpsearch.tuning.warm_start import add_given_trial
from hpsearch.wording import describe_allowed, quote

STOPPED_BY_HAND = "stopped by hand"
"""The reason of a study that nobody but an operator stopped."""


@dataclass(frozen=True)
class HeldTrial:
    """A trial that a live worker holds."""

    number: int
    worker: str


@dataclass(frozen=True)
class Stop:
    """What a stop found and did."""

    course: StudyCourse
    was_stopped: bool
    held: tuple[HeldTrial, ...]
    """Trials that live workers hold: they finish them, or give them back."""


@dataclass(frozen=True)
class Resumption:
    """What letting a study go on came to."""

    was_stopped: bool
    trials_before: int
    """How many trials it asked for."""
    trials: int
    """How many it asks for now."""
    open_trials: int
    """Of these, how many are not finished."""
    together: int = 1
    """In rounds of so many it goes: it asks for a multiple of that."""


def stop_study(study: Study, *, gives_back: bool = False) -> Stop:
    """Let nobody claim a trial of a study any more.

    A study that is stopped already keeps its reason; it never goes back from giving trials back to finishing them.

    Args:
        study: Which.
        gives_back: Whether workers give their trials back instead of finishing them.
    """
    with study.database.transaction(claims_of=study.study_id) as connection:
        before = read_course(connection, study.study_id)
        if not before.is_stopped or (gives_back and not before.gives_back):
            reason = before.stop_reason or STOPPED_BY_HAND
            study_rows.stop_study(connection, study.study_id, reason, gives_back=gives_back)
        course = read_course(connection, study.study_id)
        return Stop(course, before.is_stopped, tuple(_read_held(connection, study.study_id)))


def resume_study(study: Study, *, trials: int | None = None, added: int | None = None) -> Resumption:
    """Let everybody claim again, forgive the failures up to now, and change how many trials the study asks for.

    Args:
        study: Which.
        trials: So many from now on; None for as many as before.
        added: So many more than before, in place of `trials`; of a study in rounds as many as fill them.

    Raises:
        InputError: The study has more trials already, or its grid has fewer points.
    """
    with study.database.transaction(claims_of=study.study_id) as connection:
        course = read_course(connection, study.study_id)
        before = course.trials or study.spec.trials
        together = count_together(study.spec)
        wanted = -(-(before + (added or 0)) // together) * together if trials is None else trials
        states = list(optuna_rows.read_states(connection, study.study_id).values())
        if wanted != before:
            _check_count(study, before, wanted, existing=len(states))
            study_rows.extend_study(connection, study.study_id, wanted)
        study_rows.resume_study(connection, study.study_id)
    finished = sum(state.is_finished() for state in states)
    return Resumption(course.is_stopped, before, wanted, max(0, wanted - finished), together)


def count_together(spec: StudySpec) -> int:
    """How many trials a study is asked for at least: of one in rounds, all of them."""
    return 1 if spec.round_plan is None else spec.round_plan.trials


def requeue_trials(study: Study, numbers: Sequence[int]) -> list[int]:
    """Put trials back into the queue that failed, or whose worker is gone; their deaths and results are forgotten.

    What a trial was drawn stays: it is the same trial, begun anew.

    Returns:
        Their numbers, each once.

    Raises:
        InputError: One of them cannot be put back; then none is.
    """
    with study.database.transaction(claims_of=study.study_id) as connection:
        held = {trial.number: trial.worker for trial in _read_held(connection, study.study_id)}
        known = _read_trials(connection, study.study_id)
        wanted = sorted(set(numbers))
        for number in wanted:
            _check_requeue(study, number, known, held)
        now = read_clock(connection)
        for number in wanted:
            trial_id, state = known[number]
            _requeue(connection, study.study_id, trial_id, state, now)
    return wanted


def enqueue_trial(study: Study, parameters: Mapping[str, Any]) -> int:
    """Put a trial with given parameters into the queue, before those that are still to be drawn.

    Args:
        study: Which.
        parameters: Values for some of the study's parameters; a sampler draws the rest.

    Returns:
        The trial's number.

    Raises:
        InputError: A parameter is unknown or out of the study's space, or the study has all its trials already.
    """
    given = check_parameters(study, parameters)
    if study.spec.sampler == "grid":
        raise InputError(
            f"study {study.name!r} walks a grid, of which each trial is a point: nothing can be added to it"
        )
    with study.database.transaction(claims_of=study.study_id) as connection:
        wanted = read_course(connection, study.study_id).trials or study.spec.trials
        number = len(_read_trials(connection, study.study_id))
        plan = study.spec.round_plan
        if plan is not None and not plan.is_drawn(number) and number < wanted:
            raise InputError(
                f"study {study.name!r} has begun all the trials that it draws, the others repeat the best of them: "
                f"hpsearch resume {study.name} --trials +{plan.trials} lets its rounds begin anew, "
                "or hpsearch train trains a configuration by itself"
            )
        if number >= wanted:
            raise InputError(
                f"study {study.name!r} has all the {wanted} trials that it asks for: "
                f"hpsearch resume {study.name} --trials +{count_together(study.spec)} makes room for more"
            )
        add_given_trial(connection, study.study_id, given, given_by="hpsearch enqueue")
    return number


def check_parameters(study: Study, parameters: Mapping[str, Any]) -> dict[str, Value]:
    """The parameters of a trial that the study's sampler has not to draw.

    Raises:
        InputError: One is unknown, or has a value that the study does not search; the message has what it does.
    """
    fixed, given = fixed_parameters(study.space), {}
    for name, value in parameters.items():
        study.space.check_name(name)
        distribution = study.space.distributions[name]
        if not takes(distribution, value):
            why = ", as far as it fits the budget" if value in study.spec.space.distributions[name] else ""
            raise InputError(
                f"parameter {name} = {quote(value)} is not searched by study {study.name!r}: "
                f"it takes {distribution}{why}"
            )
        if name not in fixed:
            given[name] = float(value) if isinstance(distribution, FloatRange) else value
    return given


def delete_study(study: Study) -> None:
    """Delete a study with its trials, their files and all that is known of them.

    Raises:
        InputError: Live workers hold trials of it.
    """
    _delete(study.database, study.study_id, study.name)


def delete_unreadable_study(database: Database, name: str) -> None:
    """Delete a study of which the database holds something that cannot be read.

    Raises:
        UnknownStudyError: There is no study of this name.
        InputError: Live workers hold trials of it.
    """
    _delete(database, find_study_id(database, name), name)


def _delete(database: Database, study_id: int, name: str) -> None:
    with database.transaction(claims_of=study_id) as connection:
        if held := _read_held(connection, study_id):
            workers = ", ".join(f"{trial.worker} (trial {trial.number})" for trial in held)
            raise InputError(
                f"study {name!r} is at work: {workers}. "
                f"hpsearch stop {name} --now has them give their trials back; then delete it"
            )
        study_rows.delete_study(connection, study_id)
    database.forget_finished_trials()


def _read_held(connection: sa.Connection, study_id: int) -> list[HeldTrial]:
    held = tables.leases
    live = (held.c.study_id == study_id) & held.c.token.is_not(None) & (held.c.expires_at > read_clock(connection))
    joined = held.join(trials, trials.c.trial_id == held.c.trial_id)
    query = sa.select(trials.c.number, held.c.worker).select_from(joined)
    running = live & (trials.c.state == TrialState.RUNNING)
    return [HeldTrial(*row) for row in connection.execute(query.where(running).order_by(trials.c.number))]


def _read_trials(connection: sa.Connection, study_id: int) -> dict[int, tuple[int, TrialState]]:
    """Id and state of every trial, by number."""
    query = sa.select(trials.c.number, trials.c.trial_id, trials.c.state).where(trials.c.study_id == study_id)
    return {row.number: (row.trial_id, row.state) for row in connection.execute(query)}


def _check_count(study: Study, before: int, wanted: int, *, existing: int) -> None:
    if wanted < existing:
        raise InputError(
            f"study {study.name!r} has {existing} trials already, so it cannot ask for {wanted}: "
            f"give --trials {existing} or more, or --trials +N for N more than {before}"
        )
    try:
        TypeAdapter(Trials).validate_python(wanted)
    except ValidationError as error:
        raise InputError(
            f"study {study.name!r} cannot ask for {quote(wanted)} trials; give {describe_allowed(Trials)}"
        ) from error
    plan = study.spec.round_plan
    if plan is not None and wanted % plan.trials:
        raise InputError(
            f"study {study.name!r} goes in rounds of {plan.trials} trials together, so it cannot ask for {wanted}: "
            f"give --trials +{plan.trials}, or a multiple of that"
        )
    if study.spec.sampler == "grid":
        size = GridSampler(searched_distributions(study.space), seed=study.spec.seed).size
        if wanted > max(size, before):
            raise InputError(
                f"study {study.name!r} walks a grid of {size} points, so it cannot ask for {wanted} trials: "
                f"give --trials {size} or fewer, or make a study with more values"
            )


def _check_requeue(
    study: Study, number: int, known: Mapping[int, tuple[int, TrialState]], held: Mapping[int, str]
) -> None:
    if number not in known:
        there = f"it has 0 to {len(known) - 1}" if known else "it has no trials yet"
        raise InputError(f"study {study.name!r} has no trial {number}: {there}")
    state = known[number][1]
    if number in held:
        raise InputError(
            f"trial {number} of {study.name!r} is held by {held[number]}, which is alive: "
            f"hpsearch stop {study.name} --now has it given back"
        )
    match state:
        case TrialState.FAIL | TrialState.RUNNING:
            return
        case TrialState.WAITING:
            raise InputError(f"trial {number} of {study.name!r} waits already: it is the next that a worker takes")
    raise InputError(
        f"trial {number} of {study.name!r} is {state.name}: only one that failed, or whose worker is gone, goes back; "
        f"hpsearch resume {study.name} --trials +{count_together(study.spec)} asks for more"
    )


def _requeue(connection: sa.Connection, study_id: int, trial_id: int, state: TrialState, now: datetime) -> None:
    optuna_rows.change_state(connection, trial_id, state, TrialState.WAITING, now)
    optuna_rows.forget_result(connection, trial_id)
    leases.forget_deaths(connection, trial_id)
    delete_blobs(connection, trial_id)
    leases.record_event(connection, "requeued", study_id, trial_id)
