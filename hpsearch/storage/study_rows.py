"""The course of a study as operators change it: how many trials it asks for by now, whether it is stopped.

Every function takes a connection inside a transaction; those that change something want the study's claim lock.
"""

from typing import Any

import sqlalchemy as sa
from optuna.storages._rdb import models

from hpsearch.storable_text import make_storable
from hpsearch.storage.engines import read_clock
from hpsearch.storage.leases import record_event
from hpsearch.storage.optuna_rows import trials
from hpsearch.storage.stored_rows import StudyCourse
from hpsearch.storage.tables import metadata, studies

_COURSE = sa.select(
    studies.c.trials, studies.c.stopped_at, studies.c.stop_reason, studies.c.gives_back, studies.c.resumed_at
).where(studies.c.study_id == sa.bindparam("study"))


def read_course(connection: sa.Connection, study_id: int) -> StudyCourse:
    """What was decided about a study; of most, nothing."""
    row = connection.execute(_COURSE, {"study": study_id}).one_or_none()
    return StudyCourse() if row is None else StudyCourse(*row)


def stop_study(connection: sa.Connection, study_id: int, reason: str, *, gives_back: bool = False) -> None:
    """Let nobody claim a trial any more; with `gives_back` also ask those who hold one to give it back."""
    _write(
        connection,
        study_id,
        stopped_at=read_clock(connection),
        stop_reason=make_storable(reason),
        gives_back=gives_back,
    )
    record_event(connection, "stopped", study_id, detail=reason)


def resume_study(connection: sa.Connection, study_id: int) -> None:
    """Let everybody claim again, and forgive the failures up to now."""
    moment = read_clock(connection)
    _write(connection, study_id, stopped_at=None, stop_reason=None, gives_back=False, resumed_at=moment)
    record_event(connection, "resumed", study_id)


def extend_study(connection: sa.Connection, study_id: int, trials: int) -> None:
    """Let the study ask for so many trials from now on."""
    _write(connection, study_id, trials=trials)
    record_event(connection, "extended", study_id, detail=f"{trials} trials")


def delete_study(connection: sa.Connection, study_id: int) -> None:
    """Delete a study with all that Optuna and hpsearch keep of it."""
    mine = sa.select(trials.c.trial_id).where(trials.c.study_id == study_id)
    for table in reversed([*models.BaseModel.metadata.sorted_tables, *metadata.sorted_tables]):
        if "study_id" in table.c:
            connection.execute(table.delete().where(table.c.study_id == study_id))
        elif "trial_id" in table.c:
            connection.execute(table.delete().where(table.c.trial_id.in_(mine)))


def _write(connection: sa.Connection, study_id: int, **values: Any) -> None:
    row = studies.c.study_id == study_id
    if connection.execute(studies.update().where(row).values(**values)).rowcount == 0:
        connection.execute(studies.insert().values(**({"study_id": study_id, "gives_back": False} | values)))
