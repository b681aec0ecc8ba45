"""Where PostgreSQL's claim lock ends, and what a database of a million finished trials is like.

    python -m benchmarks.crowd claims                  16, 64, 256 workers whose trials take a second, asleep
    python -m benchmarks.crowd claims --through transaction --workers 64
    python -m benchmarks.crowd ceiling                 claims and returns without a pause: what the lock bears
    python -m benchmarks.crowd million                 100 studies of 10,000 finished trials: list, status, claim

Workers are processes that claim, sleep, report and finish through hpsearch's own queue; nothing is trained. The server
is the tests' own, on this machine, and waits for no disk: figures are of its locks and of the processors.
"""

import argparse
import contextlib
import json
import math
import multiprocessing
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import sqlalchemy as sa
from optuna.storages._rdb import models

from benchmarks.dashboard_load import ask
from benchmarks.orchestration import fill, make_study
from hpsearch.epoch_result import EpochResult
from hpsearch.storage.database import Database
from hpsearch.storage.tables import leases
from hpsearch.tuning.claimed_trial import ClaimedTrial
from hpsearch.tuning.claims import TrialQueue
from hpsearch.tuning.study import load_study
from tests.pgbouncer import run_pgbouncer
from tests.postgres import OwnPostgresServer, run_postgres

FINISHED = 100
WEIGHTS = bytes(40_000)
SERVER_CONNECTIONS = 1500
OPENING_AT_ONCE = 8
"""Workers that come in at the same time, as where a scheduler starts them; all are in before anything is counted."""


def work(
    url: str,
    name: str,
    worker: str,
    delay: float,
    seconds: float,
    trial_seconds: float,
    turn: Any,
    gate: Any,
    answers: Any,
) -> None:
    """One worker: the seconds of its claims, how long it slept, how long it took."""
    with contextlib.ExitStack() as stack:
        with turn:
            database = stack.enter_context(Database.open(url, check=False))
            trials = TrialQueue(load_study(database, name), worker, "cpu")
            trials.claim().give_back("warm now")  # type: ignore[union-attr]
        gate.wait()
        time.sleep(delay)
        begun, slept, claims = time.perf_counter(), 0.0, []
        while time.perf_counter() - begun < seconds:
            started = time.perf_counter()
            trial = trials.claim()
            claims.append(time.perf_counter() - started)
            assert isinstance(trial, ClaimedTrial)
            if trial_seconds == 0:
                trial.give_back("next")
                continue
            time.sleep(trial_seconds)
            slept += trial_seconds
            trial.report(EpochResult(0, 0.5, 0.5, 0.9, 1.0, 0.1))
            trial.complete(WEIGHTS)
        answers.put((claims, slept, time.perf_counter() - begun))


def count_backends(server: OwnPostgresServer) -> int:
    engine = sa.create_engine(server.url)
    try:
        with engine.connect() as connection:
            return int(connection.execute(sa.text("SELECT count(*) FROM pg_stat_activity")).scalar_one())
    finally:
        engine.dispose()


def run_crowd(
    server: OwnPostgresServer, url: str, through: str, *, workers: int, seconds: float, trial_seconds: float
) -> dict[str, Any]:
    """A crowd on one study, and what it met."""
    name = f"crowd-{through}-{workers}-{trial_seconds:g}"
    with Database.open(url, create=True) as database:
        fill(make_study(database, name, sampler="random", epochs=1), FINISHED)
    context = multiprocessing.get_context("forkserver")
    turn, gate, answers = context.Semaphore(OPENING_AT_ONCE), context.Barrier(workers), context.Queue()
    arguments = (seconds, trial_seconds, turn, gate, answers)
    processes = [
        context.Process(target=work, args=(url, name, f"w{index}", index / workers * trial_seconds, *arguments))
        for index in range(workers)
    ]
    for process in processes:
        process.start()
    psutil.cpu_percent()
    measured = collect_watched(processes, answers, server)
    claims = sorted(claim for each, _, _ in measured["answers"] for claim in each)
    took = statistics.mean(took for _, _, took in measured["answers"])
    return {
        "through": through,
        "workers": workers,
        "trial_seconds": trial_seconds,
        "claims_a_second": round(len(claims) / took, 1),
        "claim_p50_milliseconds": round(1000 * statistics.median(claims), 1),
        "claim_p99_milliseconds": round(1000 * claims[int(0.99 * len(claims))], 1),
        "busy_share": round(sum(slept for _, slept, _ in measured["answers"]) / (took * workers), 3),
        "server_connections": measured["connections"],
        "n": len(claims),
    }


def collect_watched(processes: list[Any], answers: Any, server: OwnPostgresServer) -> dict[str, Any]:
    most = 0
    found: list[Any] = []
    while len(found) < len(processes):
        with contextlib.suppress(Exception):
            found.append(answers.get(timeout=2))
            continue
        most = max(most, count_backends(server))
        if any(process.exitcode for process in processes):
            raise RuntimeError("a worker ended with an error")
    for process in processes:
        process.join()
    return {"answers": found, "connections": most}


@contextmanager
def open_server() -> Iterator[OwnPostgresServer]:
    with run_postgres() as server:
        server.execute(f"ALTER SYSTEM SET max_connections = {SERVER_CONNECTIONS}")
        server.execute("ALTER SYSTEM SET shared_buffers = '512MB'")
        server.stop_at_once()
        server.start_again()
        yield server


@contextmanager
def open_way(server: OwnPostgresServer, through: str, pool_size: int) -> Iterator[str]:
    """The URL of a new database, straight or through a pooler."""
    url = sa.make_url(server.make_database())
    if through == "direct":
        yield url.render_as_string(hide_password=False)
        return
    with run_pgbouncer(url, mode=through, pool_size=pool_size) as pooled:
        never = {"prepare_threshold": "none"} if through == "transaction" else {}
        yield pooled.update_query_dict(never).render_as_string(hide_password=False)


def run_claims(options: argparse.Namespace, trial_seconds: float) -> list[dict[str, Any]]:
    rows = []
    with open_server() as server:
        for through in options.through:
            for workers in options.workers:
                with open_way(server, through, options.pool_size) as url:
                    row = run_crowd(
                        server, url, through, workers=workers, seconds=options.seconds, trial_seconds=trial_seconds
                    )
                print(json.dumps(row), flush=True)
                rows.append(row)
    return rows


# A million trials

_COPIED = (
    models.TrialParamModel.__table__,
    models.TrialUserAttributeModel.__table__,
    models.TrialValueModel.__table__,
    models.TrialIntermediateValueModel.__table__,
)


def copy_study(connection: sa.Connection, source: int, target: int, offset: int) -> None:
    """Give a study the trials of another, in the server."""
    trials = models.TrialModel.__table__
    of_source = sa.select(trials.c.trial_id).where(trials.c.study_id == source)
    kept = [column for column in trials.c if column.name not in ("trial_id", "study_id")]
    moved = sa.select(trials.c.trial_id + offset, sa.literal(target), *kept).where(trials.c.study_id == source)
    connection.execute(trials.insert().from_select(["trial_id", "study_id", *(each.name for each in kept)], moved))
    for table in _COPIED:
        (key,) = table.primary_key.columns
        kept = [column for column in table.c if column.name not in (key.name, "trial_id")]
        rows = sa.select(table.c.trial_id + offset, *kept).where(table.c.trial_id.in_(of_source))
        connection.execute(table.insert().from_select(["trial_id", *(each.name for each in kept)], rows))
    rows = sa.select(leases.c.trial_id + offset, sa.literal(target), leases.c.attempts, leases.c.deaths)
    names = ["trial_id", "study_id", "attempts", "deaths"]
    connection.execute(leases.insert().from_select(names, rows.where(leases.c.study_id == source)))


def run_million(studies: int, trials: int) -> dict[str, Any]:
    report: dict[str, Any] = {"studies": studies, "trials": studies * trials}
    with open_server() as server:
        url = server.make_database()
        begun = time.monotonic()
        with Database.open(url, create=True) as database:
            first = make_study(database, "study-0", sampler="tpe", epochs=1)
            fill(first, trials)
            for index in range(1, studies):
                made = make_study(database, f"study-{index}", sampler="tpe", epochs=1)
                with database.engine.begin() as connection:
                    connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
                    copy_study(connection, first.study_id, made.study_id, offset=index * 10_000_000)
                print(f"  {index + 1} of {studies} studies, {time.monotonic() - begun:.0f} s", flush=True)
        engine = sa.create_engine(sa.make_url(url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            last = connection.execute(sa.text("SELECT max(trial_id) FROM trials")).scalar_one()
            connection.execute(sa.text(f"SELECT setval(pg_get_serial_sequence('trials', 'trial_id'), {last})"))
            connection.execute(sa.text("ANALYZE"))
            size = sa.text("SELECT pg_database_size(current_database())")
            report["gigabytes"] = round(connection.execute(size).scalar_one() / 1e9, 2)
        report["seconds_to_fill"] = round(time.monotonic() - begun)
        report["commands"] = {
            " ".join(command): measure_command(url, command)
            for command in (["--version"], ["list"], ["list", "--json"], ["status", "study-7"], ["best", "study-7"])
        }
        report["claim"] = measure_claims(url, "study-7")
        report["dashboard_seconds"] = measure_dashboard(url, first.study_id)
    return report


def measure_command(url: str, command: list[str], times: int = 3) -> dict[str, float]:
    seconds, processor, most = [], [], 0
    for _ in range(times):
        begun = time.perf_counter()
        environment = os.environ | {"HPSEARCH_STORAGE": url}
        typed = [sys.executable, "-m", "hpsearch", *command]
        with subprocess.Popen(typed, env=environment, stdout=subprocess.DEVNULL) as process:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0, command
        seconds.append(time.perf_counter() - begun)
        processor.append(usage.ru_utime + usage.ru_stime)
        most = max(most, usage.ru_maxrss)
    return {
        "seconds": round(statistics.median(seconds), 2),
        "processor_seconds": round(statistics.median(processor), 2),
        "megabytes": round(most / 1024),
        "n": times,
    }


def measure_claims(url: str, name: str, count: int = 40) -> dict[str, float]:
    with Database.open(url, check=False) as database:
        trials = TrialQueue(load_study(database, name), "measuring", "cpu")
        seconds = []
        for _ in range(count + 1):
            begun = time.perf_counter()
            trial = trials.claim()
            seconds.append(time.perf_counter() - begun)
            assert isinstance(trial, ClaimedTrial)
            trial.give_back("next")
    warm = sorted(seconds[1:])
    return {
        "first_seconds": round(seconds[0], 2),
        "p50_milliseconds": round(1000 * statistics.median(warm), 1),
        "p99_milliseconds": round(1000 * warm[math.floor(0.99 * len(warm))], 1),
        "n": count,
    }


def measure_dashboard(url: str, study_id: int, port: int = 8793) -> dict[str, float]:
    """Seconds of what a browser asks a real dashboard for: the list of studies, then a study, each twice."""
    command = [sys.executable, "-m", "hpsearch", "dashboard", "--port", str(port)]
    environment = os.environ | {"HPSEARCH_STORAGE": url}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            until = time.monotonic() + 120
            while time.monotonic() < until:
                with contextlib.suppress(OSError):
                    ask(port, "/dashboard")
                    break
                time.sleep(0.2)
            study = f"/api/studies/{study_id}"
            asked = {"list": "/api/studies", "list_again": "/api/studies", "study": study, "study_again": study}
            return {what: round(ask(port, path)[0], 2) for what, path in asked.items()}
        finally:
            server.terminate()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crowd")
    parser.add_argument("what", choices=["claims", "ceiling", "million"])
    parser.add_argument("--workers", type=int, nargs="+", default=[16, 64, 256])
    parser.add_argument("--through", nargs="+", choices=["direct", "session", "transaction"], default=["direct"])
    parser.add_argument("--pool-size", type=int, default=20, help="of PgBouncer: connections to the server")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--studies", type=int, default=100)
    parser.add_argument("--trials", type=int, default=10_000, help="of each study")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    multiprocessing.get_context("forkserver").set_forkserver_preload(["tests.preloaded"])
    report: Any
    match options.what:
        case "claims":
            report = run_claims(options, trial_seconds=1.0)
        case "ceiling":
            report = run_claims(options, trial_seconds=0.0)
        case _:
            report = run_million(options.studies, options.trials)
            print(json.dumps(report, indent=1))
    if options.output is not None:
        options.output.write_text(json.dumps(report, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
