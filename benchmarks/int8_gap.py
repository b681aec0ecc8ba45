"""What a network loses in whole numbers of 8 bits: the int8 .tflite against the float network, seed after seed.

The first configuration of the CNN portfolio that is for the budget is trained on FashionMNIST's training split. Twice:
in single precision to the end, and with the last epoch rounded as a device rounds (quantization-aware training); both
share the epochs before it, bit for bit. Accuracies are those of the 6,000 validation images, the float network's by
PyTorch and the .tflite file's by ai-edge-litert; ranges come from 1,000 training images. Twenty images go through
TensorFlow Lite Micro as well, which says what the file takes of the arena. The test split is not opened.

    python benchmarks/int8_gap.py --budget 10k [--seeds 5] [--epochs 4] [--activation relu] [--quick]

Results are written after each seed, and seeds that are in the file already are not trained again.
"""

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from hpsearch.export.bundle_files import INT8_TFLITE
from hpsearch.export.micro_interpreter import run_micro
from hpsearch.export.tflite_classifier import TfliteClassifier
from hpsearch.export.tflite_files import make_tflite_files
from hpsearch.network.solver import solve
from hpsearch.study.feasibility import example_parameters
from hpsearch.study.file import parse_study_spec
from hpsearch.study.parameters import build_recipe, build_shape
from hpsearch.study.portfolio import list_fitting_entries
from hpsearch.study.trial_config import TrialConfig
from hpsearch.training.calibration import choose_device_images
from hpsearch.training.checkpoint import pack_checkpoint, unpack_checkpoint
from hpsearch.training.data import SearchSplits, default_cache_folder, load_search_splits
from hpsearch.training.device import configure_threads, describe_device
from hpsearch.training.loop import TrainingSession

CPU = torch.device("cpu")
DATASET = "fashion-mnist"
MICRO_IMAGES = 20


def build_config(budget: str, activation: str, epochs: int, seed: int, splits: SearchSplits) -> tuple[str, TrialConfig]:
    """The portfolio's first entry for the budget, by name, and as a trial in single precision."""
    _name, spec = parse_study_spec({"arch": "cnn", "budget": budget})
    entry = list_fitting_entries("cnn", spec.space, spec.budget)[0]
    parameters = example_parameters(spec.space, entry.parameters) | {"activation": activation}
    identity = splits.identity
    architecture = solve(build_shape("cnn", parameters), spec.limits, identity.input_shape, identity.class_count)
    recipe = build_recipe(parameters, epochs)
    return entry.name, TrialConfig(architecture=architecture, recipe=recipe, dataset=identity, seed=seed)


def end_in_int8(config: TrialConfig) -> TrialConfig:
    """The same with its last epoch rounded."""
    return config.model_copy(update={"recipe": config.recipe.model_copy(update={"int8_epochs": 1})})


def measure_int8(config: TrialConfig, weights: bytes, splits: SearchSplits) -> dict[str, Any]:
    """The int8 .tflite of these weights: its accuracy on the validation split, its operators, size and arena."""
    files = make_tflite_files(config, weights, choose_device_images(config, splits.train.images.numpy()), {})
    model = files.contents[INT8_TFLITE]
    validation = splits.validation.images.numpy()
    logits = TfliteClassifier(config, model, INT8_TFLITE).compute_logits(validation)
    correct = int((logits.argmax(1) == splits.validation.labels.numpy()).sum())
    run = run_micro(model, validation[:MICRO_IMAGES], files.facts["ram_fp32_bytes"])
    return {
        "accuracy": correct / len(validation),
        "operators": files.facts["operators"],
        "file_bytes": files.facts["file_int8_bytes_without_metadata"],
        "arena_head_bytes": run.head_bytes,
        "arena_tail_bytes": run.tail_bytes,
        "same_class_in_micro": int((run.outputs.argmax(1) == logits[:MICRO_IMAGES].argmax(1)).sum()),
    }


def train_both_ways(config: TrialConfig, splits: SearchSplits) -> dict[str, Any]:
    """One seed: accuracies in float and int8, without and with a rounded last epoch, and the seconds of epochs."""
    session = TrainingSession(config, splits, CPU)
    seconds = [session.train_epoch().seconds for _ in range(config.recipe.epochs - 1)]
    shared = unpack_checkpoint(config, session.capture())
    last = session.train_epoch()
    found: dict[str, Any] = {"seed": config.seed, "float_accuracy": last.validation_accuracy}
    found["int8"] = measure_int8(config, session.weights(), splits)

    rounded_config = end_in_int8(config)
    rounded = TrainingSession(rounded_config, splits, CPU)
    rounded.restore(pack_checkpoint(rounded_config, shared.epochs_done, shared.tensors))
    last_rounded = rounded.train_epoch()
    found["aware_float_accuracy"] = last_rounded.validation_accuracy
    found["aware_int8"] = measure_int8(rounded_config, rounded.weights(), splits)
    found["epoch_seconds"] = [*seconds, last.seconds]
    found["aware_epoch_seconds"] = last_rounded.seconds
    return found


def summarize(rows: list[Mapping[str, Any]]) -> dict[str, Any]:
    """Means and spreads over the seeds, in points; gaps are int8 less the float network without rounding."""
    series = {
        "float": [100 * row["float_accuracy"] for row in rows],
        "int8": [100 * row["int8"]["accuracy"] for row in rows],
        "aware_int8": [100 * row["aware_int8"]["accuracy"] for row in rows],
        "gap": [100 * (row["int8"]["accuracy"] - row["float_accuracy"]) for row in rows],
        "aware_gap": [100 * (row["aware_int8"]["accuracy"] - row["float_accuracy"]) for row in rows],
    }
    return {"n": len(rows)} | {
        name: {
            "mean": round(statistics.mean(values), 3),
            "deviation": round(statistics.stdev(values), 3) if len(values) > 1 else None,
            "lowest": round(min(values), 3),
            "highest": round(max(values), 3),
        }
        for name, values in series.items()
    }


def shrink(splits: SearchSplits) -> SearchSplits:
    """A hundredth of the images, to see whether it works."""
    parts = (part.select(torch.arange(len(part) // 100).numpy()) for part in (splits.train, splits.validation))
    return SearchSplits(splits.identity, *parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--budget", default="10k", help="weights, at most")
    parser.add_argument("--activation", default="relu")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=4, help="of each training, the rounded one included")
    parser.add_argument("--quick", action="store_true", help="one seed, two epochs, a hundredth of the images")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results", help="folder for the results")
    arguments = parser.parse_args()
    seeds, epochs = (1, 2) if arguments.quick else (arguments.seeds, arguments.epochs)
    configure_threads(1)
    splits = load_search_splits(DATASET, default_cache_folder(os.environ))
    splits = shrink(splits) if arguments.quick else splits
    name = f"int8_gap_{arguments.budget}_{arguments.activation}{'_quick' if arguments.quick else ''}.json"
    target = arguments.output / name
    report: dict[str, Any] = json.loads(target.read_text()) if target.exists() and not arguments.quick else {}
    rows: list[dict[str, Any]] = [row for row in report.get("seeds", []) if report["epochs"] == epochs]
    for seed in range(seeds):
        if any(row["seed"] == seed for row in rows):
            continue
        entry, config = build_config(arguments.budget, arguments.activation, epochs, seed, splits)
        started_seconds = time.perf_counter()
        rows.append(train_both_ways(config, splits))
        report = {
            "machine": {"cpu": describe_device(CPU), "torch": torch.__version__, "python": platform.python_version()},
            "load_average": os.getloadavg()[0],
            "portfolio_entry": entry,
            "network": config.architecture.describe(),
            "weights": config.count_weights(),
            "macs": config.count_macs(),
            "validation_images": len(splits.validation),
            "epochs": epochs,
            "summary": summarize(rows),
            "seeds": rows,
        }
        arguments.output.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(report, indent=2) + "\n")
        row = rows[-1]
        accuracies = (row["float_accuracy"], row["int8"]["accuracy"], row["aware_int8"]["accuracy"])
        print(
            f"seed {seed}:",
            *(f"{accuracy:.4f}" for accuracy in accuracies),
            f"{time.perf_counter() - started_seconds:.0f} s",
            flush=True,
        )
    print(json.dumps(report["summary"], indent=2))


if __name__ == "__main__":
    main()
