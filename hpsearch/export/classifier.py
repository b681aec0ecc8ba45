"""Whatever labels images, and how well it does: PyTorch, onnxruntime, anything that gives logits."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from hpsearch.errors import InputError
from hpsearch.study.trial_config import TrialConfig
from hpsearch.training.data.byte_arrays import ByteArray, FloatArray, IntegerArray

WideArray = npt.NDArray[np.float64]

INSTALL_COMMAND = "pip install 'hpsearch[onnx]'"
ONNX_PACKAGES = ("onnx", "onnxruntime", "onnxscript")

_BATCH_IMAGES = 256
_SILENT = 4
"""onnxruntime's level of its log at which it speaks of fatal errors alone."""


class Classifier(Protocol):
    """Gives logits for images."""

    def compute_logits(self, images: ByteArray) -> FloatArray:
        """Images (n, channels, height, width) as bytes -> logits (n, classes)."""


class OnnxClassifier:
    """An ONNX model in onnxruntime, on the CPU."""

    def __init__(self, config: TrialConfig, model: bytes, name: str) -> None:
        """Load the model of a bundle.

        Args:
            config: The trial whose model it is.
            model: The file's bytes.
            name: The file's name, for messages.

        Raises:
            InputError: onnxruntime is not installed, or this is no model of such images and classes.
        """
        require_packages("onnxruntime", what=name)
        import onnxruntime  # type: ignore[import-untyped]

        options = onnxruntime.SessionOptions()
        options.log_severity_level = _SILENT
        try:
            self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # it has a dozen of its own, without a common one
            raise InputError(f"{name} cannot be loaded by onnxruntime: {error}") from error
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        dataset = config.dataset
        fits = (
            len(inputs) == len(outputs) == 1
            and inputs[0].type == "tensor(uint8)"
            and tuple(inputs[0].shape[1:]) == tuple(dataset.input_shape)
            and tuple(outputs[0].shape[1:]) == (dataset.class_count,)
        )
        if not fits:
            raise InputError(
                f"{name} does not fit config.json: it is not from images of {dataset.input_shape}, as bytes, "
                f"to {dataset.class_count} classes"
            )
        self._input, self._output = inputs[0].name, outputs[0].name

    def compute_logits(self, images: ByteArray) -> FloatArray:
        """Images (n, channels, height, width) as bytes -> logits (n, classes)."""
        starts = range(0, len(images), _BATCH_IMAGES)
        batches: list[Any] = [self._run(images[start : start + _BATCH_IMAGES]) for start in starts]
        return np.concatenate(batches)

    def _run(self, images: ByteArray) -> Any:
        return self._session.run([self._output], {self._input: np.ascontiguousarray(images)})[0]


class MirrorAveraged:
    """A classifier that averages its logits of an image and of its mirror image: one way of test-time augmentation."""

    def __init__(self, inner: Classifier) -> None:
        self._inner = inner

    def compute_logits(self, images: ByteArray) -> FloatArray:
        """Images (n, channels, height, width) as bytes -> logits (n, classes), by twice the operations."""
        mirrored = np.ascontiguousarray(images[..., ::-1])
        both = self._inner.compute_logits(images) + self._inner.compute_logits(mirrored)
        return both * np.float32(0.5)


@dataclass(frozen=True)
class Measures:
    """How well labelled images were told apart."""

    images: int
    correct: int
    loss: float
    """Mean cross-entropy."""
    confusion: tuple[tuple[int, ...], ...]
    """confusion[label][predicted]: how many images."""

    @property
    def accuracy(self) -> float:
        """The share of images whose largest logit is their label's."""
        return self.correct / self.images

    @property
    def standard_error(self) -> float:
        """Of the accuracy: the deviation of a share of so many images, as if drawn at random."""
        return math.sqrt(self.accuracy * (1 - self.accuracy) / self.images)

    @property
    def largest_class_share(self) -> float:
        """The accuracy of saying always the class that most images have."""
        return max(sum(row) for row in self.confusion) / self.images

    @property
    def balanced_accuracy(self) -> float:
        """The mean over the classes that are there of the share of each one's images that are labelled rightly."""
        shares = [row[label] / sum(row) for label, row in enumerate(self.confusion) if sum(row)]
        return sum(shares) / len(shares)


def measure(logits: FloatArray, labels: IntegerArray) -> Measures:
    """Measure logits (n, classes) against labels (n,)."""
    class_count = logits.shape[1]
    wide = logits.astype(np.float64)
    losses = _log_sum_exp(wide) - wide[np.arange(len(labels)), labels]
    cells = np.bincount(labels * class_count + logits.argmax(1), minlength=class_count**2)
    confusion = cells.reshape(class_count, class_count)
    return Measures(
        images=len(labels),
        correct=int(np.trace(confusion)),
        loss=float(losses.mean()),
        confusion=tuple(tuple(row) for row in confusion.tolist()),
    )


def find_likeliest(
    classifier: Classifier, images: ByteArray, class_names: Sequence[str], count: int
) -> list[list[tuple[str, float]]]:
    """For each of the images (n, channels, height, width) its likeliest classes and their probabilities, best first."""
    logits = classifier.compute_logits(images).astype(np.float64)
    probabilities = np.exp(logits - _log_sum_exp(logits)[:, np.newaxis])
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :count]
    return [
        [(class_names[label], float(row[label])) for label in labels]
        for row, labels in zip(probabilities, order.tolist(), strict=True)
    ]


def find_missing_packages(names: Sequence[str] = ONNX_PACKAGES) -> list[str]:
    """Those of the packages that are not installed here."""
    return [name for name in names if find_spec(name) is None]


def require_packages(*names: str, what: str, command: str = INSTALL_COMMAND) -> None:
    """Raises InputError with the command to type where a package is not installed that `what` needs."""
    if missing := find_missing_packages(names):
        raise InputError(f"{what} needs {' and '.join(missing)}, not installed here: {command}")


def _log_sum_exp(logits: WideArray) -> WideArray:
    largest = logits.max(1)
    total: WideArray = largest + np.log(np.exp(logits - largest[:, np.newaxis]).sum(1))
    return total
