"""`worker` as a process: joins, stops, and ends when its supervisor is gone."""

import contextlib
import signal
import subprocess
import time
from pathlib import Path

import pytest

from hpsearch.cli.preparation import identify_dataset
from hpsearch.storage.database import Database
from hpsearch.study_file import parse_study_spec
from hpsearch.tuning.study import create_or_join_study
from tests.cli_runs import FINISH_SECONDS, CommandRoom, make_room, write_tiny_archive

pytestmark = pytest.mark.slow


@pytest.fixture
def room(tmp_path: Path) -> CommandRoom:
    archive = write_tiny_archive(tmp_path / "tiny.npz")
    room = make_room(tmp_path, {"HPSEARCH_CACHE": str(tmp_path / "cache")})
    room.environment["HPSEARCH_STORAGE"] = room.storage
    given = {"name": "study", "dataset": str(archive), "arch": "fcn", "budget": "2k", "trials": 3, "pruner": "none"}
    name, spec = parse_study_spec(given | {"epochs": 2000})
    with Database.open(room.storage, create=True) as database:
        create_or_join_study(database, name, spec, identify_dataset(str(archive), tmp_path, lambda _line: None))
    return room


def wait_for_a_running_trial(room: CommandRoom) -> None:
    until = time.monotonic() + FINISH_SECONDS
    while time.monotonic() < until:
        if any(trial.epochs for trial in room.read("study").running):
            return
        time.sleep(0.2)
    pytest.fail("no trial began")


@pytest.mark.fault
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_worker_that_is_told_to_stop_gives_its_trial_back(room: CommandRoom, number: signal.Signals) -> None:
    with room.start("worker", "study") as process:
        wait_for_a_running_trial(room)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (128 + number, "")
    assert "given back" in out
    counts = room.read("study").counts
    assert (counts["RUNNING"], counts["WAITING"], counts["FAIL"]) == (0, 1, 0)


@pytest.mark.fault
def test_a_worker_ends_when_its_supervisor_is_gone(room: CommandRoom) -> None:
    with room.start("worker", "study", "--until-stdin-closes", stdin=subprocess.PIPE) as process:
        wait_for_a_running_trial(room)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(timeout=60) == 143
        for pipe in (process.stdout, process.stderr):
            with contextlib.suppress(OSError):
                assert pipe is not None
                pipe.close()
    assert room.read("study").counts["RUNNING"] == 0


@pytest.mark.fault
def test_a_worker_that_still_imports_ends_at_the_first_signal(room: CommandRoom) -> None:
    with room.start("worker", "study") as process:
        time.sleep(0.7)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode in (143, -signal.SIGTERM)
    assert room.read("study").counts["RUNNING"] == 0


def test_a_worker_gives_back_what_it_holds_at_its_deadline(room: CommandRoom) -> None:
    ended = room.run("worker", "study", "--timeout", "12s")
    assert (ended.code, ended.err) == (0, "")
    assert "the time is up" in ended.out
    assert room.read("study").counts["RUNNING"] == 0
