"""Real worker processes on one database: the count of trials is exact, whoever dies."""

import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hpsearch.storage.database import Database
from hpsearch.tuning.records import StudyRecord, read_study_record
from hpsearch.tuning.study import load_study
from tests.scripted import make_study

pytestmark = [pytest.mark.slow, pytest.mark.fault]

DEADLINE_SECONDS = 120
SHORT_LEASE = 2.0
"""Seconds: long enough for a busy machine, short enough to wait for."""

Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def storage(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/studies.db"


@pytest.fixture
def start(storage: str, tmp_path: Path) -> Iterator[Start]:
    """Starts a worker process with a journal of its own; none outlives the test."""
    processes: list[subprocess.Popen[bytes]] = []

    def start_worker(
        name: str, seconds_per_epoch: float = 0.0, lease_seconds: float = 30.0
    ) -> "subprocess.Popen[bytes]":
        numbers = [str(seconds_per_epoch), str(lease_seconds)]
        arguments = [storage, "study", name, str(tmp_path / f"{name}.jsonl"), *numbers]
        process = subprocess.Popen([sys.executable, "-m", "tests.scripted_worker", *arguments], stderr=subprocess.PIPE)
        processes.append(process)
        return process

    yield start_worker
    for process in processes:
        process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


def make(storage: str, **fields: Any) -> None:
    with Database.open(storage, create=True) as database:
        make_study(database, "study", **fields)


def read(storage: str) -> StudyRecord:
    with Database.open(storage) as database:
        return read_study_record(load_study(database, "study"))


def read_journals(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for path in sorted(folder.glob("*.jsonl")) for line in path.read_text().splitlines()]


def join(process: "subprocess.Popen[bytes]") -> None:
    assert process.stderr is not None
    assert process.wait(DEADLINE_SECONDS) == 0, process.stderr.read().decode()


def test_four_workers_finish_exactly_the_trials_asked_for_and_claim_none_twice(
    storage: str, start: Start, tmp_path: Path
) -> None:
    make(storage, trials=60, epochs=2)
    for process in [start(f"worker-{index}") for index in range(4)]:
        join(process)
    record = read(storage)
    assert record.counts == {"COMPLETE": 60, "PRUNED": 0, "FAIL": 0, "RUNNING": 0, "WAITING": 0}
    claims = Counter(entry["trial"] for entry in read_journals(tmp_path) if entry["event"] == "claimed")
    assert claims == dict.fromkeys(range(60), 1)
    assert all(trial.attempts == 1 for trial in record.trials)


def test_no_trial_is_lost_or_doubled_when_workers_are_killed(storage: str, start: Start, tmp_path: Path) -> None:
    chance = random.Random(7)
    make(storage, trials=30, epochs=3)
    workers = {index: start(f"worker-{index}-0", 0.05, SHORT_LEASE) for index in range(4)}
    kills = 0
    while kills < 8:
        time.sleep(chance.uniform(0.3, 1.2))
        index = chance.choice(list(workers))
        if workers[index].poll() is not None:
            break
        workers[index].send_signal(signal.SIGKILL)
        kills += 1
        workers[index] = start(f"worker-{index}-{kills}", 0.05, SHORT_LEASE)
    for process in workers.values():
        join(process)
    record = read(storage)
    assert kills > 0
    assert len(record.trials) == record.finished_count == 30
    assert record.counts["RUNNING"] == 0
    # One accepted result a trial, and every result that a worker was told is stored is there.
    journal = read_journals(tmp_path)
    completed = Counter(entry["trial"] for entry in journal if entry["event"] == "completed")
    assert all(count == 1 for count in completed.values())
    assert all(record.trial(number).state == "COMPLETE" for number in completed)
    assert all(list(trial.accuracies) == [0, 1, 2] for trial in record.trials if trial.state == "COMPLETE")


def test_a_paused_worker_that_lost_its_trial_writes_nothing_and_goes_on(
    storage: str, start: Start, tmp_path: Path
) -> None:
    make(storage, trials=6, epochs=20)
    zombie = start("zombie", 0.1, SHORT_LEASE)
    journal = tmp_path / "zombie.jsonl"
    while not journal.exists():
        time.sleep(0.05)
        assert zombie.poll() is None
    zombie.send_signal(signal.SIGSTOP)
    other = start("other", 0.01, SHORT_LEASE)
    join(other)  # it waits for the zombie's trial to expire, then does that as well
    zombie.send_signal(signal.SIGCONT)
    join(zombie)
    record = read(storage)
    assert record.counts["COMPLETE"] == 6
    assert record.trial(0).attempts == 2
    completed = [(entry["trial"], entry["token"]) for entry in read_journals(tmp_path) if entry["event"] == "completed"]
    assert len(completed) == len({trial for trial, _ in completed}) == 6
