"""How long the dashboard takes with a study of many trials: its first load, a refresh, what a browser downloads.

It makes a study of the default CNN space in a SQLite file, with trials as workers leave them (configuration, curve of
12 epochs), and asks a real `hpsearch dashboard` for what a browser asks for. For comparison the same
is asked of Optuna's dashboard as its own command opens it.

    python benchmarks/dashboard_load.py --trials 2000
"""

import argparse
import copy
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
from optuna.trial import TrialState

from hpsearch.dataset import DatasetIdentity, InputShape
from hpsearch.epoch_result import EpochResult
from hpsearch.storage.database import Database
from hpsearch.study.file import parse_study_spec
from hpsearch.tuning.claimed_trial import ClaimedTrial
from hpsearch.tuning.claims import TrialQueue
from hpsearch.tuning.creation import create_or_join_study

EPOCHS = 12
DRAWN = 40
"""Trials that are really drawn; the others are copies of them with other values."""
CLASSES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
FRESH_SECONDS = 10.5
"""For so long Optuna's dashboard gives what it gave before."""


def make_trials(url: str, trials: int) -> int:
    """A study with so many finished trials, and one that runs; its id."""
    given = {"name": "study", "dataset": "fashion-mnist", "arch": "cnn", "budget": "100k"}
    name, spec = parse_study_spec(given | {"trials": trials + 1, "epochs": EPOCHS, "sampler": "random"})
    images = InputShape(1, 28, 28)
    identity = DatasetIdentity(
        name="fashion-mnist",
        sha256="0" * 64,
        input_shape=images,
        class_names=CLASSES,
        train_count=60_000,
        test_count=10_000,
    )
    generator = random.Random(0)
    with Database.open(url, create=True) as database:
        study = create_or_join_study(database, name, spec, identity)
        queue = TrialQueue(study, "benchmark", "cpu")
        for _ in range(min(DRAWN, trials)):
            claimed = queue.claim()
            assert isinstance(claimed, ClaimedTrial)
            for epoch in range(EPOCHS):
                claimed.curve.append(draw_point(generator, epoch))
                claimed._outbox.append(claimed.curve[-1])
            claimed.complete(b"weights")
        storage = database.optuna_storage
        templates = storage.get_all_trials(study.study_id, states=(TrialState.COMPLETE,))
        for index in range(trials - len(templates)):
            trial = copy.copy(templates[index % len(templates)])
            trial.intermediate_values = {epoch: draw_point(generator, epoch).validation_accuracy for epoch in range(12)}
            trial.value = trial.intermediate_values[EPOCHS - 1]
            storage.create_new_trial(study.study_id, trial)
        queue.claim()
        return study.study_id


def draw_point(generator: random.Random, epoch: int) -> EpochResult:
    """An epoch's result with as many digits as real ones."""
    accuracy = 0.9 - 0.3 / (epoch + 1) + 0.02 * generator.random()
    loss = generator.random()
    return EpochResult(epoch, loss, loss * 0.9, accuracy, 3 + generator.random(), 0.01 * generator.random())


def ask(port: int, path: str) -> tuple[float, int, bytes]:
    """Seconds, bytes over the wire, content."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}")
    begun = time.perf_counter()
    with urllib.request.urlopen(request, timeout=300) as answer:
        body: bytes = answer.read()
    return time.perf_counter() - begun, len(body), body


def measure(command: list[str], port: int, study_id: int, trials: int) -> dict[str, Any]:
    """Start a dashboard, ask what a browser asks, end it."""
    path = f"/api/studies/{study_id}"
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            begun = time.perf_counter()
            while True:
                try:
                    ask(port, "/dashboard")
                    break
                except OSError:
                    assert server.poll() is None, command
                    time.sleep(0.05)
            result: dict[str, Any] = {"start_seconds": time.perf_counter() - begun}
            seconds, wire, content = ask(port, path)
            result |= {"first_load_seconds": seconds, "first_load_bytes": wire, "first_load_plain_bytes": len(content)}
            refreshes, polls = [], []
            for _ in range(3):
                time.sleep(FRESH_SECONDS)
                refreshes.append(ask(port, path)[0])
                time.sleep(FRESH_SECONDS)
                polls.append(ask(port, f"{path}?after={trials}")[0])
            warm = [ask(port, f"{path}?after={trials}")[0] for _ in range(5)]
            result |= {
                "refresh_seconds": statistics.median(refreshes),
                "poll_seconds": statistics.median(polls),
                "poll_while_fresh_seconds": statistics.median(warm),
                "list_seconds": statistics.median(ask(port, "/api/studies")[0] for _ in range(5)),
                "importances_seconds": ask(port, f"{path}/param_importances")[0],
                "memory_bytes": psutil.Process(server.pid).memory_info().rss,
            }
            return result
        finally:
            server.terminate()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--port", type=int, default=8791)
    asked = parser.parse_args()
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'studies.db'}"
        begun = time.perf_counter()
        study_id = make_trials(url, asked.trials)
        print(f"made {asked.trials} trials in {time.perf_counter() - begun:.0f} s", file=sys.stderr)
        ours = [sys.executable, "-m", "hpsearch", "dashboard", "--storage", url, "--port", str(asked.port)]
        theirs = [str(Path(sys.executable).with_name("optuna-dashboard")), url, "--port", str(asked.port + 1), "-q"]
        results = {
            "hpsearch dashboard": measure(ours, asked.port, study_id, asked.trials),
            "optuna-dashboard": measure(theirs, asked.port + 1, study_id, asked.trials),
        }
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "trials": asked.trials}
    print(json.dumps({"machine": machine, "results": results}, indent=2))


if __name__ == "__main__":
    main()
