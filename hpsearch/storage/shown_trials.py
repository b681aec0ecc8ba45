"""Trials for a person to look at, read in a few queries.

Optuna's own reading makes an object of each row, and keeps a finished trial for good; an operator may put one back.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from optuna.distributions import BaseDistribution, json_to_distribution
from optuna.storages._rdb import models
from optuna.trial import FrozenTrial

_trials = models.TrialModel.__table__
_parameters = models.TrialParamModel.__table__
_attributes = models.TrialUserAttributeModel.__table__
_system_attributes = models.TrialSystemAttributeModel.__table__
_values = models.TrialValueModel.__table__
_intermediate_values = models.TrialIntermediateValueModel.__table__

_CHUNK = 500


def read_endings(connection: sa.Connection, study_id: int) -> dict[int, datetime | None]:
    """When every trial of a study ended, by id, in the order of their numbers; None of a trial that has not."""
    query = sa.select(_trials.c.trial_id, _trials.c.datetime_complete).where(_trials.c.study_id == study_id)
    return {row.trial_id: row.datetime_complete for row in connection.execute(query.order_by(_trials.c.number))}


def read_shown_trials(
    connection: sa.Connection, ids: Sequence[int], *, leave_out: Collection[str]
) -> list[FrozenTrial]:
    """Trials as Optuna has them, in no order; their times are in UTC and say so.

    Args:
        connection: In a transaction.
        ids: Of the trials; one that does not exist is left out.
        leave_out: The names of user attributes that are not read.
    """
    return [
        trial
        for start in range(0, len(ids), _CHUNK)
        for trial in _read(connection, ids[start : start + _CHUNK], leave_out)
    ]


def _read(connection: sa.Connection, ids: Sequence[int], leave_out: Collection[str]) -> Iterator[FrozenTrial]:
    # First: on a server each statement sees what was written before it, and a finished trial has its value.
    columns = ("number", "state", "datetime_start", "datetime_complete")
    rows = connection.execute(_select(_trials, ids, *columns)).all()
    parameters: dict[int, dict[str, Any]] = {trial_id: {} for trial_id in ids}
    distributions: dict[int, dict[str, BaseDistribution]] = {trial_id: {} for trial_id in ids}
    query = _select(_parameters, ids, "param_name", "param_value", "distribution_json").order_by(_parameters.c.param_id)
    for row in connection.execute(query):
        distribution = _parse_distribution(row.distribution_json)
        distributions[row.trial_id][row.param_name] = distribution
        parameters[row.trial_id][row.param_name] = distribution.to_external_repr(row.param_value)
    wanted = _attributes.c.key.not_in(list(leave_out))
    user_attributes = _read_json(connection, _attributes, ids, wanted)
    system_attributes = _read_json(connection, _system_attributes, ids, sa.true())
    values = {
        row.trial_id: models.TrialValueModel.stored_repr_to_value(row.value, row.value_type)
        for row in connection.execute(_select(_values, ids, "value", "value_type"))
    }
    steps = _read_steps(connection, ids)
    for row in rows:
        yield FrozenTrial(
            number=row.number,
            state=row.state,
            value=values.get(row.trial_id),
            datetime_start=_make_aware(row.datetime_start),
            datetime_complete=_make_aware(row.datetime_complete),
            params=parameters[row.trial_id],
            distributions=distributions[row.trial_id],
            user_attrs=user_attributes[row.trial_id],
            system_attrs=system_attributes[row.trial_id],
            intermediate_values=steps[row.trial_id],
            trial_id=row.trial_id,
        )


def _select(table: Any, ids: Sequence[int], *columns: str) -> sa.Select[Any]:
    return sa.select(table.c.trial_id, *(table.c[name] for name in columns)).where(table.c.trial_id.in_(ids))


def _read_json(
    connection: sa.Connection, table: Any, ids: Sequence[int], wanted: sa.ColumnElement[bool]
) -> dict[int, dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {trial_id: {} for trial_id in ids}
    for row in connection.execute(_select(table, ids, "key", "value_json").where(wanted)):
        found[row.trial_id][row.key] = json.loads(row.value_json)
    return found


def _read_steps(connection: sa.Connection, ids: Sequence[int]) -> dict[int, dict[int, float]]:
    found: dict[int, dict[int, float]] = {trial_id: {} for trial_id in ids}
    from_stored = models.TrialIntermediateValueModel.stored_repr_to_intermediate_value
    query = _select(_intermediate_values, ids, "step", "intermediate_value", "intermediate_value_type")
    for row in connection.execute(query.order_by(_intermediate_values.c.step)):
        found[row.trial_id][row.step] = from_stored(row.intermediate_value, row.intermediate_value_type)
    return found


@lru_cache(maxsize=4096)
def _parse_distribution(text: str) -> BaseDistribution:
    """Thousands of trials share a few."""
    return json_to_distribution(text)


def _make_aware(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=UTC)
