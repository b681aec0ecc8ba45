"""What is had after the same wall time: test accuracy of the default search, of simpler methods and of other tools.

- default: `hpsearch run --time T`.
- first: the first entry of the portfolio, trained all the time: one training a core, the better one by validation.
- drawn: the default without the portfolio.
- random: random draws of the default space, each trained to its end, until the time is up.
- cut: one epoch of many random draws, then the best for the rest of the time, one a core (Egele et al., 2024).
- plain: Optuna and PyTorch as their tutorials have it (plain_optuna.py).
- asha, hyperband: Ray Tune and KerasTuner as their tutorials have it (peers/), each run by the Python of an environment
  of its own: `--asha PYTHON`, `--hyperband PYTHON`.

Each selects by validation and opens the test split once. Methods take turns, seed after seed, with nothing beside them.
What is in the results of an earlier call is kept, and not run again on the same processor: hours may be put together.

    python benchmarks/equal_time.py --arch cnn --seconds 900 --seeds 3 [--method default --method first ...]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import tomli_w
import torch

from hpsearch.study.feasibility import fit_space
from hpsearch.study.file import parse_study_spec
from hpsearch.study.portfolio import list_fitting_entries
from hpsearch.study.round_plan import START_SECONDS
from hpsearch.training.data import default_cache_folder, fetch_dataset
from hpsearch.training.device import choose_device, describe_device
from hpsearch.training.throughput import EpochTimer
from hpsearch.tuning.time_plan import build_reference

HERE = Path(__file__).parent
RANDOM_EPOCHS = {"fcn": 40, "cnn": 12}


@dataclass(frozen=True)
class Task:
    """One run to make."""

    arch: str
    budget: str
    seconds: int
    seed: int
    room: Path
    workers: int
    cache: Path

    def run(self, *arguments: str) -> dict[str, Any]:
        """A command of hpsearch that ends with the best trial as JSON."""
        command = [sys.executable, "-m", "hpsearch", "run", *arguments, "--json", "--quiet", "--seed", str(self.seed)]
        environment = os.environ | {"HPSEARCH_CACHE": str(self.cache)}
        made = subprocess.run(command, cwd=self.room, env=environment, capture_output=True, text=True, check=False)
        if made.returncode:
            raise RuntimeError(f"{' '.join(command)}: {made.stderr}")
        found = json.loads(made.stdout)
        return {name: found[name] for name in ("weights", "validation_accuracy", "test_accuracy", "network", "epochs")}


def run_default(task: Task, *flags: str) -> dict[str, Any]:
    """The search as it plans itself."""
    return task.run("--budget", task.budget, "--arch", task.arch, "--time", f"{task.seconds}s", *flags)


def run_first(task: Task) -> dict[str, Any]:
    """One configuration, a training a core."""
    fields = {"arch": task.arch, "budget": task.budget}
    _name, spec = parse_study_spec(fields)
    identity = fetch_dataset(spec.dataset, task.cache, lambda _line: None)
    space = fit_space(spec.arch, spec.space, spec.budget, identity.input_shape, identity.class_count).space
    reference = build_reference(spec, space, identity, spec.budget)
    entry = list_fitting_entries(spec.arch, space, spec.budget)[0]
    epoch_seconds = EpochTimer(choose_device("cpu")).measure(reference)
    epochs = max(1, int((task.seconds - START_SECONDS) / epoch_seconds))
    return task.run(write_study(task, [(task.workers, epochs)], dict(entry.parameters), sampler="random"))


def run_cut(task: Task) -> dict[str, Any]:
    """Half of the time for one epoch of many, the other half for the best."""
    _name, spec = parse_study_spec({"arch": task.arch, "budget": task.budget})
    identity = fetch_dataset(spec.dataset, task.cache, lambda _line: None)
    reference = build_reference(spec, spec.space, identity, spec.budget)
    half = (task.seconds - START_SECONDS) / 2
    epochs = max(1, int(half / EpochTimer(choose_device("cpu")).measure(reference)))
    return task.run(write_study(task, [(task.workers * epochs, 1), (task.workers, epochs)], {}, sampler="random"))


def run_random(task: Task) -> dict[str, Any]:
    """Draws that nothing stops but the time."""
    flags = (
        "--budget",
        task.budget,
        "--arch",
        task.arch,
        "--sampler",
        "random",
        "--pruner",
        "none",
        "--trials",
        "9999",
    )
    return task.run(*flags, "--epochs", str(RANDOM_EPOCHS[task.arch]), "--timeout", f"{task.seconds}s")


def write_study(task: Task, rounds: Sequence[tuple[int, int]], space: dict[str, Any], *, sampler: str) -> str:
    """A study file with these rounds of (trials, epochs)."""
    document: dict[str, Any] = {"arch": task.arch, "budget": task.budget, "sampler": sampler}
    document["round_plan"] = [{"trials": trials, "epochs": epochs} for trials, epochs in rounds]
    if space:
        document["space"] = space
    path = task.room / "study.toml"
    path.write_text(tomli_w.dumps(document))
    return str(path)


def run_plain(task: Task) -> dict[str, Any]:
    """A script of somebody else's tools, with the same number of processes."""
    from time_to_target import lay_out_for_torchvision, one_thread

    data = task.room / "data"
    lay_out_for_torchvision(task.cache, data)
    processes = []
    for worker in range(task.workers):
        flags = {"arch": task.arch, "budget": parse_study_spec({"arch": task.arch, "budget": task.budget})[1].budget}
        flags |= {"epochs": RANDOM_EPOCHS[task.arch], "seconds": task.seconds, "target": 2.0, "data": data}
        flags |= {"storage": f"sqlite:///{task.room}/plain.db", "seed": task.seed * 100 + worker}
        arguments = [text for name, value in flags.items() for text in (f"--{name}", str(value))]
        command = [sys.executable, str(HERE / "plain_optuna.py"), *arguments, "--test"]
        processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=one_thread()))
    found = [json.loads(line) for each in processes for line in each.communicate()[0].splitlines()]
    return max(found, key=lambda each: each["validation_accuracy"], default={"test_accuracy": None})


def run_peer(task: Task, script: str, python: str) -> dict[str, Any]:
    """A script in peers/, which prints one line of JSON."""
    from time_to_target import lay_out_for_torchvision

    data = task.room / "data"
    lay_out_for_torchvision(task.cache, data)
    budget = parse_study_spec({"arch": task.arch, "budget": task.budget})[1].budget
    flags = ["--budget", str(budget), "--seconds", str(task.seconds), "--seed", str(task.seed), "--data", str(data)]
    command = [python, str(HERE / "peers" / script), *flags]
    made = subprocess.run(command, cwd=task.room, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(made.stdout.strip().splitlines()[-1])
    return found


def list_methods(arguments: argparse.Namespace) -> dict[str, Callable[[Task], dict[str, Any]]]:
    """Every method at hand by its name."""
    methods: dict[str, Callable[[Task], dict[str, Any]]] = {
        "default": run_default,
        "first": run_first,
        "drawn": lambda task: run_default(task, "--no-portfolio"),
        "random": run_random,
        "cut": run_cut,
        "plain": run_plain,
    }
    for name, script in (("asha", "ray_asha.py"), ("hyperband", "keras_hyperband.py")):
        if python := getattr(arguments, name):
            methods[name] = partial(run_peer, script=script, python=python)
    return methods


def write_table(results: Sequence[dict[str, Any]], note: str) -> str:
    """Medians by processor and method, with n and the span."""
    lines = [
        "| on | method | n | test, median (min-max) | validation, median | seconds, median |",
        "|---|---|---|---|---|---|",
    ]
    for device, method in dict.fromkeys((each["device"], each["method"]) for each in results):
        made = [each for each in results if (each["device"], each["method"]) == (device, method)]
        runs = [each for each in made if each.get("test_accuracy") is not None]
        if not runs:
            lines.append(f"| {device} | {method} | {len(made)} | nothing within the budget | | |")
            continue
        tests, validations, seconds = (
            [each[name] for each in runs] for name in ("test_accuracy", "validation_accuracy", "wall_seconds")
        )
        lines.append(
            f"| {device} | {method} | {len(runs)} | {100 * statistics.median(tests):.2f} ({100 * min(tests):.2f}-"
            f"{100 * max(tests):.2f}) | {100 * statistics.median(validations):.2f} | {statistics.median(seconds):.0f} |"
        )
    return "\n".join([*lines, "", note, ""])


def main() -> None:
    """Run, and write after each run what there is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arch", choices=["fcn", "cnn"], required=True)
    parser.add_argument("--budget", default="100k")
    parser.add_argument("--seconds", type=int, default=900)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--method", action="append")
    parser.add_argument("--asha", metavar="PYTHON")
    parser.add_argument("--hyperband", metavar="PYTHON")
    parser.add_argument("--out", type=Path, default=HERE / "results")
    arguments = parser.parse_args()
    methods = list_methods(arguments)
    chosen = arguments.method or list(methods)
    if unknown := set(chosen) - set(methods):
        parser.error(f"unknown method {', '.join(unknown)}: give {', '.join(methods)}")
    cache, workers = default_cache_folder(os.environ), len(os.sched_getaffinity(0))
    fetch_dataset("fashion-mnist", cache, lambda line: print(line, file=sys.stderr))
    name = f"equal_time_{arguments.arch}_{arguments.budget}_{arguments.seconds}s"
    vectors = torch.backends.cpu.get_cpu_capability()
    device = f"{workers} cores of {describe_device(choose_device('cpu'))}, {vectors}"
    note = f"{arguments.seconds} s each."
    kept = arguments.out / f"{name}.json"
    results: list[dict[str, Any]] = json.loads(kept.read_text())["runs"] if kept.exists() else []
    done = {(each["device"], each["method"], each["seed"]) for each in results}
    for seed in range(arguments.seeds):
        for method in chosen:
            if (device, method, seed) in done:
                continue
            with tempfile.TemporaryDirectory() as folder:
                task = Task(
                    arguments.arch, arguments.budget, arguments.seconds, seed, Path(folder), workers, cache.absolute()
                )
                begun = time.monotonic()
                found = methods[method](task)
            seconds = round(time.monotonic() - begun)
            load = os.getloadavg()[2]
            told = {"device": device, "method": method, "seed": seed, "wall_seconds": seconds, "load_average": load}
            results.append(told | found)
            print(json.dumps(results[-1]), flush=True)
            kept.write_text(json.dumps({"note": note, "runs": results}, indent=1) + "\n")
            (arguments.out / f"{name}.md").write_text(write_table(results, note))


if __name__ == "__main__":
    main()
