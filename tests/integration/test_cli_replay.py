"""`replay`: a stored trial comes out the same, and what differs is named."""

import json
from pathlib import Path

import numpy as np
import pytest

from hpsearch.storage import optuna_rows
from hpsearch.storage.database import Database
from tests.cli_runs import CommandRoom, type_apart, write_tiny_archive

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished study of a few trials, some of them pruned."""
    folder = tmp_path_factory.mktemp("searched")
    write_tiny_archive(folder / "tiny.npz")
    made = ("--budget", "2k", "--arch", "cnn", "--dataset", "tiny.npz", "--study", "s")
    ended = type_apart(folder, "run", *made, "--trials", "10", "--epochs", "4", "--pruner", "asha", "--quiet")
    assert ended.code == 0, ended
    return folder


@pytest.fixture
def room(room: CommandRoom, searched: Path) -> CommandRoom:
    return room.take(searched)


def test_ten_trials_come_out_equal_to_the_last_bit(room: CommandRoom) -> None:
    record = room.read("s")
    assert record.counts["PRUNED"] > 0
    for trial in record.trials:
        ended = room.type("replay", "s", "--trial", str(trial.number), "--json")
        assert (ended.code, ended.err) == (0, ""), (trial.number, ended)
        document = json.loads(ended.out)
        assert (document["is_equal"], document["differences"]) == (True, {})
        assert document["weights_equal"] is (True if trial.state == "COMPLETE" else None)
        assert len(document["epochs"]) == trial.epochs
    assert room.read("s").trials == record.trials


def test_another_version_and_other_hardware_are_named(room: CommandRoom) -> None:
    best = room.read("s").best
    assert best is not None
    with Database.open(room.storage) as database, database.transaction() as connection:
        changed = dict(best.environment) | {"torch": "2.9.0", "hardware": "Abacus"}
        optuna_rows.write_attributes(connection, best.trial_id, {"environment": changed})
    ended = room.type("replay", "s", "--trial", str(best.number))
    assert ended.code == 0
    assert "torch: then 2.9.0, now " in ended.out
    assert "hardware: then Abacus, now " in ended.out


def test_a_curve_that_differs_is_shown_and_exits_with_1(room: CommandRoom) -> None:
    best = room.read("s").best
    assert best is not None
    with Database.open(room.storage) as database, database.transaction() as connection:
        curve = [vars(point) | {"train_loss": point.train_loss + 1e-12} for point in best.curve]
        optuna_rows.write_attributes(connection, best.trial_id, {"curve": curve})
    ended = room.type("replay", "s", "--trial", str(best.number))
    assert ended.code == 1
    assert f"not equal: {best.epochs} of {best.epochs} epochs differ" in ended.out
    assert "versions, hardware and data are as they were" in ended.out


def test_changed_data_are_named(room: CommandRoom) -> None:
    archive = write_tiny_archive(room.folder / "other.npz")
    with np.load(archive) as stored:
        images, labels = stored["images"].copy(), stored["labels"]
    images[0] = 255 - images[0]
    np.savez(archive, images=images, labels=labels)
    best = room.read("s").best
    assert best is not None
    ended = room.type("replay", "s", "--trial", str(best.number), "--dataset", str(archive))
    assert ended.code == 1
    assert "\ndata: then " in ended.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("s",), "which trial? give --trial N"),
        (("s", "--trial", "99"), "study 's' has no trial 99: it has 0 to 9"),
        (("s", "--trial", "x"), "--trial 'x' is not allowed"),
        (("s", "--trial", "0", "--device", "cuda:7"), "device 'cuda:7' is not here"),
        (("s", "--trial", "0", "--dataset", "nowhere.npz"), ""),
    ],
)
def test_wrong_input_is_one_line(room: CommandRoom, arguments: tuple[str, ...], said: str) -> None:
    ended = room.type("replay", *arguments)
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert ended.err.startswith(f"error: {said}")
