"""`launch --on slurm` with a real Slurm: cancelled, requeued, out of time; nothing is lost, the study is finished."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from hpsearch.storage.database import Database
from hpsearch.storage.tables import events
from tests.cli_runs import CommandRoom
from tests.fault.studies import make, read
from tests.history import check_history, find_orphans
from tests.postgres import PostgresServer
from tests.slurm_cluster import SlurmCluster, run_slurm, skip_without_slurm
from tests.worker_processes import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.fault, pytest.mark.exhaustive, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def slurm() -> Iterator[SlurmCluster]:
    skip_without_slurm()
    with run_slurm() as cluster:
        yield cluster


@pytest.fixture
def storage(postgres: PostgresServer) -> str:
    return postgres.make_database()


@pytest.fixture
def room(
    slurm: SlurmCluster,
    storage: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> CommandRoom:
    """A login node: its workers are scripted ones, and write journals."""
    file = tmp_path / "url"
    file.write_text(storage + "\n")
    file.chmod(0o600)
    monkeypatch.chdir(tmp_path)
    for name, value in slurm.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HPSEARCH_STORAGE_FILE", str(file))
    monkeypatch.delenv("HPSEARCH_STORAGE", raising=False)
    monkeypatch.setenv("PYTHONPATH", f"{ROOT / 'tests' / 'scripted_site'}{os.pathsep}{ROOT}")
    monkeypatch.setenv("HPSEARCH_TEST_SCRIPT", json.dumps({"folder": str(tmp_path), "seconds_per_epoch": 0.2}))
    return CommandRoom(tmp_path, capsys)


def read_returns(storage: str) -> list[str]:
    with Database.open(storage) as database, database.transaction() as connection:
        query = sa.select(events.c.detail).where(events.c.kind == "returned")
        return list(connection.execute(query).scalars())


def launch(room: CommandRoom, *arguments: str) -> str:
    ended = room.type("launch", "study", "--on", "slurm", "--json", *arguments)
    assert (ended.code, ended.err) == (0, "")
    told = json.loads(ended.out)
    assert told["cancel"] == f"scancel {told['job']}"
    return str(told["job"])


def test_an_array_of_which_one_is_cancelled_and_one_requeued_finishes_the_study(
    slurm: SlurmCluster, room: CommandRoom, storage: str, tmp_path: Path
) -> None:
    make(storage, trials=60, epochs=4)
    job = launch(room, "--workers", "4", "--time", "10m")
    wait_until(lambda: len(read(storage).running) == 4, "four workers train")
    slurm.run("scancel", f"{job}_2")
    slurm.run("scontrol", "requeue", f"{job}_3")
    wait_until(lambda: slurm.count(f"{job}_3", "--states=PENDING") == 1, "the task is requeued")
    slurm.run("scontrol", "update", f"JobId={job}_3", "StartTime=now")  # Slurm itself would leave it for two minutes
    wait_until(lambda: read(storage).is_finished, "the study is finished")
    wait_until(lambda: slurm.count(job) == 0, "no task is left")
    log = (tmp_path / f"hpsearch-study-{job}_3.log").read_text()
    # --open-mode=append: what it said before it was requeued is there.
    assert log.count(f"task 3 of job {job}") == 2, slurm.read_logs()
    record = read(storage)
    assert (record.counts["COMPLETE"], record.counts["RUNNING"], len(record.trials)) == (60, 0, 60)
    assert check_history(tmp_path, storage, "study", slots=60) == []
    assert find_orphans(str(tmp_path / "url")) == []
    assert len(read_returns(storage)) >= 2


def test_a_task_gives_its_trial_back_before_its_time_is_up(
    slurm: SlurmCluster, room: CommandRoom, storage: str, tmp_path: Path
) -> None:
    make(storage, trials=1, epochs=10_000)
    # A minute to begin on the slowest machine: Slurm may send the signal up to a minute too early.
    job = launch(room, "--workers", "1", "--time", "3m", "--", "--signal=B:TERM@60")
    wait_until(lambda: bool(read(storage).running), "it trains")
    wait_until(lambda: slurm.count(job) == 0, "Slurm has told it that the time is up", seconds=400)
    record = read(storage)
    assert (record.counts["WAITING"], record.counts["RUNNING"]) == (1, 0)
    assert read_returns(storage) == ["the worker was told to stop"]
    assert "given back" in (tmp_path / f"hpsearch-study-{job}_1.log").read_text()
