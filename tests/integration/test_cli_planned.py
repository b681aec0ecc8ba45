"""Study files that say what to train, typed: run, create and worker, plan; wrong flags; the same command again."""

import json
import signal
import time
from pathlib import Path

import pytest

from hpsearch.sessions.search import WorkOrder
from tests.cli_runs import FINISH_SECONDS, CommandRoom, make_room, write_tiny_archive

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("forked_workers")]

TEXT = """
title = "Does it help?"
source = {report = "report.txt", place = "table 1"}
dataset = "tiny.npz"
replicates = 2

[architecture]
widths = [12, 8]

[recipe]
optimizer = "adam"
lr = 0.01
epochs = 2
batch_size = 32

[sweep]
dropout = [0.0, 0.2]

[printed]
"dropout 0.2" = {validation_percent = 40.0, test_percent = 50.0, test_spread_percent = 2.5, weights = 915}
"""
LABELS = ["no dropout", "dropout 0.2"]


@pytest.fixture
def room(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandRoom:
    monkeypatch.chdir(tmp_path)
    environment = {"HPSEARCH_CACHE": str(tmp_path / "cache"), "HPSEARCH_STORAGE": ""}
    monkeypatch.setenv("HPSEARCH_CACHE", environment["HPSEARCH_CACHE"])
    monkeypatch.delenv("HPSEARCH_STORAGE", raising=False)
    write_tiny_archive(tmp_path / "tiny.npz")
    (tmp_path / "mine.toml").write_text(TEXT)
    room = make_room(tmp_path, environment)
    room.capsys = capsys
    return room


def test_a_file_that_says_what_to_train_runs_to_a_table_and_runs_no_more(room: CommandRoom) -> None:
    ended = room.type("run", "mine.toml", "--workers", "1")
    assert (ended.code, ended.err) == (0, "")
    record = room.read("mine")
    assert [trial.label for trial in record.trials] == LABELS * 2
    assert all(trial.state == "COMPLETE" for trial in record.trials)
    assert record.test_openings == 4
    seeds = [trial.config.seed for trial in record.trials if trial.config]
    assert (seeds[0], seeds[2]) == (seeds[1], seeds[3])
    for expected in (
        "trainings  4: 2 with 2 seeds each, in study mine",
        "dropout 0.2: 12-8 relu",
        "Does it help?\nprinted in report.txt, table 1\n",
        "50.00 ± 2.50",
        "the test split was opened 4 times after all trainings, once a network",
        "hpsearch export mine --top 1",
    ):
        assert expected in ended.out
    _check_the_same_command_again(room)


def _check_the_same_command_again(room: CommandRoom) -> None:
    before = room.read("mine").trials
    again = room.type("run", "mine.toml", "--json", "--quiet")
    assert (again.code, again.err) == (0, "")
    assert room.read("mine").trials == before
    document = json.loads(again.out)
    assert (document["study"], document["ending"], document["is_finished"]) == ("mine", "finished", True)
    assert [label["label"] for label in document["labels"]] == LABELS
    trained = [trial.test_accuracy or 0.0 for trial in before if trial.label == "dropout 0.2"]
    mean = sum(trained) / 2
    assert document["labels"][1]["test"]["mean"] == pytest.approx(mean)
    assert document["labels"][1]["difference"]["test"] == pytest.approx(mean - 0.5)
    shown = room.type("show", "mine").out
    assert "Does it help?\nprinted in report.txt, table 1\n" in shown
    assert "searches" not in shown
    assert json.loads(room.type("show", "mine", "--json").out)["origin"]["title"] == "Does it help?"


def test_a_study_that_was_made_is_trained_by_workers_and_scored_by_run(room: CommandRoom) -> None:
    made = room.type("create", "mine.toml", "--replicates", "1")
    assert (made.code, made.err) == (0, "")
    name = "mine-1-replicate"
    assert f"study {name} is made: 2 trainings: 2, 1 of each" in made.out
    assert f"hpsearch worker {name}" in made.out
    assert "hpsearch run mine.toml" in made.out
    assert json.loads(room.type("create", "mine.toml", "--replicates", "1", "--json").out) == {
        "name": name,
        "created": False,
    }
    assert room.type("worker", name).code == 0
    assert room.read(name).test_openings == 0
    ended = room.type("run", "mine.toml", "--replicates", "1", "--json", "--quiet")
    assert (ended.code, ended.err) == (0, "")
    assert [label["test"]["n"] for label in json.loads(ended.out)["labels"]] == [1, 1]
    assert room.read(name).test_openings == 2


@pytest.mark.fault
@pytest.mark.exhaustive
def test_a_run_that_is_stopped_goes_on_with_the_same_command(room: CommandRoom) -> None:
    command = ("run", "mine.toml", "--epochs", "200", "--replicates", "1", "--workers", "1")
    name = "mine-200-epochs-1-replicate"
    with room.start(*command) as process:
        room.wait_for_a_running_trial(name)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=FINISH_SECONDS)
    assert (process.returncode, err) == (130, "")
    assert f"hpsearch {' '.join(command)}" in out
    assert room.read(name).test_openings == 0
    ended = room.run(*command)
    assert ended.code == 0, ended
    record = room.read(name)
    assert [trial.state for trial in record.trials] == ["COMPLETE"] * 2
    assert record.test_openings == 2


def test_a_run_whose_time_is_up_shows_what_there_is_and_opens_no_test_split(
    room: CommandRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    import hpsearch.sessions.planned

    deadlines = []

    def train_one(order: WorkOrder, *_arguments: object) -> None:
        deadlines.append(order.deadline)
        assert room.type("worker", order.study, "--max-trials", "1").code == 0

    monkeypatch.setattr(hpsearch.sessions.planned, "search", train_one)
    before = time.monotonic()
    ended = room.type("run", "mine.toml", "--timeout", "1h", "--workers", "1")
    assert ended.code == 0
    assert deadlines[0] is not None
    assert 3600 <= deadlines[0] - before < 3600 + 300
    for expected in ("1 of 2", "0 of 2", "1 of 4 trainings are finished", "The same command goes on"):
        assert expected in ended.out
    assert "was opened" not in ended.out
    assert room.read("mine").test_openings == 0


def test_a_printed_figure_that_was_mended_is_kept_with_the_study(room: CommandRoom) -> None:
    assert room.type("create", "mine.toml").code == 0
    (room.folder / "mine.toml").write_text(TEXT.replace("test_percent = 50.0", "test_percent = 51.0"))
    ended = room.type("create", "mine.toml")
    assert "study mine exists already" in ended.out
    origin = json.loads(room.type("show", "mine", "--json").out)["origin"]
    assert origin["printed"]["dropout 0.2"]["test_percent"] == 51.0


def test_another_recipe_under_the_same_name_is_refused(room: CommandRoom) -> None:
    assert room.type("create", "mine.toml").code == 0
    (room.folder / "mine.toml").write_text(TEXT.replace("lr = 0.01", "lr = 0.02"))
    ended = room.type("create", "mine.toml")
    assert ended.code == 2
    assert ended.err.startswith("error: study 'mine' exists with other settings (planned trials: it has 4 of")


def test_a_plan_says_which_networks_and_how_long(room: CommandRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    import hpsearch.training.throughput

    monkeypatch.setattr(hpsearch.training.throughput.EpochTimer, "measure", lambda *_arguments: 3.0)
    arguments = ("plan", "mine.toml", "--workers", "2", "--device", "cpu")
    document = json.loads(room.type(*arguments, "--json").out)
    assert document["forecast_seconds"] == 20 + 2 * (2 * 3.0 + 0.5)  # the start; two after each other on each worker
    assert [(label["label"], label["weights"]) for label in document["labels"]] == [(name, 911) for name in LABELS]
    text = room.type(*arguments).out
    for expected in ("Does it help?", "4: 2, 2 of each", "dropout 0.2", "about 33 s with 2 workers"):
        assert expected in text
    assert room.list_files() == ["mine.toml", "tiny.npz"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--trials", "3"), "--trials belongs to a search, and 'mine.toml' says what to train: leave it out; --replic"),
        (("--budget", "10k"), "--budget belongs to a search"),
        (("--no-portfolio",), "--portfolio belongs to a search"),
        (("--from", "other"), "--from belongs to a search"),
        (("--epochs", "0"), "--epochs 0 is not allowed; give a whole number from 1 to 10,000"),
        (("--replicates", "x"), "--replicates 'x' is not allowed; give a whole number from 1 to 1,000"),
        (("--seed", "-1"), "--seed -1 is not allowed"),
        (("--study", "a/b"), "study name 'a/b' is not allowed"),
        (("--dataset", "nowhere"), "there is no data set 'nowhere'"),
        (("--device", "tpu"), "device 'tpu'"),
        (("--workers", "many"), "--workers 'many' is not allowed"),
    ],
)
def test_wrong_flags_are_one_line_and_make_no_study(room: CommandRoom, arguments: tuple[str, ...], said: str) -> None:
    ended = room.type("run", "mine.toml", *arguments)
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert said in ended.err
    assert room.list_files() == ["mine.toml", "tiny.npz"]


@pytest.mark.parametrize("command", ["run", "create", "plan"])
def test_replicates_are_not_for_a_search(room: CommandRoom, command: str) -> None:
    ended = room.type(command, "--budget", "2k", "--arch", "fcn", "--replicates", "3")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("error: --replicates belongs to a study file that says what to train")


def test_several_budgets_in_a_search_file_are_for_run_alone(room: CommandRoom) -> None:
    (room.folder / "ladder.toml").write_text(
        'name = "ladder"\ndataset = "tiny.npz"\narch = "fcn"\nbudget = ["2k", 3_000]\ntrials = 1\nepochs = 1\n'
    )
    for command in ("create", "plan"):
        ended = room.type(command, "ladder.toml")
        assert ended.code == 2
        assert "'ladder.toml' lists several budgets, which hpsearch run takes: add --budget with one" in ended.err
    ended = room.type("create", "ladder.toml", "--budget", "2k")
    assert (ended.code, room.read("ladder").study.spec.budget) == (0, 2000)
