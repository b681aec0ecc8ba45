"""The default search beside random search and a one-epoch cut: best validation accuracy and the seconds it took.

- default: the study that `hpsearch run` makes (portfolio, sampler and pruner of the spec).
- drawn: the same without the portfolio, so that every trial is drawn.
- random: as many trials, drawn at random, each trained to its end.
- cut: twice as many random draws, trained for the first epoch of their schedule; the best four are trained to the end
  (Egele et al., 2024).

All draw from the same fitted space, with one worker a core. `python benchmarks/search_methods.py --arch fcn --seed 0`
"""

import argparse
import json
import os
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hpsearch.dataset import DatasetIdentity
from hpsearch.epoch_result import EpochResult
from hpsearch.storage.database import Database
from hpsearch.study_file import parse_study_spec
from hpsearch.training.data import default_cache_folder, fetch_dataset, load_search_splits
from hpsearch.training.device import choose_device, configure_threads
from hpsearch.training.loop import TrainingSession
from hpsearch.trial_config import TrialConfig
from hpsearch.tuning.claimed_trial import ClaimedTrial
from hpsearch.tuning.claims import TrialQueue
from hpsearch.tuning.records import read_study_record
from hpsearch.tuning.study import create_or_join_study
from hpsearch.worker.loop import StopSignal, WorkerSettings, run_worker

FINALISTS = 4
DRAWS_A_TRIAL = 2


def make_fields(arch: str, budget: str, seed: int, **changes: Any) -> dict[str, Any]:
    """The fields of the default spec of a family."""
    return {"arch": arch, "budget": budget, "seed": seed, "name": "study"} | changes


def draw_configs(fields: dict[str, Any], dataset: DatasetIdentity, count: int) -> list[TrialConfig]:
    """As many random configurations as a study with these fields draws."""
    name, spec = parse_study_spec(fields | {"sampler": "random", "trials": count})
    configs = []
    with TemporaryDirectory() as folder, Database.open(f"sqlite:///{folder}/draws.db", create=True) as database:
        queue = TrialQueue(create_or_join_study(database, name, spec, dataset), "draws", "cpu")
        while isinstance(trial := queue.claim(), ClaimedTrial):
            configs.append(trial.config)
            trial.report(EpochResult(0, 0.0, 0.0, 0.0, 0.0, 0.0))
            trial.prune()
    return configs


def train(config: TrialConfig, epochs: int, cache: Path) -> float:
    """Validation accuracy after so many epochs of the configuration's own schedule."""
    configure_threads(1)
    splits = load_search_splits(config.dataset.name, cache, split_seed=config.split_seed)
    session = TrainingSession(config, splits, choose_device("cpu"))
    accuracy = 0.0
    for result in session.epochs():
        accuracy = result.validation_accuracy
        if result.epoch + 1 == epochs:
            break
    return accuracy


def work(storage: str, cache: Path, name: str) -> None:
    """One worker of a study."""
    run_worker(WorkerSettings(storage, "study", "cpu", cache, name), StopSignal(), lambda _line: None)


def search(fields: dict[str, Any], dataset: DatasetIdentity, cache: Path, workers: int) -> dict[str, Any]:
    """A whole study, as `hpsearch run` does it."""
    started = time.monotonic()
    with TemporaryDirectory() as folder:
        storage = f"sqlite:///{folder}/study.db"
        name, spec = parse_study_spec(fields)
        with Database.open(storage, create=True) as database:
            create_or_join_study(database, name, spec, dataset)
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            list(pool.map(partial(work, storage, cache), [f"worker {index}" for index in range(workers)]))
        seconds = time.monotonic() - started
        with Database.open(storage) as database:
            record = read_study_record(create_or_join_study(database, name, spec, dataset))
    best = record.best
    return {"best": best.value if best else None, "seconds": round(seconds), "counts": record.counts}


def cut(fields: dict[str, Any], trials: int, dataset: DatasetIdentity, cache: Path, workers: int) -> dict[str, Any]:
    """One epoch of many, all epochs of a few."""
    configs = draw_configs(fields, dataset, DRAWS_A_TRIAL * trials)
    started = time.monotonic()
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        first = list(pool.map(partial(train, epochs=1, cache=cache), configs))
        order = sorted(range(len(configs)), key=lambda index: -first[index])[:FINALISTS]
        finalists = [configs[index] for index in order]
        final = list(pool.map(partial(train, epochs=finalists[0].recipe.epochs, cache=cache), finalists))
    return {"best": max(final), "seconds": round(time.monotonic() - started), "finalists": final}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--arch", choices=["fcn", "cnn"], required=True)
    parser.add_argument("--budget", default="100k")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--method", action="append", choices=["default", "drawn", "random", "cut"])
    arguments = parser.parse_args()
    cache = default_cache_folder(os.environ)
    dataset = fetch_dataset("fashion-mnist", cache, lambda _line: None)
    workers = len(os.sched_getaffinity(0))
    fields = make_fields(arguments.arch, arguments.budget, arguments.seed)
    trials = parse_study_spec(fields)[1].trials
    for method in arguments.method or ["default", "drawn", "random", "cut"]:
        match method:
            case "default":
                result = search(fields, dataset, cache, workers)
            case "drawn":
                result = search(fields | {"portfolio": False}, dataset, cache, workers)
            case "random":
                result = search(fields | {"sampler": "random", "pruner": "none"}, dataset, cache, workers)
            case _:
                result = cut(fields, trials, dataset, cache, workers)
        print(json.dumps({"arch": arguments.arch, "seed": arguments.seed, "method": method} | result), flush=True)


if __name__ == "__main__":
    main()
