"""How good a bundle is on labelled images: by default on the test split, which whoever calls this is told of first."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from hpsearch.dataset import DatasetIdentity
from hpsearch.errors import DataError, InputError
from hpsearch.export.bundle_files import SAFETENSORS
from hpsearch.export.classifier import Measures, measure
from hpsearch.export.opened_bundle import Bundle
from hpsearch.training.data.catalogue import CATALOGUE
from hpsearch.training.data.labelled_images import LabelledImages
from hpsearch.training.data.located_dataset import describe_dataset
from hpsearch.training.data.search_splits import load_search_splits
from hpsearch.training.data.test_split import open_test_split

Split = Literal["test", "validation"]


@dataclass(frozen=True)
class BundleEvaluation:
    """What an evaluation gave, and of what on what."""

    bundle: Bundle
    model: str
    """The file of the bundle."""
    dataset: DatasetIdentity
    split: Split
    measures: Measures

    @property
    def is_same_data(self) -> bool:
        """Whether these are the images that the bundle was made with."""
        return self.dataset.sha256 == self.bundle.config.dataset.sha256

    def describe(self) -> dict[str, Any]:
        """As a JSON document."""
        measures, names = self.measures, self.bundle.config.dataset.class_names
        rows = zip(names, measures.confusion, strict=True)
        per_class = [
            {
                "class": name,
                "images": sum(row),
                "correct": row[label],
                "accuracy": row[label] / sum(row) if sum(row) else None,
            }
            for label, (name, row) in enumerate(rows)
        ]
        return {
            "bundle": str(self.bundle.path),
            "study": self.bundle.manifest.get("study"),
            "trial": self.bundle.manifest.get("trial"),
            "model": self.model,
            "dataset": self.dataset.name,
            "dataset_sha256": self.dataset.sha256,
            "is_same_data": self.is_same_data,
            "split": self.split,
            "images": measures.images,
            "correct": measures.correct,
            "accuracy": measures.accuracy,
            "loss": measures.loss,
            "classes": per_class,
            "confusion": [list(row) for row in measures.confusion],
        }


def evaluate_bundle(
    bundle: Bundle,
    cache_folder: Path,
    *,
    model: str = SAFETENSORS,
    dataset: str | None = None,
    split: Split = "test",
    tell: Callable[[str], None] = lambda _line: None,
) -> BundleEvaluation:
    """Measure one of a bundle's models.

    Args:
        bundle: The bundle.
        cache_folder: Where data sets are kept.
        model: The model's file.
        dataset: Another data set than the bundle's own, by name or path, with the same shape and classes.
        split: Which split of it.
        tell: Is told before the test split is opened.

    Raises:
        InputError: The bundle has no such model, it does not fit the configuration, or the split was trained on.
        DataError: The data are not here, hold other images than the bundle was made with, or do not fit it.
    """
    classifier = bundle.load_classifier(model)
    config = bundle.config
    name = config.dataset.name if dataset is None else dataset
    identity = _describe_dataset(name, cache_folder, is_own=dataset is None)
    if dataset is None and identity.sha256 != config.dataset.sha256:
        raise DataError(
            f"data set {name!r} holds other images here than the bundle was made with: give the old ones with "
            "--dataset PATH, or these with --dataset, if you mean them"
        )
    _check_fit(config.dataset, identity)
    if split == "validation" and not config.is_validated and identity.sha256 == config.dataset.sha256:
        raise InputError(
            f"{str(bundle.path)!r} was trained on {config.trains_on}, so that no validation images are left: give "
            "--split test"
        )
    if split == "test":
        tell(f"opening the test split of {name}: {identity.test_count:,} images; no database records it")
        images = open_test_split(name, cache_folder).test_images
    else:
        images = load_search_splits(
            name, cache_folder, validation_fraction=config.validation_fraction, split_seed=config.split_seed
        ).validation
    return BundleEvaluation(bundle, model, identity, split, _measure(classifier.compute_logits, images, name))


def _describe_dataset(name: str, cache_folder: Path, *, is_own: bool) -> DatasetIdentity:
    try:
        return describe_dataset(name, cache_folder)
    except DataError as error:
        if not is_own or name in CATALOGUE:
            raise
        raise DataError(f"{error}; --dataset PATH says where this machine has the images") from error


def _measure(compute_logits: Callable[[Any], Any], images: LabelledImages, name: str) -> Measures:
    if len(images) == 0:
        raise DataError(f"this split of {name!r} holds no images: give the other one with --split")
    return measure(compute_logits(images.images.numpy()), images.labels.numpy())


def _check_fit(wanted: DatasetIdentity, found: DatasetIdentity) -> None:
    if found.input_shape != wanted.input_shape:
        raise DataError(
            f"data set {found.name!r} has images of {found.input_shape}, and this network takes {wanted.input_shape}"
        )
    if found.class_names != wanted.class_names:
        raise DataError(
            f"data set {found.name!r} has the classes {_list(found.class_names)}, and this network knows "
            f"{_list(wanted.class_names)}"
        )


def _list(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:10])
    return shown if len(names) <= 10 else f"{shown} and {len(names) - 10} more"
