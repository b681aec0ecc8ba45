"""`run --on ray` on this machine alone: the same trials as without Ray, stopped and taken up again."""

import json
import os
from pathlib import Path

import pytest

from tests.cli_runs import CommandRoom, make_room, write_tiny_archive

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandRoom:
    write_tiny_archive(tmp_path / "tiny.npz")
    for name in ("HPSEARCH_STORAGE", "HPSEARCH_STORAGE_FILE", "RAY_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    return make_room(tmp_path, QUIET)


def search(room: CommandRoom, study: str, *arguments: str) -> None:
    given = ["--arch", "fcn", "--budget", "10k", "--workers", "1", "--device", "cpu", "--study", study, "--json"]
    ended = room.run("run", *given, *arguments)
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["counts"]["COMPLETE"] == len(room.read(study).trials)


def list_results(room: CommandRoom, study: str) -> list[tuple[object, ...]]:
    return [(trial.parameters, trial.config_json, trial.accuracies) for trial in room.read(study).trials]


def compare(room: CommandRoom, *arguments: str) -> None:
    search(room, "alone", *arguments)
    search(room, "placed", "--on", "ray", *arguments)
    assert list_results(room, "placed") == list_results(room, "alone")


def test_a_search_on_ray_gives_the_trials_that_one_worker_gives_without(room: CommandRoom) -> None:
    compare(room, "--dataset", "tiny.npz", "--trials", "3", "--epochs", "2")


@pytest.mark.exhaustive
def test_a_search_of_fashion_mnist_on_ray_gives_the_same_trials(room: CommandRoom) -> None:
    cache = os.environ.get("HPSEARCH_CACHE") or str(Path("~/.cache/hpsearch").expanduser())
    room.environment["HPSEARCH_CACHE"] = cache
    compare(room, "--dataset", "fashion-mnist", "--trials", "2", "--epochs", "1")
