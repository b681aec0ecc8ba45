"""What hpsearch writes into Optuna's tables itself, to have it in one transaction with a lease.

Optuna writes every parameter, attribute and state in a transaction of its own; a worker that dies between two of them
leaves a trial that is neither one nor the other. The layout is Optuna's `v3.2.0.a`, which the storage checks when it is
opened, through Optuna's own table definitions.
"""

import functools
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from optuna.distributions import BaseDistribution, distribution_to_json
from optuna.storages._rdb import models
from optuna.trial import FrozenTrial, TrialState

from hpsearch.errors import InputError, StorageError
from hpsearch.storable_text import list_unstorable, make_storable, write_out
from hpsearch.storage.upsert import upsert

trials = models.TrialModel.__table__
_studies = models.StudyModel.__table__
_study_attributes = models.StudyUserAttributeModel.__table__
_study_system_attributes = models.StudySystemAttributeModel.__table__
_parameters = models.TrialParamModel.__table__
_attributes = models.TrialUserAttributeModel.__table__
_system_attributes = models.TrialSystemAttributeModel.__table__
_values = models.TrialValueModel.__table__
_intermediate_values = models.TrialIntermediateValueModel.__table__

RUNG = "completed_rung_"
"""How the names begin of the system attributes in which Optuna's successive halving notes the rungs of a trial."""

_OBJECTIVE = 0
_CHUNK = 500

# Statements of every claim: to put one together takes as long as a short query.
_STARTED = ("number", "state", "datetime_start")
_TRIAL_INSERT = (
    trials.insert()
    .from_select(
        ["study_id", *_STARTED],
        sa.select(
            _studies.c.study_id,
            *(sa.bindparam(name, type_=trials.c[name].type).label(name) for name in _STARTED),
        ).where(_studies.c.study_id == sa.bindparam("study")),
    )
    .returning(trials.c.trial_id)
)

_STATE_CHANGE = trials.update().where(
    (trials.c.trial_id == sa.bindparam("id")) & (trials.c.state == sa.bindparam("before", type_=trials.c.state.type))
)

_CHANGED = (
    sa.select(
        *(trials.c[name] for name in ("trial_id", "number", "state", "datetime_start", "datetime_complete")),
        _values.c.value,
        _values.c.value_type,
    )
    .select_from(trials.outerjoin(_values, _values.c.trial_id == trials.c.trial_id))
    .where(trials.c.study_id == sa.bindparam("study"))
    .where((trials.c.trial_id > sa.bindparam("newest")) | trials.c.trial_id.in_(sa.bindparam("ids", expanding=True)))
)

_LAST_ENDS = (
    sa.select(trials.c.trial_id, trials.c.state)
    .where((trials.c.study_id == sa.bindparam("study")) & (trials.c.datetime_complete > sa.bindparam("moment")))
    .order_by(trials.c.datetime_complete.desc(), trials.c.trial_id.desc())
    .limit(sa.bindparam("count"))
)

_RESULT_ATTRIBUTES = (
    "reason",
    "traceback",
    "curve",
    "seconds",
    "epochs",
    "cores",
    "environment",
    "int8_validation_accuracy",
)
"""The user attributes that a trial gets when it finishes."""


def insert_trial(connection: sa.Connection, study_id: int, now: datetime | None, *, number: int) -> int:
    """Add a trial: RUNNING since `now`, WAITING without. The caller holds the study's claim lock.

    Its number is that of the trials that the study has.

    Returns:
        Its id.

    Raises:
        StorageError: The study was deleted meanwhile; SQLite would not mind.
    """
    values = {
        "study": study_id,
        "number": number,
        "state": TrialState.WAITING if now is None else TrialState.RUNNING,
        "datetime_start": None if now is None else _naive(now),
    }
    trial_id: int | None = connection.execute(_TRIAL_INSERT, values).scalar_one_or_none()
    if trial_id is None:
        raise StorageError("the study was deleted while it was worked on: hpsearch list shows those that are left")
    return trial_id


def find_changed_trials(
    connection: sa.Connection, study_id: int, *, newer_than: int, among: Collection[int]
) -> list[sa.Row[Any]]:
    """A study's trials with higher ids than one, and those with these ids: each as it stands, with its value."""
    wanted = {"study": study_id, "newest": newer_than, "ids": _round_up(list(among))}
    return list(connection.execute(_CHANGED, wanted))


def read_trials(
    connection: sa.Connection,
    found: Sequence[sa.Row[Any]],
    distributions: Mapping[str, BaseDistribution],
    drawn: Mapping[int, dict[str, Any]],
) -> list[FrozenTrial]:
    """Trials that were found as samplers and pruners want them: without user attributes, with these parameters.

    What a trial has when it finishes is there for whoever has found it finished. What it was drawn is read of those
    alone of which it is not known: nothing changes that.
    """
    read: list[FrozenTrial] = []
    for start in range(0, len(found), _CHUNK):
        read += _read_chunk(connection, found[start : start + _CHUNK], distributions, drawn)
    return read


def _read_chunk(
    connection: sa.Connection,
    rows: Sequence[sa.Row[Any]],
    distributions: Mapping[str, BaseDistribution],
    drawn: Mapping[int, dict[str, Any]],
) -> list[FrozenTrial]:
    ids = [row.trial_id for row in rows]
    parameters = {trial_id: drawn.get(trial_id, {}) for trial_id in ids}
    unknown = [trial_id for trial_id in ids if trial_id not in drawn]
    for row in select_of(connection, _parameters, unknown, "param_name", "param_value"):
        if (distribution := distributions.get(row.param_name)) is not None:
            parameters[row.trial_id][row.param_name] = distribution.to_external_repr(row.param_value)
    steps, attributes = read_steps(connection, ids), read_system_attributes(connection, ids)
    return [
        FrozenTrial(
            number=row.number,
            state=row.state,
            value=read_value(row) if row.state.is_finished() else None,
            datetime_start=row.datetime_start,
            datetime_complete=row.datetime_complete,
            params=parameters[row.trial_id],
            distributions={name: distributions[name] for name in parameters[row.trial_id]},
            user_attrs={},
            system_attrs=attributes[row.trial_id],
            intermediate_values=steps[row.trial_id],
            trial_id=row.trial_id,
        )
        for row in rows
    ]


def read_steps(connection: sa.Connection, ids: list[int]) -> dict[int, dict[int, float]]:
    """What each of these trials reported, by step."""
    steps: dict[int, dict[int, float]] = {trial_id: {} for trial_id in ids}
    from_stored = models.TrialIntermediateValueModel.stored_repr_to_intermediate_value
    for row in select_of(
        connection, _intermediate_values, ids, "step", "intermediate_value", "intermediate_value_type"
    ):
        steps[row.trial_id][row.step] = from_stored(row.intermediate_value, row.intermediate_value_type)
    return {trial_id: dict(sorted(reported.items())) for trial_id, reported in steps.items()}


def read_system_attributes(connection: sa.Connection, ids: list[int]) -> dict[int, dict[str, Any]]:
    """What Optuna noted of each of these trials."""
    attributes: dict[int, dict[str, Any]] = {trial_id: {} for trial_id in ids}
    for row in select_of(connection, _system_attributes, ids, "key", "value_json"):
        attributes[row.trial_id][row.key] = json.loads(row.value_json)
    return attributes


def read_value(row: sa.Row[Any]) -> float | None:
    """The value of a trial, of a row with how it is stored."""
    if row.value_type is None:
        return None
    return models.TrialValueModel.stored_repr_to_value(row.value, row.value_type)


def select_of(connection: sa.Connection, table: Any, ids: list[int], *columns: str) -> Iterable[sa.Row[Any]]:
    """The rows that a table has of these trials: `trial_id`, and these columns."""
    if not ids:
        return ()
    return connection.execute(_build_selection(table, columns), {"ids": _round_up(ids)})


@functools.cache
def _build_selection(table: Any, columns: tuple[str, ...]) -> sa.Select[Any]:
    query = sa.select(table.c.trial_id, *(table.c[name] for name in columns))
    return query.where(table.c.trial_id.in_(sa.bindparam("ids", expanding=True)))


def _round_up(ids: list[int]) -> list[int]:
    """Repeat the last until there are 1, 2, 4, 8 ...: each length of a list is another statement to be planned."""
    return ids + ids[-1:] * (2 ** (len(ids) - 1).bit_length() - len(ids)) if ids else ids


def read_ends(connection: sa.Connection, study_id: int) -> dict[int, datetime | None]:
    """When each trial of a study ended (naive, UTC), by id, in the order of their numbers; None of one that has not."""
    query = sa.select(trials.c.trial_id, trials.c.datetime_complete).where(trials.c.study_id == study_id)
    return {row.trial_id: row.datetime_complete for row in connection.execute(query.order_by(trials.c.number))}


def find_last_ends(
    connection: sa.Connection, study_id: int, *, after: datetime | None, count: int
) -> list[tuple[int, TrialState]]:
    """The id and state of a study's trials that finished last, the last one first; only those after a moment."""
    moment = datetime.min if after is None else _naive(after.astimezone(UTC))
    values = {"study": study_id, "moment": moment, "count": count}
    return [(row.trial_id, row.state) for row in connection.execute(_LAST_ENDS, values)]


def read_states(connection: sa.Connection, study_id: int) -> dict[int, TrialState]:
    """The state of every trial of a study, by id."""
    query = sa.select(trials.c.trial_id, trials.c.state).where(trials.c.study_id == study_id)
    return {row.trial_id: row.state for row in connection.execute(query)}


def change_state(
    connection: sa.Connection, trial_id: int, before: TrialState, after: TrialState, now: datetime
) -> bool:
    """Compare and swap the state of a trial, its start or end with it.

    Returns:
        Whether it was in the state `before`, and so is in `after` now.
    """
    values: dict[str, Any] = {"state": after}
    if after == TrialState.RUNNING:
        values["datetime_start"] = _naive(now)
    if after.is_finished():
        values["datetime_complete"] = _naive(now)
    return connection.execute(_STATE_CHANGE, {"id": trial_id, "before": before} | values).rowcount == 1


def write_parameters(
    connection: sa.Connection,
    trial_id: int,
    parameters: Mapping[str, Any],
    distributions: Mapping[str, BaseDistribution],
) -> None:
    """Store what a trial was drawn; once more is as good as once."""
    rows = [
        {
            "trial_id": trial_id,
            "param_name": name,
            "param_value": distribution.to_internal_repr(parameters[name]),
            "distribution_json": distribution_to_json(distribution),
        }
        for name, distribution in distributions.items()
    ]
    upsert(connection, _parameters, ("trial_id", "param_name"), rows)


def write_attributes(connection: sa.Connection, trial_id: int, attributes: Mapping[str, Any]) -> None:
    """Store user attributes of a trial, in place of those of the same names."""
    _write_attributes(connection, _attributes, "trial_id", trial_id, attributes)


def read_attribute(connection: sa.Connection, trial_id: int, key: str) -> Any:
    """A user attribute of a trial; None where it has none of that name."""
    same = (_attributes.c.trial_id == trial_id) & (_attributes.c.key == key)
    text = connection.execute(sa.select(_attributes.c.value_json).where(same)).scalar_one_or_none()
    return None if text is None else json.loads(text)


def read_attributes(connection: sa.Connection, study_id: int, keys: Collection[str]) -> dict[int, dict[str, Any]]:
    """These user attributes of a study's trials, by the trial's number; a trial that has none of them is left out."""
    query = (
        sa.select(trials.c.number, _attributes.c.key, _attributes.c.value_json)
        .select_from(trials.join(_attributes, _attributes.c.trial_id == trials.c.trial_id))
        .where((trials.c.study_id == study_id) & _attributes.c.key.in_(keys))
    )
    found: dict[int, dict[str, Any]] = {}
    for row in connection.execute(query):
        found.setdefault(row.number, {})[row.key] = json.loads(row.value_json)
    return found


def count_trials(connection: sa.Connection, study_id: int) -> tuple[int, int]:
    """How many trials a study has, and how many of them are finished."""
    is_finished = trials.c.state.in_([state for state in TrialState if state.is_finished()])
    query = sa.select(sa.func.count(), sa.func.count(sa.case((is_finished, 1)))).select_from(trials)
    existing, finished = connection.execute(query.where(trials.c.study_id == study_id)).one()
    return existing, finished


def write_system_attribute(connection: sa.Connection, trial_id: int, key: str, value: Any) -> None:
    """Store a system attribute of a trial, in place of one of the same name."""
    _write_attributes(connection, _system_attributes, "trial_id", trial_id, {key: value})


def write_study_attributes(
    connection: sa.Connection, study_id: int, user: Mapping[str, Any], system: Mapping[str, Any]
) -> None:
    """Store user and system attributes of a study, in place of those of the same names.

    Raises:
        InputError: A text in them cannot be stored: a study that nobody could read again is not made.
    """
    for text in list_unstorable([user, system]):
        raise InputError(
            f"'{write_out(text)[:80]}' cannot be stored, for it is no UTF-8 text: rename it, and try again"
        )
    _write_attributes(connection, _study_attributes, "study_id", study_id, user)
    _write_attributes(connection, _study_system_attributes, "study_id", study_id, system)


def _write_attributes(
    connection: sa.Connection, table: Any, owner: str, owner_id: int, attributes: Mapping[str, Any]
) -> None:
    rows = [
        {owner: owner_id, "key": key, "value_json": json.dumps(make_storable(value), allow_nan=False)}
        for key, value in attributes.items()
    ]
    upsert(connection, table, (owner, "key"), rows)


def forget_epochs(connection: sa.Connection, trial_id: int, *, first: int) -> None:
    """Delete what an attempt that came to no end has reported from epoch `first` on.

    The next attempt goes on from there, perhaps on another device: no epoch is reported by two attempts. One that
    begins anew passes the rungs of a pruner anew, too.
    """
    later = (_intermediate_values.c.trial_id == trial_id) & (_intermediate_values.c.step >= first)
    connection.execute(_intermediate_values.delete().where(later))
    if first == 0:
        rungs = (_system_attributes.c.trial_id == trial_id) & _system_attributes.c.key.startswith(RUNG)
        connection.execute(_system_attributes.delete().where(rungs))


def forget_result(connection: sa.Connection, trial_id: int) -> None:
    """Delete all that the attempts of a trial came to; what it was drawn stays."""
    forget_epochs(connection, trial_id, first=0)
    connection.execute(_values.delete().where(_values.c.trial_id == trial_id))
    results = _attributes.c.key.in_(_RESULT_ATTRIBUTES)
    connection.execute(_attributes.delete().where((_attributes.c.trial_id == trial_id) & results))
    row = trials.c.trial_id == trial_id
    connection.execute(trials.update().where(row).values(datetime_start=None, datetime_complete=None))


def write_intermediate_values(connection: sa.Connection, trial_id: int, values: Mapping[int, float]) -> None:
    """Store the values of some steps; once more is as good as once."""
    to_stored = models.TrialIntermediateValueModel.intermediate_value_to_stored_repr
    stored = {step: to_stored(value) for step, value in values.items()}
    rows = [
        {"trial_id": trial_id, "step": step, "intermediate_value": value, "intermediate_value_type": kind}
        for step, (value, kind) in stored.items()
    ]
    upsert(connection, _intermediate_values, ("trial_id", "step"), rows)


def write_value(connection: sa.Connection, trial_id: int, value: float) -> None:
    """Store the objective value of a trial that finishes."""
    stored, kind = models.TrialValueModel.value_to_stored_repr(value)
    values = {"trial_id": trial_id, "objective": _OBJECTIVE, "value": stored, "value_type": kind}
    connection.execute(_values.insert(), values)


def _naive(moment: datetime) -> datetime:
    """Optuna's columns hold UTC without a zone."""
    return moment.replace(tzinfo=None)
