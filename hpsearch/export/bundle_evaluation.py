"""How good a bundle is on labelled images: by default on the test split, which whoever calls this is told of first."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hpsearch.errors import DataError, InputError
from hpsearch.export.bundle_files import SAFETENSORS
from hpsearch.export.classifier import Measures, measure
from hpsearch.export.evaluation_images import ChosenImages, Split, load_other, load_own
from hpsearch.export.image_files import compare_brightness
from hpsearch.export.opened_bundle import Bundle
from hpsearch.export.seen_images import find_seen
from hpsearch.study.trial_config import TrialConfig
from hpsearch.training.data.catalogue import CATALOGUE
from hpsearch.training.data.content_hashes import hash_images
from hpsearch.training.data.labelled_images import LabelledImages
from hpsearch.training.data.located_dataset import describe_dataset


@dataclass(frozen=True)
class BundleEvaluation:
    """What an evaluation gave, and of what on what."""

    bundle: Bundle
    model: str
    """The file of the bundle."""
    dataset: str
    """Its name or path."""
    dataset_sha256: str
    is_same_data: bool
    """Whether these are the images that the bundle was made with."""
    split: Split
    measures: Measures
    mirror: bool = False
    """Whether it averaged over each image and its mirror image."""
    notes: tuple[str, ...] = ()
    """What a person has to know beside the figures."""

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
            "dataset": self.dataset,
            "dataset_sha256": self.dataset_sha256,
            "is_same_data": self.is_same_data,
            "split": self.split,
            "mirror": self.mirror,
            "images": measures.images,
            "correct": measures.correct,
            "accuracy": measures.accuracy,
            "standard_error": measures.standard_error,
            "largest_class_share": measures.largest_class_share,
            "balanced_accuracy": measures.balanced_accuracy,
            "loss": measures.loss,
            "notes": list(self.notes),
            "classes": per_class,
            "confusion": [list(row) for row in measures.confusion],
        }


def evaluate_bundle(
    bundle: Bundle,
    cache_folder: Path,
    *,
    model: str = SAFETENSORS,
    dataset: str | None = None,
    split: Split | None = None,
    own_split: Split = "test",
    mirror: bool = False,
    tell: Callable[[str], None] = lambda _line: None,
) -> BundleEvaluation:
    """Measure one of a bundle's models.

    Args:
        bundle: The bundle.
        cache_folder: Where data sets are kept.
        model: The model's file.
        dataset: Another data set than the bundle's own, by name or path, with images of the same shape, and classes
            that the bundle knows. Images that the network was trained on are set aside and counted.
        split: Which split of it; by default the test split, or of images without one all.
        own_split: The default where these are the bundle's own images, by whatever name or path.
        mirror: Whether what the model says of an image and of its mirror image is averaged.
        tell: Is told before the test split is opened.

    Raises:
        InputError: The bundle has no such model, it does not fit the configuration, or the split was trained on.
        DataError: The data are not here, hold other images than the bundle was made with, or do not fit it.
    """
    classifier = bundle.load_classifier(model, mirror=mirror)
    config = bundle.config
    name = config.dataset.name if dataset is None else dataset
    sha256 = _identify(name, config, cache_folder, is_own=dataset is None)
    is_same = sha256 == config.dataset.sha256
    if dataset is None and not is_same:
        raise DataError(
            f"data set {name!r} holds other images here than the bundle was made with: give the old ones with "
            "--dataset PATH, or these with --dataset, if you mean them"
        )
    if is_same:
        split = split or own_split
    if split == "validation" and not config.is_validated and is_same:
        raise InputError(
            f"{str(bundle.path)!r} was trained on {config.trains_on}, so that no validation images are left: give "
            "--split test"
        )
    if (split or "test") == "test" and (is_same or name in CATALOGUE):
        count = f": {config.dataset.test_count:,} images" if is_same else ""
        tell(f"opening the test split of {name}{count}; no database records it")
    if is_same:
        chosen = load_own(name, config, cache_folder, split or own_split)
    else:
        chosen = load_other(name, config, cache_folder, split)
    kept, notes = _set_seen_aside(bundle, chosen, name, is_split=is_same and chosen.split != "all")
    measures = _measure(classifier.compute_logits, kept, name)
    if not is_same and (hint := compare_brightness(kept.images.numpy(), bundle.manifest.get("brightness"))):
        notes.append(hint)
    if mirror:
        notes.append("averaged over each image and its mirror image: twice the operations")
        notes += bundle.list_doubts_of_mirror()
    sha256 = sha256 or _hash(kept)
    notes = [*chosen.notes, *notes]
    return BundleEvaluation(bundle, model, name, sha256, is_same, chosen.split, measures, mirror, tuple(notes))


def _identify(name: str, config: TrialConfig, cache_folder: Path, *, is_own: bool) -> str | None:
    """The hash of a data set by the bundle's rules; None for images that are no data set to search on."""
    try:
        rules, preparation = config.dataset.rules, None if name in CATALOGUE else config.dataset.preparation
        return describe_dataset(name, cache_folder, rules=rules, preparation=preparation).sha256
    except DataError as error:
        if not is_own and name not in CATALOGUE:
            return None
        if name in CATALOGUE:
            raise
        raise DataError(f"{error}; --dataset PATH says where this machine has the images") from error


def _set_seen_aside(
    bundle: Bundle, chosen: ChosenImages, name: str, *, is_split: bool
) -> tuple[LabelledImages, list[str]]:
    """The images that the network was not trained on, and what to say of the others.

    A split of the bundle's own data stays whole, so that figures compare; copies in it are counted.
    """
    images = chosen.images
    seen = find_seen(bundle, images.images.numpy())
    if seen is None:
        if is_split:
            return images, []
        return images, [
            "whether the network was trained on some of these images cannot be told: the bundle is from before that "
            "was kept; hpsearch export makes it anew"
        ]
    count = int(seen.sum())
    if count == 0:
        return images, []
    if is_split:
        return images, [f"the network was trained on copies of {count:,} of these images"]
    if count == len(images):
        raise DataError(f"the network was trained on every one of the {count:,} images of {name!r}: give others")
    kept = images.select(np.flatnonzero(~seen).astype(np.int64))
    return kept, [f"set aside: {count:,} of {len(images):,} images, which the network was trained on"]


def _hash(images: LabelledImages) -> str:
    digests = hash_images(images.images.numpy())
    content = sorted(zip(images.labels.tolist(), (digest.hex() for digest in digests), strict=True))
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _measure(compute_logits: Callable[[Any], Any], images: LabelledImages, name: str) -> Measures:
    if len(images) == 0:
        raise DataError(f"this split of {name!r} holds no images: give the other one with --split")
    return measure(compute_logits(images.images.numpy()), images.labels.numpy())
