"""A worker's loop, in one process and without waiting."""

import hashlib
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from hpsearch.errors import DivergedError, OutOfMemoryError
from hpsearch.storage import tables
from hpsearch.storage.artifacts import Artifact
from hpsearch.storage.database import Database
from hpsearch.storage.leases import MAXIMUM_DEATHS
from hpsearch.storage.stored_blobs import CHECKPOINT
from hpsearch.storage.study_rows import stop_study
from hpsearch.tuning.claims import TrialQueue
from hpsearch.tuning.records import StudyRecord, read_study_record
from hpsearch.tuning.study import Study
from hpsearch.worker.heartbeat import Heartbeat
from hpsearch.worker.loop import Illustrate, StopSignal, Worker, WorkerOutcome
from hpsearch.worker.protocols import CompletedTraining, WorkerSettings
from tests.hand_clock import HandClock
from tests.scripted import ScriptedTrainer, make_study


@pytest.fixture
def study(tmp_path: Path) -> Iterator[Study]:
    with Database.open(f"sqlite:///{tmp_path}/studies.db", create=True) as database:
        yield make_study(database, trials=4, epochs=3)


def work(
    study: Study,
    before_epoch: Callable[[int], None] = lambda _epoch: None,
    *,
    stop: StopSignal | None = None,
    clock: HandClock | None = None,
    said: list[str] | None = None,
    deadline: float | None = None,
    max_trials: int | None = None,
    drains: bool = False,
    heartbeat_seconds: float = 10.0,
    illustrate: Illustrate | None = None,
) -> tuple[WorkerOutcome, StudyRecord]:
    settings = WorkerSettings(
        "",
        study.name,
        "cpu",
        Path(),
        "w",
        deadline=deadline,
        max_trials=max_trials,
        drains=drains,
        heartbeat_seconds=heartbeat_seconds,
    )
    queue = TrialQueue(study, "w", "cpu")
    say = [].append if said is None else said.append
    trainer = ScriptedTrainer(before_epoch)
    outcome = Worker(settings, queue, trainer, stop or StopSignal(), say, clock or HandClock(1000.0), illustrate).work()
    return outcome, read_study_record(study)


def test_a_worker_finishes_the_study(study: Study) -> None:
    outcome, record = work(study)
    assert outcome == WorkerOutcome(4, "all-finished")
    assert record.counts["COMPLETE"] == 4


def test_a_worker_told_to_stop_gives_its_trial_back(study: Study) -> None:
    stop = StopSignal()
    outcome, record = work(study, lambda epoch: stop.request() if epoch == 1 else None, stop=stop)
    assert outcome == WorkerOutcome(0, "stopped")
    assert (record.counts["WAITING"], record.counts["RUNNING"]) == (1, 0)
    outcome, record = work(study)
    assert outcome == WorkerOutcome(4, "all-finished")
    assert record.counts["COMPLETE"] == len(record.trials) == 4


def test_a_worker_ends_at_its_deadline_and_gives_its_trial_back(study: Study) -> None:
    clock = HandClock(1000.0)
    outcome, record = work(study, lambda _epoch: clock.sleep(2), clock=clock, deadline=1011.0)
    assert outcome == WorkerOutcome(1, "deadline")
    assert (record.counts["COMPLETE"], record.counts["WAITING"], record.counts["RUNNING"]) == (1, 1, 0)


def test_a_worker_takes_no_more_trials_than_it_may(study: Study) -> None:
    outcome, record = work(study, max_trials=2)
    assert outcome == WorkerOutcome(2, "max-trials")
    assert len(record.trials) == 2


def test_a_trial_that_diverges_fails_with_its_reason_and_the_worker_goes_on(study: Study) -> None:
    raised = []

    def diverge_once(epoch: int) -> None:
        if epoch == 1 and not raised:
            raised.append(True)
            raise DivergedError("diverged at epoch 1: the loss is nan")

    outcome, record = work(study, diverge_once)
    assert outcome == WorkerOutcome(4, "all-finished")
    assert (record.trial(0).state, record.trial(0).reason) == ("FAIL", "diverged at epoch 1: the loss is nan")
    assert record.trial(0).epochs == 1
    assert record.best is not None
    assert record.best.number != 0


def test_a_bug_in_training_fails_the_trial_and_says_where_it_is(study: Study) -> None:
    said: list[str] = []
    raised = []

    def break_once(_epoch: int) -> None:
        if not raised:
            raised.append(True)
            raise ZeroDivisionError("one over nothing")

    _, record = work(study, break_once, said=said)
    assert record.trial(0).reason == "ZeroDivisionError: one over nothing"
    assert any("Traceback" in line and "break_once" in line for line in said)


def test_an_interrupt_that_is_no_error_gives_the_trial_back_and_goes_on_up(study: Study) -> None:
    def interrupt(_epoch: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work(study, interrupt)
    assert read_study_record(study).counts["WAITING"] == 1


def test_a_heartbeat_beats_until_its_context_is_left() -> None:
    beats: list[int] = []
    with Heartbeat(lambda: beats.append(1), 0.001) as heartbeat:
        while len(beats) < 3:
            pass
        assert not heartbeat.is_lost
    count = len(beats)
    assert not heartbeat._thread.is_alive()
    assert len(beats) == count


def test_a_heartbeat_outlives_a_database_that_fails_and_ends_when_the_lease_is_lost() -> None:
    from hpsearch.errors import LeaseLostError, StorageError

    answers: list[Exception] = [StorageError("away"), StorageError("away"), LeaseLostError("gone")]
    beats = 0

    def beat() -> None:
        nonlocal beats
        beats += 1
        raise answers[beats - 1]

    with Heartbeat(beat, 0.001) as heartbeat:
        heartbeat._thread.join(120)
        assert heartbeat.is_lost
    assert beats == 3


def test_a_worker_takes_a_trial_up_where_another_left_it(study: Study) -> None:
    stop, seen = StopSignal(), []

    def request(epoch: int) -> None:
        if epoch == 2:
            stop.request()

    work(study, request, stop=stop)
    said: list[str] = []
    work(study, seen.append, max_trials=1, said=said)
    assert seen == [2]
    assert "trial 0: going on after 2 epochs" in said


def test_a_worker_begins_a_trial_anew_whose_checkpoint_it_cannot_use(study: Study) -> None:
    stop, seen = StopSignal(), []

    def request(epoch: int) -> None:
        if epoch == 2:
            stop.request()

    work(study, request, stop=stop)
    with study.database.transaction() as connection:
        content = b"1 2"  # of another trial
        digest = hashlib.sha256(content).hexdigest()
        same = tables.blobs.c.kind == CHECKPOINT
        connection.execute(tables.blobs.update().where(same).values(content=content, sha256=digest))
    said: list[str] = []
    _, record = work(study, seen.append, max_trials=1, said=said)
    assert seen == [0, 1, 2]
    assert any("begins anew" in line for line in said)
    assert record.trial(0).epochs == 3


def test_a_trial_that_does_not_fit_into_memory_is_tried_three_times_and_then_failed(study: Study) -> None:
    tried = []

    def burst(_epoch: int) -> None:
        tried.append(1)
        if len(tried) <= MAXIMUM_DEATHS:
            raise OutOfMemoryError("out of memory: the device cannot hold this trial")

    outcome, record = work(study, burst)
    assert outcome == WorkerOutcome(4, "all-finished")
    assert (record.trial(0).state, record.counts["COMPLETE"]) == ("FAIL", 3)
    assert (record.trial(0).reason or "").startswith("gave up after 3 attempts: out of memory")


def test_a_worker_gives_its_trial_back_when_the_study_wants_it(study: Study) -> None:
    def last_beat() -> datetime | None:
        lease = read_study_record(study).trial(0).lease
        return lease.seen_at if lease else None

    def recall(epoch: int) -> None:
        if epoch == 1:
            with study.database.transaction(claims_of=study.study_id) as connection:
                stop_study(connection, study.study_id, "for lunch", gives_back=True)
            before, until = last_beat(), time.monotonic() + 120
            while last_beat() == before and time.monotonic() < until:
                time.sleep(0.01)

    outcome, record = work(study, recall, heartbeat_seconds=0.05)
    assert outcome == WorkerOutcome(0, "study-stopped")
    assert (record.counts["WAITING"], record.counts["RUNNING"]) == (1, 0)


def test_a_draining_worker_does_not_wait_for_others(study: Study) -> None:
    other = TrialQueue(study, "other", "cpu")
    held = other.claim()
    outcome, record = work(study, drains=True)
    assert outcome == WorkerOutcome(3, "drained")
    assert record.counts["RUNNING"] == 1
    assert held is not None


def test_a_figure_that_cannot_be_drawn_does_not_cost_the_trial(study: Study) -> None:
    def draw(_training: CompletedTraining) -> list[Artifact]:
        raise ZeroDivisionError

    said: list[str] = []
    outcome, record = work(study, max_trials=1, illustrate=draw, said=said)
    assert (outcome.finished_trials, record.trial(0).state) == (1, "COMPLETE")
    assert any("ZeroDivisionError" in line for line in said)


def test_the_best_trials_get_their_figures(study: Study) -> None:
    drawn: list[CompletedTraining] = []

    def draw(training: CompletedTraining) -> list[Artifact]:
        drawn.append(training)
        return [Artifact("curve.png", b"picture")]

    work(study, max_trials=1, illustrate=draw)
    assert [len(training.curve) for training in drawn] == [3]
    (trial,) = study.database.optuna_storage.get_all_trials(study.study_id)
    attributes = trial.system_attrs
    assert sum(key.startswith("artifacts:") for key in attributes) == 1
