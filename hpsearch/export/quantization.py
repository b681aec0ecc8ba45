"""An ONNX model in 8-bit whole numbers: static quantization by onnxruntime, calibrated on training images.

Weights are quantized per output channel, activations per tensor, in the QDQ form (a pair of quantize and dequantize
nodes around each layer), which every runtime for small devices reads. Layers without weights stay in single precision.

Weights keep to 7 bits: x86 processors without VNNI add two products of bytes in 16 bits, where larger weights overflow
in silence, and a file that is right on one machine would be wrong on another.
"""

import logging
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from hpsearch.training.data.byte_arrays import ByteArray
from hpsearch.training.onnx_export import INPUT_NAME, describe_model

CALIBRATION_IMAGES = 300
"""Training images whose activations give the ranges; fewer where there are fewer."""
QUANTIZED_LAYERS = ("Conv", "Gemm", "MatMul")

_BATCH_IMAGES = 50


def quantize_model(model: bytes, images: ByteArray, metadata: Mapping[str, str]) -> bytes:
    """The same model in 8-bit whole numbers, its ranges taken from these images; needs the packages of ONNX."""
    import onnx
    from onnxruntime.quantization import (  # type: ignore[import-untyped]
        CalibrationDataReader,
        QuantFormat,
        QuantType,
        quantize_static,
    )

    class Batches(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            starts = range(0, len(images), _BATCH_IMAGES)
            self._batches = iter([images[start : start + _BATCH_IMAGES] for start in starts])

        def get_next(self) -> dict[str, ByteArray] | None:
            batch = next(self._batches, None)
            return None if batch is None else {INPUT_NAME: np.ascontiguousarray(batch)}

    with tempfile.TemporaryDirectory(prefix="hpsearch-int8-") as folder, _quiet():
        source, target = Path(folder) / "model.onnx", Path(folder) / "model-int8.onnx"
        source.write_bytes(model)
        quantize_static(
            source,
            target,
            Batches(),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QInt8,
            weight_type=QuantType.QInt8,
            reduce_range=True,
            op_types_to_quantize=list(QUANTIZED_LAYERS),
        )
        return describe_model(onnx.load(target), metadata)


@contextmanager
def _quiet() -> Iterator[None]:
    """Say nothing of what onnxruntime advises in its log, to fuse layers first: the exporter has done so."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
