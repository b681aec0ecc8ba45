"""Studies read one by one, where Optuna, which reads all of them at once, fails over one that is damaged."""

import json
from typing import Any

import sqlalchemy as sa
from optuna.storages._rdb import models
from optuna.study import StudyDirection
from optuna.study._frozen import FrozenStudy

UNREADABLE = {"unreadable": "what is stored of this study is damaged: hpsearch delete removes it"}
"""The user attributes that are shown of such a study."""

_studies = models.StudyModel.__table__
_directions = models.StudyDirectionModel.__table__
_user = models.StudyUserAttributeModel.__table__
_system = models.StudySystemAttributeModel.__table__


def read_studies_apart(connection: sa.Connection) -> list[FrozenStudy]:
    """Every study, by id; of one that cannot be read its name, and that it cannot be read."""
    names = connection.execute(sa.select(_studies.c.study_id, _studies.c.study_name).order_by(_studies.c.study_id))
    return [_read_study(connection, row.study_id, row.study_name) for row in names]


def _read_study(connection: sa.Connection, study_id: int, name: str) -> FrozenStudy:
    query = sa.select(_directions.c.direction).where(_directions.c.study_id == study_id)
    directions = list(connection.execute(query.order_by(_directions.c.objective)).scalars())
    user, system = _read(connection, _user, study_id), _read(connection, _system, study_id)
    return FrozenStudy(
        study_name=name,
        direction=None,
        directions=directions or [StudyDirection.MAXIMIZE],
        user_attrs=dict(UNREADABLE) if user is None or system is None else user,
        system_attrs=system or {},
        study_id=study_id,
    )


def _read(connection: sa.Connection, table: Any, study_id: int) -> dict[str, Any] | None:
    """The attributes of a study in one of Optuna's tables; None where one of them is no JSON."""
    query = sa.select(table.c.key, table.c.value_json).where(table.c.study_id == study_id)
    try:
        return {row.key: json.loads(row.value_json) for row in connection.execute(query)}
    except (ValueError, RecursionError):
        return None
