"""Leases: who holds which trial until when, kept with the trial's state in one transaction.

Every function takes a connection inside a transaction. A trial is

- free: WAITING in Optuna's table, its lease without token;
- held: RUNNING, its lease with a token and an end in the future, by the database's clock;
- stale: RUNNING, its lease past its end or missing: `reap` frees it, or fails it after too many deaths;
- finished: COMPLETE, PRUNED or FAIL, its lease without token.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from optuna.trial import TrialState

from hpsearch.errors import LeaseLostError
from hpsearch.storable_text import make_storable
from hpsearch.storage.blobs import delete_checkpoint
from hpsearch.storage.engines import read_clock
from hpsearch.storage.lease_statements import (
    build_ended_query,
    build_lease_update,
    build_lease_upsert,
    build_waiting_query,
)
from hpsearch.storage.optuna_rows import change_state, insert_trial, trials
from hpsearch.storage.stored_rows import GAVE_UP
from hpsearch.storage.tables import blobs, events, leases, test_scores

LEASE_SECONDS = 30.0
HEARTBEAT_SECONDS = 10.0
MAXIMUM_DEATHS = 3
"""Workers that may die over one trial before it is given up."""


@dataclass(frozen=True)
class Lease:
    """The right to write for one trial, as long as its token stands in the database."""

    study_id: int
    trial_id: int
    token: str
    worker: str
    seconds: float
    """How long it lasts from each sign of life."""
    attempt: int = 1
    """Counts the claims of this trial, from 1."""


@dataclass(frozen=True)
class Holder:
    """Who wants to hold a trial."""

    worker: str
    device: str
    token: str
    lease_seconds: float


def take_trial(connection: sa.Connection, study_id: int, maximum_trials: int, holder: Holder) -> Lease | None:
    """Take the first trial that waits, or make a new one while the study has fewer than `maximum_trials`.

    The caller holds the study's claim lock, and has reaped.

    Returns:
        The lease, or None where nothing is left to take.
    """
    trial_id, count, now = connection.execute(build_waiting_query(connection.dialect.name), {"study": study_id}).one()
    if trial_id is not None:
        change_state(connection, trial_id, TrialState.WAITING, TrialState.RUNNING, now)
    elif count < maximum_trials:
        trial_id = insert_trial(connection, study_id, now, number=count)
        _clear_rows(connection, trial_id)
    else:
        return None
    return _write_lease(connection, study_id, trial_id, holder, now)


def find_taken(connection: sa.Connection, study_id: int, holder: Holder) -> Lease | None:
    """What was taken with this token before, where the answer was lost with the connection."""
    query = sa.select(leases.c.trial_id, leases.c.attempts).where(leases.c.token == holder.token)
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    return Lease(study_id, row.trial_id, holder.token, holder.worker, holder.lease_seconds, attempt=row.attempts)


def add_waiting_trial(connection: sa.Connection, study_id: int) -> int:
    """Add a trial that waits to be claimed, and give its id. The caller holds the study's claim lock."""
    number = sa.select(sa.func.count()).select_from(trials).where(trials.c.study_id == study_id)
    trial_id = insert_trial(connection, study_id, None, number=connection.execute(number).scalar_one())
    _clear_rows(connection, trial_id)
    return trial_id


def has_running_trials(connection: sa.Connection, study_id: int) -> bool:
    """Whether a trial of the study is RUNNING."""
    running = (trials.c.study_id == study_id) & (trials.c.state == TrialState.RUNNING)
    return bool(connection.execute(sa.select(sa.func.count()).select_from(trials).where(running)).scalar_one())


def extend_lease(connection: sa.Connection, lease: Lease) -> None:
    """Put the lease's end as far from now as it was at first.

    Raises:
        LeaseLostError: Somebody reaped the trial, and perhaps holds it now.
    """
    _update_held(connection, lease)


def note_progress(connection: sa.Connection, lease: Lease, *, epoch: int, validation_accuracy: float | None) -> None:
    """Say how far the trial is, and extend its lease.

    Raises:
        LeaseLostError: Somebody reaped the trial, and perhaps holds it now.
    """
    _update_held(connection, lease, epoch=epoch, validation_accuracy=validation_accuracy)


def end_lease(
    connection: sa.Connection,
    lease: Lease,
    state: TrialState,
    detail: str | None = None,
    *,
    has_checkpoint: bool = True,
) -> bool:
    """Put a held trial into another state, for good or back to the queue, and let go of it.

    Args:
        connection: Inside a transaction.
        lease: Of the trial.
        state: What it is to be.
        detail: Why, to be written down.
        has_checkpoint: Whether one may be stored, which is deleted where the trial is finished.

    Returns:
        Whether that was done; not where this holder did it before, and the answer was lost with the connection.

    Raises:
        LeaseLostError: The lease ended, or somebody else holds the trial.
    """
    try:
        now = _update_held(connection, lease, token=None, expires_at=None, accepted_token=lease.token)
    except LeaseLostError:
        if _was_ended(connection, lease):
            return False
        raise
    if not change_state(connection, lease.trial_id, TrialState.RUNNING, state, now):
        raise LeaseLostError(f"trial {lease.trial_id} is not running any more")
    kind = "returned" if state == TrialState.WAITING else state.name.lower()
    record_event(connection, kind, lease.study_id, lease.trial_id, lease.worker, detail, at=now)
    if has_checkpoint and state.is_finished():
        delete_checkpoint(connection, lease.trial_id)
    return True


def _was_ended(connection: sa.Connection, lease: Lease) -> bool:
    row = (leases.c.trial_id == lease.trial_id) & (leases.c.accepted_token == lease.token)
    return connection.execute(sa.select(leases.c.trial_id).where(row)).one_or_none() is not None


def count_death(connection: sa.Connection, lease: Lease, reason: str) -> str | None:
    """Let go of a held trial that its worker could not bear: back to the queue, or failed after too many times.

    Returns:
        Why it is given up; None where it is back in the queue, or where this holder let go of it before.

    Raises:
        LeaseLostError: The lease ended, or somebody else holds the trial.
    """
    row = leases.c.trial_id == lease.trial_id
    deaths: int = connection.execute(sa.select(leases.c.deaths).where(row)).scalar_one() + 1
    gave_up = f"gave up after {MAXIMUM_DEATHS} attempts: {reason}" if deaths >= MAXIMUM_DEATHS else None
    if not end_lease(connection, lease, TrialState.FAIL if gave_up else TrialState.WAITING, gave_up or reason):
        return None
    connection.execute(leases.update().where(row).values(deaths=deaths))
    return gave_up


def forget_deaths(connection: sa.Connection, trial_id: int) -> None:
    """Begin to count anew for a trial that an operator puts back into the queue."""
    values = {"token": None, "expires_at": None, "accepted_token": None, "deaths": 0}
    connection.execute(leases.update().where(leases.c.trial_id == trial_id).values(**values))


def reap(connection: sa.Connection, study_id: int) -> list[int]:
    """Free every stale trial of a study, and fail those over which too many workers died.

    A server that was away let leases run out of workers that are well: whoever held a trial before has the time of a
    lease from the server's start to come back.

    The caller holds the study's claim lock.

    Returns:
        The ids of the trials that were reaped.
    """
    over = connection.execute(build_ended_query(connection.dialect.name), {"study": study_id}).all()
    server_start = _read_server_start(connection) if over else None
    stale = [row for row in over if not _may_come_back(row.seen_at, row.expires_at, server_start, row.now)]
    return [
        row.trial_id
        for row in stale
        if _reap_trial(connection, study_id, row.trial_id, row.worker, row.deaths, row.now)
    ]


def _read_server_start(connection: sa.Connection) -> datetime | None:
    """When the database server started; None for a file, which is never away."""
    if connection.dialect.name != "postgresql":
        return None
    started: datetime = connection.execute(sa.select(sa.func.pg_postmaster_start_time())).scalar_one()
    return started


def _may_come_back(
    seen_at: datetime | None, expires_at: datetime | None, server_start: datetime | None, now: datetime
) -> bool:
    if seen_at is None or expires_at is None or server_start is None:
        return False
    return seen_at < server_start and now - server_start < expires_at - seen_at


def record_event(
    connection: sa.Connection,
    kind: str,
    study_id: int,
    trial_id: int | None = None,
    worker: str | None = None,
    detail: str | None = None,
    *,
    at: datetime | None = None,
) -> None:
    """Write down what happened, and when by the database's clock: at a moment that was read from it, or now."""
    moment = at or read_clock(connection)
    values = {"study_id": study_id, "trial_id": trial_id, "at": moment, "kind": kind, "worker": make_storable(worker)}
    connection.execute(events.insert(), values | {"detail": make_storable(detail)})


def _write_lease(connection: sa.Connection, study_id: int, trial_id: int, holder: Holder, now: datetime) -> Lease:
    held = {
        "token": holder.token,
        "worker": make_storable(holder.worker),
        "device": holder.device,
        "seen_at": now,
        "expires_at": now + timedelta(seconds=holder.lease_seconds),
        "epoch": None,
        "validation_accuracy": None,
    }
    first = {"trial_id": trial_id, "study_id": study_id, "attempts": 1, "deaths": 0}
    written = build_lease_upsert(connection.dialect.name, tuple(held))
    attempt: int = connection.execute(written, first | held).scalar_one()
    record_event(connection, "claimed", study_id, trial_id, holder.worker, at=now)
    return Lease(study_id, trial_id, holder.token, holder.worker, holder.lease_seconds, attempt)


def _clear_rows(connection: sa.Connection, trial_id: int) -> None:
    """SQLite gives the id of a trial that somebody deleted to the next one, which shall inherit nothing."""
    if connection.dialect.name != "sqlite":
        return
    for table in (leases, blobs, test_scores, events):
        connection.execute(table.delete().where(table.c.trial_id == trial_id))


def _reap_trial(
    connection: sa.Connection, study_id: int, trial_id: int, worker: str | None, deaths: int | None, now: datetime
) -> bool:
    gives_up = (deaths or 0) + 1 >= MAXIMUM_DEATHS
    after = TrialState.FAIL if gives_up else TrialState.WAITING
    if not change_state(connection, trial_id, TrialState.RUNNING, after, now):
        return False  # its holder finished it in this moment
    if deaths is None:
        values = {"trial_id": trial_id, "study_id": study_id, "attempts": 1, "deaths": 1}
        connection.execute(leases.insert().values(**values))
    else:
        row = leases.c.trial_id == trial_id
        connection.execute(leases.update().where(row).values(token=None, expires_at=None, deaths=deaths + 1))
    detail = f"gave up after {MAXIMUM_DEATHS} workers died" if gives_up else None
    record_event(connection, GAVE_UP if gives_up else "reaped", study_id, trial_id, worker, detail)
    return True


def _update_held(connection: sa.Connection, lease: Lease, **values: object) -> datetime:
    """Change a lease that holds, and extend it; give the database's time.

    The token alone decides: a worker that slept past its lease keeps a trial that nobody has reaped meanwhile.
    """
    update = build_lease_update(connection.dialect.name, lease.seconds, is_extended="expires_at" not in values)
    same = {"held_trial": lease.trial_id, "held_token": lease.token}
    now: datetime | None = connection.execute(update, same | values).scalar_one_or_none()
    if now is None:
        raise LeaseLostError(f"the lease of trial {lease.trial_id} ended or went to another worker")
    return now
