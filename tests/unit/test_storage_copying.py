"""Copies of databases: whole or absent, of one moment, like their source to the last row, opened as they are."""

import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from hpsearch.draft_folder import draft_folder
from hpsearch.errors import InputError, StorageError
from hpsearch.storage import copying
from hpsearch.storage.copying import back_up, restore
from hpsearch.storage.database import Database
from hpsearch.tuning.claims import ClaimedTrial, NoTrial, TrialQueue
from hpsearch.tuning.operations import enqueue_trial
from hpsearch.tuning.records import load_trial_weights, read_study_record, store_test_score
from hpsearch.tuning.study import load_study
from tests.contract.test_claims import claim, finish, on_sqlite_alone
from tests.postgres import PostgresServer
from tests.scripted import curve_point, make_study

pytestmark = pytest.mark.slow  # whole databases are copied


@pytest.fixture
def source(storage_url: str) -> Iterator[Database]:
    """Two studies; of `study` trial 0 is complete and has a test score, 1 failed, 2 runs, 3 waits, 4 is to be drawn."""
    with Database.open(storage_url, create=True) as database:
        make_study(database, "another")
        study = make_study(database, trials=5)
        queue = TrialQueue(study, "one", "cpu")
        finish(claim(queue))
        failed = claim(queue)
        failed.report(curve_point(0, 0.125))
        for step, value in enumerate((float("nan"), float("inf"), float("-inf")), start=1):
            database.optuna_storage.set_trial_intermediate_value(failed.lease.trial_id, step, value)
        failed.fail("diverged at epoch 1", "Traceback: Ünïcode")
        claim(queue).report(curve_point(0, 0.25))
        enqueue_trial(study, {"lr": 0.01})
        store_test_score(study, read_study_record(study).trial(0), accuracy=0.5, loss=1.0, images=20)
        yield database


def read_everything(database: Database) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table, as values that compare."""
    with database.transaction() as connection:
        return {
            table.name: [
                {key: repr(value) for key, value in row.items()}
                for row in connection.execute(sa.select(table).order_by(*table.primary_key)).mappings()
            ]
            for table in copying._TABLES
        }


def test_a_backup_has_every_row_and_opens_as_it_is(source: Database, tmp_path: Path) -> None:
    path = tmp_path / "copy.db"
    told: list[tuple[int, int]] = []
    rows = back_up(source, path, tell=lambda done, of: told.append((done, of)))
    with Database.open(f"sqlite:///{path}") as copy:
        assert read_everything(copy) == read_everything(source)
        study = load_study(copy, "study")
        record = read_study_record(study)
        assert [trial.state for trial in record.trials] == ["COMPLETE", "FAIL", "RUNNING", "WAITING"]
        assert load_trial_weights(study, record.trial(0)) == b"weights"
    assert (rows["studies"], rows["trials"], rows["hpsearch_test_scores"]) == (2, 4, 1)
    assert told[-1][0] == told[-1][1]
    assert [name.name for name in tmp_path.iterdir() if "copy" in name.name] == ["copy.db"]


def test_a_study_goes_on_with_its_backup_and_takes_up_what_was_running(source: Database, tmp_path: Path) -> None:
    path = tmp_path / "copy.db"
    back_up(source, path)
    with Database.open(f"sqlite:///{path}") as copy:
        go_on(copy)


def go_on(copy: Database) -> None:
    """The worker that held trial 2 knows nothing of the copy: in time its lease there ends."""
    study = load_study(copy, "study")
    queue = TrialQueue(study, "two", "cpu")
    held = claim(queue)
    assert held.number == 3, "a live lease holds in the copy, too"
    finish(held)
    with copy.transaction() as connection:
        connection.execute(sa.text("UPDATE hpsearch_leases SET expires_at = '2020-01-01' WHERE token IS NOT NULL"))
    numbers = []
    while isinstance(trial := queue.claim(), ClaimedTrial):
        finish(trial)
        numbers.append(trial.number)
    assert trial is NoTrial.ALL_FINISHED
    assert numbers == [2, 4]
    assert make_study(copy, "third").is_new


def test_a_backup_restored_to_a_server_has_every_row_and_goes_on_there(
    source: Database, tmp_path: Path, postgres: PostgresServer
) -> None:
    path = tmp_path / "copy.db"
    back_up(source, path)
    with Database.open(f"sqlite:///{path}") as copy, Database.open(postgres.make_database(), create=True) as target:
        told: list[tuple[int, int]] = []
        rows = restore(copy, target, tell=lambda done, of: told.append((done, of)))
        assert (rows["studies"], rows["trials"]) == (2, 4)
        assert told[-1] == (sum(rows.values()), sum(rows.values()))
        mine, theirs = read_everything(target), read_everything(copy)
        assert {name: mine[name] for name in rows} == {name: theirs[name] for name in rows}
        # A server that started moments ago reaps nothing: its workers were away, too.
        with target.transaction() as connection:
            connection.execute(sa.text("UPDATE trials SET state = 'WAITING' WHERE number = 2 AND state = 'RUNNING'"))
            connection.execute(sa.text("UPDATE hpsearch_leases SET token = NULL, expires_at = NULL"))
        study = load_study(target, "study")
        queue = TrialQueue(study, "two", "cpu")
        numbers = []
        while isinstance(trial := queue.claim(), ClaimedTrial):
            finish(trial)
            numbers.append(trial.number)
        assert numbers == [2, 3, 4]
        assert make_study(target, "third").is_new


def test_a_backup_is_only_restored_into_an_empty_database(source: Database, tmp_path: Path) -> None:
    path = tmp_path / "copy.db"
    back_up(source, path)
    with Database.open(f"sqlite:///{path}") as copy:
        before = read_everything(source)
        with pytest.raises(InputError, match=r"is not empty \(it has studies, .*name an empty database"):
            restore(copy, source)
        assert read_everything(source) == before


def test_a_restore_that_fails_leaves_nothing(
    source: Database, tmp_path: Path, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "copy.db"
    back_up(source, path)
    with Database.open(f"sqlite:///{path}") as copy, Database.open(postgres.make_database(), create=True) as target:
        before = read_everything(target)
        with monkeypatch.context() as patch:
            patch.setattr(copying, "_count", lambda _connection, table: 7 if table.name == "trials" else 0)
            with pytest.raises((StorageError, InputError)):
                restore(copy, target)

        def stop(done: int, of: int) -> None:
            if done > of // 2:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            restore(copy, target, tell=stop)
        assert read_everything(target) == before
        restore(copy, target)


@on_sqlite_alone
def test_a_file_that_is_there_is_kept_unless_it_may_be_replaced(source: Database, tmp_path: Path) -> None:
    path = tmp_path / "copy.db"
    path.write_text("mine")
    with pytest.raises(InputError, match=r"copy\.db' exists: give another name, or --force"):
        back_up(source, path)
    assert path.read_text() == "mine"
    back_up(source, path, replaces=True)
    with Database.open(f"sqlite:///{path}") as copy:
        assert read_everything(copy) == read_everything(source)


@on_sqlite_alone
@pytest.mark.parametrize("ending", ["-journal", "-wal"])
def test_a_journal_of_another_database_is_not_made_the_copy_s(source: Database, tmp_path: Path, ending: str) -> None:
    (tmp_path / f"copy.db{ending}").write_text("what another database left")
    with pytest.raises(InputError, match=f"copy.db{ending}"):
        back_up(source, tmp_path / "copy.db", replaces=True)
    assert not (tmp_path / "copy.db").exists()


@on_sqlite_alone
def test_places_that_cannot_take_a_copy_are_named(source: Database, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match=r"no folder .*nowhere"):
        back_up(source, tmp_path / "nowhere" / "copy.db")
    with pytest.raises(InputError, match="is a folder"):
        back_up(source, tmp_path / "folder")
    with pytest.raises((InputError, StorageError), match="File name too long"):
        back_up(source, tmp_path / ("x" * 300))


def test_a_database_is_not_copied_onto_itself(tmp_path: Path) -> None:
    path = tmp_path / "studies.db"
    with Database.open(f"sqlite:///{path}", create=True) as database:
        make_study(database)
        (tmp_path / "link.db").symlink_to(path)
        for target in (path, tmp_path / "link.db"):
            with pytest.raises(InputError, match="the database itself"):
                back_up(database, target, replaces=True)
        assert load_study(database, "study").name == "study"


def test_a_copy_that_is_not_like_its_source_is_thrown_away(
    source: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = copying._count_rows
    calls: list[int] = []

    def miscount(connection: sqlite3.Connection) -> dict[str, int]:
        calls.append(1)
        return dict(count(connection)) | {"trials": 100 + len(calls)}

    monkeypatch.setattr(copying, "_count_rows", miscount)
    with pytest.raises(StorageError, match="not like its source in trials"):
        back_up(source, tmp_path / "copy.db")
    assert not [path for path in tmp_path.iterdir() if "copy" in path.name]


@pytest.mark.slow
@pytest.mark.fault
def test_a_full_disk_is_said_and_leaves_nothing(source: Database, tmp_path: Path) -> None:
    """The draft may grow to 40 kB."""
    script = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from hpsearch.errors import StorageError; from hpsearch.storage.copying import back_up\n"
        "from hpsearch.storage.database import Database\n"
        "source = Database.open(sys.argv[1])\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))\n"
        "try: back_up(source, Path(sys.argv[2]))\n"
        "except StorageError as error: print(error)\n"
    )
    path = tmp_path / "copy.db"
    url = source.url.set(drivername="sqlite" if source.url.drivername == "sqlite" else "postgresql")
    command = [sys.executable, "-c", script, url.render_as_string(hide_password=False), str(path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    assert str(path) in ended.stdout
    assert not [left for left in tmp_path.iterdir() if "copy" in left.name]


KILLED = """
import os, signal, sys
from pathlib import Path
from hpsearch.storage import copying
from hpsearch.storage.database import Database

def kill(*_arguments):
    os.kill(os.getpid(), signal.SIGKILL)

url, target, moment = sys.argv[1:]
told = []
def tell(done, of):
    told.append(done)
    if moment == str(len(told)):
        kill()
if moment == "check":
    copying._check_copy = kill
if moment == "sync":
    copying.sync_file = kill
if moment == "folder":
    copying.sync_folder = kill
copying._PAGES_AT_ONCE = 10
with Database.open(url) as source:
    copying.back_up(source, Path(target), replaces=True, tell=tell)
"""


@pytest.mark.slow
@pytest.mark.fault
@pytest.mark.parametrize(
    ("storage_url", "moment"),
    [("postgresql", "3"), *(("sqlite", moment) for moment in ("1", "3", "check", "sync", "folder"))],
    indirect=["storage_url"],
)
def test_a_backup_that_is_killed_is_whole_or_absent(source: Database, tmp_path: Path, moment: str) -> None:
    path = tmp_path / "copy.db"
    url = source.url.set(drivername="sqlite" if source.url.drivername == "sqlite" else "postgresql")
    command = [sys.executable, "-c", KILLED, url.render_as_string(hide_password=False), str(path), moment]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert path.exists() == (moment == "folder")
    if moment == "folder":
        with Database.open(f"sqlite:///{path}") as copy:
            assert read_everything(copy) == read_everything(source)
    else:
        assert [left for left in tmp_path.iterdir() if left.name.endswith(".draft")], "it died in the middle"
    back_up(source, path, replaces=True)
    assert not [left for left in tmp_path.iterdir() if ".draft" in left.name], "the next one tidies up"


@pytest.mark.slow
def test_a_backup_while_workers_write_is_of_one_moment(storage_url: str, tmp_path: Path) -> None:
    """In each copy every finished trial has its value, its weights and its curve: all of a finish, or none of it."""
    stop = threading.Event()
    failures: list[BaseException] = []

    def work(name: str) -> None:
        try:
            with Database.open(storage_url, check=False) as own:
                queue = TrialQueue(load_study(own, "study"), name, "cpu")
                while not stop.is_set() and isinstance(trial := queue.claim(), ClaimedTrial):
                    finish(trial)
        except BaseException as error:  # noqa: BLE001 - a thread's error is the test's
            failures.append(error)

    with Database.open(storage_url, create=True) as database:
        make_study(database, trials=10_000)
        workers = [threading.Thread(target=work, args=(f"worker {index}",)) for index in range(3)]
        for worker in workers:
            worker.start()
        try:
            finished = [check_copy(database, tmp_path / f"copy-{index}.db") for index in range(4)]
            wait_for_finished(database, finished[-1] + 1)  # however slow the machine: they still can write
            finished.append(check_copy(database, tmp_path / "copy-4.db"))
        finally:
            stop.set()
            for worker in workers:
                worker.join()
    assert not failures
    assert finished == sorted(finished)
    assert finished[-1] > finished[0], "the workers went on meanwhile"


def test_whoever_writes_into_a_file_waits_until_it_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite would begin the copy anew after each write: on a busy study for ever."""
    path, outcomes = tmp_path / "studies.db", []
    monkeypatch.setattr(copying, "_PAGES_AT_ONCE", 1)

    def write(_done: int, _of: int) -> None:
        if outcomes:
            return
        with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as writer:
            try:
                writer.execute("UPDATE studies SET study_name = 'other'")
                outcomes.append("written")
            except sqlite3.OperationalError as error:
                outcomes.append(str(error))

    with Database.open(f"sqlite:///{path}", create=True) as database:
        make_study(database)
        back_up(database, tmp_path / "copy.db", tell=write)
    assert outcomes == ["database is locked"]


def wait_for_finished(database: Database, count: int) -> None:
    """Until so many trials are finished."""
    end = time.monotonic() + 240
    while read_study_record(load_study(database, "study")).finished_count < count:
        assert time.monotonic() < end, f"{count} trials never finished"
        time.sleep(0.05)


def check_copy(database: Database, path: Path) -> int:
    back_up(database, path)
    with Database.open(f"sqlite:///{path}") as copy:
        study = load_study(copy, "study")
        record = read_study_record(study)
        numbers = [trial.number for trial in record.trials]
        assert numbers == list(range(len(numbers)))
        for trial in record.trials:
            if trial.state == "COMPLETE":
                assert (trial.value, trial.epochs, len(trial.curve)) == (0.5, 3, 3)
                assert load_trial_weights(study, trial) == b"weights"
        return record.finished_count


@on_sqlite_alone
def test_drafts_of_living_processes_are_left_alone(source: Database, tmp_path: Path) -> None:
    with draft_folder(tmp_path / "copy.db") as draft:
        back_up(source, tmp_path / "copy.db")
        assert draft.exists()
