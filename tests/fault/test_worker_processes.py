"""Real worker processes on one database: the count of trials is exact, whoever dies."""

import os
import signal
from pathlib import Path

import psutil
import pytest

from tests.fault.campaign import FIRST_KILL, run_kills, run_race
from tests.fault.studies import make, read
from tests.history import check_history
from tests.scripted_worker import WorkerScript
from tests.worker_processes import run_workers, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.fault]

SHORT_LEASE = 1.0
"""Seconds to wait for, once a worker is dead or stands still."""


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_eight_workers_finish_exactly_the_trials_asked_for_and_claim_none_twice(tmp_path: Path, kind: str) -> None:
    outcome = run_race(tmp_path, kind, times=1, trials=12)
    assert outcome.violations == []
    assert outcome.figures["trials_each_time"] == [12]
    assert (outcome.lost, outcome.duplicated, outcome.left_running, outcome.orphans) == (0, 0, 0, 0)


def wait_for_the_first_kill(script: WorkerScript, _epoch: int) -> None:
    """However slow the machine: whom the first kill meets holds a trial."""
    wait_until((script.folder / FIRST_KILL).exists, "a worker is killed")


def test_no_trial_is_lost_or_doubled_when_workers_are_killed(storage_url: str, tmp_path: Path) -> None:
    script = {"seconds_per_epoch": 0.05, "lease_seconds": SHORT_LEASE, "before_epoch": wait_for_the_first_kill}
    outcome = run_kills(storage_url, tmp_path, trials=16, workers=3, kills=5, pause=0.1, seed=7, **script)
    assert outcome.violations == []
    assert outcome.figures["kills_that_hit_a_trial"] > 0
    assert (outcome.lost, outcome.duplicated, outcome.left_running, outcome.orphans) == (0, 0, 0, 0)


def stop_once(script: WorkerScript, epoch: int) -> None:
    """Between two writes: whoever stands still while it holds SQLite's lock holds up everybody."""
    if epoch == 2 and not script.flag("stopped").exists():
        script.flag("stopped").touch()
        os.kill(os.getpid(), signal.SIGSTOP)


@pytest.mark.parametrize(
    "storage_url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.exhaustive)], indirect=True
)
def test_a_paused_worker_that_lost_its_trial_writes_nothing_and_goes_on(storage_url: str, tmp_path: Path) -> None:
    make(storage_url, trials=3, epochs=4)
    with run_workers(storage_url, tmp_path, lease_seconds=SHORT_LEASE) as crew:
        zombie = crew.start("zombie", before_epoch=stop_once, heartbeat_seconds=1000.0)
        wait_until(lambda: psutil.Process(zombie.process.pid).status() == psutil.STATUS_STOPPED, "the zombie stands")
        other = crew.start("other")
        wait_until(lambda: not other.is_alive, "the other one has done all, the zombie's at last")
        zombie.send(signal.SIGCONT)
        zombie.wait_until_said("lease lost")
        assert (zombie.wait(), other.wait()) == (0, 0)
    assert check_history(tmp_path, storage_url, "study", slots=3) == []
    record = read(storage_url)
    assert (record.counts["COMPLETE"], record.trial(0).attempts) == (3, 2)
