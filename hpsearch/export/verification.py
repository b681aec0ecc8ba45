"""What shows that a bundle holds the network that was trained: its files, read back, give what was recorded."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hpsearch.errors import HpsearchError
from hpsearch.export.bundle_files import INT8_ONNX, ONNX, SAFETENSORS
from hpsearch.export.classifier import Measures, OnnxClassifier, measure
from hpsearch.study.trial_config import TrialConfig
from hpsearch.training.data.byte_arrays import ByteArray, FloatArray, IntegerArray
from hpsearch.training.data.labelled_images import LabelledImages
from hpsearch.training.inference import TrainedNetwork

TOLERANCE = 1e-4
"""The largest difference between two runtimes' logits, as a share of the largest logit (or of 1, if that is more).

Single precision has 1e-7; sums of a thousand products in another order, and batch norms folded into weights, lose two
or three digits."""
RECORDED_TOLERANCE = {"cpu": TOLERANCE, "other": 2e-3}
"""The same between the device that trained the trial and this CPU: a GPU convolves with 10 bits (TF32)."""


class VerificationError(HpsearchError):
    """A file that was exported is not the network that was trained."""


@dataclass(frozen=True)
class Verification:
    """What the comparison gave."""

    measures: Measures | None
    """Of the trained network on the validation split; None where it was trained on these images as well."""
    document: dict[str, Any]
    """For the manifest."""
    int8_accuracy: float | None = None


def verify_files(
    folder: Path,
    config: TrialConfig,
    weights: bytes,
    compared: LabelledImages,
    *,
    recorded_accuracy: float | None,
    trained_on: str,
) -> Verification:
    """Load the model files of a folder afresh and compare them with the stored weights.

    Args:
        folder: Where the files lie, each of them or not.
        config: The trial.
        weights: Its weights as the database has them.
        compared: The validation split; some training images where none are held out.
        recorded_accuracy: The trial's validation accuracy as the search recorded it; None where there is none. How many
            images are labelled rightly is not counted then, for it would say nothing.
        trained_on: The device that did.

    Raises:
        VerificationError: Logits differ by more than the tolerance, or the accuracy is not the recorded one.
    """
    images: ByteArray = compared.images.numpy()
    labels: IntegerArray = compared.labels.numpy()
    expected = TrainedNetwork(config, weights).compute_logits(images)
    measures: Measures | None = None
    document: dict[str, Any] = {"split": "train", "images": len(labels), "tolerance": TOLERANCE}
    if recorded_accuracy is not None:
        measures = measure(expected, labels)
        document = _compare_with_recorded(expected, measures, recorded_accuracy, trained_on)
    counted = labels if measures is not None else None
    if (folder / SAFETENSORS).exists():
        logits = TrainedNetwork(config, (folder / SAFETENSORS).read_bytes()).compute_logits(images)
        document[SAFETENSORS] = _compare(SAFETENSORS, expected, logits, counted)
    if (folder / ONNX).exists():
        logits = OnnxClassifier(config, (folder / ONNX).read_bytes(), ONNX).compute_logits(images)
        document[ONNX] = _compare(ONNX, expected, logits, counted)
    int8_accuracy = None
    if (folder / INT8_ONNX).exists():
        logits = OnnxClassifier(config, (folder / INT8_ONNX).read_bytes(), INT8_ONNX).compute_logits(images)
        document[INT8_ONNX] = {"same_top_1": _share_same(expected, logits)}
        if counted is not None:
            int8 = measure(logits, counted)
            int8_accuracy = int8.accuracy
            document[INT8_ONNX] |= {"correct": int8.correct, "accuracy": int8.accuracy}
    return Verification(measures, document, int8_accuracy)


def _compare_with_recorded(
    logits: FloatArray, measures: Measures, recorded_accuracy: float, trained_on: str
) -> dict[str, Any]:
    """Raises VerificationError where more images than near ties are labelled otherwise than in the search."""
    recorded_correct = round(recorded_accuracy * measures.images)
    ties = _count_ties(logits, RECORDED_TOLERANCE["cpu" if trained_on.startswith("cpu") else "other"])
    if abs(measures.correct - recorded_correct) > ties:
        raise VerificationError(
            f"the stored weights label {measures.correct:,} of {measures.images:,} validation images rightly, and the "
            f"search recorded {recorded_correct:,}: other images, or other weights; nothing is exported"
        )
    return {
        "split": "validation",
        "images": measures.images,
        "recorded_correct": recorded_correct,
        "correct": measures.correct,
        "near_ties": ties,
        "tolerance": TOLERANCE,
    }


def _compare(name: str, expected: FloatArray, logits: FloatArray, labels: IntegerArray | None) -> dict[str, Any]:
    """Raises VerificationError where logits are too far apart, or images change their class for no near tie."""
    difference = float(np.abs(expected - logits).max())
    allowed = TOLERANCE * _scale(expected)
    same = _share_same(expected, logits)
    changed = round((1 - same) * len(expected))
    if not difference <= allowed or changed > _count_ties(expected, TOLERANCE):  # not: a NaN compares false
        raise VerificationError(
            f"{name} does not give what the trained network gives: logits differ by up to {difference:.2g} (allowed "
            f"are {allowed:.2g}), {changed:,} of {len(expected):,} images get another class; nothing is exported"
        )
    counted = {} if labels is None else {"correct": measure(logits, labels).correct}
    return counted | {"largest_difference": difference, "same_top_1": same}


def _scale(logits: FloatArray) -> float:
    return max(1.0, float(np.abs(logits).max()))


def _share_same(first: FloatArray, second: FloatArray) -> float:
    return float((first.argmax(1) == second.argmax(1)).mean())


def _count_ties(logits: FloatArray, tolerance: float) -> int:
    """Images whose two largest logits are so close that rounding decides between their classes."""
    highest = np.sort(logits, axis=1)[:, -2:]
    return int(((highest[:, 1] - highest[:, 0]) <= 2 * tolerance * _scale(logits)).sum())
