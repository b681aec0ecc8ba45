"""`finalists`: the linked study, its resumption, its one opening of the test split a finalist."""

import json
import signal
from pathlib import Path

import pytest

from tests.cli_runs import CommandRoom, type_apart, write_tiny_archive

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("forked_workers")]


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished study."""
    folder = tmp_path_factory.mktemp("searched")
    write_tiny_archive(folder / "tiny.npz")
    made = ("--budget", "2k", "--arch", "fcn", "--dataset", "tiny.npz", "--study", "s")
    ended = type_apart(folder, "run", *made, "--trials", "3", "--epochs", "2", "--pruner", "none", "--quiet")
    assert ended.code == 0, ended
    return folder


@pytest.fixture
def room(room: CommandRoom, searched: Path) -> CommandRoom:
    return room.take(searched)


def test_finalists_are_trained_again_and_compared_and_the_same_command_adds_nothing(room: CommandRoom) -> None:
    command = ("finalists", "s", "--top", "2", "--replicates", "2", "--epochs", "3")
    ended = room.type(*command, "--json")
    assert ended.code == 0, ended
    document = json.loads(ended.out)
    record = room.read("s-finalists")
    assert (document["is_finished"], record.counts["COMPLETE"]) == (True, 4)
    assert len(document["finalists"]) == 2
    for finalist in document["finalists"]:
        assert finalist["validation"]["n"] == finalist["test"]["n"] == 2
        values = [replicate["validation_accuracy"] for replicate in finalist["replicates"]]
        assert finalist["validation"]["mean"] == pytest.approx(sum(values) / 2)
        assert finalist["optimism"] == pytest.approx(
            finalist["search_validation_accuracy"] - finalist["validation"]["mean"]
        )
    assert {trial.epochs for trial in record.trials} == {3}
    assert [len(trial.test_scores) for trial in record.trials] == [1, 1, 1, 1]
    again = room.type(*command)
    assert again.code == 0, again
    assert "The test split was opened 4 times after all trainings, once a network" in again.out
    assert room.read("s-finalists").trials == record.trials
    refused = room.type("finalists", "s", "--top", "3", "--replicates", "2", "--epochs", "3")
    assert refused.code == 2
    assert refused.err.startswith("error: study 's-finalists' exists with other settings (trials: it has 4, given 6;")
    other = room.type("finalists", "s", "--top", "1", "--replicates", "1", "--study", "one", "--quiet")
    assert (other.code, room.read("one").finished_count) == (0, 1)


@pytest.mark.fault
def test_finalists_that_are_stopped_go_on_and_open_the_test_split_at_the_end_only(room: CommandRoom) -> None:
    command = ("finalists", "s", "--top", "1", "--replicates", "2", "--epochs", "3000")
    with room.fork(*command) as process:
        room.wait_for_a_running_trial("s-finalists", is_reported=True)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=240)
    assert process.returncode == 130
    assert "the same command goes on" in out
    record = room.read("s-finalists")
    assert (record.counts["RUNNING"], record.test_openings) == (0, 0)
    assert any(trial.epochs for trial in record.trials)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("t",), "there is no study 't'"),
        (("s", "--top", "0"), "--top '0' is not allowed"),
        (("s", "--replicates", "x"), "--replicates 'x' is not allowed"),
        (("s", "--study", "../x"), "study name '../x' is not allowed"),
        (("s", "--device", "cuda:9"), "device 'cuda:9' is not here"),
    ],
)
def test_wrong_input_is_one_line(room: CommandRoom, flags: tuple[str, ...], said: str) -> None:
    ended = room.type("finalists", *flags)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"error: {said}")
    assert ended.err.count("\n") == 1
    assert room.read("s").finished_count == 3
    assert "finalists" not in room.type("list").out
