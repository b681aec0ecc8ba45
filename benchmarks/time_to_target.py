"""Seconds until a search has a network of a given validation accuracy: `hpsearch run` beside plain Optuna + PyTorch.

Both get the same cores, one worker a core, the same budget and data, and stop at their first complete trial at or above
the target. Runs alternate. `python benchmarks/time_to_target.py [--repeats 3] [--limit 1800] [--arch fcn] [--arch cnn]`
"""

import argparse
import gzip
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

TARGETS = {"fcn": 0.8835, "cnn": 0.9136}
"""The test accuracies that the reports print for 100K weights, asked here of the validation split."""
BUDGET = 100_000
EPOCHS = {"fcn": 20, "cnn": 10}
POLL_SECONDS = 0.5


def lay_out_for_torchvision(cache: Path, folder: Path) -> None:
    """Put the fetched IDX files where torchvision's FashionMNIST looks for them."""
    raw = folder / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for path in cache.rglob("*-ubyte*"):
        name = path.name.removesuffix(".gz")
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        (raw / name).write_bytes(content)


def run_plain(arch: str, data: Path, room: Path, seed: int, limit: float, workers: int) -> dict[str, Any]:
    """Plain Optuna, a process a core."""
    storage = f"sqlite:///{room}/plain.db"
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    optuna.create_study(study_name="plain", storage=storage, direction="maximize")
    started = time.monotonic()
    script = Path(__file__).with_name("plain_optuna.py")
    processes = []
    for worker in range(workers):
        flags = {"arch": arch, "budget": BUDGET, "epochs": EPOCHS[arch], "seconds": limit, "target": TARGETS[arch]}
        flags |= {"data": data, "storage": storage, "seed": seed * 100 + worker}
        arguments = [text for name, value in flags.items() for text in (f"--{name}", str(value))]
        log = (room / f"plain-{worker}.log").open("w")
        command = [sys.executable, str(script), *arguments]
        processes.append(subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=one_thread()))
    reached = None
    while reached is None and any(process.poll() is None for process in processes):
        time.sleep(POLL_SECONDS)
        if any('"seconds"' in path.read_text() for path in room.glob("plain-*.log")):
            reached = time.monotonic() - started
    for process in processes:
        process.kill()
        process.wait()
    trials = optuna.load_study(study_name="plain", storage=storage).trials
    values = [trial.value for trial in trials if trial.value is not None and trial.state.name == "COMPLETE"]
    over = sum("over_budget" in trial.user_attrs for trial in trials)
    return {"seconds": reached, "best": max(values, default=None), "trials": len(trials), "over_budget": over}


def run_hpsearch(arch: str, room: Path, seed: int, limit: float, workers: int) -> dict[str, Any]:
    """`hpsearch run` with its defaults."""
    storage = f"sqlite:///{room}/hpsearch.db"
    flags = ["--budget", str(BUDGET), "--arch", arch, "--seed", str(seed), "--study", "ours", "--quiet"]
    command = [sys.executable, "-m", "hpsearch", "run", *flags, "--workers", str(workers), "--timeout", f"{limit:.0f}s"]
    started = time.monotonic()
    log = (room / "hpsearch.log").open("w")
    process = subprocess.Popen([*command, "--storage", storage], stdout=log, stderr=subprocess.STDOUT)
    reached: float | None = None
    trials: list[dict[str, Any]] = []
    while reached is None and process.poll() is None:
        time.sleep(POLL_SECONDS)
        trials = read_trials(storage)
        if any(trial["value"] >= TARGETS[arch] for trial in trials):
            reached = time.monotonic() - started
    process.terminate()
    process.wait()
    return {
        "seconds": reached,
        "best": max((trial["value"] for trial in trials), default=None),
        "trials": len(trials),
        "over_budget": 0,
    }


def read_trials(storage: str) -> list[dict[str, Any]]:
    """The complete trials so far."""
    from hpsearch.errors import StorageError
    from hpsearch.storage.database import Database
    from hpsearch.tuning.records import read_study_record
    from hpsearch.tuning.study import UnknownStudyError, load_study

    try:
        with Database.open(storage, check=False) as database:
            return [{"value": trial.value} for trial in read_study_record(load_study(database, "ours")).ranking]
    except (StorageError, UnknownStudyError):
        return []


def one_thread() -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--limit", type=float, default=1800.0, help="seconds after which a run counts as not reached")
    parser.add_argument("--arch", action="append", choices=list(TARGETS))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "time_to_target.json")
    arguments = parser.parse_args()
    from hpsearch.training.data import default_cache_folder, fetch_dataset

    cache = default_cache_folder(os.environ)
    fetch_dataset("fashion-mnist", cache, print)
    workers = len(os.sched_getaffinity(0))
    results: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        lay_out_for_torchvision(cache, data)
        for repeat in range(arguments.repeats):
            for arch in arguments.arch or list(TARGETS):
                for name in ("hpsearch", "plain"):
                    room = Path(folder) / f"{name}-{arch}-{repeat}"
                    room.mkdir()
                    if name == "plain":
                        result = run_plain(arch, data, room, repeat, arguments.limit, workers)
                    else:
                        result = run_hpsearch(arch, room, repeat, arguments.limit, workers)
                    results.append({"arch": arch, "search": name, "repeat": repeat} | result)
                    print(json.dumps(results[-1]), flush=True)
                    shutil.rmtree(room)
                    arguments.out.write_text(json.dumps({"limit": arguments.limit, "runs": results}, indent=1) + "\n")
    for arch in arguments.arch or list(TARGETS):
        for name in ("hpsearch", "plain"):
            runs = [run for run in results if run["arch"] == arch and run["search"] == name]
            seconds = [run["seconds"] if run["seconds"] is not None else arguments.limit for run in runs]
            reached = sum(run["seconds"] is not None for run in runs)
            print(f"{arch} {name}: median {statistics.median(seconds):.0f} s, reached {reached} of {len(runs)}")


if __name__ == "__main__":
    main()
