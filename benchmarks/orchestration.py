"""What a trial costs beside its training: claim, suggest, twelve reports and finish, by how much the study holds.

    python -m benchmarks.orchestration                       # every case, then sixteen sleeping workers
    python -m benchmarks.orchestration --database sqlite --finished 5000 --workers 1 --sampler tpe

Studies are filled with finished trials by bulk writes. The trials that are measured train nothing: they claim, draw
from the CNN's default space, report twelve epochs with a checkpoint at hand, and finish with 400 KB of weights. The
first trial of a process reads all finished ones and is kept apart. Writes `benchmarks/results/orchestration.json`.
"""

import argparse
import json
import math
import multiprocessing
import os
import platform
import queue
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy as sa
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages._rdb import models
from optuna.trial import TrialState

from hpsearch.dataset import DatasetIdentity, InputShape
from hpsearch.epoch_result import EpochResult
from hpsearch.storage.database import Database
from hpsearch.storage.tables import leases
from hpsearch.study.file import parse_study_spec
from hpsearch.tuning import claims
from hpsearch.tuning.claimed_trial import ClaimedTrial
from hpsearch.tuning.claims import TrialQueue
from hpsearch.tuning.creation import create_or_join_study
from hpsearch.tuning.study import Study, load_study
from hpsearch.tuning.suggest import draw, searched_distributions
from hpsearch.worker.protocols import REPORT_SECONDS
from tests.postgres import run_postgres

RESULTS = Path(__file__).parent / "results" / "orchestration.json"
EPOCHS = 12
WEIGHTS = bytes(400_000)
CHECKPOINT = bytes(1_200_000)
CONFUSION = [[600] * 10] * 10
DATASET = DatasetIdentity(
    name="bench",
    sha256="0" * 64,
    input_shape=InputShape(1, 28, 28),
    class_names=tuple("abcdefghij"),
    train_count=60_000,
    test_count=10_000,
)
PARTS = ("claim", "suggest", "report", "finish")
CPU = "processor"
"""The worker's own processor time for the whole trial: unlike the others it does not grow on a machine that is busy."""


@dataclass(frozen=True)
class Case:
    """What is measured."""

    database: str
    finished: int
    workers: int
    sampler: str


@dataclass
class Figures:
    """Milliseconds a trial, over all workers; `report` is the sum of a trial's twelve."""

    case: Case
    trials: int
    cold_milliseconds: float
    """Median of the processes' first trials."""
    p50: dict[str, float]
    p99: dict[str, float]


def make_study(database: Database, name: str, *, sampler: str, epochs: int = EPOCHS) -> Study:
    given = {"name": name, "dataset": "bench", "arch": "cnn", "budget": "100k", "trials": 100_000, "epochs": epochs}
    name, spec = parse_study_spec(given | {"sampler": sampler, "portfolio": False})
    return create_or_join_study(database, name, spec, DATASET)


def draw_value(distribution: BaseDistribution, chance: random.Random) -> Any:
    match distribution:
        case CategoricalDistribution(choices=choices):
            return chance.choice(choices)
        case IntDistribution(low=low, high=high):
            return chance.randint(low, high)
        case FloatDistribution(low=low, high=high, log=True):
            return math.exp(chance.uniform(math.log(low), math.log(high)))
        case FloatDistribution(low=low, high=high):
            return chance.uniform(low, high)
    raise TypeError(distribution)


def fill(study: Study, finished: int) -> None:
    """Write complete trials into a study as workers would have left them, all at once."""
    tables = [
        models.TrialParamModel.__table__,
        models.TrialUserAttributeModel.__table__,
        models.TrialValueModel.__table__,
        models.TrialIntermediateValueModel.__table__,
        leases,
    ]
    trials = models.TrialModel.__table__
    # One trial by the ordinary way gives the attributes that all the others get.
    trial = TrialQueue(study, "filler", "cpu").claim()
    assert isinstance(trial, ClaimedTrial)
    finish(trial)
    with study.database.transaction() as connection:
        query = sa.select(tables[1].c.key, tables[1].c.value_json).where(tables[1].c.trial_id == trial.lease.trial_id)
        attributes = [tuple(row) for row in connection.execute(query)]
        first = connection.execute(sa.select(sa.func.max(trials.c.trial_id))).scalar_one() + 1
    chance = random.Random(0)
    distributions = searched_distributions(study.space)
    encoded = {name: optuna.distributions.distribution_to_json(each) for name, each in distributions.items()}
    now = datetime.now(UTC).replace(tzinfo=None) - timedelta(days=1)
    rows: list[list[dict[str, Any]]] = [[] for _ in tables]
    made = []
    for trial_id in range(first, first + finished - 1):
        made.append(
            {
                "trial_id": trial_id,
                "number": trial_id - first + 1,
                "study_id": study.study_id,
                "state": TrialState.COMPLETE,
                "datetime_start": now,
                "datetime_complete": now,
            }
        )
        values = {name: draw_value(distribution, chance) for name, distribution in distributions.items()}
        rows[0] += [
            {
                "trial_id": trial_id,
                "param_name": name,
                "param_value": distribution.to_internal_repr(values[name]),
                "distribution_json": encoded[name],
            }
            for name, distribution in distributions.items()
        ]
        rows[1] += [{"trial_id": trial_id, "key": key, "value_json": value} for key, value in attributes]
        best = chance.uniform(0.5, 0.93)
        rows[2].append({"trial_id": trial_id, "objective": 0, "value": best, "value_type": "FINITE"})
        rows[3] += [
            {
                "trial_id": trial_id,
                "step": step,
                "intermediate_value": best * (step + 1) / EPOCHS,
                "intermediate_value_type": "FINITE",
            }
            for step in range(EPOCHS)
        ]
        rows[4].append({"trial_id": trial_id, "study_id": study.study_id, "attempts": 1, "deaths": 0})
    with study.database.transaction() as connection:
        connection.execute(trials.insert(), made)
        for table, content in zip(tables, rows, strict=True):
            for start in range(0, len(content), 10_000):
                connection.execute(table.insert(), content[start : start + 10_000])
        if connection.dialect.name == "postgresql":  # the ids that were given by hand
            sequence = sa.text("SELECT setval(pg_get_serial_sequence('trials', 'trial_id'), :last)")
            connection.execute(sequence, {"last": first + finished})
    if not study.database.url.drivername.startswith("sqlite"):
        with study.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text("ANALYZE"))


def finish(trial: ClaimedTrial, pause: float = 0.0) -> list[float]:
    """Report every epoch and complete; the seconds of the reports and of the finish."""
    seconds = []
    for epoch in range(len(trial.curve), trial.config.recipe.epochs):
        time.sleep(pause)
        begun = time.perf_counter()
        trial.report(EpochResult(epoch, 0.5, 0.5, 0.9 + epoch / 1000, 1.0, 0.1), CHECKPOINT)
        seconds.append(time.perf_counter() - begun)
    begun = time.perf_counter()
    trial.complete(WEIGHTS, confusion=CONFUSION)
    return [sum(seconds), time.perf_counter() - begun]


def measure(url: str, name: str, worker: str, trials: int, gate: Any, answers: Any) -> None:
    """One worker process: its trials' seconds in each part."""
    suggested = [0.0]

    def timed_draw(*arguments: Any) -> Any:
        begun = time.perf_counter()
        try:
            return draw(*arguments)
        finally:
            suggested[0] = time.perf_counter() - begun

    vars(claims)["draw"] = timed_draw
    with Database.open(url, check=False) as database:
        trials_left = TrialQueue(load_study(database, name), worker, "cpu", report_seconds=REPORT_SECONDS)
        gate.wait()
        rows = []
        for _ in range(trials):
            begun, processor = time.perf_counter(), time.process_time()
            trial = trials_left.claim()
            claimed = time.perf_counter() - begun
            assert isinstance(trial, ClaimedTrial)
            seconds = [claimed - suggested[0], suggested[0], *finish(trial)]
            rows.append([*seconds, time.process_time() - processor])
        answers.put(rows)


def collect(processes: Sequence[Any], answers: Any) -> list[Any]:
    """What each process has to say; an error where one ends without a word."""
    measured: list[Any] = []
    while len(measured) < len(processes):
        try:
            measured.append(answers.get(timeout=1))
        except queue.Empty:
            if any(process.exitcode for process in processes):
                raise RuntimeError("a worker ended with an error") from None
    for process in processes:
        process.join()
    return measured


def run_case(case: Case, url: str, *, trials: int) -> Figures:
    name = f"bench-{case.finished}-{case.workers}-{case.sampler}"
    with Database.open(url, create=True) as database:
        fill(make_study(database, name, sampler=case.sampler), case.finished)
    context = multiprocessing.get_context("forkserver")
    gate, answers = context.Barrier(case.workers), context.Queue()
    processes = [
        context.Process(target=measure, args=(url, name, f"w{index}", trials, gate, answers))
        for index in range(case.workers)
    ]
    for process in processes:
        process.start()
    measured = collect(processes, answers)
    warm = [row for rows in measured for row in rows[1:]]
    columns = {part: [row[index] for row in warm] for index, part in enumerate(PARTS)}
    columns["all"] = [sum(row[: len(PARTS)]) for row in warm]
    columns[CPU] = [row[len(PARTS)] for row in warm]
    cold = statistics.median(sum(rows[0][: len(PARTS)]) for rows in measured)
    return Figures(
        case,
        len(warm),
        1000 * cold,
        {part: round(1000 * statistics.median(seconds), 2) for part, seconds in columns.items()},
        {part: round(1000 * sorted(seconds)[int(0.99 * len(seconds))], 2) for part, seconds in columns.items()},
    )


def sleep_through(
    url: str, name: str, worker: str, delay: float, seconds: float, epochs: int, gate: Any, answers: Any
) -> None:
    """One worker whose trials sleep for a second; how long it slept, and how long it took.

    Its `delay` in seconds keeps workers whose trials all last as long from claiming at the same moment ever after.
    """
    with Database.open(url, check=False) as database:
        trials_left = TrialQueue(load_study(database, name), worker, "cpu", report_seconds=REPORT_SECONDS)
        trials_left.claim().give_back("warm now")  # type: ignore[union-attr]
        gate.wait()
        time.sleep(delay)
        begun, slept = time.perf_counter(), 0.0
        while time.perf_counter() - begun < seconds:
            trial = trials_left.claim()
            assert isinstance(trial, ClaimedTrial)
            slept += (epochs - len(trial.curve)) / epochs
            finish(trial, 1 / epochs)
        answers.put((slept, time.perf_counter() - begun))


def run_sleepers(url: str, *, workers: int, seconds: float, epochs: int, finished: int, sampler: str) -> dict[str, Any]:
    """Workers on trials of one second each: which share of their time they trained."""
    name = f"sleepers-{epochs}-{finished}-{sampler}"
    with Database.open(url, create=True) as database:
        study = make_study(database, name, sampler=sampler, epochs=epochs)
        fill(study, finished)
    context = multiprocessing.get_context("forkserver")
    gate, answers = context.Barrier(workers), context.Queue()
    arguments = (seconds, epochs, gate, answers)
    processes = [
        context.Process(target=sleep_through, args=(url, name, f"w{index}", index / workers, *arguments))
        for index in range(workers)
    ]
    for process in processes:
        process.start()
    measured = collect(processes, answers)
    share = sum(slept for slept, _ in measured) / sum(took for _, took in measured)
    return {
        "workers": workers,
        "epochs": epochs,
        "finished_before": finished,
        "sampler": sampler,
        "trials": round(sum(slept for slept, _ in measured)),
        "busy_share": round(share, 4),
    }


@contextmanager
def open_database(kind: str) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        if kind == "sqlite":
            yield f"sqlite:///{folder}/studies.db"
            return
        with run_postgres(durable=True) as server:
            yield server.make_database()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.orchestration")
    parser.add_argument("--database", action="append", choices=["sqlite", "postgresql"])
    parser.add_argument("--finished", action="append", type=int)
    parser.add_argument("--workers", action="append", type=int)
    parser.add_argument("--sampler", action="append", choices=["tpe", "random"])
    parser.add_argument("--trials", type=int, default=60, help="measured trials a worker")
    parser.add_argument("--sleepers", type=float, default=30.0, help="seconds of the sixteen; 0 leaves them out")
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    multiprocessing.get_context("forkserver").set_forkserver_preload(["tests.preloaded"])
    figures = []
    for database in options.database or ["sqlite", "postgresql"]:
        for sampler in options.sampler or ["tpe", "random"]:
            for finished in options.finished or [100, 1000, 5000]:
                for workers in options.workers or [1, 8]:
                    with open_database(database) as url:
                        case = Case(database, finished, workers, sampler)
                        figures.append(run_case(case, url, trials=max(options.trials // workers, 8)))
                    print(json.dumps(asdict(figures[-1])), flush=True)
    sleepers = []
    for epochs, finished in ((1, 100), (12, 100)) if options.sleepers else ():
        with open_database("postgresql") as url:
            sleepers.append(
                run_sleepers(url, workers=16, seconds=options.sleepers, epochs=epochs, finished=finished, sampler="tpe")
            )
        print(json.dumps(sleepers[-1]), flush=True)
    machine = {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "optuna": optuna.__version__,
        "sqlalchemy": sa.__version__,
        "load_average": os.getloadavg()[0],
    }
    everything = {"machine": machine, "cases": [asdict(figure) for figure in figures], "sleepers": sleepers}
    options.output.write_text(json.dumps(everything, indent=1) + "\n")


if __name__ == "__main__":
    main()
