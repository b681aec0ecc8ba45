"""What a command checks before any work."""

from pathlib import Path

import numpy as np
import pytest

from hpsearch.sessions.hardware import Hardware
from hpsearch.sessions.preparation import check_study, measure_plan
from hpsearch.sessions.request import make_absolute, read_request
from hpsearch.storage.database import Database
from hpsearch.study.feasibility import fit_space
from hpsearch.study.file import parse_study_spec
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
    monkeypatch.setattr(throughput, "measure_worker_epoch_seconds", lambda _config, _device, _threads: 2.0)
    monkeypatch.setattr(device, "count_workers", lambda _device: 2)
    _name, spec = parse_study_spec({"dataset": "tiny", "arch": "fcn", "budget": "5k", "time": "10m"})
    fitted = fit_space("fcn", spec.space, spec.budget, TINY_DATASET.input_shape, TINY_DATASET.class_count)
    seconds = []
    for workers in (1, 2, 4):
        hardware = Hardware("cpu", "cpu", "a CPU of two cores", workers)
        plan = measure_plan(spec, TINY_DATASET, fitted, hardware, lambda _line: None)
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
    monkeypatch.setattr(throughput, "measure_worker_epoch_seconds", lambda _config, _device, cores: 60 / cores)
    monkeypatch.setattr(device, "count_workers", lambda _device: 2)
    _name, spec = parse_study_spec({"dataset": "tiny", "arch": "fcn", "budget": "5k", "time": "10m"})
    fitted = fit_space("fcn", spec.space, spec.budget, TINY_DATASET.input_shape, TINY_DATASET.class_count)
    hardware = Hardware("cpu", "cpu", "a CPU of two cores", workers)
    here = {"are_workers_here": are_workers_here}
    assert measure_plan(spec, TINY_DATASET, fitted, hardware, lambda _line: None, **here).threads == threads


def test_a_study_of_few_images_from_before_is_joined_by_the_same_command(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (90, 8, 8), dtype=np.uint8)
    path, url = tmp_path / "few.npz", f"sqlite:///{tmp_path}/a.db"
    np.savez(path, images=images, labels=np.arange(90) % 3)
    flags = {"dataset": str(path), "arch": "fcn", "budget": "2k", "trials": 4, "name": "old"}
    request = read_request(None, flags, "cpu", 1)
    with Database.open(url, create=True) as database:
        older = describe_dataset(str(path), tmp_path, rules=1)
        create_or_join_study(database, "old", request.spec, older)
    notes: list[str] = []
    joined, dataset, _fitted = check_study(url, request, tmp_path, notes.append)
    assert (joined.spec, dataset) == (request.spec, older)
    assert not any("make few steps" in note for note in notes)
    with pytest.raises(StudyDiffersError, match="epochs"):
        check_study(url, read_request(None, flags | {"epochs": 3}, "cpu", 1), tmp_path, notes.append)
    newer = read_request(None, flags | {"name": "new"}, "cpu", 1)
    assert check_study(url, newer, tmp_path, notes.append)[0].spec.epochs > request.spec.epochs
