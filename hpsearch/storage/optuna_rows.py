"""What hpsearch writes into Optuna's tables itself, to have it in one transaction with a lease.

Optuna writes every parameter, attribute and state in a transaction of its own; a worker that dies between two of them
leaves a trial that is neither one nor the other. The layout is Optuna's `v3.2.0.a`, which the storage checks when it is
opened, through Optuna's own table definitions.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from optuna.distributions import BaseDistribution, distribution_to_json
from optuna.storages._rdb import models
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.dialects import postgresql, sqlite

from hpsearch.errors import StorageError

trials = models.TrialModel.__table__
_studies = models.StudyModel.__table__
_parameters = models.TrialParamModel.__table__
_attributes = models.TrialUserAttributeModel.__table__
_system_attributes = models.TrialSystemAttributeModel.__table__
_values = models.TrialValueModel.__table__
_intermediate_values = models.TrialIntermediateValueModel.__table__

RUNG = "completed_rung_"
"""How the names begin of the system attributes in which Optuna's successive halving notes the rungs of a trial."""

_OBJECTIVE = 0
_CHUNK = 500

RESULT_ATTRIBUTES = ("seconds", "epochs", "curve", "reason", "traceback")
"""The user attributes that a trial gets when it finishes."""


def insert_trial(connection: sa.Connection, study_id: int, now: datetime | None, *, number: int) -> int:
    """Add a trial: RUNNING since `now`, WAITING without. The caller holds the study's claim lock.

    Its number is that of the trials that the study has.

    Returns:
        Its id.

    Raises:
        StorageError: The study was deleted meanwhile; SQLite would not mind.
    """
    if connection.execute(sa.select(_studies.c.study_id).where(_studies.c.study_id == study_id)).first() is None:
        raise StorageError("the study was deleted while it was worked on: hpsearch list shows those that are left")
    values = {
        "study_id": study_id,
        "number": number,
        "state": TrialState.WAITING if now is None else TrialState.RUNNING,
        "datetime_start": None if now is None else _naive(now),
    }
    inserted = connection.execute(trials.insert().values(**values).returning(trials.c.trial_id))
    trial_id: int = inserted.scalar_one()
    return trial_id


def find_changed_trials(
    connection: sa.Connection, study_id: int, *, newer_than: int, among: Collection[int]
) -> dict[int, TrialState]:
    """The states, by id, of a study's trials with higher ids than one, and of those with these ids."""
    wanted = (trials.c.trial_id > newer_than) | trials.c.trial_id.in_(list(among))
    query = sa.select(trials.c.trial_id, trials.c.state).where((trials.c.study_id == study_id) & wanted)
    return {row.trial_id: row.state for row in connection.execute(query)}


def read_trials(
    connection: sa.Connection, ids: Sequence[int], distributions: Mapping[str, BaseDistribution]
) -> list[FrozenTrial]:
    """Trials as samplers and pruners want them: without user attributes, with the parameters of these distributions."""
    found: list[FrozenTrial] = []
    for start in range(0, len(ids), _CHUNK):
        found += _read_chunk(connection, list(ids[start : start + _CHUNK]), distributions)
    return found


def _read_chunk(
    connection: sa.Connection, ids: list[int], distributions: Mapping[str, BaseDistribution]
) -> list[FrozenTrial]:
    # The states first: what a trial has when it finishes is there for whoever has seen that it is finished.
    rows = list(_select(connection, trials, ids, "number", "state", "datetime_start", "datetime_complete"))
    parameters: dict[int, dict[str, Any]] = {trial_id: {} for trial_id in ids}
    for row in _select(connection, _parameters, ids, "param_name", "param_value"):
        if (distribution := distributions.get(row.param_name)) is not None:
            parameters[row.trial_id][row.param_name] = distribution.to_external_repr(row.param_value)
    steps: dict[int, dict[int, float]] = {trial_id: {} for trial_id in ids}
    from_stored = models.TrialIntermediateValueModel.stored_repr_to_intermediate_value
    for row in _select(connection, _intermediate_values, ids, "step", "intermediate_value", "intermediate_value_type"):
        steps[row.trial_id][row.step] = from_stored(row.intermediate_value, row.intermediate_value_type)
    values = {
        row.trial_id: models.TrialValueModel.stored_repr_to_value(row.value, row.value_type)
        for row in _select(connection, _values, ids, "value", "value_type")
    }
    attributes: dict[int, dict[str, Any]] = {trial_id: {} for trial_id in ids}
    for row in _select(connection, _system_attributes, ids, "key", "value_json"):
        attributes[row.trial_id][row.key] = json.loads(row.value_json)
    return [
        FrozenTrial(
            number=row.number,
            state=row.state,
            value=values.get(row.trial_id) if row.state.is_finished() else None,
            datetime_start=row.datetime_start,
            datetime_complete=row.datetime_complete,
            params=parameters[row.trial_id],
            distributions={name: distributions[name] for name in parameters[row.trial_id]},
            user_attrs={},
            system_attrs=attributes[row.trial_id],
            intermediate_values=dict(sorted(steps[row.trial_id].items())),
            trial_id=row.trial_id,
        )
        for row in rows
    ]


def _select(connection: sa.Connection, table: Any, ids: list[int], *columns: str) -> sa.Result[Any]:
    query = sa.select(table.c.trial_id, *(table.c[name] for name in columns))
    return connection.execute(query.where(table.c.trial_id.in_(ids)))


def read_ends(connection: sa.Connection, study_id: int) -> dict[int, tuple[TrialState, datetime | None]]:
    """The state of every trial of a study, and when it finished (aware), by id."""
    query = sa.select(trials.c.trial_id, trials.c.state, trials.c.datetime_complete)
    rows = connection.execute(query.where(trials.c.study_id == study_id))
    return {
        row.trial_id: (row.state, row.datetime_complete and row.datetime_complete.replace(tzinfo=UTC)) for row in rows
    }


def read_states(connection: sa.Connection, study_id: int) -> dict[int, TrialState]:
    """The state of every trial of a study, by id."""
    return {trial_id: state for trial_id, (state, _at) in read_ends(connection, study_id).items()}


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
    row = (trials.c.trial_id == trial_id) & (trials.c.state == before)
    return connection.execute(trials.update().where(row).values(**values)).rowcount == 1


def write_parameters(
    connection: sa.Connection,
    trial_id: int,
    parameters: Mapping[str, Any],
    distributions: Mapping[str, BaseDistribution],
) -> None:
    """Store what a trial was drawn; once more is as good as once."""
    connection.execute(_parameters.delete().where(_parameters.c.trial_id == trial_id))
    rows = [
        {
            "trial_id": trial_id,
            "param_name": name,
            "param_value": distribution.to_internal_repr(parameters[name]),
            "distribution_json": distribution_to_json(distribution),
        }
        for name, distribution in distributions.items()
    ]
    if rows:
        connection.execute(_parameters.insert(), rows)


def write_attributes(connection: sa.Connection, trial_id: int, attributes: Mapping[str, Any]) -> None:
    """Store user attributes of a trial, in place of those of the same names."""
    same = (_attributes.c.trial_id == trial_id) & _attributes.c.key.in_(list(attributes))
    connection.execute(_attributes.delete().where(same))
    rows = [
        {"trial_id": trial_id, "key": key, "value_json": json.dumps(value, allow_nan=False)}
        for key, value in attributes.items()
    ]
    connection.execute(_attributes.insert(), rows)


def read_attribute(connection: sa.Connection, trial_id: int, key: str) -> Any:
    """A user attribute of a trial; None where it has none of that name."""
    same = (_attributes.c.trial_id == trial_id) & (_attributes.c.key == key)
    text = connection.execute(sa.select(_attributes.c.value_json).where(same)).scalar_one_or_none()
    return None if text is None else json.loads(text)


def write_system_attribute(connection: sa.Connection, trial_id: int, key: str, value: Any) -> None:
    """Store a system attribute of a trial, in place of one of the same name."""
    same = (_system_attributes.c.trial_id == trial_id) & (_system_attributes.c.key == key)
    connection.execute(_system_attributes.delete().where(same))
    text = json.dumps(value, allow_nan=False)
    connection.execute(_system_attributes.insert().values(trial_id=trial_id, key=key, value_json=text))


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
    results = _attributes.c.key.in_(("reason", "traceback", "curve", "seconds", "epochs", "environment"))
    connection.execute(_attributes.delete().where((_attributes.c.trial_id == trial_id) & results))
    row = trials.c.trial_id == trial_id
    connection.execute(trials.update().where(row).values(datetime_start=None, datetime_complete=None))


def write_intermediate_value(connection: sa.Connection, trial_id: int, step: int, value: float) -> None:
    """Store the value of a step; once more is as good as once."""
    stored, kind = models.TrialIntermediateValueModel.intermediate_value_to_stored_repr(value)
    measured = {"intermediate_value": stored, "intermediate_value_type": kind}
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    row = insert(_intermediate_values).values(trial_id=trial_id, step=step, **measured)
    connection.execute(row.on_conflict_do_update(index_elements=["trial_id", "step"], set_=measured))


def write_value(connection: sa.Connection, trial_id: int, value: float) -> None:
    """Store the objective value of a trial that finishes."""
    stored, kind = models.TrialValueModel.value_to_stored_repr(value)
    values = {"trial_id": trial_id, "objective": _OBJECTIVE, "value": stored, "value_type": kind}
    connection.execute(_values.insert().values(**values))


def _naive(moment: datetime) -> datetime:
    """Optuna's columns hold UTC without a zone."""
    return moment.replace(tzinfo=None)
