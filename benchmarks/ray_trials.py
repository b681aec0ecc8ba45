"""Whether a real search on Ray gives the trials that the local engine gives, on FashionMNIST.

    python -m benchmarks.ray_trials                    2 trials of an epoch, one worker, each way; a cluster of its own

Both searches are typed as a person would; what they drew, built and reached, epoch by epoch, must be the same.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from hpsearch.storage.database import Database
from hpsearch.tuning.records import read_study_record
from hpsearch.tuning.study import load_study


def search(folder: Path, study: str, *arguments: str) -> float:
    """Type a search; the seconds that it took."""
    command = [
        sys.executable,
        "-m",
        "hpsearch",
        "run",
        "--dataset",
        "fashion-mnist",
        "--arch",
        "fcn",
        "--budget",
        "10k",
    ]
    command += ["--workers", "1", "--device", "cpu", "--study", study, *arguments]
    apart = {"RAY_ADDRESS": "local", "RAY_TMPDIR": str(folder), "RAY_AUTH_MODE": "disabled"}
    begun = time.perf_counter()
    subprocess.run(command, cwd=folder, env=os.environ | apart, check=True, stdout=subprocess.DEVNULL)
    return round(time.perf_counter() - begun, 1)


def read_trials(folder: Path, study: str) -> list[tuple[object, ...]]:
    with Database.open(f"sqlite:///{folder}/hpsearch.db") as database:
        trials = read_study_record(load_study(database, study)).trials
    return [(trial.state, trial.parameters, trial.config_json, trial.accuracies) for trial in trials]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ray_trials")
    parser.add_argument("--trials", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=1)
    options = parser.parse_args()
    length = ("--trials", str(options.trials), "--epochs", str(options.epochs))
    with tempfile.TemporaryDirectory(prefix="ray-") as name:
        folder = Path(name)
        seconds = {"local": search(folder, "local", *length), "ray": search(folder, "ray", "--on", "ray", *length)}
        local, placed = (read_trials(folder, study) for study in seconds)
    accuracies = [list(trial[3].values()) for trial in local]  # type: ignore[attr-defined]
    is_same = local == placed and len(local) == options.trials
    print(json.dumps({"n": len(local), "is_same": is_same, "seconds": seconds, "accuracies": accuracies}))
    return 0 if is_same else 1


if __name__ == "__main__":
    raise SystemExit(main())
