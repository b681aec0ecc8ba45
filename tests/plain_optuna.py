"""Plain Optuna 5 as its documentation has it, and ways to bring a race about that chance seldom brings.

The halves of the fault tests that show where a fault comes from stand on this.
"""

import os
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import optuna
import sqlalchemy as sa
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.storages._rdb import models
from optuna.trial import TrialState

optuna.logging.set_verbosity(optuna.logging.CRITICAL)
warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)

_RACE_SECONDS = 1.0
"""How long a racer waits for the other one, which may be held back by a lock."""
_HOUR = timedelta(hours=1)

heartbeats = models.TrialHeartbeatModel.__table__


def open_storage(url: str, *, heartbeat: bool = True, retries: bool = True, **engine: Any) -> RDBStorage:
    """A storage as the documentation has it for workers that may die."""
    if not heartbeat:
        return RDBStorage(url, engine_kwargs=engine)
    callback = RetryHeartbeatStaleTrialCallback(max_retry=3) if retries else None
    return RDBStorage(
        url, heartbeat_interval=60, grace_period=120, heartbeat_stale_trial_callback=callback, engine_kwargs=engine
    )


def make_study(url: str, *, waiting: int = 0, **storage: Any) -> optuna.Study:
    """A study, with trials that wait in its queue."""
    study = optuna.create_study(storage=open_storage(url, **storage), study_name="plain")
    for index in range(waiting):
        study.enqueue_trial({"x": index / 10})
    return study


def join_study(url: str, **storage: Any) -> optuna.Study:
    """The same study as another worker sees it."""
    return optuna.load_study(storage=open_storage(url, **storage), study_name="plain")


def count_states(study: optuna.Study) -> dict[str, int]:
    """How many trials are in each state that occurs."""
    states = [trial.state.name for trial in study.get_trials(deepcopy=False)]
    return {state: states.count(state) for state in sorted(set(states))}


def age_heartbeats(study: optuna.Study) -> None:
    """Let every heartbeat be an hour old."""
    storage = find_rdb(study)
    with storage.engine.begin() as connection:
        for row in list(connection.execute(sa.select(heartbeats))):
            this = heartbeats.c.trial_id == row.trial_id
            connection.execute(heartbeats.update().where(this).values(heartbeat=row.heartbeat - _HOUR))


def has_beaten(study: optuna.Study) -> bool:
    """Whether any worker has written a heartbeat."""
    with find_rdb(study).engine.begin() as connection:
        return bool(list(connection.execute(sa.select(heartbeats))))


def find_rdb(study: optuna.Study) -> RDBStorage:
    """The storage behind Optuna's cache."""
    backend: RDBStorage = study._storage._backend  # type: ignore[attr-defined]
    return backend


def fail_stale_trials(study: optuna.Study) -> None:
    """What each worker does before it asks for a trial."""
    optuna.storages.fail_stale_trials(study)


def mark_running(study: optuna.Study, number: int) -> None:
    """Take a trial out of the queue and beat once, as a worker that then dies."""
    trial_id = study.get_trials(deepcopy=False)[number]._trial_id
    storage = find_rdb(study)
    storage.set_trial_state_values(trial_id, TrialState.RUNNING)
    storage.record_heartbeat(trial_id)


@contextmanager
def racing(*engines: sa.Engine, statement: str, seconds: float = _RACE_SECONDS) -> Iterator[None]:
    """Let all engines come to the same statement before any of them goes on.

    Where a lock keeps one of them from coming there, the others go on after so many seconds.
    """
    barrier = threading.Barrier(len(engines))
    seen: set[int] = set()

    def meet(connection: sa.Connection, _cursor: Any, text: str, *_rest: Any) -> None:
        if text.startswith(statement) and id(connection.engine) not in seen:
            seen.add(id(connection.engine))
            try:
                barrier.wait(seconds)
            except threading.BrokenBarrierError:
                return

    for engine in engines:
        sa.event.listen(engine, "before_cursor_execute", meet)
    try:
        yield
    finally:
        for engine in engines:
            sa.event.remove(engine, "before_cursor_execute", meet)


def run_together(*actions: Callable[[], Any]) -> list[Any]:
    """Call each in a thread of its own; what they gave, or the exception that they raised."""
    results: list[Any] = [None] * len(actions)

    def run(index: int, action: Callable[[], Any]) -> None:
        try:
            results[index] = action()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            results[index] = error

    threads = [threading.Thread(target=run, args=(index, action)) for index, action in enumerate(actions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    return results


def die_at(engine: sa.Engine, statement: str) -> None:
    """Let this process be killed the moment before a statement that begins like this is sent."""

    def die(_connection: sa.Connection, _cursor: Any, text: str, *_rest: Any) -> None:
        if text.startswith(statement):
            os.kill(os.getpid(), signal.SIGKILL)

    sa.event.listen(engine, "before_cursor_execute", die)
