"""SIGINT and SIGTERM at every phase of a trial: it goes back to the queue with what was done, no process stays."""

import itertools
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from hpsearch.storage.database import Database
from hpsearch.storage.tables import events
from hpsearch.wording import count_of
from tests.fault.studies import make, read
from tests.history import check_history, find_orphans
from tests.journal import REPORT, read_journals
from tests.scripted_worker import WorkerScript
from tests.worker_processes import run_workers

pytestmark = [pytest.mark.slow, pytest.mark.fault]

EPOCHS = 3
MOST_COMMITS = 20


@dataclass(frozen=True)
class SignalAt:
    """Prepares a worker to send itself a signal within its so-manieth transaction, from its first claim on."""

    number: signal.Signals
    commit: int

    def __call__(self, script: WorkerScript) -> None:
        transaction, seen = Database.transaction, itertools.count(1)

        @contextmanager
        def signalling(database: Database, **options: Any) -> Iterator[sa.Connection]:
            with transaction(database, **options) as connection:
                yield connection
                if next(seen) == self.commit:
                    os.kill(os.getpid(), self.number)
                    script.flag("signalled").touch()

        Database.transaction = signalling  # type: ignore[assignment, method-assign]


def test_a_signal_at_any_moment_of_a_trial_gives_it_back_with_what_it_has_done(tmp_path: Path) -> None:
    """At every commit of a worker that does one trial: what was acknowledged stays, and the next worker goes on."""
    done = []
    for commit in range(1, MOST_COMMITS):
        folder = tmp_path / str(commit)
        folder.mkdir()
        storage = f"sqlite:///{folder}/studies.db"
        make(storage, trials=2, epochs=EPOCHS)
        number = signal.SIGINT if commit % 2 else signal.SIGTERM
        with run_workers(storage, folder, checkpoint_seconds=1000.0, heartbeat_seconds=1000.0) as crew:
            stopped = crew.start("stopped", prepare=SignalAt(number, commit), arguments=("--max-trials", "1"))
            code = stopped.wait()
            if not stopped.script.flag("signalled").exists():
                break
            assert code == 128 + number, stopped.said
            record = read(storage)
            assert (record.counts["RUNNING"], record.counts["FAIL"]) == (0, 0)
            done.append(record.trial(0).epochs)
            acknowledged = {entry.epoch for entry in read_journals(folder) if entry.what == REPORT}
            assert set(record.trial(0).accuracies) == acknowledged
            assert find_orphans(str(folder)) == []
            later = crew.start("later")
            assert later.wait() == 0
            if done[-1] > 0 and record.trial(0).state == "WAITING":
                assert f"going on after {count_of(done[-1], 'epoch')}\n" in later.said
        assert check_history(folder, storage, "study", slots=2) == []
        assert read(storage).counts["COMPLETE"] == 2
    assert sorted(set(done)) == list(range(EPOCHS + 1))


def be_busy(script: WorkerScript, epoch: int) -> None:
    if epoch == 1:
        script.flag("busy").touch()
        while True:  # an epoch that asks nobody; the system may hand a signal to the heartbeat's thread
            time.sleep(0.01)


def test_a_second_signal_ends_the_worker_at_once_and_its_lease_does_the_rest(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path}/studies.db"
    make(storage, trials=1, epochs=EPOCHS)
    with run_workers(storage, tmp_path, lease_seconds=1.0) as crew:
        busy = crew.start("busy", before_epoch=be_busy)
        busy.wait_for_flag("busy")
        busy.send(signal.SIGTERM)
        busy.send(signal.SIGINT)  # a second SIGTERM could become one with the first
        assert busy.wait() in (128 + signal.SIGTERM, 128 + signal.SIGINT)
        assert read(storage).counts["RUNNING"] == 1
        assert crew.start("next").wait() == 0
    record = read(storage)
    assert (record.counts["COMPLETE"], record.trial(0).attempts) == (1, 2)
    assert check_history(tmp_path, storage, "study", slots=1) == []


def test_a_worker_that_waits_for_others_ends_at_once(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path}/studies.db"
    make(storage, trials=1, epochs=EPOCHS)
    with run_workers(storage, tmp_path) as crew:
        busy = crew.start("busy", before_epoch=be_busy)
        busy.wait_for_flag("busy")
        idle = crew.start("idle", prepare=SignalAt(signal.SIGINT, 2))
        assert idle.wait() == 128 + signal.SIGINT
    with Database.open(storage) as database, database.transaction() as connection:
        workers = set(connection.execute(sa.select(events.c.worker)).scalars())
    assert workers == {"busy"}
