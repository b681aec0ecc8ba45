"""`run` from end to end, its workers as processes, on a data set of a few kilobytes: finished, stopped, gone on."""

import contextlib
import json
import os
import pty
import random
import re
import signal
import subprocess
import time

import pytest

from hpsearch.errors import HpsearchError
from hpsearch.tuning.records import StudyRecord
from tests.cli_runs import FINISH_SECONDS, CommandRoom, Ended, write_tiny_archive
from tests.worker_processes import wait_until

pytestmark = pytest.mark.slow

TRIALS = 4
ARGUMENTS = ("run", "--budget", "2k", "--arch", "fcn", "--dataset", "tiny.npz", "--workers", "2", "--device", "cpu")
SHORT = (*ARGUMENTS, "--trials", str(TRIALS), "--epochs", "2")
NAME = "tiny-fcn-2k"


@pytest.fixture
def room(room: CommandRoom) -> CommandRoom:
    write_tiny_archive(room.folder / "tiny.npz")
    return room


def assert_whole(record: StudyRecord, trials: int = TRIALS) -> None:
    """Every trial is there once and finished."""
    assert [trial.number for trial in record.trials] == list(range(trials))
    assert all(trial.is_finished for trial in record.trials)
    assert all((trial.weights or 0) <= 2000 for trial in record.trials)


def test_a_run_ends_with_the_best_network_its_test_score_and_the_next_commands(room: CommandRoom) -> None:
    ended = room.run(*SHORT)
    assert (ended.code, ended.err) == (0, "")
    record = room.read(NAME)
    assert_whole(record)
    best = record.best
    assert best is not None
    assert record.test_openings == len(best.test_scores) == 1
    lines = ended.out.splitlines()
    assert sum(" finished, best " in line for line in lines) == TRIALS
    for expected in (
        "left out   depth 1",
        f"The best of {TRIALS} trials of {NAME} is trial {best.number}",
        f"validation  {best.value:.2%} of ",
        "the test split was opened once",
        f"hpsearch export {NAME}",
    ):
        assert expected in ended.out
    _check_the_same_command_again(room, record)


def _check_the_same_command_again(room: CommandRoom, before: StudyRecord) -> None:
    again = room.type(*SHORT)
    assert (again.code, again.err) == (0, "")
    assert "all 4 trials are finished; nothing is added" in again.out
    assert f"The best of {TRIALS} trials" in again.out
    assert room.read(NAME).trials == before.trials
    quiet = room.type(*SHORT, "--quiet")
    assert quiet.out.lstrip().startswith("The best of")
    document = json.loads(room.type(*SHORT, "--json", "--quiet").out)
    assert before.best is not None
    assert (document["number"], document["test_accuracy"]) == (before.best.number, before.best.test_accuracy)
    assert (document["ending"], document["counts"]["RUNNING"], document["test_openings"]) == ("finished", 0, 1)


@pytest.mark.usefixtures("forked_workers")
def test_json_is_one_document_and_the_log_goes_to_stderr(room: CommandRoom) -> None:
    ended = room.type(*SHORT, "--trials", "1", "--json")
    document = json.loads(ended.out)
    assert ended.code == 0
    assert {"number", "weights", "macs", "validation_accuracy", "test_accuracy", "config"} <= document.keys()
    assert document["weights"] <= 2000
    assert document["test_accuracy"] is not None
    assert "trial 0 " in ended.err


ROUND_FILE = """name = "rounds"
arch = "fcn"
budget = "2k"
dataset = "tiny.npz"
validation_fraction = 0.2
round_plan = [{trials = 4, epochs = 1}, {trials = 2, epochs = 2}, {trials = 1, epochs = 40}]
"""


@pytest.mark.usefixtures("forked_workers")
def test_a_search_in_rounds_ends_with_the_longest_training_and_says_where_it_came_from(room: CommandRoom) -> None:
    (room.folder / "rounds.toml").write_text(ROUND_FILE)
    ended = room.type("run", "rounds.toml", "--workers", "2")
    assert (ended.code, ended.err) == (0, "")
    assert "study      rounds: 7 trials: 4 screened at 1 epoch, 2 at 2, 1 at 40; each a fcn" in ended.out
    record = room.read("rounds")
    assert_whole(record, 7)
    last = record.trials[6]
    assert last.epochs == 40
    assert last.config is not None
    assert last.config.recipe.averaging == "ema"
    parent = record.trial(last.promoted_from or 0)
    assert parent.value == max(trial.value or 0 for trial in record.trials[4:6])
    assert f"trial 6 ({parent.number} for 40 epochs) complete" in ended.out
    shown = room.type("show", "rounds", "--trial", "6").out
    assert f"3, with the configuration of trial {parent.number}" in shown
    assert "4 of 4 at 1 epoch, 2 of 2 at 2, 1 of 1 at 40" in room.type("status", "rounds").out


def _count_finished(room: CommandRoom, name: str) -> int:
    """Of a study that is perhaps still being made."""
    time.sleep(0.1)  # each look takes computing from who is looked at
    try:
        return room.read(name).finished_count
    except HpsearchError:
        return 0


def test_a_search_in_rounds_that_is_killed_goes_on_to_the_same_trials(room: CommandRoom) -> None:
    (room.folder / "rounds.toml").write_text(ROUND_FILE)
    arguments = ("run", "rounds.toml", "--workers", "1", "--quiet")
    with room.fork(*arguments, "--study", "whole") as process:
        assert process.communicate(FINISH_SECONDS)[1] == ""
    with room.fork(*arguments) as process:
        wait_until(lambda: _count_finished(room, "rounds") >= 5, "the second round is under way")
        process.send_signal(signal.SIGKILL)
        process.wait(FINISH_SECONDS)
    assert not room.read("rounds").is_finished
    with room.fork(*arguments) as process:
        assert process.communicate(FINISH_SECONDS)[1] == ""
    expected, found = room.read("whole"), room.read("rounds")
    assert_whole(found, 7)
    assert [trial.config for trial in found.trials] == [trial.config for trial in expected.trials]
    assert [trial.accuracies for trial in found.trials] == [trial.accuracies for trial in expected.trials]
    assert found.test_openings == 1


@pytest.mark.usefixtures("forked_workers")
def test_a_study_file_below_the_flags_makes_the_same_search(room: CommandRoom) -> None:
    (room.folder / "quick.toml").write_text(
        'name = "quick"\narch = "fcn"\nbudget = "2k"\ndataset = "tiny.npz"\ntrials = 9\nepochs = 2\n'
        '[space]\noptimizer = ["sgd"]\n'
    )
    ended = room.type("run", "quick.toml", "--trials", "2", "--workers", "1", "--json", "--quiet")
    assert ended.code == 0, ended.err
    record = room.read("quick")
    assert_whole(record, trials=2)
    assert {trial.config.recipe.optimizer for trial in record.trials if trial.config} == {"sgd"}


@pytest.mark.fault
@pytest.mark.usefixtures("forked_workers")
@pytest.mark.parametrize(
    ("number", "phase", "seed"),
    [
        pytest.param(signal.SIGINT, "training", 1, id="ctrl-c-training"),
        pytest.param(signal.SIGINT, "starting", 0, id="ctrl-c-starting", marks=pytest.mark.exhaustive),
        pytest.param(signal.SIGTERM, "training", 2, id="sigterm-training", marks=pytest.mark.exhaustive),
        pytest.param(signal.SIGINT, "training", 2, id="ctrl-c-later", marks=pytest.mark.exhaustive),
        pytest.param(signal.SIGTERM, "starting", 0, id="sigterm-starting", marks=pytest.mark.exhaustive),
        pytest.param(signal.SIGTERM, "training", 1, id="sigterm-later", marks=pytest.mark.exhaustive),
    ],
)
def test_a_run_that_is_stopped_anywhere_goes_on_with_the_same_command(
    room: CommandRoom, number: signal.Signals, phase: str, seed: int
) -> None:
    trials = 4
    command = (*ARGUMENTS, "--trials", str(trials), "--epochs", "150")
    stopped = _stop(room, command, number, phase, random.Random(f"{number}/{seed}").uniform(0, 0.3))
    assert stopped.code == 128 + number, stopped
    assert stopped.err == ""
    assert "The same command goes on" in stopped.out
    assert "hpsearch run --budget 2k" in stopped.out
    record = room.read(NAME)
    assert record.counts["RUNNING"] == record.counts["FAIL"] == 0
    assert record.test_openings == 0
    assert phase == "starting" or record.trials
    before = [trial for trial in record.trials if trial.is_finished]
    ended = room.type(*command)
    assert ended.code == 0, ended.err
    record = room.read(NAME)
    assert_whole(record, trials)
    assert record.counts["FAIL"] == 0
    assert record.test_openings == 1
    for trial in before:  # what was finished is as it was
        after = record.trial(trial.number)
        assert (after.value, after.curve, after.attempts) == (trial.value, trial.curve, trial.attempts)


def _stop(room: CommandRoom, command: tuple[str, ...], number: signal.Signals, phase: str, seconds: float) -> Ended:
    with room.fork(*command) as process:
        wait_until(lambda: "search " in process.read_out(), "the command says what it searches")
        if phase == "training":
            room.wait_for_a_running_trial(NAME)
        time.sleep(seconds)
        process.send_signal(number)
        out, err = process.communicate(timeout=FINISH_SECONDS)
        _assert_group_is_empty(process.pid)
        assert process.returncode is not None
    return Ended(process.returncode, out, err)


def _assert_group_is_empty(session: int) -> None:
    """No worker is left behind: of the session that the command began, nobody is alive."""
    listed = subprocess.run(["ps", "-o", "pid=,stat=", "-s", str(session)], capture_output=True, text=True, check=False)
    assert [line for line in listed.stdout.splitlines() if " Z" not in line] == []


@pytest.mark.fault
def test_a_second_ctrl_c_ends_it_at_once_and_loses_nothing(room: CommandRoom) -> None:
    command = (*ARGUMENTS, "--trials", "3", "--epochs", "2000")
    with room.fork(*command) as process:
        room.wait_for_a_running_trial(NAME, is_reported=True)
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=240)
        _assert_group_is_empty(process.pid)
    assert (process.returncode, err) == (130, "")
    assert "stopping: " in out


@pytest.mark.usefixtures("forked_workers")
def test_at_the_end_of_its_time_a_run_gives_the_best_so_far_and_exits_with_0(room: CommandRoom) -> None:
    settings = ("--trials", "10000", "--epochs", "2")
    # A busy machine may need longer to start than this run has.
    assert room.type("create", *ARGUMENTS[1:-4], *settings).code == 0
    assert room.type("worker", NAME, "--max-trials", "1").code == 0
    ended = room.type(*ARGUMENTS, *settings, "--timeout", "8s")
    assert ended.code == 0, ended.err
    record = room.read(NAME)
    assert record.counts["RUNNING"] == 0
    assert record.best is not None
    assert "The best so far" in ended.out
    assert "The time is up and the study is not finished; the same command goes on:" in ended.out
    assert record.test_openings >= 1
    assert "the test split was opened" in ended.out


@pytest.mark.usefixtures("forked_workers")
def test_when_every_trial_fails_it_says_so_and_exits_with_1(room: CommandRoom) -> None:
    (room.folder / "wild.toml").write_text(
        'name = "wild"\narch = "fcn"\nbudget = "2k"\ndataset = "tiny.npz"\ntrials = 2\nepochs = 30\n'
        '[space]\noptimizer = "sgd"\nlr = 10.0\nschedule = "constant"\nweight_decay = 10.0\nmomentum = 0.99\n'
        "batch_norm = false\n"
    )
    ended = room.type("run", "wild.toml", "--workers", "1")
    assert ended.code == 1, ended
    assert "No trial of wild is complete (2 failed)" in ended.out
    assert "diverged at epoch" in ended.out


def test_on_a_terminal_the_view_is_live_and_leaves_only_the_result(room: CommandRoom) -> None:
    parent, child = pty.openpty()
    environment = {"COLUMNS": "110", "LINES": "40", "TERM": "xterm"}
    room.environment |= environment
    with room.fork(*ARGUMENTS, "--trials", "2", "--epochs", "60", terminal=child) as process:
        os.close(child)
        text = _read_all(parent)
        assert process.wait(FINISH_SECONDS) == 0
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)
    for expected in ("of 2 trials", "2 trials of 60 epochs", "/60", "worker", "so far", "The best of 2 trials"):
        assert expected in plain
    assert "\x1b[2K" in text or "\x1b[1A" in text  # it draws over itself
    assert "Traceback" not in plain


def _read_all(descriptor: int) -> str:
    parts = []
    with contextlib.suppress(OSError):  # what Linux says when the other end is closed
        while part := os.read(descriptor, 65536):
            parts.append(part)
    os.close(descriptor)
    return b"".join(parts).decode(errors="replace")
