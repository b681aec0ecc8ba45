"""`status`: what it shows of a study, and what `--watch` does while it changes, ends, or its database is away."""

import io
import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from hpsearch.cli.flags import StorageChoice
from hpsearch.errors import StorageError, StorageUnavailableError
from hpsearch.storage.database import Database
from hpsearch.storage.stored_rows import StudyCourse
from hpsearch.tuning.claims import ClaimedTrial, TrialQueue
from hpsearch.tuning.operations import stop_study
from hpsearch.tuning.records import StudyRecord
from hpsearch.tuning.status import HeldTrial, Pace, StudyStatus, measure_pace
from hpsearch.tuning.study import Study
from hpsearch.views.status import Lines, LivePicture, describe_in_a_line, draw_status, watch_study
from tests.cli_runs import CommandRoom, make_record, make_room, make_trial
from tests.contract.test_claims import age_lease, claim, finish
from tests.hand_clock import HandClock
from tests.scripted import curve_point, make_study

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
STORAGE = StorageChoice("sqlite:///hpsearch.db", is_flag=False)


@pytest.fixture
def study(room: CommandRoom) -> Iterator[Study]:
    """A study of 4 trials: 0 is complete, 1 runs on `host-1`, 2 was given back, 3's worker is gone."""
    with Database.open(room.storage, create=True) as database:
        made = make_study(database, trials=6)
        queue = TrialQueue(made, "host-1", "cuda:0")
        finish(claim(queue), 0.75)
        claim(queue).report(curve_point(0, 0.25))
        returned = claim(TrialQueue(made, "host-2", "cpu"))
        age_lease(database, claim(TrialQueue(made, "host-3", "cpu")))
        returned.give_back("stopped")
        yield made


def test_status_shows_workers_counts_pace_losses_and_the_best(room: CommandRoom, study: Study) -> None:
    ended = room.type("status", "study")
    assert (ended.code, ended.err) == (0, "")
    text = " ".join(ended.out.split())
    for expected in (
        "1 of 6 finished: 1 complete, 2 running, 1 waiting",
        "1 worker is at work",
        "trials and ",
        "epochs an hour, over ",
        "to go",
        "75.00% validation, trial 0",
        "0 workers died, 1 given back",
        "host-1 cuda:0 1 1 1/3 25.00%",
        "s left",
        "host-3 cpu 3 1 0/3 -",
        "ended: gone",
    ):
        assert expected in text, expected


def test_the_best_stands_beside_what_knowing_nothing_gives(room: CommandRoom, study: Study) -> None:
    trial = claim(TrialQueue(study, "host-4", "cpu"))
    for epoch in range(len(trial.curve), trial.config.recipe.epochs):
        trial.report(curve_point(epoch, 0.9))
    trial.complete(b"weights", confusion=[[6, 0, 0], [1, 2, 0], [0, 0, 1]])
    text = " ".join(room.type("status", "study").out.split())
    assert "best 90.00% validation" in text
    assert "measure validation is on 10 images, standard error 9.49 points; 60.00% is what saying " in text
    figures = {command: json.loads(room.type(command, "study", "--json").out) for command in ("status", "best")}
    assert figures["status"]["validation_measure"] == figures["best"]["validation_measure"]
    assert figures["status"]["validation_measure"]["largest_class_share"] == pytest.approx(0.6)


def test_a_matrix_that_is_damaged_hides_nothing_else(
    room: CommandRoom, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> None:
        raise StorageError("the confusion matrix of trial 0 is damaged")

    monkeypatch.setattr("hpsearch.reporting.measured.describe_measure", fail)
    ended = room.type("status", "study")
    text = " ".join(ended.out.split())
    assert (ended.code, "best 75.00% validation" in text) == (0, True)
    assert "measure the confusion matrix of trial 0 is damaged" in text


def test_status_as_json_has_the_same(room: CommandRoom, study: Study) -> None:
    document = json.loads(room.type("status", "study", "--json").out)
    assert document["counts"] == {"COMPLETE": 1, "PRUNED": 0, "FAIL": 0, "RUNNING": 2, "WAITING": 1}
    assert (document["trials_wanted"], document["is_finished"], document["is_stopped"]) == (6, False, False)
    assert (document["deaths"], document["returns"]) == (0, 1)
    assert (document["best_trial"], document["best_validation_accuracy"]) == (0, 0.75)
    assert document["trials_per_hour"] > 0
    assert document["remaining_seconds"] > 0
    alive, gone = document["workers"]
    assert (alive["worker"], alive["device"], alive["number"], alive["is_live"]) == ("host-1", "cuda:0", 1, True)
    assert (alive["epochs"], alive["epochs_wanted"], alive["validation_accuracy"]) == (1, 3, 0.25)
    assert 0 < alive["lease_seconds"] <= 30
    assert (gone["worker"], gone["is_live"]) == ("host-3", False)
    stop_study(study)
    document = json.loads(room.type("status", "study", "--json").out)
    assert (document["is_stopped"], document["stop_reason"], document["gives_back"]) == (True, "stopped by hand", False)


def make_status(record: StudyRecord, *held: HeldTrial, **fields: Any) -> StudyStatus:
    given: dict[str, Any] = {"at": NOW, "pace": None, "deaths": 0, "returns": 0}
    return StudyStatus(record=record, held=held, **(given | fields))


def held_trial(number: int = 1, **fields: Any) -> HeldTrial:
    given: dict[str, Any] = {
        "worker": f"host-{number}",
        "device": "cpu",
        "attempt": 1,
        "epochs": 2,
        "epochs_wanted": 10,
    }
    given |= {"validation_accuracy": 0.5, "is_live": True, "silent_seconds": 3.0, "lease_seconds": 27.0}
    return HeldTrial(number=number, **(given | fields))


def draw(status: StudyStatus, storage: StorageChoice = STORAGE) -> str:
    console = Console(file=io.StringIO(), width=160)
    console.print(draw_status(status, storage.complete_command))
    assert isinstance(console.file, io.StringIO)
    return " ".join(console.file.getvalue().split())


def test_a_stopped_study_says_since_when_why_and_what_lets_it_go_on() -> None:
    course = StudyCourse(stopped_at=NOW - timedelta(minutes=5), stop_reason="5 trials in a row failed", gives_back=True)
    record = StudyRecord(make_record().study, (make_trial(0),), course)
    text = draw(make_status(record, held_trial()))
    assert "stopped 5m 00s ago: 5 trials in a row failed, their trials are given back" in text
    assert "hpsearch resume tiny-fcn-2k goes on" in text


def test_a_study_that_nobody_works_on_names_the_command_that_does_with_its_storage() -> None:
    storage = StorageChoice("postgresql://me:hunter2@host/db", is_flag=True)
    text = draw(make_status(make_record(make_trial(0, "RUNNING")), held_trial(0, is_live=False)), storage)
    assert "nobody works on it: hpsearch worker tiny-fcn-2k --storage" in text
    assert "hunter2" not in text
    assert "to go" not in text


def test_a_finished_study_has_no_time_to_go() -> None:
    record = make_record(*(make_trial(number, value=0.5, seconds=10.0) for number in range(4)))
    text = draw(make_status(record, pace=Pace(600.0, 24.0, 240.0)))
    assert "state finished" in text
    assert "24.0 trials and 240 epochs an hour, over 10m 00s" in text
    assert "to go" not in text


def test_the_pace_is_over_the_last_hour_or_since_the_first_trial_of_it_was_begun() -> None:
    assert measure_pace([], NOW) is None
    half_an_hour = [(NOW - timedelta(minutes=30), 10), (NOW - timedelta(minutes=10), 5)]
    assert measure_pace(half_an_hour, NOW) == Pace(1800.0, 4.0, 30.0)
    long_ago = [(NOW - timedelta(hours=5), 100)]
    assert measure_pace(long_ago, NOW) == Pace(3600.0, 1.0, 100.0)
    assert measure_pace([(NOW, 3)], NOW) is None


def test_the_line_of_a_log_says_what_matters() -> None:
    record = make_record(make_trial(0, value=0.5), make_trial(1, "RUNNING"))
    line = describe_in_a_line(make_status(record, held_trial(), deaths=2))
    assert line == ("tiny-fcn-2k: 1 of 4 finished (1 complete, 1 running), 1 at work, best 50.00% (trial 0), 2 deaths")


# Watching


def replay(*moments: StudyStatus | StorageUnavailableError) -> Callable[[], StudyStatus]:
    left = iter(moments)

    def read() -> StudyStatus:
        moment = next(left)
        if isinstance(moment, StorageUnavailableError):
            raise moment
        return moment

    return read


def finished_status() -> StudyStatus:
    return make_status(make_record(*(make_trial(number, value=0.5) for number in range(4))))


AWAY = StorageUnavailableError("storage 'postgresql://host/db': connection refused")


def test_watching_in_a_log_writes_a_line_when_something_changed_and_ends_with_the_study() -> None:
    console = Console(file=io.StringIO(), width=160)
    begun = make_status(make_record(make_trial(0, "RUNNING")), held_trial(0))
    clock = HandClock()
    watch_study(replay(begun, begun, AWAY, AWAY, begun, finished_status()), Lines(console), clock)
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert len(lines) == 4
    assert lines[0] == lines[2]
    assert lines[1].startswith("no answer, trying again: storage 'postgresql://host/db'")
    assert "4 of 4 finished" in lines[3]
    assert clock.time == 10.0


def test_watching_at_a_terminal_draws_in_place_and_says_how_long_there_was_no_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm")  # nobody draws in place on a dumb one
    console = Console(file=io.StringIO(), width=120, force_terminal=True)
    begun = make_status(make_record(make_trial(0, "RUNNING")), held_trial(0))
    watch_study(
        replay(begun, AWAY, AWAY, finished_status()), LivePicture(console, STORAGE.complete_command), HandClock()
    )
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "no answer for 2.0 s" in text
    assert "connection refused" in text
    assert text.rstrip().endswith("\x1b[?25h"), "the cursor is back"
    assert "4 of 4 finished" in text.rpartition("no answer")[2]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="terminals are made another way there")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("at", ["terminal", "pipe"])
def test_watching_goes_on_until_a_signal_and_leaves_the_terminal_as_it_was(
    tmp_path: Path, number: signal.Signals, code: int, at: str
) -> None:
    room = make_room(tmp_path, {"TERM": "xterm"})
    with Database.open(room.storage, create=True) as database:
        claim(TrialQueue(make_study(database), "host-1", "cpu"))
    master, slave = pty.openpty()
    out: int = slave if at == "terminal" else subprocess.PIPE
    process = room.start("status", "study", "--watch", stdin=slave, stdout=out)
    os.close(slave)
    source = master if process.stdout is None else process.stdout.fileno()
    shown, until = b"", time.monotonic() + 240
    while (b"host-1" if at == "terminal" else b"1 at work") not in shown:
        assert time.monotonic() < until, shown
        shown += os.read(source, 4096)
    process.send_signal(number)
    _, errors = process.communicate(timeout=240)
    assert (process.returncode, errors) == (code, "")
    if at == "terminal":
        shown += os.read(master, 65536)
        assert b"\x1b[?25h" in shown, "the cursor is back"
    os.close(master)


@pytest.mark.slow
def test_watching_ends_with_the_study_and_shows_its_end(tmp_path: Path) -> None:
    room = make_room(tmp_path, {})
    with Database.open(room.storage, create=True) as database:
        study = make_study(database, trials=2)
        queue = TrialQueue(study, "host-1", "cpu")
        finish(claim(queue))
        with room.start("status", "study", "--watch") as process:
            assert process.stdout is not None
            assert "1 of 2 finished" in process.stdout.readline()
            last = queue.claim()
            assert isinstance(last, ClaimedTrial)
            finish(last, 0.75)
            out, err = process.communicate(timeout=240)
    assert (process.returncode, err) == (0, "")
    assert "2 of 2 finished (2 complete), 0 at work, best 75.00% (trial 1)" in out
