"""What a command checks before any work."""

from pathlib import Path

import pytest

from hpsearch.sessions.preparation import Hardware, make_absolute, measure_plan
from hpsearch.study.feasibility import fit_space
from hpsearch.study.file import parse_study_spec
from hpsearch.training import device, throughput
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
    monkeypatch.setattr(throughput, "measure_worker_epoch_seconds", lambda _config, _device: 2.0)
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
