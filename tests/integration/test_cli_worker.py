"""`worker` as a process: joins, stops, and ends when its supervisor is gone."""

import signal
import time
from pathlib import Path

import pytest

from hpsearch.sessions.preparation import identify_dataset
from hpsearch.storage.database import Database
from hpsearch.storage.study_rows import stop_study
from hpsearch.study.file import parse_study_spec
from hpsearch.tuning.creation import create_or_join_study
from hpsearch.tuning.study import load_study
from tests.cli_runs import FINISH_SECONDS, CommandRoom, make_room, write_tiny_archive

pytestmark = pytest.mark.slow


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandRoom:
    archive = write_tiny_archive(tmp_path / "tiny.npz")
    room = make_room(tmp_path, {"HPSEARCH_CACHE": str(tmp_path / "cache")})
    room.capsys = capsys
    room.environment["HPSEARCH_STORAGE"] = room.storage
    for variable, value in room.environment.items():
        monkeypatch.setenv(variable, value)
    given = {"name": "study", "dataset": str(archive), "arch": "fcn", "budget": "2k", "trials": 3, "pruner": "none"}
    name, spec = parse_study_spec(given | {"epochs": 2000})
    with Database.open(room.storage, create=True) as database:
        create_or_join_study(database, name, spec, identify_dataset(str(archive), tmp_path, lambda _line: None))
    return room


@pytest.mark.fault
@pytest.mark.parametrize("number", [pytest.param(signal.SIGINT, marks=pytest.mark.exhaustive), signal.SIGTERM])
def test_a_worker_that_is_told_to_stop_gives_its_trial_back(room: CommandRoom, number: signal.Signals) -> None:
    with room.fork("worker", "study") as process:
        room.wait_for_a_running_trial("study", is_reported=True)
        process.send_signal(number)
        out, err = process.communicate(timeout=240)
    assert (process.returncode, err) == (128 + number, "")
    assert "given back" in out
    counts = room.read("study").counts
    assert (counts["RUNNING"], counts["WAITING"], counts["FAIL"]) == (0, 1, 0)


@pytest.mark.fault
def test_a_worker_ends_when_its_supervisor_is_gone(room: CommandRoom) -> None:
    with room.fork("worker", "study", "--until-stdin-closes") as process:
        room.wait_for_a_running_trial("study", is_reported=True)
        process.close_stdin()
        assert process.wait(timeout=240) == 143
    assert room.read("study").counts["RUNNING"] == 0


@pytest.mark.fault
def test_a_worker_that_still_imports_ends_at_the_first_signal(room: CommandRoom) -> None:
    with room.start("worker", "study") as process:
        time.sleep(0.7)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=240)
    assert process.returncode in (143, -signal.SIGTERM)
    assert room.read("study").counts["RUNNING"] == 0


def test_a_worker_gives_back_what_it_holds_at_its_deadline(room: CommandRoom) -> None:
    ended = room.type("worker", "study", "--timeout", "2s")
    assert (ended.code, ended.err) == (0, "")
    assert "the time is up" in ended.out
    assert room.read("study").counts["RUNNING"] == 0


@pytest.mark.fault
def test_workers_together_stop_together_and_the_next_ones_go_on_after_the_last_epoch(room: CommandRoom) -> None:
    with room.fork("worker", "study", "--workers", "2") as process:
        room.wait_for_a_running_trial("study", is_reported=True)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=240)
    assert (process.returncode, err) == (143, "")
    assert "stopping" in out
    record = room.read("study")
    assert (record.counts["RUNNING"], record.counts["FAIL"]) == (0, 0)
    reached = {trial.number: trial.epochs for trial in record.trials if trial.state == "WAITING"}
    number, epochs = max(reached.items(), key=lambda item: item[1])
    assert epochs > 0
    with room.fork("worker", "study", "--workers", "2") as process:
        until = time.monotonic() + FINISH_SECONDS
        while (now := room.read("study").trial(number)).state != "RUNNING" and time.monotonic() < until:
            time.sleep(0.2)
        assert now.epochs >= epochs
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=240)
    assert room.read("study").trial(number).epochs >= epochs


def test_a_stopped_study_gets_no_workers(room: CommandRoom) -> None:
    with Database.open(room.storage) as database:
        study_id = load_study(database, "study").study_id
        with database.transaction(claims_of=study_id) as connection:
            stop_study(connection, study_id, "for lunch")
    for command in (("worker", "study"), ("worker", "study", "--workers", "2")):
        ended = room.type(*command)
        assert "stopped" in ended.out + ended.err
        assert "Traceback" not in ended.err
    assert ended.code == 1
    assert ended.err == "error: study 'study' is stopped (for lunch): hpsearch resume study lets it go on\n"
    assert all(trial.attempts == 0 for trial in room.read("study").trials)


@pytest.mark.parametrize("count", ["0", "x", "-1", "1.5"])
def test_a_number_of_workers_that_makes_no_sense_is_refused(room: CommandRoom, count: str) -> None:
    ended = room.type("worker", "study", "--workers", count)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"error: --workers '{count}' is not allowed")


def test_a_study_of_a_relative_path_is_found_from_another_folder_and_moved_data_by_flag(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = write_tiny_archive(tmp_path / "tiny.npz")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    room = CommandRoom(tmp_path, capsys)
    monkeypatch.setenv("HPSEARCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HPSEARCH_STORAGE", room.storage)
    monkeypatch.chdir(tmp_path)
    made = ("--budget", "2k", "--arch", "fcn", "--trials", "4", "--epochs", "1", "--study", "moving")
    assert room.type("create", *made, "--dataset", "tiny.npz").code == 0
    monkeypatch.chdir(elsewhere)
    assert room.type("worker", "moving", "--max-trials", "1").code == 0
    archive.rename(elsewhere / "moved.npz")
    ended = room.type("worker", "moving")
    assert (ended.code, room.read("moving").finished_count) == (2, 1)
    assert str(archive) in ended.err
    ended = room.type("worker", "moving", "--dataset", "moved.npz")
    assert (ended.code, ended.err, room.read("moving").finished_count) == (0, "", 4)
