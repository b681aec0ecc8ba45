"""Studies and trials as Optuna's tables hold them, read in a few statements.

Optuna's own reading makes an object of each row, and believes that a finished trial stays as it is: an operator may put
one back. Its layout is checked whenever a database is opened.
"""

import json
import math
from collections.abc import Collection, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from hpsearch.storage.reader import Reader, read_moment

FINISHED = ("COMPLETE", "PRUNED", "FAIL")
"""The states that are an end."""

_SPECIAL = {"INF_POS": math.inf, "INF_NEG": -math.inf, "NAN": math.nan}
"""What Optuna writes beside a column that holds finite numbers alone."""
_CHUNK = 500


@dataclass(frozen=True)
class StoredTrial:
    """A trial as Optuna's tables hold it."""

    trial_id: int
    number: int
    state: str
    value: float | None
    started_at: datetime | None
    """In local time, without a zone: as Optuna gives it."""
    finished_at: datetime | None
    """The same."""
    parameters: Mapping[str, Any]
    attributes: Mapping[str, Any]
    """Its user attributes."""
    steps: Mapping[int, float]
    """Intermediate values, in the order of their steps."""


Ending = tuple[str, datetime | None]
KnownTrials = MutableMapping[int, tuple[Ending, StoredTrial]]
"""Finished trials by their ids, each with its state and the moment when it ended: put back, it ends at another one."""


def find_study_id(reader: Reader, name: str) -> int | None:
    """The id of the study of this name, whoever made it."""
    rows = reader.query("SELECT study_id FROM studies WHERE study_name = :name", name=name)
    return rows[0][0] if rows else None


def read_study_names(reader: Reader, key: str) -> list[str]:
    """The names of the studies that have a user attribute of this name, sorted; what it holds is not looked at."""
    rows = reader.query(
        "SELECT s.study_name FROM studies s JOIN study_user_attributes a ON a.study_id = s.study_id WHERE a.key = :key",
        key=key,
    )
    return sorted(name for (name,) in rows)


def read_study_attributes(reader: Reader, study_id: int) -> dict[str, Any]:
    """The user attributes of a study.

    Raises:
        ValueError: One of them is no JSON.
    """
    rows = reader.query("SELECT key, value_json FROM study_user_attributes WHERE study_id = :study", study=study_id)
    return {key: json.loads(text) for key, text in rows}


def read_stored_trials(reader: Reader, study_id: int, known: KnownTrials) -> list[StoredTrial]:
    """The trials of a study, by number; of those that are `known`, nothing but that they are as they were.

    Raises:
        ValueError: What is stored of one is no JSON.
    """
    rows = reader.query(
        "SELECT trial_id, number, state, datetime_start, datetime_complete FROM trials WHERE study_id = :study "
        "ORDER BY number",
        study=study_id,
    )
    endings: dict[int, Ending] = {row[0]: (row[2], read_moment(row[4])) for row in rows}
    missing = [row for row in rows if row[0] not in known or known[row[0]][0] != endings[row[0]]]
    found: dict[int, StoredTrial] = {}
    for start in range(0, len(missing), _CHUNK):
        chunk = missing[start : start + _CHUNK]
        # A study that is read for the first time is read as a whole: no list of ids, which SQLite limits.
        found |= {trial.trial_id: trial for trial in _read_chunk(reader, study_id, chunk)}
    known.update({key: (endings[key], trial) for key, trial in found.items() if trial.state in FINISHED})
    return [found[row[0]] if row[0] in found else known[row[0]][1] for row in rows]


def read_chosen_trials(reader: Reader, study_id: int, trial_ids: Collection[int]) -> list[StoredTrial]:
    """Some trials of a study, by number.

    Raises:
        ValueError: What is stored of one is no JSON.
    """
    ids = ", ".join(str(int(trial_id)) for trial_id in trial_ids)
    rows = reader.query(
        f"SELECT trial_id, number, state, datetime_start, datetime_complete FROM trials "  # noqa: S608 - whole numbers
        f"WHERE study_id = :study AND trial_id IN ({ids}) ORDER BY number",
        study=study_id,
    )
    return list(_read_chunk(reader, study_id, list(rows)))


def _read_chunk(reader: Reader, study_id: int, rows: list[Any]) -> Iterable[StoredTrial]:
    parameters: dict[int, dict[str, Any]] = {row[0]: {} for row in rows}
    attributes: dict[int, dict[str, Any]] = {row[0]: {} for row in rows}
    steps: dict[int, dict[int, float]] = {row[0]: {} for row in rows}
    values: dict[int, float] = {}
    ids = ", ".join(str(int(row[0])) for row in rows)

    def select(columns: str, table: str, order: str) -> Iterable[Any]:
        return reader.query(f"SELECT trial_id, {columns} FROM {table} WHERE trial_id IN ({ids}) ORDER BY {order}")  # noqa: S608 - whole numbers

    for trial_id, name, value, text in select(
        "param_name, param_value, distribution_json", "trial_params", "trial_id, param_id"
    ):
        parameters[trial_id][name] = _decode_parameter(value, text)
    for trial_id, key, text in select("key, value_json", "trial_user_attributes", "trial_user_attribute_id"):
        attributes[trial_id][key] = json.loads(text)
    intermediate = "step, intermediate_value, intermediate_value_type"
    for trial_id, step, value, kind in select(intermediate, "trial_intermediate_values", "step"):
        steps[trial_id][step] = _SPECIAL.get(kind, value)
    for trial_id, value, kind in select("value, value_type", "trial_values", "trial_id"):
        values[trial_id] = _SPECIAL.get(kind, value)
    for trial_id, number, state, started, finished in rows:
        yield StoredTrial(
            trial_id=trial_id,
            number=number,
            state=state,
            value=values.get(trial_id),
            started_at=_make_local(started),
            finished_at=_make_local(finished),
            parameters=parameters[trial_id],
            attributes=attributes[trial_id],
            steps=steps[trial_id],
        )


def _decode_parameter(stored: float, distribution_json: str) -> Any:
    """What Optuna's distributions make of the number that they keep."""
    kind, choices = _parse_distribution(distribution_json)
    if choices is not None:
        return choices[int(stored)]
    return int(stored) if kind.startswith("Int") else stored


@lru_cache(maxsize=4096)
def _parse_distribution(text: str) -> tuple[str, tuple[Any, ...] | None]:
    """Its name, and its choices where it has some; thousands of trials share a few."""
    parsed = json.loads(text)
    choices = parsed["attributes"].get("choices")
    return parsed["name"], None if choices is None else tuple(choices)


def _make_local(stored: datetime | str | None) -> datetime | None:
    moment = read_moment(stored)
    return None if moment is None else moment.astimezone().replace(tzinfo=None)
