"""What only a GPU can show. Skipped without one, and run by hand where there is one: pytest -m gpu."""

import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from hpsearch.clock import SystemClock
from hpsearch.epoch_result import EpochResult
from hpsearch.errors import OutOfMemoryError
from hpsearch.storage.database import Database
from hpsearch.training import step as steps
from hpsearch.training.device import limit_memory
from hpsearch.training.loop import TrainingSession
from hpsearch.training.memory import out_of_memory_as_own_error
from hpsearch.training.step import CapturedStep, CaptureFailedWarning
from hpsearch.tuning.records import read_study_record
from hpsearch.tuning.study import load_study
from hpsearch.worker.loop import StopSignal, WorkerSettings, run_worker
from tests.cli_runs import CommandRoom, write_tiny_archive
from tests.tiny_training import CPU, TINY_CNN, TINY_FCN, draw_splits, tiny_config

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.slow,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU that CUDA sees"),
]

GPU = torch.device("cuda:0")
CLOSE = 2e-3
"""Two ways of computing one training differ by rounding, which 3 epochs of so few steps leave as small."""


def train(config: object, *, eager: bool = False) -> tuple[list[EpochResult], bytes, TrainingSession]:
    session = TrainingSession(config, draw_splits(), GPU)  # type: ignore[arg-type]
    if eager:
        assert isinstance(session._step, CapturedStep)
        session._step.can_capture = False
    return list(session.epochs()), session.weights(), session


def figures(results: list[EpochResult]) -> list[tuple[float, float | None, float | None]]:
    return [(result.train_loss, result.validation_loss, result.validation_accuracy) for result in results]


@pytest.mark.parametrize("architecture", [TINY_FCN, TINY_CNN], ids=["fcn", "cnn"])
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_a_captured_step_is_an_eager_one(architecture: object, optimizer: str) -> None:
    config = tiny_config(architecture, optimizer=optimizer, dropout=0.2, augmentation="flip")  # type: ignore[arg-type]
    captured, _, session = train(config)
    assert isinstance(session._step, CapturedStep)
    assert session._step.graph is not None, "the step was not captured"
    eager, _, _ = train(config, eager=True)
    for one, other in zip(figures(captured), figures(eager), strict=True):
        assert one[:2] == pytest.approx(other[:2], rel=CLOSE, abs=CLOSE)


def test_a_trial_that_cores_were_to_train_together_is_trained_alone() -> None:
    config = tiny_config(TINY_CNN, batch_size=64)
    session = TrainingSession(config, draw_splits(1024, 64), GPU, threads=2)
    alone = TrainingSession(config, draw_splits(1024, 64), GPU)
    assert session.train_epoch().train_loss == pytest.approx(alone.train_epoch().train_loss, rel=CLOSE)


@pytest.mark.parametrize("architecture", [TINY_FCN, TINY_CNN], ids=["fcn", "cnn"])
def test_the_same_trial_twice_is_the_same_to_the_bit_or_differs_by_rounding(architecture: object) -> None:
    first, weights, _ = train(tiny_config(architecture))  # type: ignore[arg-type]
    second, others, _ = train(tiny_config(architecture))  # type: ignore[arg-type]
    differences = [
        abs(one - other)
        for pair in zip(figures(first), figures(second), strict=True)
        for one, other in zip(*pair, strict=True)
        if one is not None and other is not None
    ]
    if weights != others or max(differences) > 0:
        warnings.warn(f"two trainings differ by at most {max(differences):.2g}", stacklevel=1)
    assert max(differences) < CLOSE


def test_where_a_capture_fails_every_step_runs_eagerly_and_it_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object, **_keywords: object) -> None:
        raise RuntimeError("this driver captures nothing")

    steps._say_once_of.cache_clear()
    monkeypatch.setattr(torch.cuda, "graph", fail)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        results, _, session = train(tiny_config())
        train(tiny_config())
    (only,) = [warning for warning in said if warning.category is CaptureFailedWarning]
    assert "this driver captures nothing" in str(only.message)
    assert isinstance(session._step, CapturedStep)
    assert session._step.graph is None
    assert len(results) == 3
    assert results[-1].train_loss < results[0].train_loss


@pytest.fixture
def restored_memory() -> Iterator[None]:
    yield
    torch.cuda.set_per_process_memory_fraction(1.0, GPU)
    torch.cuda.empty_cache()


@pytest.mark.usefixtures("restored_memory")
def test_a_share_of_the_memory_is_not_exceeded() -> None:
    total = torch.cuda.get_device_properties(GPU).total_memory
    limit_memory(GPU, 8)
    with pytest.raises(OutOfMemoryError), out_of_memory_as_own_error():
        torch.empty(total // 7, dtype=torch.uint8, device=GPU)
    assert torch.empty(total // 32, dtype=torch.uint8, device=GPU).numel() > 0


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandRoom:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HPSEARCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HPSEARCH_STORAGE", raising=False)
    monkeypatch.delenv("HPSEARCH_STORAGE_FILE", raising=False)
    write_tiny_archive(tmp_path / "tiny.npz")
    return CommandRoom(tmp_path, capsys)


def create(room: CommandRoom, *, trials: int, epochs: int = 2) -> None:
    given = ["--budget", "2k", "--arch", "fcn", "--dataset", "tiny.npz", "--pruner", "none", "--study", "s"]
    ended = room.type("create", *given, "--trials", str(trials), "--epochs", str(epochs))
    assert ended.code == 0, ended.err


@pytest.mark.usefixtures("restored_memory")
def test_a_trial_that_finds_no_memory_goes_back_and_its_worker_lives(room: CommandRoom) -> None:
    create(room, trials=2)
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        if "given back" in text:  # the next attempt has room
            torch.cuda.set_per_process_memory_fraction(1.0, GPU)

    settings = WorkerSettings(room.storage, "s", "cuda", room.folder / "cache", "worker")

    class StarvingClock(SystemClock):
        """Takes the memory away once the worker has its data."""

        def now(self) -> float:
            if not said:
                torch.cuda.empty_cache()
                torch.cuda.set_per_process_memory_fraction(1e-6, GPU)
            return super().now()

    outcome = run_worker(settings, StopSignal(), say, clock=StarvingClock())
    assert (outcome.ended, outcome.finished_trials) == ("all-finished", 2)
    assert any("out of memory" in text and "given back" in text for text in said), said
    with Database.open(room.storage) as database:
        record = read_study_record(load_study(database, "s"))
    assert (record.counts["COMPLETE"], record.trials[0].attempts) == (2, 2)


@pytest.mark.parametrize(("first", "then"), [(GPU, CPU), (CPU, GPU)], ids=["gpu to cpu", "cpu to gpu"])
def test_a_checkpoint_goes_on_elsewhere(first: torch.device, then: torch.device) -> None:
    config = tiny_config(TINY_CNN, epochs=4, averaging="ema")
    whole = TrainingSession(config, draw_splits(), first)
    curve = [whole.train_epoch() for _ in range(2)]
    captured = whole.capture()
    curve += list(whole.epochs())
    resumed = TrainingSession(config, draw_splits(), then)
    resumed.restore(captured)
    results = list(resumed.epochs())
    assert [result.epoch for result in results] == [2, 3]
    assert results[-1].train_loss == pytest.approx(curve[-1].train_loss, rel=0.1, abs=0.05)
    assert resumed.weights()


@pytest.mark.parametrize("workers", [1, 4, 8])
def test_workers_share_one_gpu(room: CommandRoom, workers: int) -> None:
    create(room, trials=2 * workers)
    command = [sys.executable, "-m", "hpsearch", "worker", "s", "--device", "cuda", "--workers", str(workers)]
    ended = subprocess.run(command, cwd=room.folder, capture_output=True, text=True, timeout=240)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    record = room.read("s")
    assert record.counts["COMPLETE"] == 2 * workers
    devices = {trial.environment["device"] for trial in record.trials}
    assert devices == {"cuda:0"}
    if workers > 1 and torch.cuda.device_count() == 1:
        assert f"{workers} workers share the GPU" in ended.stdout
        assert "MPS" in ended.stdout
