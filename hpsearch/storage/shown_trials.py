"""Trials for a person to look at, read in a few queries.

Optuna's own reading makes an object of each row, and keeps a finished trial for good; an operator may put one back.
"""

import json
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from optuna.distributions import BaseDistribution, json_to_distribution
from optuna.storages._rdb import models
from optuna.trial import FrozenTrial

from hpsearch.storage.optuna_rows import read_steps, read_system_attributes, read_value, select_of, trials

_parameters = models.TrialParamModel.__table__
_attributes = models.TrialUserAttributeModel.__table__
_values = models.TrialValueModel.__table__

_CHUNK = 500


def read_shown_trials(connection: sa.Connection, ids: list[int], *, leave_out: Collection[str]) -> list[FrozenTrial]:
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


def _read(connection: sa.Connection, ids: list[int], leave_out: Collection[str]) -> Iterator[FrozenTrial]:
    # First: on a server each statement sees what was written before it, and a finished trial has its value.
    rows = list(select_of(connection, trials, ids, "number", "state", "datetime_start", "datetime_complete"))
    parameters: dict[int, dict[str, Any]] = {trial_id: {} for trial_id in ids}
    distributions: dict[int, dict[str, BaseDistribution]] = {trial_id: {} for trial_id in ids}
    drawn = select_of(connection, _parameters, ids, "param_id", "param_name", "param_value", "distribution_json")
    for row in sorted(drawn, key=lambda row: row.param_id):
        distribution = _parse_distribution(row.distribution_json)
        distributions[row.trial_id][row.param_name] = distribution
        parameters[row.trial_id][row.param_name] = distribution.to_external_repr(row.param_value)
    attributes: dict[int, dict[str, Any]] = {trial_id: {} for trial_id in ids}
    columns = (_attributes.c.trial_id, _attributes.c.key, _attributes.c.value_json)
    wanted = _attributes.c.trial_id.in_(ids) & _attributes.c.key.not_in(list(leave_out))
    for row in connection.execute(sa.select(*columns).where(wanted)):
        attributes[row.trial_id][row.key] = json.loads(row.value_json)
    noted = read_system_attributes(connection, ids)
    values = {row.trial_id: read_value(row) for row in select_of(connection, _values, ids, "value", "value_type")}
    steps = read_steps(connection, ids)
    for row in rows:
        yield FrozenTrial(
            number=row.number,
            state=row.state,
            value=values.get(row.trial_id),
            datetime_start=_make_aware(row.datetime_start),
            datetime_complete=_make_aware(row.datetime_complete),
            params=parameters[row.trial_id],
            distributions=distributions[row.trial_id],
            user_attrs=attributes[row.trial_id],
            system_attrs=noted[row.trial_id],
            intermediate_values=steps[row.trial_id],
            trial_id=row.trial_id,
        )


@lru_cache(maxsize=4096)
def _parse_distribution(text: str) -> BaseDistribution:
    """Thousands of trials share a few."""
    return json_to_distribution(text)


def _make_aware(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=UTC)
