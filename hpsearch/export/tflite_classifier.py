"""A .tflite file in ai-edge-litert: bytes in, logits out, without PyTorch."""

from typing import Any

import numpy as np

from hpsearch.errors import InputError
from hpsearch.export.classifier import require_packages
from hpsearch.study.trial_config import TrialConfig
from hpsearch.training.data.byte_arrays import ByteArray, FloatArray

TFLITE_INSTALL_COMMAND = "pip install 'hpsearch[tflite]'"
TFLITE_PACKAGES = ("ai_edge_litert", "flatbuffers")

_BATCH_IMAGES = 64


class TfliteClassifier:
    """A .tflite model in the interpreter of ai-edge-litert, on the CPU, by its own kernels alone."""

    def __init__(self, config: TrialConfig, model: bytes, name: str) -> None:
        """Load the model of a bundle.

        Args:
            config: The trial whose model it is.
            model: The file's bytes.
            name: The file's name, for messages.

        Raises:
            InputError: ai-edge-litert is not installed, or this is no model of such images and classes.
        """
        require_packages(*TFLITE_PACKAGES, what=name, command=TFLITE_INSTALL_COMMAND)
        from ai_edge_litert.interpreter import Interpreter, OpResolverType  # type: ignore[import-untyped]

        resolver = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        try:
            self._interpreter = Interpreter(model_content=model, experimental_op_resolver_type=resolver, num_threads=1)
            (given,), (made,) = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        except (ValueError, RuntimeError) as error:
            raise InputError(f"{name} cannot be loaded by ai-edge-litert: {error}") from error
        channels, height, width = config.dataset.input_shape
        fits = (
            given["dtype"] == np.uint8
            and tuple(given["shape"][1:]) == (height, width, channels)
            and tuple(made["shape"][1:]) == (config.dataset.class_count,)
        )
        if not fits:
            raise InputError(
                f"{name} does not fit config.json: it is not from images of {config.dataset.input_shape}, as bytes, "
                f"to {config.dataset.class_count} classes"
            )
        self._input, self._output = given["index"], made["index"]
        self._scale: tuple[float, int] | None = made["quantization"] if made["dtype"] == np.int8 else None
        self._allocated = 0

    def compute_logits(self, images: ByteArray) -> FloatArray:
        """Images (n, channels, height, width) as bytes -> logits (n, classes)."""
        starts = range(0, len(images), _BATCH_IMAGES)
        return np.concatenate([self._run(images[start : start + _BATCH_IMAGES]) for start in starts])

    def _run(self, images: ByteArray) -> FloatArray:
        if len(images) != self._allocated:
            shape = [len(images), *images.shape[2:], images.shape[1]]
            self._interpreter.resize_tensor_input(self._input, shape)
            self._interpreter.allocate_tensors()
            self._allocated = len(images)
        self._interpreter.set_tensor(self._input, np.ascontiguousarray(images.transpose(0, 2, 3, 1)))
        self._interpreter.invoke()
        values: Any = self._interpreter.get_tensor(self._output)
        if self._scale is not None:
            scale, zero = self._scale
            values = (values.astype(np.float32) - zero) * np.float32(scale)
        logits: FloatArray = values.astype(np.float32)
        return logits


def find_output_scale(model: bytes) -> tuple[float, int]:
    """The scale and the zero of the logits of a file in whole numbers."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    resolver = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(model_content=model, experimental_op_resolver_type=resolver)
    scale, zero = interpreter.get_output_details()[0]["quantization"]
    return float(scale), int(zero)
