"""How hpsearch comes through what breaks a study of several workers on plain Optuna 5.

In the order of the table in docs/reliability.md, which says what plain Optuna does. Races are forced, not waited for.
"""

import resource
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from hpsearch.errors import LeaseLostError, StorageError, StorageUnavailableError
from hpsearch.storage.database import Database
from hpsearch.storage.tables import leases
from hpsearch.tuning.claimed_trial import ClaimedTrial
from hpsearch.tuning.claims import NoTrial, TrialQueue
from hpsearch.tuning.records import read_study_record
from hpsearch.tuning.study import load_study
from hpsearch.worker.loop import StopSignal, Worker
from hpsearch.worker.protocols import WorkerSettings
from tests.contract.test_claims import age_lease, claim, finish
from tests.fault.studies import make, read
from tests.forced_races import die_at, racing, run_together
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


def test_b1_hpsearch_gives_it_to_one(pair: tuple[TrialQueue, TrialQueue]) -> None:
    claim(pair[0]).give_back("so that one waits")
    with racing(*engines(*pair), statement=TAKES):
        taken = run_together(pair[0].claim, pair[1].claim)
    assert sorted(isinstance(trial, ClaimedTrial) for trial in taken) == [False, True]
    assert NoTrial.ALL_TAKEN in taken


# B2: two reapers free the same dead trial


def test_b2_hpsearch_queues_it_once(pair: tuple[TrialQueue, TrialQueue]) -> None:
    age_lease(pair[0].study.database, claim(pair[0]))
    with racing(*engines(*pair), statement=TAKES):
        reaped = run_together(pair[0].reap, pair[1].reap)
    assert sorted(reaped) == [[], [1]]
    assert count_deaths(pair[0]) == 1
    assert read_study_record(pair[0].study).counts["WAITING"] == 1


# B3: a worker is killed after its claim, before its first heartbeat


def work_and_die_at(url: str, statement: str) -> None:
    with Database.open(url) as database:
        die_at(database.engine, statement)
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


def reap_and_die_at(url: str, statement: str) -> None:
    with Database.open(url) as database:
        die_at(database.engine, statement)
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


# B7: two workers whose sessions have other time zones


def in_zone(url: str, zone: str) -> str:
    return sa.make_url(url).update_query_dict({"options": f"-c timezone={zone}"}).render_as_string(hide_password=False)


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


def test_b9_hpsearch_does_as_many_as_were_asked_for(pair: tuple[TrialQueue, TrialQueue]) -> None:
    held = claim(pair[0])
    assert pair[1].claim() is NoTrial.ALL_TAKEN
    finish(held)
    assert pair[1].claim() is NoTrial.ALL_FINISHED
    assert len(read_study_record(pair[0].study).trials) == 1


# B10: a worker stands still past its lease, and goes on


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


def test_b11_hpsearch_takes_it_as_it_is_and_shows_nothing(postgres: PostgresServer) -> None:
    with pytest.raises(StorageError) as caught:
        Database.open(f"postgresql://me:{SECRET}@127.0.0.1:1/studies")
    assert "ss" not in str(caught.value).replace("password", "").replace("passed", "")
    url = sa.make_url(postgres.make_database()).set(password=SECRET).render_as_string(hide_password=False)
    with Database.open(url, create=True) as database:
        make_study(database)


# B12: the disk is full


def fill_disk(url: str) -> None:
    """Let no file grow beyond what the database has now; the system says so like a full disk."""
    size = Path(sa.make_url(url).database or "").stat().st_size
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


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
