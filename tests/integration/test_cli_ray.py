"""`run --on ray` on this machine alone: the same trials as without Ray."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli_runs import CommandRoom, make_room, type_apart, write_tiny_archive
from tests.ray_room import isolate_ray

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SEARCH = ("run", "--dataset", "tiny.npz", "--arch", "fcn", "--budget", "10k", "--trials", "3", "--epochs", "2")
PLACE = ("--workers", "1", "--device", "cpu", "--json")


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CommandRoom]:
    write_tiny_archive(tmp_path / "tiny.npz")
    for name in ("HPSEARCH_STORAGE", "HPSEARCH_STORAGE_FILE"):
        monkeypatch.delenv(name, raising=False)
    with isolate_ray(monkeypatch):
        yield make_room(tmp_path, {"HPSEARCH_CACHE": str(tmp_path / "cache")})


def list_results(room: CommandRoom, study: str) -> list[tuple[object, ...]]:
    return [(trial.parameters, trial.config_json, trial.accuracies) for trial in room.read(study).trials]


def test_a_search_on_ray_gives_the_trials_that_one_worker_gives_without(room: CommandRoom) -> None:
    alone = type_apart(room.folder, *SEARCH, *PLACE, "--study", "alone")
    assert (alone.code, json.loads(alone.out)["counts"]["COMPLETE"]) == (0, 3), alone.err
    placed = room.run(*SEARCH, *PLACE, "--study", "placed", "--on", "ray")
    assert placed.code == 0, placed.err
    assert json.loads(placed.out)["counts"]["COMPLETE"] == 3
    assert "Ray cluster of 1 node" in placed.err
    assert list_results(room, "placed") == list_results(room, "alone")
