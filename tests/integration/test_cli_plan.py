"""`plan` and `data list`: what is said before anything is spent."""

import json
import os

import pytest

from hpsearch.dataset import InputShape
from hpsearch.study.feasibility import fit_space
from hpsearch.study.file import parse_study_spec
from hpsearch.training.data.catalogue import CATALOGUE
from tests.cli_runs import CommandRoom, write_tiny_archive


def test_a_plan_has_an_example_of_each_depth_that_fits_and_a_forecast(room: CommandRoom) -> None:
    write_tiny_archive(room.folder / "tiny.npz")
    arguments = ("plan", "--budget", "2k", "--arch", "fcn", "--dataset", "tiny.npz", "--trials", "4", "--epochs", "5")
    ended = room.type(*arguments, "--workers", "2", "--device", "cpu", "--json")
    document = json.loads(ended.out)
    # One hidden layer has one width, which does not come within 1% of so small a budget.
    assert [example["depth"] for example in document["examples"]] == [2, 3, 4]
    assert document["left_out"] == {"depth": [1]}
    for example in document["examples"]:
        assert 0.99 * 2000 <= example["weights"] <= 2000
        assert example["epoch_seconds"] > 0
    seconds = [example["epoch_seconds"] for example in document["examples"]]
    training = 2 * (5 * sum(seconds) / 3 + 0.5)  # two trials on each worker, half a second each beside the epochs
    assert document["forecast_seconds"] == pytest.approx(20 + training)
    assert document["forecast_seconds_with_pruning"] == pytest.approx(20 + 0.6 * training)
    assert room.list_files() == ["tiny.npz"]
    text = room.type(*arguments).out
    for expected in ("depth     2, 3, 4 fit", "left out  depth 1", "dense 64 -> ", "% of 2,000 weights", "Forecast"):
        assert expected in text


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system ties no process to a core")
def test_a_plan_says_when_workers_share_the_cores_that_the_process_may_use(room: CommandRoom) -> None:
    write_tiny_archive(room.folder / "tiny.npz")
    arguments = ("plan", "--budget", "2k", "--arch", "fcn", "--dataset", "tiny.npz", "--trials", "4", "--epochs", "5")
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        text = room.type(*arguments, "--workers", "2", "--device", "cpu").out
        assert "more, as 2 workers share 1 core\n" in text
        assert "more, as" not in room.type(*arguments, "--workers", "1", "--device", "cpu").out
    finally:
        os.sched_setaffinity(0, allowed)


def test_a_plan_for_a_data_set_of_the_catalogue_fetches_nothing(
    room: CommandRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    import hpsearch.training.throughput

    monkeypatch.setattr(hpsearch.training.throughput.EpochTimer, "measure", lambda *_arguments: 2.0)
    document = json.loads(room.type("plan", "--budget", "10k", "--arch", "cnn", "--json").out)
    assert document["dataset"]["input_shape"] == [1, 28, 28]
    _, spec = parse_study_spec({"budget": "10k", "arch": "cnn"})
    fitted = fit_space("cnn", spec.space, spec.budget, InputShape(1, 28, 28), 10)
    assert document["left_out"] == {name: list(values) for name, values in fitted.left_out.items()}
    assert [example["stages"] for example in document["examples"]] == list(fitted.space.choices("stages"))
    assert room.list_files() == []


def test_the_data_sets_are_listed_with_what_is_here(room: CommandRoom) -> None:
    listings = json.loads(room.type("data", "list", "--json").out)
    assert [listing["name"] for listing in listings] == list(CATALOGUE)
    assert all(listing["cached_path"] is None for listing in listings)
    text = room.type("data", "list").out
    assert "no (55 MB)" in text
    assert str(room.folder / "cache") in text
    assert room.list_files() == []


def test_data_fetch_checks_a_persons_own_data(room: CommandRoom) -> None:
    write_tiny_archive(room.folder / "tiny.npz")
    ended = room.type("data", "fetch", "tiny.npz")
    assert ended.code == 0
    assert "tiny.npz: 400 images of 1x8x8 in 3 classes" in ended.out
