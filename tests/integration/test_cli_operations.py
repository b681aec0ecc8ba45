"""`stop`, `resume`, `requeue`, `enqueue`, `delete`, `backup`, `restore` as a person types them."""

import json
import os
import pty
import select
import signal
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
import sqlalchemy as sa

from hpsearch.clock import SystemClock
from hpsearch.export.selected_trial import select_trial
from hpsearch.storage.database import Database
from hpsearch.tuning.claims import ClaimedTrial, NoTrial, TrialQueue
from hpsearch.tuning.records import StudyRecord, read_study_record
from hpsearch.tuning.study import Study, load_study
from hpsearch.worker.loop import StopSignal, Worker
from hpsearch.worker.protocols import WorkerSettings
from tests.cli_runs import CommandRoom, Ended, make_room, type_apart, write_tiny_archive
from tests.contract.test_claims import age_lease, claim, finish
from tests.postgres import PostgresServer
from tests.scripted import ScriptedTrainer, curve_point, make_study

DATA = Path(__file__).parent.parent / "data"


@pytest.fixture
def study(room: CommandRoom) -> Iterator[Study]:
    """A study of 4 trials in the room's database: 0 is complete, 1 failed, 2 runs on `host-1`, 3 is to be drawn."""
    with Database.open(room.storage, create=True) as database:
        made = make_study(database, trials=4)
        queue = TrialQueue(made, "host-1", "cpu")
        finish(claim(queue))
        failed = claim(queue)
        failed.report(curve_point(0, 0.5))
        failed.fail("diverged at epoch 1")
        claim(queue)
        yield made


def type_well(room: CommandRoom, *arguments: str) -> str:
    ended = room.type(*arguments)
    assert (ended.code, ended.err) == (0, ""), ended
    return ended.out


def assert_refused(ended: Ended, code: int, *expected: str) -> None:
    assert (ended.code, ended.out) == (code, ""), ended
    assert ended.err.startswith("error: "), ended.err
    assert ended.err.count("\n") == 1, ended.err
    for text in expected:
        assert text in ended.err


def free(study: Study) -> None:
    """Let the worker of trial 2 be gone."""
    with study.database.transaction() as connection:
        connection.execute(sa.text("UPDATE hpsearch_leases SET expires_at = '2020-01-01' WHERE token IS NOT NULL"))


# Stop and resume


def test_stop_says_what_still_runs_and_how_to_go_on(room: CommandRoom, study: Study) -> None:
    text = type_well(room, "stop", "study")
    for expected in ("is stopped", "1 running trial is finished first: 2 on host-1", "hpsearch resume study"):
        assert expected in text
    assert read_study_record(study).course.is_stopped
    assert "was stopped already (stopped by hand)" in type_well(room, "stop", "study")
    assert "given back within seconds" in type_well(room, "stop", "study", "--now")
    assert read_study_record(study).course.gives_back


def test_resume_lets_a_study_go_on_and_names_the_command_that_works_on_it(room: CommandRoom, study: Study) -> None:
    type_well(room, "stop", "study")
    text = type_well(room, "resume", "study", "--storage", room.storage)
    assert "goes on and asks for 4 trials; 2 of them are open" in text
    assert f"hpsearch worker study --storage {room.storage}" in text
    assert not read_study_record(study).course.is_stopped


def test_resume_with_trials_says_the_new_total(room: CommandRoom, study: Study) -> None:
    assert "asks for 54 trials now (4 before); 52 of them are open" in type_well(
        room, "resume", "study", "--trials", "+50"
    )
    assert "asks for 66 trials now (54 before)" in type_well(room, "resume", "study", "--trials", "66")
    assert read_study_record(study).trials_wanted == 66


def test_a_finished_study_has_nothing_to_stop_and_grows(room: CommandRoom, study: Study) -> None:
    free(study)
    queue = TrialQueue(study, "host-2", "cpu")
    while isinstance(trial := queue.claim(), ClaimedTrial):
        finish(trial)
    assert trial is NoTrial.ALL_FINISHED
    assert "is finished: there is nothing to stop" in type_well(room, "stop", "study")
    text = type_well(room, "resume", "study")
    assert "all of them are finished" in text
    assert "--trials +10" in text
    assert "1 of them is open" in type_well(room, "resume", "study", "--trials", "+1")
    assert not read_study_record(study).is_finished


# Requeue and enqueue


def test_requeue_puts_failed_trials_back(room: CommandRoom, study: Study) -> None:
    free(study)
    text = type_well(room, "requeue", "study", "--trial", "2", "--trial", "1")
    assert "trials 1, 2 of study wait" in text
    assert "hpsearch worker study" in text
    assert read_study_record(study).counts["WAITING"] == 2


def test_requeue_in_a_stopped_study_says_that_it_is_stopped(room: CommandRoom, study: Study) -> None:
    type_well(room, "stop", "study")
    assert "hpsearch resume study" in type_well(room, "requeue", "study", "--trial", "1")


def write(room: CommandRoom, name: str, content: str) -> str:
    (room.folder / name).write_text(content)
    return name


@pytest.mark.parametrize(
    ("name", "content"),
    [("known.toml", "[parameters]\nlr = 0.0123\n"), ("known.json", '{"parameters": {"lr": 0.0123}}')],
)
def test_enqueue_takes_a_file_of_one_s_own(room: CommandRoom, study: Study, name: str, content: str) -> None:
    assert "trial 3 of study waits" in type_well(room, "enqueue", "study", write(room, name, content))
    free(study)
    queue = TrialQueue(study, "host-2", "cpu")
    taken = {trial.number: trial for trial in (claim(queue), claim(queue))}
    assert taken[3].config.recipe.lr == 0.0123


def test_enqueue_as_json_has_the_trial_s_number(room: CommandRoom, study: Study) -> None:
    document = json.loads(type_well(room, "enqueue", "study", write(room, "a.toml", "parameters.lr = 0.01"), "--json"))
    assert document == {"study": "study", "trial": 3}


def write_bundle(study: Study, number: int) -> Path:
    """Of an exported bundle what says what was drawn."""
    record = read_study_record(study)
    selected = select_trial(record, record.trial(number), Path("exports"), models=())
    selected.target.mkdir(parents=True)
    for name, content in selected.fixed_files.items():
        (selected.target / name).write_bytes(content)
    (selected.target / "manifest.json").write_text(json.dumps(selected.facts))
    return selected.target


@pytest.mark.parametrize("inside", ["", "config.toml", "config.json", "manifest.json"])
def test_enqueue_takes_what_export_wrote_and_makes_the_same_network(
    room: CommandRoom, study: Study, inside: str
) -> None:
    type_well(room, "enqueue", "study", str(write_bundle(study, 0) / inside))
    free(study)
    queue = TrialQueue(study, "host-2", "cpu")
    taken = {trial.number: trial for trial in (claim(queue), claim(queue))}
    first = read_study_record(study).trial(0).config
    assert first is not None
    assert taken[3].config.recipe == first.recipe
    assert taken[3].config.architecture == first.architecture


def test_an_exported_trial_of_one_study_goes_into_another_that_searches_other_parameters(
    room: CommandRoom, study: Study
) -> None:
    """What the first study held fixed comes with the bundle."""
    with Database.open(room.storage) as database:
        fixed = make_study(database, "fixed", trials=1, space={"initialization": "xavier_uniform", "lr": 0.01})
        finish(claim(TrialQueue(fixed, "w", "cpu")))
        bundle = write_bundle(fixed, 0)
    type_well(room, "enqueue", "study", str(bundle))
    free(study)
    queue = TrialQueue(study, "host-2", "cpu")
    taken = {trial.number: trial for trial in (claim(queue), claim(queue))}
    assert (taken[3].config.recipe.initialization, taken[3].config.recipe.lr) == ("xavier_uniform", 0.01)


@pytest.mark.slow
@pytest.mark.exhaustive
def test_an_exported_trial_is_trained_again_in_its_study(tmp_path: Path) -> None:
    room = make_room(tmp_path, {"HPSEARCH_CACHE": str(tmp_path / "cache")})
    archive = str(write_tiny_archive(tmp_path / "tiny.npz"))
    run = ("run", "--dataset", archive, "--arch", "fcn", "--budget", "2k", "--trials", "1", "--epochs", "1")
    for command in (
        (*run, "--study", "study", "--workers", "1", "--device", "cpu", "--quiet"),
        ("export", "study", "--format", "safetensors"),
        ("resume", "study", "--trials", "+1"),
        ("enqueue", "study", "exports/study-trial-0"),
        ("worker", "study", "--device", "cpu"),
    ):
        ended = room.run(*command)
        assert ended.code == 0, (command, ended)
    first, second = room.read("study").trials
    assert (second.state, second.parameters) == ("COMPLETE", first.parameters)
    assert second.network == first.network


# Delete


def test_delete_without_a_terminal_wants_yes_and_says_what_would_be_lost(
    room: CommandRoom, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    free(study)
    monkeypatch.setattr(sys, "stdin", open(os.devnull))  # noqa: SIM115, PTH123 - as a service has it
    ended = room.type("delete", "study")
    assert_refused(ended, 2, "3 trials (1 complete, 1 failed, 1 running)", "the best with 50.00%", "--yes")
    assert read_study_record(study).counts["COMPLETE"] == 1
    assert "study study is deleted" in type_well(room, "delete", "study", "--yes")
    assert_refused(room.type("show", "study"), 2, "no study 'study'")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="terminals are made another way there")
@pytest.mark.parametrize(("typed", "code"), [("study", 0), ("studi", 2), ("\x03", 130)])
def test_delete_at_a_terminal_has_the_name_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str, code: int
) -> None:
    room = make_room(tmp_path, {})
    with Database.open(room.storage, create=True) as database:
        finish(claim(TrialQueue(make_study(database), "w", "cpu")))
    master, slave = pty.openpty()
    process = room.start("delete", "study", stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
    os.close(slave)
    # Ctrl-C comes from a terminal as a signal to whoever has it for its own; here nobody has.
    shown = read_until(master, b"to delete it: ")
    if typed == "\x03":
        wait_until_it_waits(process.pid)
        process.send_signal(signal.SIGINT)
    else:
        os.write(master, typed.encode() + b"\n")
    assert process.wait(timeout=240) == code
    os.close(master)
    assert b"1 trial (1 complete)" in shown
    assert b"nothing brings them back" in b" ".join(shown.split())
    names = [] if code == 0 else ["study"]
    assert [row["study"] for row in json.loads(type_apart(tmp_path, "list", "--json").out)] == names


def wait_until_it_waits(pid: int) -> None:
    """Until a process does nothing but wait for what is typed.

    Python forgets a signal that comes between its last look and the read, until something is typed.
    """
    process, until = psutil.Process(pid), time.monotonic() + 240
    before, now = -1.0, sum(process.cpu_times()[:2])
    while process.status() != psutil.STATUS_SLEEPING or now != before:
        assert time.monotonic() < until
        time.sleep(0.2)
        before, now = now, sum(process.cpu_times()[:2])


def read_until(master: int, expected: bytes) -> bytes:
    shown, until = b"", time.monotonic() + 240
    while expected not in shown:
        assert time.monotonic() < until, shown
        if select.select([master], [], [], 1.0)[0]:
            shown += os.read(master, 4096)
    return shown


# Whole databases


def test_backup_writes_a_file_that_opens_as_any_database(room: CommandRoom, study: Study) -> None:
    text = type_well(room, "backup", "--out", "copy.db")
    assert "copy.db: 1 study, 3 trials, 0." in text
    assert "running" in text
    listed = json.loads(type_well(room, "list", "--storage", "sqlite:///copy.db", "--json"))
    assert listed[0]["counts"] == read_study_record(study).counts
    assert_refused(room.type("backup", "--out", "copy.db"), 2, "copy.db", "--force")
    type_well(room, "backup", "--out", "copy.db", "--force")


def test_a_server_s_database_is_backed_up_and_a_backup_restored_to_a_server(
    room: CommandRoom, study: Study, postgres: PostgresServer
) -> None:
    type_well(room, "backup", "--out", "copy.db")
    server = postgres.make_database()
    text = type_well(room, "restore", "copy.db", "--storage", server)
    assert "1 study, 3 trials" in text
    assert "hpsearch list" in text
    assert_refused(room.type("restore", "copy.db", "--storage", server), 2, "is not empty")
    type_well(room, "backup", "--storage", server, "--out", "back.db")
    documents = [type_well(room, "show", "study", "--storage", f"sqlite:///{name}.db", "--json") for name in BOTH]
    assert documents[0] == documents[1]


BOTH = ("copy", "back")


# Wrong input


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (("stop", "studdy"), 2, ("no study 'studdy'", "study")),
        (("resume", "studdy"), 2, ("no study 'studdy'", "study")),
        (("requeue", "studdy", "--trial", "1"), 2, ("no study 'studdy'", "study")),
        (("enqueue", "studdy", "good.toml"), 2, ("no study 'studdy'", "study")),
        (("delete", "studdy", "--yes"), 2, ("no study 'studdy'", "study")),
        (("resume", "study", "--trials", "2"), 2, ("has 3 trials already", "--trials 3 or more")),
        (("resume", "study", "--trials", "-5"), 2, ("--trials '-5'", "at least 1", "+N")),
        (("resume", "study", "--trials", "+0"), 2, ("--trials '+0'", "at least 1", "+N")),
        (("resume", "study", "--trials", "+-3"), 2, ("--trials '+-3'", "+N")),
        (("resume", "study", "--trials", "many"), 2, ("--trials 'many'", "+N")),
        (("resume", "study", "--trials", "0"), 2, ("--trials '0'", "at least 1")),
        (("resume", "study", "--trials", "+999999999"), 2, ("1,000,000",)),
        (("requeue", "study"), 2, ("--trial", "hpsearch show study")),
        (("requeue", "study", "--trial", "x"), 2, ("--trial 'x'",)),
        (("requeue", "study", "--trial", "-1"), 2, ("--trial '-1'", "at least 0")),
        (("requeue", "study", "--trial", "9"), 2, ("no trial 9", "0 to 2")),
        (("requeue", "study", "--trial", "0"), 2, ("trial 0", "COMPLETE")),
        (("requeue", "study", "--trial", "2"), 2, ("held by host-1", "hpsearch stop study --now")),
        (("enqueue", "study", "missing.toml"), 2, ("'missing.toml' cannot be read: No such file",)),
        (("enqueue", "study", "missing"), 2, ("'missing' cannot be read: No such file",)),
        (("enqueue", "study", "folder"), 2, ("folder/manifest.json", "cannot be read: No such file")),
        (("enqueue", "study", "broken.toml"), 2, ("parameter file 'broken.toml' is not valid TOML", "line 2")),
        (("enqueue", "study", "broken.json"), 2, ("parameter file 'broken.json' is not valid JSON",)),
        (("enqueue", "study", "list.json"), 2, ("'list.json' holds no table", "[parameters]")),
        (("enqueue", "study", "deep.json"), 2, ("'deep.json' nests its lists too deep",)),
        (("enqueue", "study", "bytes.toml"), 2, ("'bytes.toml' is UTF-16 text",)),
        (("enqueue", "study", "large.toml"), 2, ("over 1,000,000 bytes",)),
        (("enqueue", "study", "unknown.toml"), 2, ("space.lrr", "'lr'", "allowed:")),
        (("enqueue", "study", "outside.toml"), 2, ("lr = 7", "it takes")),
        (("enqueue", "study", "old/config.toml"), 2, ("older version", "export it again")),
        (("backup",), 2, ("--out",)),
        (("backup", "--out", "nowhere/copy.db"), 2, ("no folder 'nowhere'",)),
        (("backup", "--out", "folder"), 2, ("is a folder",)),
        (("backup", "--out", "hpsearch.db", "--force"), 2, ("the database itself",)),
        (("backup", "--out", "c.db", "--storage", "sqlite:///missing.db"), 3, ("no database",)),
        (("restore", "missing.db", "--storage", "postgresql://h/d"), 2, ("no file 'missing.db'",)),
        (("restore", "hpsearch.db", "--storage", "sqlite:///new.db"), 2, ("is a file", "postgresql://")),
        (("restore", "hpsearch.db"), 2, ("is a file", "postgresql://")),
        (("restore", "good.toml", "--storage", "postgresql://h/d"), 3, ("no SQLite database",)),
        (("restore", "hpsearch.db", "--storage", "postgresql://me:hunter2@127.0.0.1:1/d"), 3, ("127.0.0.1",)),
        (("status", "study", "--watch", "--json"), 2, ("--watch", "--json")),
        (("status", "studdy"), 2, ("no study 'studdy'", "study")),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else str(value),
)
def test_wrong_input_is_one_line_and_changes_nothing(
    prepared: tuple[CommandRoom, StudyRecord, list[str]],
    arguments: tuple[str, ...],
    code: int,
    expected: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    room, before, files = prepared
    monkeypatch.chdir(room.folder)
    monkeypatch.delenv("HPSEARCH_STORAGE", raising=False)
    room.capsys = capsys
    ended = room.type(*arguments)
    assert_refused(ended, code, *expected)
    assert "hunter2" not in ended.err
    assert room.list_files() == files
    with Database.open(room.storage) as database:
        after = read_study_record(load_study(database, "study"))
    assert (after.counts, after.course) == (before.counts, before.course)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[CommandRoom, StudyRecord, list[str]]:
    """A room for all that is refused, which changes nothing in it."""
    room = CommandRoom(tmp_path_factory.mktemp("room"))
    contents: dict[str, Any] = {
        "good.toml": "[parameters]\nlr = 0.01\n",
        "broken.toml": "[parameters]\nlr = = 0.01\n",
        "broken.json": '{"parameters": {"lr": 0.01',
        "list.json": "[1, 2]",
        "deep.json": "[" * 100_000,
        "bytes.toml": b"\xff\xfe\x00",
        "large.toml": "#" * 1_000_001,
        "unknown.toml": "[parameters]\nlrr = 0.01\n",
        "outside.toml": "[parameters]\nlr = 7\n",
        "old/config.toml": "version = 1\n",
        "old/manifest.json": '{"version": 1, "study": "study"}',
    }
    (room.folder / "folder").mkdir()
    (room.folder / "old").mkdir()
    for name, content in contents.items():
        (room.folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with Database.open(room.storage, create=True) as database:
        study = make_study(database, trials=4)
        queue = TrialQueue(study, "host-1", "cpu", lease_seconds=3600)
        finish(claim(queue))
        claim(queue).fail("diverged at epoch 1")
        claim(queue)
        before = read_study_record(study)
    return room, before, room.list_files()


# With workers


@pytest.mark.slow
@pytest.mark.parametrize("flags", [(), ("--now",)])
@pytest.mark.parametrize(
    "storage_url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.exhaustive)], indirect=True
)
def test_workers_finish_or_give_back_when_their_study_is_stopped_and_go_on_when_it_is_resumed(
    storage_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    flags: tuple[str, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HPSEARCH_STORAGE", storage_url)
    room = CommandRoom(tmp_path, capsys)
    with Database.open(storage_url, create=True) as database:
        study = make_study(database, trials=4, epochs=8)

        with ThreadPoolExecutor(2) as pool:
            working = [pool.submit(work, storage_url, f"worker-{index}") for index in range(2)]
            until = time.monotonic() + 240
            while len([trial for trial in read_study_record(study).running if trial.epochs]) < 2:
                assert time.monotonic() < until
                time.sleep(0.1)
            assert "2 running trials are" in type_well(room, "stop", "study", *flags)
            assert [future.result(timeout=240) for future in working] == ["study-stopped"] * 2
            counts = read_study_record(study).counts
            assert counts["RUNNING"] == 0
            assert counts["WAITING" if flags else "COMPLETE"] == 2
            type_well(room, "resume", "study")
            working = [pool.submit(work, storage_url, f"worker-{index}") for index in range(2)]
            assert [future.result(timeout=240) for future in working] == ["all-finished"] * 2
        record = read_study_record(study)
        assert record.counts["COMPLETE"] == 4
        assert all(sorted(trial.accuracies) == list(range(8)) for trial in record.trials)


def work(storage_url: str, name: str) -> str:
    """A worker of epochs of a tenth of a second; why it ended."""
    settings = WorkerSettings(storage_url, "study", "cpu", Path(), name, lease_seconds=10.0, heartbeat_seconds=0.2)
    trainer = ScriptedTrainer(lambda _epoch: time.sleep(0.1))
    with Database.open(storage_url, check=False) as own:
        queue = TrialQueue(load_study(own, "study"), name, "cpu", lease_seconds=10.0)
        return Worker(settings, queue, trainer, StopSignal(), lambda _line: None, SystemClock()).work().ended


def test_a_trial_whose_worker_is_gone_is_requeued_by_hand(room: CommandRoom, study: Study) -> None:
    with Database.open(room.storage) as database:
        opened = load_study(database, "study")
        age_lease(database, claim(TrialQueue(opened, "gone", "cpu")))
    assert "trial 3 of study waits" in type_well(room, "requeue", "study", "--trial", "3")
