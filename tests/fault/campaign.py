"""Fault campaigns of any size: small ones in the test suite, the big ones by hand.

    python -m tests.fault.campaign kills --kills 200 --trials 1000 --workers 4 --database sqlite
    python -m tests.fault.campaign outage --times 10 --seconds 60
    python -m tests.fault.campaign race --times 50

Each prints its figures as JSON, and ends with code 1 where the history checker found a promise broken.
"""

import argparse
import contextlib
import json
import platform
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hpsearch.tuning.records import StudyRecord
from tests.fault.studies import make, read
from tests.history import RELEASES, History, find_orphans, find_violations, read_history
from tests.journal import CLAIM, END, read_journals
from tests.postgres import OwnPostgresServer, run_postgres
from tests.worker_processes import WorkerProcesses, run_workers, wait_until

GAVE_UP_SECONDS = 3600.0
FIRST_KILL = "first-kill"
"""A file that is there once a worker was killed: a script may wait for it."""


@dataclass
class Outcome:
    """The figures of a campaign."""

    campaign: str
    database: str
    trials: int
    workers: int
    seconds: float = 0.0
    counts: dict[str, int] = field(default_factory=dict)
    attempts: int = 0
    """How often trials were claimed, all together."""
    lost: int = 0
    """Trials asked for that have no accepted result."""
    duplicated: int = 0
    """Trials with more than one accepted result."""
    left_running: int = 0
    orphans: int = 0
    violations: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)
    """Of this kind of campaign alone."""


@dataclass(frozen=True)
class Kill:
    """A worker that was killed, and when."""

    worker: str
    at: float
    """Unix seconds."""


@contextmanager
def open_database(kind: str, folder: Path, *, durable: bool = True) -> Iterator[tuple[str, OwnPostgresServer | None]]:
    """The URL of an empty database of a kind, and the server where there is one."""
    if kind == "sqlite":
        yield f"sqlite:///{folder}/studies.db", None
        return
    with run_postgres(durable=durable) as server:
        yield server.make_database(), server


def run_kills(
    storage: str,
    folder: Path,
    *,
    trials: int,
    workers: int,
    kills: int,
    seed: int = 0,
    pause: float = 0.4,
    **script: Any,
) -> Outcome:
    """Kill workers that hold a trial, at seeded random moments, each time starting another in its place.

    Args:
        storage: An empty database.
        folder: For journals and logs.
        trials: How many the study asks for.
        workers: How many work at once.
        kills: How many to kill.
        seed: Of the moments and of who it is.
        pause: The mean of the seconds between two kills.
        script: How the workers behave.
    """
    chance = random.Random(seed)
    make(storage, trials=trials, epochs=4)
    outcome = Outcome("kills", storage.partition(":")[0], trials, workers)
    killed: list[Kill] = []
    begun = time.monotonic()
    with run_workers(storage, folder, **script) as crew:
        alive = [crew.start(f"worker-{index}") for index in range(workers)]
        wait_until(lambda: any(entry.what == CLAIM for entry in read_journals(folder)), "a trial is claimed")
        while len(killed) < kills and any(worker.is_alive for worker in alive):
            time.sleep(chance.expovariate(1 / pause))
            held = holders(folder)
            aims = [index for index, worker in enumerate(alive) if worker.is_alive and worker.script.name in held]
            if not aims:
                continue
            index = chance.choice(aims)
            alive[index].send(signal.SIGKILL)
            killed.append(Kill(alive[index].script.name, time.time()))
            (folder / FIRST_KILL).touch()
            alive[index].process.join()
            alive[index] = crew.start(f"worker-{index}-{len(killed)}")
        for worker in alive:
            code = worker.wait(seconds=GAVE_UP_SECONDS)
            if code != 0:
                outcome.violations.append(f"worker: {worker.script.name} ended with {code}: {worker.said[-500:]}")
    outcome.seconds = time.monotonic() - begun
    history = conclude(outcome, storage, folder)
    reaped, claimed = measure_requeues(history, killed)
    outcome.figures = {
        "kills": len(killed),
        "kills_that_hit_a_trial": len(reaped),
        "longest_seconds_to_requeue": max(reaped, default=None),
        "median_seconds_to_requeue": sorted(reaped)[len(reaped) // 2] if reaped else None,
        "longest_seconds_until_running_again": max(claimed, default=None),
    }
    return outcome


def holders(folder: Path) -> set[str]:
    """The workers that were given a trial and have not ended it, by their own journals."""
    holding: dict[str, int | None] = {}
    for operation in read_journals(folder):
        if operation.what == CLAIM and operation.is_acknowledged:
            holding[operation.worker] = operation.trial_id
        elif operation.what == END:
            holding[operation.worker] = None
    return {worker for worker, trial_id in holding.items() if trial_id is not None}


def run_race(folder: Path, kind: str, *, times: int, trials: int = 20, workers: int = 8) -> Outcome:
    """So many times: a study, and more workers than it needs, all at once."""
    outcome = Outcome("race", kind, trials, workers)
    begun = time.monotonic()
    finished = []
    with open_database(kind, folder, durable=False) as (storage, _):
        for turn in range(times):
            own = folder / f"{turn:03}"
            own.mkdir()
            url = f"sqlite:///{own}/studies.db" if kind == "sqlite" else storage
            make(url, name=f"study-{turn}", trials=trials, epochs=1)
            with run_workers(url, own) as crew:
                crew.study = f"study-{turn}"
                for index in range(workers):
                    crew.start(f"worker-{index}")
                crew.wait_all()
            history = conclude(outcome, url, own, study=f"study-{turn}")
            finished.append(sum(trial.state == "COMPLETE" for trial in history.trials))
            if any(trial.attempts != 1 for trial in history.trials):
                outcome.violations.append(f"race: in turn {turn} a trial was claimed twice")
    outcome.seconds = time.monotonic() - begun
    outcome.figures = {"times": times, "trials_each_time": sorted(set(finished))}
    return outcome


def run_outages(
    server: OwnPostgresServer, folder: Path, *, times: int, seconds: float, workers: int = 4, **script: Any
) -> Outcome:
    """Stop a PostgreSQL server under load as a crash does, let it stay away, start it again; several times.

    The study has no end: the workers are told to stop after the last outage, and one more finishes what they held.
    """
    storage = server.make_database()
    trials = 1_000_000
    make(storage, trials=trials, epochs=12)
    outcome = Outcome("outage", "postgresql", trials, workers)
    begun = time.monotonic()
    recoveries = []
    with run_workers(storage, folder, **script) as crew:
        alive = [crew.start(f"worker-{index}") for index in range(workers)]
        for turn in range(times):
            wait_for_progress(storage, workers)
            server.stop_at_once()
            time.sleep(seconds)
            server.start_again()
            back = time.monotonic()
            wait_for_progress(storage, workers)
            recoveries.append(time.monotonic() - back)
            outcome.violations += [
                f"worker: {worker.script.name} died in outage {turn}: {worker.said[-500:]}"
                for worker in alive
                if not worker.is_alive
            ]
        for worker in alive:
            worker.send(signal.SIGTERM)
        codes = [worker.wait() for worker in alive]
        if set(codes) != {128 + signal.SIGTERM}:
            outcome.violations.append(f"worker: they ended with {codes}")
        finish_what_waits(storage, crew)
    outcome.seconds = time.monotonic() - begun
    outcome.trials = len(read(storage).trials)
    history = conclude(outcome, storage, folder)
    waited = [report.answered_at - report.intended_at for report in history.operations if report.answered_at]
    outcome.figures = {
        "outages": times,
        "seconds_each": seconds,
        "workers_dead": sum("died" in line for line in outcome.violations),
        "longest_seconds_until_work_went_on": max(recoveries),
        "reports_acknowledged": sum(item.what == "report" and item.is_acknowledged for item in history.operations),
        "longest_seconds_of_a_write": max(waited, default=None),
        "trials_claimed_more_than_once": sum(trial.attempts > 1 for trial in history.trials),
    }
    return outcome


def wait_for_progress(storage: str, count: int) -> None:
    """Wait until so many more trials are finished."""
    before = read(storage).finished_count
    wait_until(lambda: read(storage).finished_count >= before + count, "trials are finished", seconds=180)


def finish_what_waits(storage: str, crew: WorkerProcesses) -> None:
    """Finish the trials that were given back, and no more."""
    waiting = read(storage).counts["WAITING"]
    if waiting:
        last = crew.start("last", arguments=("--max-trials", str(waiting)))
        assert last.wait() == 0, last.said


def conclude(outcome: Outcome, storage: str, folder: Path, *, study: str = "study") -> History:
    """Compare journals and database, and add what is found to the outcome."""
    record = read(storage, name=study)
    history = read_history(folder, storage, study, slots=outcome.trials)
    outcome.violations += find_violations(history)
    outcome.counts = {state: outcome.counts.get(state, 0) + count for state, count in record.counts.items()}
    outcome.attempts += sum(trial.attempts for trial in history.trials)
    outcome.lost += outcome.trials - record.finished_count
    outcome.duplicated += count_duplicates(history, record)
    outcome.left_running += record.counts["RUNNING"]
    outcome.orphans += len(find_orphans(str(folder)))
    return history


def count_duplicates(history: History, record: StudyRecord) -> int:
    """Trials beyond those asked for, and trials that were finished more than once."""
    twice = sum(sum(event.kind not in ("claimed", *RELEASES) for event in trial.events) > 1 for trial in history.trials)
    return twice + max(0, len(record.trials) - history.slots)


def measure_requeues(history: History, kills: list[Kill]) -> tuple[list[float], list[float]]:
    """Seconds from each kill that hit a trial until it was back in the queue, and until somebody had it again."""
    reaped, claimed = [], []
    for kill in kills:
        for trial in history.trials:
            before = [event for event in trial.events if event.at <= kill.at]
            if not before or (before[-1].kind, before[-1].worker) != ("claimed", kill.worker):
                continue
            after = [event for event in trial.events if event.at > kill.at]
            reaped += [event.at - kill.at for event in after[:1]]
            claimed += [event.at - kill.at for event in after[1:2] if event.kind == "claimed"]
    return reaped, claimed


def main(arguments: list[str] | None = None) -> int:
    """Run a campaign and print its figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.fault.campaign")
    commands = parser.add_subparsers(dest="campaign", required=True)
    kills = commands.add_parser("kills")
    kills.add_argument("--kills", type=int, default=200)
    kills.add_argument("--trials", type=int, default=1000)
    kills.add_argument("--seed", type=int, default=0)
    kills.add_argument("--pause", type=float, default=0.4)
    kills.add_argument("--seconds-per-epoch", type=float, default=0.05)
    kills.add_argument("--lease-seconds", type=float, default=30.0)
    outage = commands.add_parser("outage")
    outage.add_argument("--times", type=int, default=10)
    outage.add_argument("--seconds", type=float, default=60.0)
    outage.add_argument("--seconds-per-epoch", type=float, default=0.1)
    race = commands.add_parser("race")
    race.add_argument("--times", type=int, default=50)
    race.add_argument("--trials", type=int, default=20)
    for command in (kills, race):
        command.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    for command, workers in ((kills, 4), (outage, 4), (race, 8)):
        command.add_argument("--workers", type=int, default=workers)
        command.add_argument("--output", type=Path, help="also write the figures into this file")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="campaign-") as name, contextlib.ExitStack() as stack:
        outcome = _run(options, Path(name), stack)
    text = json.dumps(asdict(outcome) | {"python": platform.python_version()}, indent=1)
    print(text)  # noqa: T201
    if options.output is not None:
        options.output.write_text(text + "\n")
    return 1 if outcome.violations else 0


def _run(options: argparse.Namespace, folder: Path, stack: contextlib.ExitStack) -> Outcome:
    match options.campaign:
        case "kills":
            storage, _ = stack.enter_context(open_database(options.database, folder))
            heartbeat = options.lease_seconds / 3
            return run_kills(
                storage,
                folder,
                trials=options.trials,
                workers=options.workers,
                kills=options.kills,
                seed=options.seed,
                pause=options.pause,
                seconds_per_epoch=options.seconds_per_epoch,
                lease_seconds=options.lease_seconds,
                heartbeat_seconds=heartbeat,
            )
        case "outage":
            server = stack.enter_context(run_postgres(durable=True))
            script = {"seconds_per_epoch": options.seconds_per_epoch, "heartbeat_seconds": 10.0}
            return run_outages(
                server, folder, times=options.times, seconds=options.seconds, workers=options.workers, **script
            )
        case _:
            return run_race(
                folder, options.database, times=options.times, trials=options.trials, workers=options.workers
            )


if __name__ == "__main__":
    sys.exit(main())
