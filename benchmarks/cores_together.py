"""A training step on one core, on several cores that PyTorch's threads share, and as a process a core.

Trains the networks of training_step.py (batch 128, muon, flip, EMA; noise of FashionMNIST's shape, nothing is
validated) by turns: so many steps on one core, so many with PyTorch's own threads, so many as hpsearch has cores train
a network together (`hpsearch/training/replicas.py`). With `--busy` a program keeps one core busy meanwhile.

    python benchmarks/cores_together.py [--threads 2] [--rounds 7] [--steps 13] [--busy]
"""

import argparse
import statistics
import subprocess
import sys
import time

import torch
from training_step import BATCH_SIZE, CPU, NETWORKS, build_config, draw_images

from hpsearch.training.data import SearchSplits
from hpsearch.training.device import configure_threads, describe_device
from hpsearch.training.loop import TrainingSession

WAYS = ("one core", "threads", "processes")


def measure(network: str, *, threads: int, rounds: int, steps: int) -> dict[str, float]:
    """Milliseconds a step: the median over rounds of the median of a round."""
    config = build_config(network, steps)
    config = config.model_copy(update={"recipe": config.recipe.model_copy(update={"optimizer": "muon"})})
    splits = SearchSplits(config.dataset, draw_images(steps * BATCH_SIZE), draw_images(0))
    alone = TrainingSession(config, splits, CPU)
    sessions = {
        "one core": alone,
        "threads": alone,
        "processes": TrainingSession(config, splits, CPU, threads=threads),
    }
    found: dict[str, list[float]] = {way: [] for way in WAYS}
    for index in range(rounds + 1):
        for way in WAYS:
            torch.set_num_threads(threads if way == "threads" else 1)
            time.sleep(0.05)  # until threads that have nothing to do sleep
            seconds = sessions[way].train_epoch().seconds / steps
            if index > 0:
                found[way].append(1000 * seconds)
    return {way: statistics.median(milliseconds) for way, milliseconds in found.items()}


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=13)
    parser.add_argument("--busy", action="store_true", help="beside a program that keeps a core busy")
    options = parser.parse_args()
    configure_threads(1)
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"]) if options.busy else None
    try:
        print(
            f"{describe_device(CPU)}, torch {torch.__version__}, n = {options.rounds}, ms a step of {BATCH_SIZE} images"
        )
        print(f"| network | one core | {options.threads} threads | {options.threads} processes |\n|---|---|---|---|")
        for network in NETWORKS:
            took = measure(network, threads=options.threads, rounds=options.rounds, steps=options.steps)
            others = " | ".join(f"{took[way]:.1f} ({took['one core'] / took[way]:.2f})" for way in WAYS[1:])
            print(f"| {network} | {took['one core']:.1f} | {others} |", flush=True)
    finally:
        if busy is not None:
            busy.kill()


if __name__ == "__main__":
    main()
