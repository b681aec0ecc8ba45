"""What breaks a study of several workers on plain Optuna 5, and how hpsearch comes through the same.

Each fault has two tests, in the order of the table in docs/reliability.md: one shows the fault on plain Optuna and so
where it comes from, the other brings the same about in hpsearch. Races are forced, not waited for.
"""

import os
import resource
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
import sqlalchemy as sa
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage

from hpsearch.errors import LeaseLostError, StorageError, StorageUnavailableError
from hpsearch.storage.database import Database
from hpsearch.storage.tables import leases
from hpsearch.tuning.claimed_trial import ClaimedTrial
from hpsearch.tuning.claims import NoTrial, TrialQueue
from hpsearch.tuning.records import read_study_record
from hpsearch.tuning.study import load_study
from hpsearch.worker.loop import StopSignal, Worker
from hpsearch.worker.protocols import WorkerSettings
from tests import plain_optuna as plain
from tests.contract.test_claims import age_lease, claim, finish
from tests.fault.studies import make, read
from tests.postgres import OwnPostgresServer, PostgresServer
from tests.scripted import ScriptedTrainer, curve_point, make_study
from tests.worker_processes import run_process, run_workers, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.fault]

TAKES = "UPDATE trials SET state="


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/studies.db"


@pytest.fixture
def pair(sqlite: str) -> Iterator[tuple[TrialQueue, TrialQueue]]:
    """Two workers of a study of one trial, each with its own connection."""
    with Database.open(sqlite, create=True) as one, Database.open(sqlite) as two:
        make_study(one, trials=1)
        yield tuple(TrialQueue(load_study(each, "study"), name, "cpu") for each, name in ((one, "1"), (two, "2")))  # type: ignore[misc]


def engines(*queues: TrialQueue) -> list[sa.Engine]:
    return [queue.study.database.engine for queue in queues]


def count_deaths(queue: TrialQueue) -> int:
    with queue.study.database.transaction() as connection:
        deaths: int = connection.execute(sa.select(leases.c.deaths)).scalar_one()
    return deaths


# B1: two workers take the same trial that waits


@pytest.mark.exhaustive
def test_b1_plain_optuna_on_sqlite_gives_one_waiting_trial_to_two_workers(sqlite: str) -> None:
    plain.make_study(sqlite, waiting=1)
    one, two = plain.join_study(sqlite), plain.join_study(sqlite)
    with plain.racing(plain.find_rdb(one).engine, plain.find_rdb(two).engine, statement=TAKES, seconds=60.0):
        taken = plain.run_together(one._pop_waiting_trial_id, two._pop_waiting_trial_id)
    assert taken == [1, 1]


def test_b1_hpsearch_gives_it_to_one(pair: tuple[TrialQueue, TrialQueue]) -> None:
    claim(pair[0]).give_back("so that one waits")
    with plain.racing(*engines(*pair), statement=TAKES):
        taken = plain.run_together(pair[0].claim, pair[1].claim)
    assert sorted(isinstance(trial, ClaimedTrial) for trial in taken) == [False, True]
    assert NoTrial.ALL_TAKEN in taken


# B2: two reapers free the same dead trial


@pytest.mark.exhaustive
def test_b2_plain_optuna_on_sqlite_queues_a_dead_trial_twice(sqlite: str) -> None:
    study = plain.make_study(sqlite, waiting=1)
    plain.mark_running(study, 0)
    plain.age_heartbeats(study)
    one, two = plain.join_study(sqlite), plain.join_study(sqlite)
    with plain.racing(plain.find_rdb(one).engine, plain.find_rdb(two).engine, statement=TAKES, seconds=60.0):
        plain.run_together(lambda: plain.fail_stale_trials(one), lambda: plain.fail_stale_trials(two))
    assert plain.count_states(study) == {"FAIL": 1, "WAITING": 2}


def test_b2_hpsearch_queues_it_once(pair: tuple[TrialQueue, TrialQueue]) -> None:
    age_lease(pair[0].study.database, claim(pair[0]))
    with plain.racing(*engines(*pair), statement=TAKES):
        reaped = plain.run_together(pair[0].reap, pair[1].reap)
    assert sorted(reaped) == [[], [1]]
    assert count_deaths(pair[0]) == 1
    assert read_study_record(pair[0].study).counts["WAITING"] == 1


# B3: a worker is killed after its claim, before its first heartbeat


def work_plainly_and_die_at(url: str, statement: str) -> None:
    study = plain.join_study(url)
    plain.die_at(plain.find_rdb(study).engine, statement)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)


@pytest.mark.exhaustive
def test_b3_plain_optuna_leaves_the_trial_running_for_ever(sqlite: str) -> None:
    study = plain.make_study(sqlite, waiting=1)
    assert run_process(work_plainly_and_die_at, sqlite, "INSERT INTO trial_heartbeats") == -signal.SIGKILL
    assert plain.count_states(study) == {"RUNNING": 1}
    plain.age_heartbeats(study)  # there is none that could grow old
    plain.fail_stale_trials(study)
    assert plain.count_states(study) == {"RUNNING": 1}


def work_and_die_at(url: str, statement: str) -> None:
    with Database.open(url) as database:
        plain.die_at(database.engine, statement)
        finish(claim(TrialQueue(load_study(database, "study"), "dead", "cpu", lease_seconds=0.1)))


@pytest.mark.parametrize(
    "statement", ["INSERT INTO trial_params", "INSERT INTO trial_intermediate_values", "INSERT INTO trial_values"]
)
def test_b3_hpsearch_gives_it_to_the_next_worker(storage_url: str, statement: str) -> None:
    make(storage_url, trials=1)
    assert run_process(work_and_die_at, storage_url, statement) == -signal.SIGKILL
    with Database.open(storage_url) as database:
        queue = TrialQueue(load_study(database, "study"), "two", "cpu")
        wait_until(lambda: bool(queue.reap()), "its lease is over")
        finish(claim(queue))
    record = read(storage_url)
    assert (record.counts["COMPLETE"], record.trial(0).attempts) == (1, 2)


# B4: one error of the database in the heartbeat thread


@pytest.mark.exhaustive
def test_b4_plain_optuna_loses_a_live_trial_and_then_its_worker(sqlite: str, monkeypatch: pytest.MonkeyPatch) -> None:
    study = plain.make_study(sqlite)
    storage, other = plain.find_rdb(study), plain.join_study(sqlite)
    storage.heartbeat_interval = 0.01  # type: ignore[assignment]
    beats, record_heartbeat = [], storage.record_heartbeat

    def fail_the_second_time(trial_id: int) -> None:
        beats.append(threading.current_thread())
        if len(beats) == 2:
            raise StorageInternalError("a hiccup")
        record_heartbeat(trial_id)

    monkeypatch.setattr(storage, "record_heartbeat", fail_the_second_time)
    monkeypatch.setattr(threading, "excepthook", lambda _arguments: None)

    def objective(_trial: optuna.Trial) -> float:
        wait_until(lambda: len(beats) == 2 and not beats[0].is_alive(), "the thread is dead")
        plain.age_heartbeats(study)
        plain.fail_stale_trials(other)
        return 0.5

    with pytest.raises((ValueError, AssertionError)):
        study.optimize(objective, n_trials=1, catch=(Exception,))
    assert plain.count_states(study) == {"FAIL": 1, "WAITING": 1}


def test_b4_hpsearch_beats_on(sqlite: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make(sqlite, trials=1)
    beats: list[int] = []
    beat = TrialQueue.beat

    def fail_the_second_time(queue: TrialQueue, trial: ClaimedTrial) -> bool:
        beats.append(1)
        if len(beats) == 2:
            raise StorageUnavailableError("a hiccup")
        return beat(queue, trial)

    monkeypatch.setattr(TrialQueue, "beat", fail_the_second_time)
    outcome = work(sqlite, lambda _epoch: wait_until(lambda: len(beats) > 4, "it beats on"), heartbeat_seconds=0.01)
    assert (outcome.counts["COMPLETE"], outcome.trial(0).attempts) == (1, 1)


def work(url: str, before_epoch: Any, **settings: Any) -> Any:
    """A worker in this process until the study is finished; the study's record."""
    with Database.open(url) as database:
        study = load_study(database, "study")
        queue = TrialQueue(study, "w", "cpu", lease_seconds=settings.get("lease_seconds", 30.0))
        given = WorkerSettings(url, "study", "cpu", Path(), "w", **settings)
        from hpsearch.clock import SystemClock

        Worker(given, queue, ScriptedTrainer(before_epoch), StopSignal(), lambda _line: None, SystemClock()).work()
        return read_study_record(study)


# B5: a reaper is killed between freeing a trial and queueing it


def reap_plainly_and_die(url: str) -> None:
    study = plain.join_study(url)
    plain.die_at(plain.find_rdb(study).engine, "INSERT INTO trials")
    plain.fail_stale_trials(study)


@pytest.mark.exhaustive
def test_b5_plain_optuna_loses_the_trial(sqlite: str) -> None:
    study = plain.make_study(sqlite, waiting=1)
    plain.mark_running(study, 0)
    plain.age_heartbeats(study)
    assert run_process(reap_plainly_and_die, sqlite) == -signal.SIGKILL
    plain.fail_stale_trials(study)
    assert plain.count_states(study) == {"FAIL": 1}


def reap_and_die_at(url: str, statement: str) -> None:
    with Database.open(url) as database:
        plain.die_at(database.engine, statement)
        TrialQueue(load_study(database, "study"), "reaper", "cpu").reap()


@pytest.mark.parametrize("statement", [TAKES, "UPDATE hpsearch_leases", "INSERT INTO hpsearch_events"])
def test_b5_hpsearch_frees_it_whole_or_not_at_all(storage_url: str, statement: str) -> None:
    with Database.open(storage_url, create=True) as database:
        queue = TrialQueue(make_study(database, trials=1), "one", "cpu")
        age_lease(database, claim(queue))
        assert run_process(reap_and_die_at, storage_url, statement) == -signal.SIGKILL
        assert read_study_record(queue.study).counts["RUNNING"] == 1
        assert (queue.reap(), count_deaths(queue)) == ([1], 1)
        finish(claim(queue))


# B6: PostgreSQL is started anew between two reports


@pytest.mark.exhaustive
def test_b6_plain_optuna_ends_with_the_old_connection(own_postgres: OwnPostgresServer) -> None:
    trial = plain.make_study(psycopg(own_postgres.make_database()), heartbeat=False).ask()
    trial.report(0.1, 0)
    own_postgres.stop_at_once()
    own_postgres.start_again()
    with pytest.raises(StorageInternalError):
        trial.report(0.2, 1)


def test_b6_hpsearch_goes_on(own_postgres: OwnPostgresServer) -> None:
    with Database.open(own_postgres.make_database(), create=True) as database:
        study = make_study(database, trials=1)
        trial = claim(TrialQueue(study, "one", "cpu"))
        trial.report(curve_point(0, 0.1))
        own_postgres.stop_at_once()
        own_postgres.start_again()
        trial.report(curve_point(1, 0.2))
        own_postgres.stop_at_once()
        own_postgres.start_again()
        trial.report(curve_point(2, 0.3))
        trial.complete(b"weights")
        stored = read_study_record(study).trial(0)
    assert (stored.state, stored.attempts, stored.accuracies) == ("COMPLETE", 1, {0: 0.1, 1: 0.2, 2: 0.3})


def psycopg(url: str) -> str:
    return sa.make_url(url).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


# B7: two workers whose sessions have other time zones


def in_zone(url: str, zone: str) -> str:
    return sa.make_url(url).update_query_dict({"options": f"-c timezone={zone}"}).render_as_string(hide_password=False)


@pytest.mark.exhaustive
def test_b7_plain_optuna_takes_a_live_worker_for_dead_and_a_dead_one_for_alive(postgres: PostgresServer) -> None:
    url = psycopg(postgres.make_database())
    study = plain.make_study(in_zone(url, "UTC"), waiting=1, retries=False)
    plain.mark_running(study, 0)
    plain.fail_stale_trials(plain.join_study(in_zone(url, "Asia/Tokyo"), retries=False))
    assert plain.count_states(study) == {"FAIL": 1}
    study.enqueue_trial({"x": 0.5})
    plain.mark_running(study, 1)
    plain.age_heartbeats(study)
    plain.fail_stale_trials(plain.join_study(in_zone(url, "America/New_York"), retries=False))
    assert plain.count_states(study) == {"FAIL": 1, "RUNNING": 1}


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York"])
def test_b7_hpsearch_has_one_time_for_all(postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch, zone: str) -> None:
    url = postgres.make_database()
    with Database.open(url, create=True) as database:
        queue = TrialQueue(make_study(database, trials=2), "one", "cpu")
        alive, dead = claim(queue), claim(queue)
        age_lease(database, dead, seconds=1)
        monkeypatch.setenv("PGTZ", zone)
        with Database.open(in_zone(url, zone)) as elsewhere:
            reaped = TrialQueue(load_study(elsewhere, "study"), "two", "cpu").reap()
        assert reaped == [dead.lease.trial_id]
        finish(alive)


# B8, a network that swallows everything, is in test_black_hole.py: it needs a network of its own.


# B9: more workers than trials are left


@pytest.mark.exhaustive
def test_b9_plain_optuna_does_more_trials_than_were_asked_for(sqlite: str) -> None:
    plain.make_study(sqlite, heartbeat=False)
    together = threading.Barrier(2)

    def run() -> None:
        study = plain.join_study(sqlite, heartbeat=False)

        def objective(_trial: optuna.Trial) -> float:
            together.wait(30)
            return 0.5

        study.optimize(objective, callbacks=[optuna.study.MaxTrialsCallback(1)])

    assert plain.run_together(run, run) == [None, None]
    assert plain.count_states(plain.join_study(sqlite)) == {"COMPLETE": 2}


def test_b9_hpsearch_does_as_many_as_were_asked_for(pair: tuple[TrialQueue, TrialQueue]) -> None:
    held = claim(pair[0])
    assert pair[1].claim() is NoTrial.ALL_TAKEN
    finish(held)
    assert pair[1].claim() is NoTrial.ALL_FINISHED
    assert len(read_study_record(pair[0].study).trials) == 1


# B10: a worker stands still past its lease, and goes on


@pytest.mark.exhaustive
def test_b10_plain_optuna_ends_with_the_trial(sqlite: str) -> None:
    study = plain.make_study(sqlite)
    other = plain.join_study(sqlite)

    def stand_still(_trial: optuna.Trial) -> float:
        wait_until(lambda: plain.has_beaten(study), "the first heartbeat is written")
        plain.age_heartbeats(study)
        plain.fail_stale_trials(other)
        return 0.5

    with pytest.raises(AssertionError) as caught:
        study.optimize(stand_still, n_trials=2, catch=(Exception,))
    assert "Cannot tell a FAIL trial" in str(caught.value.__context__)
    assert plain.count_states(study) == {"FAIL": 1, "WAITING": 1}


def test_b10_hpsearch_writes_nothing_more_and_takes_the_next_trial(sqlite: str) -> None:
    make(sqlite, trials=2)
    others: list[ClaimedTrial] = []

    def stand_still(epoch: int) -> None:
        if epoch == 1 and not others:
            with Database.open(sqlite) as database:
                queue = TrialQueue(load_study(database, "study"), "other", "cpu")
                with database.transaction() as connection:
                    connection.execute(leases.update().values(expires_at=sa.text("'2020-01-01'")))
                others.append(claim(queue))
                finish(others[0], 0.9)

    record = work(sqlite, stand_still)
    assert record.counts["COMPLETE"] == 2
    assert (record.trial(0).value, record.trial(0).attempts) == (0.9, 2)
    with pytest.raises(LeaseLostError), Database.open(sqlite) as database:
        TrialQueue(load_study(database, "study"), "w", "cpu").beat(others[0])


# B11: braces in a password

SECRET = "pa{ss}word"


@pytest.mark.exhaustive
def test_b11_plain_optuna_takes_a_password_for_a_template_and_shows_a_part() -> None:
    with pytest.raises(KeyError, match="ss"):
        RDBStorage(f"postgresql+psycopg://me:{SECRET}@127.0.0.1:1/studies")


def test_b11_hpsearch_takes_it_as_it_is_and_shows_nothing(postgres: PostgresServer) -> None:
    with pytest.raises(StorageError) as caught:
        Database.open(f"postgresql://me:{SECRET}@127.0.0.1:1/studies")
    assert "ss" not in str(caught.value).replace("password", "").replace("passed", "")
    url = sa.make_url(postgres.make_database()).set(password=SECRET).render_as_string(hide_password=False)
    with Database.open(url, create=True) as database:
        make_study(database)


# B12: the disk is full


def report_plainly_on_a_full_disk(url: str) -> None:
    trial = plain.join_study(url, heartbeat=False).ask()
    fill_disk(url)
    step = 0
    try:
        while step < 100_000:
            trial.set_user_attr(f"note {step}", "x" * 2000)
            step += 1
    except StorageInternalError:
        os._exit(7)


def fill_disk(url: str) -> None:
    """Let no file grow beyond what the database has now; the system says so like a full disk."""
    size = Path(sa.make_url(url).database or "").stat().st_size
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.mark.exhaustive
def test_b12_plain_optuna_leaves_a_trial_running(sqlite: str) -> None:
    study = plain.make_study(sqlite, heartbeat=False)
    assert run_process(report_plainly_on_a_full_disk, sqlite) == 7
    assert plain.count_states(study) == {"RUNNING": 1}


def fill_disk_of(script: Any) -> None:
    fill_disk(script.storage)


def test_b12_hpsearch_names_the_place_and_loses_nothing(sqlite: str, tmp_path: Path) -> None:
    make(sqlite, trials=30)
    with run_workers(sqlite, tmp_path, lease_seconds=0.5) as crew:
        full = crew.start("full", prepare=fill_disk_of)
        assert full.wait() == 3, full.said
        last = full.said.splitlines()[-1]
        assert "Traceback" not in full.said
        assert last.startswith("error: ")
        assert str(tmp_path / "studies.db") in last
        later = crew.start("later")
        assert later.wait() == 0, later.said
    record = read(sqlite)
    assert (record.counts["COMPLETE"], len(record.trials)) == (30, 30)


# B13: a worker dies while all others are busy


@pytest.mark.exhaustive
def test_b13_plain_optuna_sees_it_when_somebody_starts_another_trial(sqlite: str) -> None:
    study = plain.make_study(sqlite, waiting=1)
    plain.mark_running(study, 0)
    plain.age_heartbeats(study)
    other = plain.join_study(sqlite)
    during = []

    def objective(_trial: optuna.Trial) -> float:
        study.enqueue_trial({"x": 0.1})
        plain.mark_running(study, len(study.get_trials()) - 1)
        plain.age_heartbeats(study)
        during.append(plain.count_states(other))
        return 0.5

    other.optimize(objective, n_trials=1)
    assert during[0]["RUNNING"] >= 1
    assert plain.count_states(study).get("RUNNING") == 1  # and stays so until somebody asks for another trial
    plain.fail_stale_trials(other)
    assert "RUNNING" not in plain.count_states(study)


def test_b13_hpsearch_sees_it_while_they_train(sqlite: str) -> None:
    make(sqlite, trials=2)
    with Database.open(sqlite) as database:
        study = load_study(database, "study")
        alive = TrialQueue(study, "alive", "cpu")
        busy = claim(alive)
        dead = claim(TrialQueue(study, "dead", "cpu"))
        age_lease(database, dead)
        alive.beat(busy)
        assert read_study_record(study).trial(dead.number).state == "WAITING"


# B14: ask and tell


@pytest.mark.exhaustive
def test_b14_plain_optuna_writes_no_heartbeat_for_ask_and_tell(sqlite: str) -> None:
    study = plain.make_study(sqlite)
    study.ask()
    with plain.find_rdb(study).engine.begin() as connection:
        assert list(connection.execute(sa.select(plain.heartbeats))) == []


def test_b14_hpsearch_writes_the_lease_with_the_claim(storage_url: str) -> None:
    with Database.open(storage_url, create=True) as database:
        study = make_study(database)
        queue = TrialQueue(study, "one", "cpu")
        prepare, seen = queue._prepare, []

        def look(lease: Any) -> ClaimedTrial:
            with database.transaction() as connection:
                seen.append(connection.execute(sa.select(leases.c.token, leases.c.expires_at)).one())
            return prepare(lease)

        queue._prepare = look  # type: ignore[method-assign]
        trial = claim(queue)
    assert seen[0].token == trial.lease.token
    assert seen[0].expires_at is not None
