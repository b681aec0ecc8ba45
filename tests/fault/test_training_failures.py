"""Trials that need too much memory, diverge or are wrong: what is tried again, and what is not."""

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from hpsearch.clock import SystemClock
from hpsearch.errors import OutOfMemoryError
from hpsearch.storage.database import Database
from hpsearch.storage.leases import MAXIMUM_DEATHS
from hpsearch.training.loop import TrainingSession
from hpsearch.tuning.claims import MAXIMUM_FAILURES_IN_A_ROW, StudyBrokenError, TrialQueue
from hpsearch.tuning.records import StudyRecord, read_study_record
from hpsearch.tuning.study import Study
from hpsearch.worker.loop import StopSignal, Worker
from hpsearch.worker.protocols import Trainer, WorkerSettings
from hpsearch.worker.trainer import StudyTrainer
from tests.scripted import ScriptedTrainer, make_study
from tests.tiny_training import draw_splits

pytestmark = [pytest.mark.slow, pytest.mark.fault]


@pytest.fixture
def study(tmp_path: Path) -> Iterator[Study]:
    with Database.open(f"sqlite:///{tmp_path}/studies.db", create=True) as database:
        yield make_study(database, trials=3, epochs=3)


def work(study: Study, trainer: Trainer) -> StudyRecord:
    settings = WorkerSettings("", study.name, "cpu", Path(), "w", checkpoint_seconds=0.0, report_seconds=0.0)
    queue = TrialQueue(study, "w", "cpu", checkpoint_seconds=0.0, report_seconds=0.0)
    Worker(settings, queue, trainer, StopSignal(), lambda _line: None, SystemClock()).work()
    return read_study_record(study)


@pytest.mark.parametrize("error", [OutOfMemoryError("no room"), torch.OutOfMemoryError("CUDA out of memory")])
def test_a_trial_that_memory_cannot_hold_is_tried_three_times_and_the_worker_lives(
    study: Study, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    seeds: list[int] = []
    train = TrainingSession.train_epoch

    def run_out(session: TrainingSession) -> object:
        seeds.append(session.config.seed)
        if session.config.seed == seeds[0]:
            raise error
        return train(session)

    monkeypatch.setattr(TrainingSession, "train_epoch", run_out)
    record = work(study, StudyTrainer(draw_splits(), "cpu"))
    assert seeds.count(seeds[0]) == MAXIMUM_DEATHS
    assert (record.trial(0).state, record.trial(0).attempts) == ("FAIL", 3)
    assert "gave up after 3" in (record.trial(0).reason or "")
    assert record.counts["COMPLETE"] == 2


@pytest.mark.parametrize("epoch", [0, 1, 2])
@pytest.mark.parametrize("poison", [math.nan, math.inf])
def test_a_trial_that_diverges_fails_at_once_and_is_never_the_best(
    study: Study, monkeypatch: pytest.MonkeyPatch, epoch: int, poison: float
) -> None:
    first: list[int] = []
    train = TrainingSession.train_epoch

    def diverge(session: TrainingSession) -> object:
        first.append(session.config.seed)
        if session.config.seed == first[0] and session.next_epoch == epoch:
            for parameter in session.network.parameters():
                parameter.data.fill_(poison)
        return train(session)

    monkeypatch.setattr(TrainingSession, "train_epoch", diverge)
    record = work(study, StudyTrainer(draw_splits(), "cpu"))
    failed = record.trial(0)
    assert (failed.state, failed.attempts, failed.epochs, failed.value) == ("FAIL", 1, epoch, None)
    assert (failed.reason or "").startswith(f"diverged at epoch {epoch}: ")
    assert record.best is not None
    assert record.best.number != 0
    assert all(math.isfinite(point.train_loss) for trial in record.trials for point in trial.curve)


def break_always(_epoch: int) -> None:
    raise ZeroDivisionError("one over nothing")


def test_an_error_of_the_code_fails_each_trial_at_once_and_five_of_them_stop_the_study(tmp_path: Path) -> None:
    with Database.open(f"sqlite:///{tmp_path}/studies.db", create=True) as database:
        study = make_study(database, trials=20, epochs=3)
        with pytest.raises(StudyBrokenError, match=r"5 trials in a row failed.*one over nothing"):
            work(study, ScriptedTrainer(break_always))
        record = read_study_record(study)
    assert record.counts["FAIL"] == len(record.trials) == MAXIMUM_FAILURES_IN_A_ROW
    assert all(trial.attempts == 1 for trial in record.trials)
