"""`create`: a study that workers elsewhere join; nothing is trained, and of a race there is one study."""

import json
import multiprocessing
from pathlib import Path

import pytest

from hpsearch.storage.database import Database
from hpsearch.tuning.records import read_study_record
from hpsearch.tuning.study import list_study_names, load_study
from tests.cli_runs import CommandRoom, Ended, make_room, write_tiny_archive
from tests.creating_process import create_when_all_are_there

SETTINGS = ("--arch", "fcn", "--budget", "2k", "--dataset", "tiny.npz", "--trials", "3", "--epochs", "2")


@pytest.fixture
def room(
    tmp_path: Path, empty_storage_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> CommandRoom:
    monkeypatch.chdir(tmp_path)
    environment = {"HPSEARCH_STORAGE": empty_storage_url, "HPSEARCH_CACHE": str(tmp_path / "cache")}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    write_tiny_archive(tmp_path / "tiny.npz")
    room = make_room(tmp_path, environment)
    room.capsys = capsys
    return room


def create(room: CommandRoom, *arguments: str) -> Ended:
    return room.type("create", *SETTINGS, *arguments)


def test_a_study_is_made_and_nothing_is_trained(room: CommandRoom, empty_storage_url: str) -> None:
    ended = create(room)
    assert (ended.code, ended.err) == (0, "")
    assert "study tiny-fcn-2k is made: 3 trials of 2 epochs" in ended.out
    for command in ("hpsearch worker tiny-fcn-2k", "hpsearch status tiny-fcn-2k"):
        assert command in ended.out
    with Database.open(empty_storage_url) as database:
        record = read_study_record(load_study(database, "tiny-fcn-2k"))
    assert {trial.state for trial in record.trials} == {"WAITING"}
    assert (record.study.spec.budget, record.study.spec.trials, record.study.spec.epochs) == (2000, 3, 2)


def test_the_same_study_again_exists_already(room: CommandRoom, empty_storage_url: str) -> None:
    create(room)
    again = create(room)
    assert (again.code, again.err) == (0, "")
    assert "study tiny-fcn-2k exists already" in again.out
    with Database.open(empty_storage_url) as database:
        assert list_study_names(database) == ["tiny-fcn-2k"]


def test_a_time_is_planned_once_and_whoever_gives_it_again_joins(room: CommandRoom, empty_storage_url: str) -> None:
    timed = ("create", *SETTINGS[:6], "--workers", "2", "--time")
    made = room.type(*timed, "3m")
    assert (made.code, made.err) == (0, "")
    with Database.open(empty_storage_url) as database:
        study = load_study(database, "tiny-fcn-2k")
    plan = study.spec.round_plan
    assert plan is not None
    assert (plan.workers, study.spec.time, study.spec.trials) == (2, 180, plan.trials)
    assert study.spec.describe_length() in made.out
    again = room.type(*timed, "3m")
    assert "study tiny-fcn-2k exists already" in again.out
    other = room.type(*timed, "1h")
    assert other.code == 2
    assert "(time: it has 3m 00s, given 1h 00m)" in other.err
    with Database.open(empty_storage_url) as database:
        assert load_study(database, "tiny-fcn-2k").spec == study.spec


def test_json_says_whether_the_study_was_made(room: CommandRoom) -> None:
    for is_created in (True, False):
        ended = create(room, "--study", "mine", "--json")
        assert json.loads(ended.out) == {"name": "mine", "created": is_created}


def test_a_study_of_other_settings_is_refused_with_each_differing_field(room: CommandRoom) -> None:
    create(room, "--study", "mine")
    ended = create(room, "--study", "mine", "--budget", "3k", "--seed", "1")
    assert ended.code == 2
    assert ended.err.startswith("error: study 'mine' exists with other settings")
    assert ended.err.count("\n") == 1
    for difference in ("budget: it has 2k, given 3k", "seed: it has 0, given 1", "--study NAME"):
        assert difference in ended.err


def test_a_study_file_says_the_same_and_the_options_go_above_it(room: CommandRoom, empty_storage_url: str) -> None:
    (room.folder / "study.toml").write_text('arch = "fcn"\nbudget = "2k"\ndataset = "tiny.npz"\ntrials = 3\nepochs = 9')
    assert room.type("create", "study.toml", "--epochs", "2").code == 0
    assert "exists already" in create(room).out
    with Database.open(empty_storage_url) as database:
        assert list_study_names(database) == ["tiny-fcn-2k"]


def test_a_storage_that_was_a_flag_is_in_the_commands_to_type_next_without_its_password(room: CommandRoom) -> None:
    ended = create(room, "--storage", "sqlite:///other.db")
    assert "hpsearch worker tiny-fcn-2k --storage sqlite:///other.db" in ended.out
    assert "on this machine" in ended.out


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--arch", "fcn", "--budget", "3"), ("budget 3 ", "smallest that works")),
        (("missing.toml",), ("missing.toml", "No such file")),
    ],
    ids=lambda value: " ".join(value),
)
def test_wrong_input_is_one_line_and_makes_no_study(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    expected: tuple[str, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HPSEARCH_STORAGE", raising=False)
    monkeypatch.setenv("HPSEARCH_CACHE", str(tmp_path / "cache"))
    room = CommandRoom(tmp_path, capsys)
    ended = room.type("create", *arguments)
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert ended.err.startswith("error: ")
    for text in expected:
        assert text in ended.err
    assert room.list_files() == []


def create_at_once(room: CommandRoom, *lines: tuple[str, ...]) -> list[Ended]:
    """Type each line in a process of its own, all of them at the same moment."""
    context = multiprocessing.get_context("forkserver")
    # Each would import for seconds, and they would not meet. (The process that forks them all has one list.)
    context.set_forkserver_preload(["tests.preloaded"])
    barrier, endings = context.Barrier(len(lines)), context.SimpleQueue()
    given = (barrier, endings, room.folder, room.environment)
    processes = [
        context.Process(target=create_when_all_are_there, args=(index, line, *given))
        for index, line in enumerate(lines)
    ]
    for process in processes:
        process.start()
    found = dict(endings.get() for _process in processes)
    for process in processes:
        process.join()
    return [Ended(*found[index]) for index in range(len(lines))]


@pytest.mark.slow
@pytest.mark.fault
@pytest.mark.parametrize(
    "empty_storage_url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.exhaustive)], indirect=True
)
def test_eight_that_make_the_same_study_at_once_make_one(room: CommandRoom, empty_storage_url: str) -> None:
    endings = create_at_once(room, *[("create", *SETTINGS, "--json")] * 8)
    assert [(ended.code, ended.err) for ended in endings if ended.code or "error" in ended.err] == []
    assert sorted(json.loads(ended.out)["created"] for ended in endings) == [False] * 7 + [True]
    with Database.open(empty_storage_url) as database:
        assert list_study_names(database) == ["tiny-fcn-2k"]
        record = read_study_record(load_study(database, "tiny-fcn-2k"))
    assert record.study.spec.trials == 3
    assert [trial.number for trial in record.portfolio_trials] == [0]


@pytest.mark.slow
@pytest.mark.fault
@pytest.mark.parametrize(
    "empty_storage_url", [pytest.param("sqlite", marks=pytest.mark.exhaustive), "postgresql"], indirect=True
)
def test_of_eight_that_make_a_study_with_other_settings_at_once_one_wins(
    room: CommandRoom, empty_storage_url: str
) -> None:
    budgets = [2000 + 100 * index for index in range(8)]
    lines = [("create", *SETTINGS, "--study", "mine", "--budget", str(budget)) for budget in budgets]
    endings = create_at_once(room, *lines)
    won = [budget for budget, ended in zip(budgets, endings, strict=True) if ended.code == 0]
    assert len(won) == 1, endings
    with Database.open(empty_storage_url) as database:
        assert load_study(database, "mine").spec.budget == won[0]
    for ended in endings:
        if ended.code:
            assert (ended.code, ended.err.count("\n")) == (2, 1)
            assert "budget: it has" in ended.err
