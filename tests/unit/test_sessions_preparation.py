"""What a command checks before any work."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hpsearch.sessions.hardware import Hardware
from hpsearch.sessions.preparation import check_study, describe_unused_time, fit, fit_to_size, measure_plan
from hpsearch.sessions.request import make_absolute, read_request
from hpsearch.storage.database import Database
from hpsearch.study.round_plan import LONGEST_EPOCHS
from hpsearch.study.spec import StudySpec
from hpsearch.training import device, throughput
from hpsearch.training.data import describe_dataset
from hpsearch.tuning.creation import StudyDiffersError, create_or_join_study
from tests.scripted import TINY_DATASET


def test_the_path_of_a_data_set_is_made_absolute_and_a_name_stays_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("mine", "fashion-mnist"):
        (tmp_path / folder).mkdir()
    assert make_absolute("mine") == str(tmp_path / "mine")
    assert make_absolute("fashion-mnist") == "fashion-mnist"
    assert make_absolute("missing.npz") == "missing.npz"


def test_more_workers_than_cores_take_turns_in_the_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throughput.EpochTimer, "measure", lambda _timer, _config, _threads: 2.0)
    monkeypatch.setattr(device, "count_workers", lambda _device: 2)
    request = read_request(None, {"dataset": "tiny", "arch": "fcn", "budget": "5k", "time": "10m"}, "cpu", None)
    fitted = fit(request.spec, TINY_DATASET)
    seconds = []
    for workers in (1, 2, 4):
        hardware = Hardware("cpu", "cpu", "a CPU of two cores", workers)
        plan = measure_plan(request, TINY_DATASET, fitted, hardware, lambda _line: None)
        assert plan.workers == workers
        seconds.append(plan.epoch_seconds)
    assert seconds == pytest.approx([2.0, 2.0, 4.0])


@pytest.mark.parametrize(
    ("workers", "are_workers_here", "threads"),
    [(2, True, 2), (2, False, 1), (1, True, 1), (4, True, 1)],
    ids=["here", "wherever they may be", "one", "more than cores"],
)
def test_cores_train_together_where_the_workers_have_one_each_of_this_machine(
    workers: int, are_workers_here: bool, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throughput.EpochTimer, "measure", lambda _timer, _config, cores: 60 / cores)
    monkeypatch.setattr(device, "count_workers", lambda _device: 2)
    request = read_request(None, {"dataset": "tiny", "arch": "fcn", "budget": "5k", "time": "10m"}, "cpu", None)
    fitted = fit(request.spec, TINY_DATASET)
    hardware = Hardware("cpu", "cpu", "a CPU of two cores", workers)
    here = {"are_workers_here": are_workers_here}
    assert measure_plan(request, TINY_DATASET, fitted, hardware, lambda _line: None, **here).threads == threads


def test_few_validation_images_tell_few_configurations_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """The default time is not filled with more than those: a time that somebody asks for is."""
    monkeypatch.setattr(throughput.EpochTimer, "measure", lambda _timer, _config, _threads: 0.1)
    monkeypatch.setattr(device, "count_workers", lambda _device: 2)
    hardware = Hardware("cpu", "cpu", "a CPU of two cores", 2)

    def plan(images: int, **flags: Any) -> StudySpec:
        dataset = TINY_DATASET.model_copy(update={"train_count": images})
        asked = {"dataset": "tiny", "arch": "cnn", "budget": "5k"} | flags
        request = fit_to_size(read_request(None, asked, "cpu", None), dataset, lambda _line: None)
        made = measure_plan(request, dataset, fit(request.spec, dataset), hardware, lambda _line: None)
        return request.spec.settle_rounds(made)

    few, many = plan(360), plan(60_000)
    assert few.round_plan is not None
    assert many.round_plan is not None
    assert few.round_plan.drawn == 16
    assert few.round_plan.rounds[-1].epochs == LONGEST_EPOCHS
    assert many.round_plan.drawn > 100
    said = describe_unused_time(few, TINY_DATASET.model_copy(update={"train_count": 360}))
    assert said is not None
    assert said.startswith("72 validation images can tell few configurations apart: 16 are tried, in about ")
    assert said.endswith(" of 15m 00s (--time 15m uses all of it)")
    assert describe_unused_time(many, TINY_DATASET) is None
    assert describe_unused_time(plan(360, time="24h"), TINY_DATASET) is None  # as many as there ever are
    asked = plan(360, time="15m")
    assert asked.round_plan is not None
    assert asked.round_plan.drawn > 100
    assert describe_unused_time(asked, TINY_DATASET) is None


def test_a_study_whose_own_images_were_read_by_older_rules_is_not_joined(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (90, 8, 8), dtype=np.uint8)
    path, url = tmp_path / "few.npz", f"sqlite:///{tmp_path}/a.db"
    np.savez(path, images=images, labels=np.arange(90) % 3)
    flags = {"dataset": str(path), "arch": "fcn", "budget": "2k", "trials": 4, "name": "old"}
    request = read_request(None, flags, "cpu", 1)
    with Database.open(url, create=True) as database:
        older = describe_dataset(str(path), tmp_path).model_copy(update={"rules": 1, "sha256": "0" * 64})
        create_or_join_study(database, "old", request.spec, older)
    with pytest.raises(StudyDiffersError, match="rules by which own images are read: it has 1, given 2"):
        check_study(url, request, tmp_path, list[str]().append)
    newer = read_request(None, flags | {"name": "new"}, "cpu", 1)
    assert check_study(url, newer, tmp_path, list[str]().append)[0].spec.epochs > request.spec.epochs
