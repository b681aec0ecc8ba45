"""Whatever workers, their deaths and operators do in whatever order: a study's trials are what a simple model says.

Leases are aged instead of waited for.
"""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings, strategies
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from hpsearch.errors import LeaseLostError
from hpsearch.storage.database import Database
from hpsearch.storage.leases import MAXIMUM_DEATHS
from hpsearch.storage.study_rows import resume_study, stop_study
from hpsearch.storage.tables import leases
from hpsearch.tuning.claimed_trial import ClaimedTrial
from hpsearch.tuning.claims import MAXIMUM_FAILURES_IN_A_ROW, NoTrial, StudyBrokenError, TrialQueue
from hpsearch.tuning.records import read_study_record
from tests.postgres import PostgresServer
from tests.scripted import curve_point, make_study

SLOTS, EPOCHS = 4, 3
WORKERS = ("one", "two", "three")
workers = strategies.sampled_from(WORKERS)


@dataclass
class ModelTrial:
    """What a trial should be."""

    state: str = "WAITING"
    holder: str | None = None
    expired: bool = False
    deaths: int = 0
    attempts: int = 0
    epochs: int = 0
    checkpoint: int = 0
    """Epochs behind the stored checkpoint."""


class LeaseStates(RuleBasedStateMachine):
    """Workers that claim, report and vanish, beside a model of it."""

    database: Database
    names: Iterator[int]

    @initialize()
    def make(self) -> None:
        study = make_study(self.database, f"study-{next(self.names)}", trials=SLOTS, epochs=EPOCHS)
        self.study = study
        self.queues = {name: TrialQueue(study, name, "cpu", checkpoint_seconds=0.0) for name in WORKERS}
        self.held: dict[str, tuple[ClaimedTrial, int]] = {}
        self.model: list[ModelTrial] = []
        self.ended: list[str] = []
        self.is_stopped = False

    # What the model says

    def model_reap(self) -> None:
        for trial in self.model:
            if trial.state == "RUNNING" and trial.expired:
                trial.deaths += 1
                trial.holder, trial.expired = None, False
                trial.state = "FAIL" if trial.deaths >= MAXIMUM_DEATHS else "WAITING"
                if trial.state == "FAIL":
                    self.ended.append("FAIL")

    def model_expect(self) -> int | NoTrial | type[StudyBrokenError]:
        self.model_reap()
        if self.is_stopped:
            return NoTrial.STOPPED
        last = self.ended[-MAXIMUM_FAILURES_IN_A_ROW:]
        if len(last) == MAXIMUM_FAILURES_IN_A_ROW and set(last) == {"FAIL"}:
            self.is_stopped = True
            return StudyBrokenError
        waiting = [number for number, trial in enumerate(self.model) if trial.state == "WAITING"]
        if waiting:
            return waiting[0]
        if len(self.model) < SLOTS:
            self.model.append(ModelTrial())
            return len(self.model) - 1
        is_running = any(trial.state == "RUNNING" for trial in self.model)
        return NoTrial.ALL_TAKEN if is_running else NoTrial.ALL_FINISHED

    def holds(self, worker: str) -> bool:
        """Whether the database takes this worker's word: its lease may be over, but nobody has taken it yet."""
        claimed = self.held.get(worker)
        if claimed is None:
            return False
        trial = self.model[claimed[0].number]
        return trial.state == "RUNNING" and trial.holder == worker and trial.attempts == claimed[1]

    @contextmanager
    def fenced(self, worker: str) -> Iterator[bool]:
        """A write of a worker: it is accepted if the worker holds its trial, and refused otherwise."""
        if self.holds(worker):
            yield True
            return
        with pytest.raises(LeaseLostError):
            yield False
        del self.held[worker]

    # What can happen

    @rule(worker=workers)
    def claim(self, worker: str) -> None:
        if worker in self.held:
            return
        expected = self.model_expect()
        if expected is StudyBrokenError:
            with pytest.raises(StudyBrokenError):
                self.queues[worker].claim()
            return
        claimed = self.queues[worker].claim()
        if not isinstance(claimed, ClaimedTrial):
            assert claimed is expected
            return
        assert claimed.number == expected
        trial = self.model[claimed.number]
        trial.state, trial.holder, trial.expired = "RUNNING", worker, False
        trial.attempts += 1
        trial.epochs = trial.checkpoint
        assert (claimed.lease.attempt, len(claimed.curve)) == (trial.attempts, trial.epochs)
        self.held[worker] = (claimed, trial.attempts)

    @precondition(lambda self: self.held)
    @rule(data=strategies.data(), with_checkpoint=strategies.booleans())
    def report(self, data: strategies.DataObject, with_checkpoint: bool) -> None:
        worker = data.draw(strategies.sampled_from(sorted(self.held)))
        claimed = self.held[worker][0]
        epoch = len(claimed.curve)
        if epoch >= EPOCHS:
            return
        point = curve_point(epoch, (claimed.number + epoch) / 10)
        with self.fenced(worker) as holds:
            claimed.report(point, f"{epoch + 1}".encode() if with_checkpoint else None)
        if holds:
            trial = self.model[claimed.number]
            trial.epochs, trial.expired = epoch + 1, False
            trial.checkpoint = epoch + 1 if with_checkpoint else trial.checkpoint

    @precondition(lambda self: self.held)
    @rule(data=strategies.data())
    def beat(self, data: strategies.DataObject) -> None:
        worker = data.draw(strategies.sampled_from(sorted(self.held)))
        claimed = self.held[worker][0]
        with self.fenced(worker) as holds:
            self.queues[worker].beat(claimed)
        if holds:
            self.model[claimed.number].expired = False
            self.model_reap()

    @precondition(lambda self: any(trial.state == "RUNNING" for trial in self.model))
    @rule(data=strategies.data())
    def expire(self, data: strategies.DataObject) -> None:
        running = [number for number, trial in enumerate(self.model) if trial.state == "RUNNING"]
        number = data.draw(strategies.sampled_from(running))
        trial_id = read_study_record(self.study).trial(number).trial_id
        with self.database.transaction() as connection:
            past = {"seen_at": sa.text("'2020-01-01 00:00:00'"), "expires_at": sa.text("'2020-01-01 00:00:30'")}
            connection.execute(leases.update().where(leases.c.trial_id == trial_id).values(**past))
        self.model[number].expired = True

    @rule(worker=workers)
    def reap(self, worker: str) -> None:
        self.queues[worker].reap()
        self.model_reap()

    @precondition(lambda self: self.held)
    @rule(data=strategies.data(), how=strategies.sampled_from(["complete", "prune", "fail", "give_back", "die"]))
    def end(self, data: strategies.DataObject, how: str) -> None:
        worker = data.draw(strategies.sampled_from(sorted(self.held)))
        claimed = self.held[worker][0]
        if how in ("complete", "prune") and not claimed.curve:
            return
        ends: dict[str, Callable[[], object]] = {
            "complete": lambda: claimed.complete(b"weights"),
            "prune": claimed.prune,
            "fail": lambda: claimed.fail("a reason"),
            "give_back": lambda: claimed.give_back("a reason"),
            "die": lambda: claimed.count_death("out of memory"),
        }
        with self.fenced(worker) as holds:
            ends[how]()
        if not holds:
            return
        del self.held[worker]
        trial = self.model[claimed.number]
        trial.holder, trial.expired = None, False
        if how == "give_back":
            trial.state = "WAITING"
            trial.checkpoint = len(claimed.curve) if claimed.checkpoint is not None else trial.checkpoint
        elif how == "die":
            trial.deaths += 1
            trial.state = "FAIL" if trial.deaths >= MAXIMUM_DEATHS else "WAITING"
        else:
            trial.state = {"complete": "COMPLETE", "prune": "PRUNED", "fail": "FAIL"}[how]
        if trial.state != "WAITING":
            self.ended.append(trial.state)

    @rule(worker=workers)
    def vanish(self, worker: str) -> None:
        """A worker dies, and another of the same name starts."""
        self.held.pop(worker, None)

    @rule()
    def stop(self) -> None:
        with self.database.transaction(claims_of=self.study.study_id) as connection:
            stop_study(connection, self.study.study_id, "an operator said so")
        self.is_stopped = True

    @precondition(lambda self: self.is_stopped)
    @rule()
    def resume(self) -> None:
        with self.database.transaction(claims_of=self.study.study_id) as connection:
            resume_study(connection, self.study.study_id)
        self.is_stopped = False
        self.ended.clear()

    @invariant()
    def the_database_is_what_the_model_says(self) -> None:
        if not hasattr(self, "model"):
            return
        record = read_study_record(self.study)
        assert len(record.trials) <= SLOTS
        seen = [(trial.state, trial.attempts, trial.epochs) for trial in record.trials]
        assert seen == [(trial.state, trial.attempts, trial.epochs) for trial in self.model]
        for trial in record.trials:
            assert list(trial.accuracies) == list(range(trial.epochs))
            if trial.state in ("COMPLETE", "PRUNED"):
                assert trial.value == trial.accuracies[trial.epochs - 1]


def explore(url: str, *, examples: int) -> None:
    with Database.open(url, create=True) as database:
        machine = type("Machine", (LeaseStates,), {"database": database, "names": itertools.count()})
        checks = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
        limits = settings(max_examples=examples, stateful_step_count=25, suppress_health_check=checks)
        run_state_machine_as_test(machine, settings=limits)


@pytest.mark.slow
def test_every_order_of_events_leaves_what_the_model_says_on_sqlite(tmp_path: Path) -> None:
    explore(f"sqlite:///{tmp_path}/studies.db", examples=20)


@pytest.mark.slow
def test_every_order_of_events_leaves_what_the_model_says_on_postgresql(postgres: PostgresServer) -> None:
    explore(postgres.make_database(), examples=5)
