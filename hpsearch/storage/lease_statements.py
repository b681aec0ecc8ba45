"""The statements about leases of every claim and report; to put one together takes as long as a short query."""

import functools
from typing import Any

import sqlalchemy as sa
from optuna.trial import TrialState

from hpsearch.storage.engines import build_clock_of
from hpsearch.storage.optuna_rows import trials
from hpsearch.storage.tables import leases
from hpsearch.storage.upsert import build_insert


@functools.cache
def build_waiting_query(database: str) -> Any:
    """The first trial of a study that waits, how many trials it has, and the time."""
    waiting = sa.case((trials.c.state == TrialState.WAITING, trials.c.trial_id))
    columns = (sa.func.min(waiting), sa.func.count(), build_clock_of(database))
    return sa.select(*columns).select_from(trials).where(trials.c.study_id == sa.bindparam("study"))


@functools.cache
def build_ended_query(database: str) -> sa.Select[Any]:
    """The running trials of a study whose lease is over, or missing."""
    now = build_clock_of(database)
    running = (trials.c.study_id == sa.bindparam("study")) & (trials.c.state == TrialState.RUNNING)
    is_over = leases.c.expires_at.is_(None) | (leases.c.expires_at <= now)
    joined = trials.outerjoin(leases, leases.c.trial_id == trials.c.trial_id)
    columns = (trials.c.trial_id, leases.c.worker, leases.c.seen_at, leases.c.expires_at, leases.c.deaths)
    return sa.select(*columns, now.label("now")).select_from(joined).where(running & is_over)


@functools.cache
def build_lease_upsert(database: str, held: tuple[str, ...]) -> Any:
    """A lease's row, or its next holder in it; gives the attempts."""
    row = build_insert(database, leases)
    again = {"attempts": leases.c.attempts + 1} | {name: row.excluded[name] for name in held}
    return row.on_conflict_do_update(index_elements=["trial_id"], set_=again).returning(leases.c.attempts)


@functools.cache
def build_lease_update(database: str, seconds: float, *, is_extended: bool) -> Any:
    """A change of a lease that holds, by its trial and token; gives the time.

    Its end is moved, unless `is_extended` is false because the caller says what it is to be.
    """
    same = (leases.c.trial_id == sa.bindparam("held_trial")) & (leases.c.token == sa.bindparam("held_token"))
    times = {"seen_at": build_clock_of(database)}
    times |= {"expires_at": build_clock_of(database, seconds)} if is_extended else {}
    return leases.update().where(same).values(**times).returning(leases.c.seen_at)
