"""`train`: a configuration again, edited, under several seeds."""

import json
from pathlib import Path

import pytest

from tests.cli_runs import CommandRoom, type_apart, write_tiny_archive

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("forked_workers")]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    write_tiny_archive(folder / "tiny.npz")
    made = ("--budget", "2k", "--arch", "fcn", "--dataset", "tiny.npz", "--study", "s")
    assert type_apart(folder, "run", *made, "--trials", "1", "--epochs", "2", "--quiet").code == 0
    assert type_apart(folder, "export", "s", "--format", "safetensors").code == 0
    return folder


@pytest.fixture
def room(room: CommandRoom, exported: Path) -> CommandRoom:
    return room.take(exported)


def test_an_exported_configuration_trains_to_the_same_value_and_under_fresh_seeds(room: CommandRoom) -> None:
    command = ("train", "exports/s-trial-0", "--dataset", "tiny.npz", "--replicates", "3", "--study", "again")
    ended = room.type(*command, "--json")
    assert ended.code == 0, ended
    document = json.loads(ended.out)
    searched, trained = room.read("s").trial(0), room.read("again")
    assert trained.trial(0).value == searched.value
    assert trained.trial(0).config is not None
    assert len({trial.config.seed for trial in trained.trials if trial.config}) == 3
    assert document["validation"]["n"] == document["test"]["n"] == 3
    assert document["validation"]["mean"] == pytest.approx(sum(trial.value or 0 for trial in trained.trials) / 3)
    again = room.type(*command)
    assert (again.code, room.read("again").trials) == (0, trained.trials)
    assert "3 of 3 trainings are complete" in again.out


def test_an_edited_configuration_is_another_study(room: CommandRoom) -> None:
    config = room.folder / "exports" / "s-trial-0" / "config.json"
    document = json.loads(config.read_text())
    document["recipe"]["lr"] = 0.0123
    document["architecture"]["widths"] = [7, 5]
    config.write_text(json.dumps(document))
    ended = room.type("train", str(config), "--dataset", "tiny.npz", "--epochs", "1", "--json", "--quiet")
    assert ended.code == 0, ended
    trial = room.read(json.loads(ended.out)["study"]).trial(0)
    assert (trial.network or "").startswith("7-5 ")
    assert (trial.epochs, trial.config.recipe.lr if trial.config else None) == (1, 0.0123)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("nowhere",), "there is no 'nowhere': give a bundle's folder"),
        (("x" * 300,), f"configuration '{'x' * 300}' cannot be read: File name too long"),
        (("tiny.npz",), "configuration 'tiny.npz' "),
        (("exports/s-trial-0", "--replicates", "0"), "--replicates '0' is not allowed"),
        (("exports/s-trial-0", "--epochs", "x"), "--epochs 'x' is not allowed"),
        (("exports/s-trial-0", "--dataset", "tiny.npz", "--device", "cuda:9"), "device 'cuda:9' is not here"),
        (("exports/s-trial-0", "--dataset", "fashion-mnist"), "the configuration does not go with data set"),
        (("broken.toml",), "'broken.toml' cannot be taken: "),
        (("list.json",), "configuration 'list.json' holds no table"),
    ],
)
def test_wrong_input_is_one_line(room: CommandRoom, given: tuple[str, ...], said: str) -> None:
    (room.folder / "broken.toml").write_text("version = 1\nseed = 3\n")
    (room.folder / "list.json").write_text("[1]")
    before = room.read("s").trials
    ended = room.type("train", *given)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"error: {said}"), ended.err
    assert ended.err.count("\n") == 1
    assert "train" not in room.type("list").out
    assert room.read("s").trials == before
