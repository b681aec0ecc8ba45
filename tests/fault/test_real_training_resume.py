"""A real training, killed at an epoch and taken up by another process: the same weights as if nothing had happened."""

import os
import signal
from pathlib import Path

import psutil
import pytest
import torch

from hpsearch.storage.database import Database
from hpsearch.training.loop import TrainingSession
from hpsearch.tuning.records import load_trial_weights, read_study_record
from hpsearch.tuning.study import load_study
from hpsearch.worker.loop import StopSignal, run_worker
from hpsearch.worker.protocols import WorkerSettings
from hpsearch.worker.trainer import StudyTrainer
from tests.fault.studies import make
from tests.tiny_training import draw_splits
from tests.worker_processes import run_process

pytestmark = [pytest.mark.slow, pytest.mark.fault]

EPOCHS = 4
# An epoch of any network of 2,000 weights takes about a second, so that each has EPOCHS.
KEPT_TIME = {"seconds": 60.0, "epoch_seconds": 1.0, "speed": {"seconds_per_mac": 5.2e-4, "seconds_per_value": 0.0}}


def train(url: str, name: str, killed_at: int | None, cores: int, whom: str = "worker") -> None:
    """A worker with the real trainer, killed in the middle of an epoch; or the process that it trains with, once."""
    session_shuffle = TrainingSession._shuffle
    killed = []

    def shuffle(session: TrainingSession, epoch: int) -> object:
        assert torch.get_num_threads() == 1
        assert len(psutil.Process().children()) == cores - 1
        for index, rows in enumerate(session_shuffle(session, epoch)):
            if epoch == killed_at and index == 2 and not killed:
                killed.append(epoch)
                if whom == "replica":
                    psutil.Process().children()[0].kill()
                else:
                    os.kill(os.getpid(), signal.SIGKILL)
            yield rows

    TrainingSession._shuffle = shuffle  # type: ignore[assignment, method-assign]
    settings = WorkerSettings(
        url,
        "study",
        "cpu",
        Path(),
        name,
        lease_seconds=0.5,
        heartbeat_seconds=0.1,
        checkpoint_seconds=0.0,
        report_seconds=0.0,
    )
    run_worker(settings, StopSignal(), print, open_trainer=lambda *_: StudyTrainer(draw_splits(1024, 64), "cpu"))


def read_weights(url: str) -> tuple[bytes, list[float], int]:
    with Database.open(url) as database:
        study = load_study(database, "study")
        trial = read_study_record(study).trial(0)
        assert trial.environment["threads"] == str(study.spec.round_plan.threads if study.spec.round_plan else 1)
        return load_trial_weights(study, trial), [point.train_loss for point in trial.curve], trial.attempts


def make_studies(folder: Path, cores: int) -> list[str]:
    """Two that are the same, each of one trial that so many cores train together."""
    urls = [f"sqlite:///{folder}/{name}.db" for name in ("undisturbed", "killed")]
    rounds = {"rounds": [{"trials": 1, "epochs": EPOCHS}], "workers": 2, "threads": cores, "speedup": 1.5, **KEPT_TIME}
    length = {"trials": 1, "epochs": EPOCHS} if cores == 1 else {"round_plan": rounds}
    for url in urls:
        make(url, **length, space={"batch_size": 64})
    return urls


@pytest.mark.parametrize("cores", [1, 2])
def test_a_training_killed_twice_ends_with_the_weights_of_one_that_was_never_stopped(
    cores: int, tmp_path: Path
) -> None:
    urls = make_studies(tmp_path, cores)
    assert run_process(train, urls[0], "one", None, cores) == 0
    for name, killed_at in (("two", 1), ("three", 3)):
        assert run_process(train, urls[1], name, killed_at, cores) == -signal.SIGKILL
    assert run_process(train, urls[1], "four", None, cores) == 0
    undisturbed, killed = read_weights(urls[0]), read_weights(urls[1])
    assert killed[0] == undisturbed[0]
    assert killed[1] == undisturbed[1]
    assert (undisturbed[2], killed[2]) == (1, 3)


def test_a_worker_goes_on_where_the_process_that_it_trains_with_was_killed(tmp_path: Path) -> None:
    urls = make_studies(tmp_path, cores=2)
    assert run_process(train, urls[0], "one", None, 2) == 0
    assert run_process(train, urls[1], "two", 2, 2, "replica") == 0
    undisturbed, killed = read_weights(urls[0]), read_weights(urls[1])
    assert killed[:2] == undisturbed[:2]
    assert (undisturbed[2], killed[2]) == (1, 2)
