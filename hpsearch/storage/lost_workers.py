"""Trials of workers that were lost with their machine, or for its memory: it was not the trial that killed them.

Such a death does not count to those after which a trial is given up. `leases.reap` cannot tell it from any other, but
whoever placed the worker can.
"""

import sqlalchemy as sa
from optuna.trial import TrialState

from hpsearch.storage.blobs import delete_blobs
from hpsearch.storage.engines import read_clock
from hpsearch.storage.leases import record_event
from hpsearch.storage.optuna_rows import change_state, forget_result, trials
from hpsearch.storage.stored_rows import GAVE_UP
from hpsearch.storage.tables import events, leases

MOST_FORGIVEN_ATTEMPTS = 10
"""From the attempt after it on deaths count again: a trial that no machine bears has to end."""

REAPED = "reaped"


def free_lost_trials(connection: sa.Connection, study_id: int, worker: str, reason: str) -> list[int]:
    """Give back what a lost worker holds, and take back that its death counted where it was reaped before.

    The caller holds the study's claim lock. Again, it does nothing.

    Args:
        connection: Inside a transaction.
        study_id: Whose trials.
        worker: The worker's name, or `@` and the place that is the end of the names of all workers that were there.
        reason: Why they are gone.

    Returns:
        The numbers of the trials that go on elsewhere for it.
    """
    return sorted({*_give_back(connection, study_id, worker, reason), *_forgive(connection, study_id, worker, reason)})


def _is_lost(column: sa.Column[str], worker: str) -> sa.ColumnElement[bool]:
    return column.endswith(worker, autoescape=True) if worker.startswith("@") else column == worker


def _give_back(connection: sa.Connection, study_id: int, worker: str, reason: str) -> list[int]:
    joined = leases.join(trials, trials.c.trial_id == leases.c.trial_id)
    held = (leases.c.study_id == study_id) & leases.c.token.is_not(None) & _is_lost(leases.c.worker, worker)
    is_forgiven = leases.c.attempts <= MOST_FORGIVEN_ATTEMPTS
    columns = (trials.c.trial_id, trials.c.number, leases.c.worker)
    query = sa.select(*columns).select_from(joined).where(held & is_forgiven & (trials.c.state == TrialState.RUNNING))
    numbers, now = [], read_clock(connection)
    for row in connection.execute(query).all():
        if not change_state(connection, row.trial_id, TrialState.RUNNING, TrialState.WAITING, now):
            continue
        freed = {"token": None, "expires_at": None}
        connection.execute(leases.update().where(leases.c.trial_id == row.trial_id).values(**freed))
        record_event(connection, "returned", study_id, row.trial_id, row.worker, reason, at=now)
        numbers.append(row.number)
    return numbers


def _forgive(connection: sa.Connection, study_id: int, worker: str, reason: str) -> list[int]:
    """What a reaper noted of these workers: the note stays, and says that it does not count."""
    is_counted = (events.c.kind == GAVE_UP) | ((events.c.kind == REAPED) & events.c.detail.is_(None))
    joined = events.join(trials, trials.c.trial_id == events.c.trial_id)
    joined = joined.join(leases, leases.c.trial_id == events.c.trial_id)
    columns = (events.c.id, events.c.kind, trials.c.trial_id, trials.c.number, trials.c.state, leases.c.deaths)
    found = (events.c.study_id == study_id) & is_counted & _is_lost(events.c.worker, worker)
    query = sa.select(*columns).select_from(joined).where(found & (leases.c.attempts <= MOST_FORGIVEN_ATTEMPTS))
    numbers, now = [], read_clock(connection)
    for row in connection.execute(query).all():
        noted = {"kind": REAPED, "detail": f"not counted: {reason}"}
        connection.execute(events.update().where(events.c.id == row.id).values(**noted))
        deaths = {"deaths": max(0, row.deaths - 1)}
        connection.execute(leases.update().where(leases.c.trial_id == row.trial_id).values(**deaths))
        if row.kind == GAVE_UP and row.state == TrialState.FAIL:
            change_state(connection, row.trial_id, TrialState.FAIL, TrialState.WAITING, now)
            forget_result(connection, row.trial_id)
            delete_blobs(connection, row.trial_id)
        numbers.append(row.number)
    return numbers
