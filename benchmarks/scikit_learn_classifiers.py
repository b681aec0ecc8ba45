"""Classifiers of scikit-learn beside the networks of studies/000-*.toml, on the same images.

    pip install scikit-learn
    python benchmarks/scikit_learn_classifiers.py [--images 2000]

Report 000 would have liked to take the classifier that is best on MNIST to FashionMNIST. Each is fitted on the images
that the studies train on, and compared on the ones that they hold out; the best on MNIST's is then scored once on the
test split of both data sets, which is no study's and recorded by the file alone. Settings are the usual ones, nothing
is tuned. Writes `benchmarks/results/scikit_learn_classifiers.json`.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
import torch
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from hpsearch.training.data import LabelledImages, default_cache_folder, fetch_dataset, load_search_splits
from hpsearch.training.data.test_split import open_test_split
from hpsearch.training.device import describe_device

RESULTS = Path(__file__).parent / "results" / "scikit_learn_classifiers.json"
SELECTS, TAKES_OVER = "mnist", "fashion-mnist"
"""The data set that decides which classifier is scored on test splits, and the one that it is taken to."""

CLASSIFIERS: dict[str, Callable[[], Any]] = {
    "logistic regression": lambda: LogisticRegression(max_iter=100),
    "5 nearest neighbours, 50 principal components": lambda: make_pipeline(
        PCA(50, random_state=0), KNeighborsClassifier(5)
    ),
    "random forest, 200 trees": lambda: RandomForestClassifier(200, random_state=0, n_jobs=-1),
    "support vectors, RBF, C 10, 100 principal components": lambda: make_pipeline(
        PCA(100, random_state=0), SVC(C=10.0, cache_size=2000)
    ),
}


def prepare(images: LabelledImages, count: int | None) -> tuple[Any, Any]:
    """Pixels of 0 to 1, (images, pixels), and labels, of the first so many images."""
    pixels = images.images[:count].flatten(1).numpy().astype(np.float32) / 255
    return pixels, images.labels[:count].numpy()


def measure(dataset: str, cache_folder: Path, count: int | None) -> tuple[dict[str, Any], dict[str, dict[str, float]]]:
    """The fitted classifiers, and of each its validation accuracy in percent and its seconds."""
    splits = load_search_splits(dataset, cache_folder, validation_fraction=0.1, split_seed=0)
    pixels, labels = prepare(splits.train, count)
    held_out, truth = prepare(splits.validation, count)
    fitted, figures = {}, {}
    for name, build in CLASSIFIERS.items():
        begun = time.perf_counter()
        fitted[name] = build().fit(pixels, labels)
        trained = time.perf_counter()
        accuracy = 100 * float((fitted[name].predict(held_out) == truth).mean())
        figures[name] = {
            "validation_percent": round(accuracy, 2),
            "fit_seconds": round(trained - begun, 1),
            "predict_seconds": round(time.perf_counter() - trained, 1),
        }
        print(f"{dataset}: {name}: {figures[name]}", flush=True)
    return fitted, figures


def main() -> None:
    parser = argparse.ArgumentParser(prog="python benchmarks/scikit_learn_classifiers.py")
    parser.add_argument("--images", type=int, help="only so many images of each split, to see whether it works")
    parser.add_argument("--output", type=Path, help=f"default: {RESULTS.name}, and nothing with --images")
    options = parser.parse_args()
    cache_folder = default_cache_folder(os.environ)
    fitted, figures = {}, {}
    for dataset in (SELECTS, TAKES_OVER):
        fetch_dataset(dataset, cache_folder, print)
        fitted[dataset], figures[dataset] = measure(dataset, cache_folder, options.images)
    chosen = max(CLASSIFIERS, key=lambda name: figures[SELECTS][name]["validation_percent"])
    tests = {}
    for dataset in (SELECTS, TAKES_OVER):
        pixels, labels = prepare(open_test_split(dataset, cache_folder).test_images, options.images)
        tests[dataset] = round(100 * float((fitted[dataset][chosen].predict(pixels) == labels).mean()), 2)
    print(f"best on the validation images of {SELECTS}: {chosen}; test accuracy {tests}")
    everything = {
        "machine": {
            "cores": os.cpu_count(),
            "hardware": describe_device(torch.device("cpu")),
            "scikit-learn": sklearn.__version__,
        },
        "images": options.images,
        "validation": figures,
        "chosen": chosen,
        "test_percent": tests,
    }
    output = options.output or (RESULTS if options.images is None else None)
    if output is not None:
        output.write_text(json.dumps(everything, indent=1) + "\n")


if __name__ == "__main__":
    main()
