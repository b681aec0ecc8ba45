"""A device graph with its weights as a .tflite file, written by the schema that ai-edge-litert ships.

No converter stands between: what is counted, trained and written is the same graph, and nothing has to be installed
beside PyTorch that limits its version.
"""

from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from hpsearch.network.device_graph import LEAKY_SLOPE, DeviceGraph, DeviceOperator
from hpsearch.network.memory import ALIGNMENT_BYTES
from hpsearch.network.tensor_scale import LARGEST, TensorScale

Arrays = Sequence[tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]]
"""The kernel and the bias of every operator with weights, in the graph's order."""

FILE_IDENTIFIER = b"TFL3"
_VERSION = 3
_LEAST_WEIGHT = 1e-6
_LARGEST_BIAS = 2**30


def write_tflite(
    graph: DeviceGraph,
    arrays: Arrays,
    scales: Sequence[TensorScale] | None,
    *,
    description: str,
    metadata: bytes | None = None,
) -> bytes:
    """The file.

    Args:
        graph: The operators.
        arrays: Their weights.
        scales: Of every tensor, where the graph is in whole numbers.
        description: What the file says of itself.
        metadata: Further bytes, under the name `hpsearch`.

    Raises:
        ImportError: ai-edge-litert or flatbuffers is not installed.
    """
    return _Writer(graph, arrays, scales).write(description, metadata)


class _Writer:
    def __init__(self, graph: DeviceGraph, arrays: Arrays, scales: Sequence[TensorScale] | None) -> None:
        from ai_edge_litert import schema_py_generated as schema  # type: ignore[import-untyped]

        self._schema: ModuleType = schema
        self._graph = graph
        self._arrays = list(arrays)
        self._scales = scales
        self._codes: list[str] = []
        self._tensors: list[Any] = []
        self._buffers: list[Any] = [schema.BufferT()]
        """The first is the empty one, of every tensor without constants."""

    def write(self, description: str, metadata: bytes | None) -> bytes:
        schema, graph = self._schema, self._graph
        for number, shape in enumerate(graph.shapes):
            self._tensors.append(self._describe_tensor(number, shape))
        weights = iter(self._arrays)
        operators = [self._describe_operator(step, weights) for step in graph.operators]
        subgraph = schema.SubGraphT()
        subgraph.tensors, subgraph.operators = self._tensors, operators
        subgraph.inputs, subgraph.outputs = [0], [len(graph.shapes) - 1]
        model = schema.ModelT()
        model.version, model.description = _VERSION, description
        model.operatorCodes = [self._describe_code(name) for name in self._codes]
        model.subgraphs, model.buffers = [subgraph], self._buffers
        if metadata is not None:
            entry = schema.MetadataT()
            entry.name, entry.buffer = "hpsearch", self._store(metadata)
            model.metadata = [entry]
        return _pack(model)

    def _describe_tensor(self, number: int, shape: tuple[int, ...]) -> Any:
        schema = self._schema
        tensor = schema.TensorT()
        tensor.shape, tensor.buffer = [1, *shape], 0
        if number == 0:
            tensor.name, tensor.type = "images", schema.TensorType.UINT8
        else:
            tensor.type = schema.TensorType.FLOAT32 if self._scales is None else schema.TensorType.INT8
        if number == len(self._graph.shapes) - 1:
            tensor.name = "logits"
        if self._scales is not None:
            scale = self._scales[number]
            zero = scale.zero + 128 if number == 0 else scale.zero
            tensor.quantization = self._describe_scale([scale.scale], [zero])
        elif number == 0:
            tensor.quantization = self._describe_scale([1.0], [0])
        return tensor

    def _describe_scale(self, scales: Sequence[float], zeros: Sequence[int], axis: int = 0) -> Any:
        quantization = self._schema.QuantizationParametersT()
        quantization.scale = np.asarray(scales, np.float32)
        quantization.zeroPoint = np.asarray(zeros, np.int64)
        quantization.quantizedDimension = axis
        return quantization

    def _describe_code(self, name: str) -> Any:
        schema = self._schema
        code = schema.OperatorCodeT()
        code.builtinCode = getattr(schema.BuiltinOperator, name)
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
        code.version = _VERSIONS.get(name, 1) if self._scales is None else _INT8_VERSIONS.get(name, 1)
        return code

    def _describe_operator(self, step: DeviceOperator, weights: Any) -> Any:
        operator = self._schema.OperatorT()
        if step.operator not in self._codes:
            self._codes.append(step.operator)
        operator.opcodeIndex = self._codes.index(step.operator)
        operator.inputs, operator.outputs = list(step.inputs), [step.output]
        if step.weighted is not None:
            operator.inputs += self._add_weights(step, *next(weights))
        elif step.operator == "PAD":
            before, after = step.pads
            operator.inputs.append(self._add_constant([[0, 0], [before, after], [before, after], [0, 0]]))
        elif step.operator == "MEAN":
            operator.inputs.append(self._add_constant([1, 2]))
        self._set_options(operator, step)
        return operator

    def _add_constant(self, values: Any) -> int:
        return self._add_tensor(np.asarray(values, np.int32), None)

    def _add_weights(
        self, step: DeviceOperator, kernel: npt.NDArray[np.float64], bias: npt.NDArray[np.float64]
    ) -> list[int]:
        if self._scales is None:
            return [self._add_tensor(kernel.astype(np.float32), None), self._add_tensor(bias.astype(np.float32), None)]
        axis = kernel.ndim - 1 if step.operator == "DEPTHWISE_CONV_2D" else 0
        input_scale = self._scales[step.inputs[0]].scale
        whole, whole_bias, scales = round_weights(kernel, bias, input_scale, axis)
        quantization = self._describe_scale(list(scales), [0] * len(scales), axis)
        return [self._add_tensor(whole, quantization), self._add_tensor(whole_bias, None)]

    def _add_tensor(self, values: npt.NDArray[Any], quantization: Any) -> int:
        types = self._schema.TensorType
        tensor = self._schema.TensorT()
        tensor.shape = list(values.shape)
        tensor.type = {"int8": types.INT8, "int32": types.INT32, "float32": types.FLOAT32}[values.dtype.name]
        tensor.buffer, tensor.quantization = self._store(values.tobytes()), quantization
        self._tensors.append(tensor)
        return len(self._tensors) - 1

    def _store(self, content: bytes) -> int:
        self._buffers.append(_AlignedBuffer(self._schema, content))
        return len(self._buffers) - 1

    def _set_options(self, operator: Any, step: DeviceOperator) -> None:
        schema = self._schema
        name = _OPTIONS.get(step.operator)
        if name is None:
            return
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, name)
        options = operator.builtinOptions = getattr(schema, f"{name}T")()
        if hasattr(options, "fusedActivationFunction"):
            options.fusedActivationFunction = getattr(schema.ActivationFunctionType, step.fused.upper())
        if hasattr(options, "padding"):
            options.padding = schema.Padding.SAME if step.is_padded else schema.Padding.VALID
            options.strideH = options.strideW = step.stride
        match step.operator:
            case "CONV_2D":
                options.dilationHFactor = options.dilationWFactor = 1
            case "DEPTHWISE_CONV_2D":
                options.dilationHFactor = options.dilationWFactor = options.depthMultiplier = 1
            case "MAX_POOL_2D" | "AVERAGE_POOL_2D":
                options.filterHeight = options.filterWidth = step.window
            case "MEAN":
                options.keepDims = False
            case "LEAKY_RELU":
                options.alpha = LEAKY_SLOPE


_OPTIONS = {
    "CONV_2D": "Conv2DOptions",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
    "FULLY_CONNECTED": "FullyConnectedOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "ADD": "AddOptions",
    "MUL": "MulOptions",
    "MEAN": "ReducerOptions",
    "LEAKY_RELU": "LeakyReluOptions",
}
_VERSIONS = {"DEQUANTIZE": 1}
_INT8_VERSIONS = {
    "QUANTIZE": 2,
    "CONV_2D": 3,
    "DEPTHWISE_CONV_2D": 3,
    "FULLY_CONNECTED": 12,
    "ADD": 2,
    "MUL": 2,
    "MEAN": 2,
    "MAX_POOL_2D": 2,
    "AVERAGE_POOL_2D": 2,
    "PAD": 2,
    "LOGISTIC": 2,
    "TANH": 2,
    "LEAKY_RELU": 2,
}
"""Of the operators, from which on they take whole numbers of 8 bits."""


def round_weights(
    kernel: npt.NDArray[np.float64], bias: npt.NDArray[np.float64], input_scale: float, axis: int
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """A kernel in 8 bits with a scale for each channel of `axis`, and the bias in 32 bits of the scales' products."""
    others = tuple(dimension for dimension in range(kernel.ndim) if dimension != axis)
    scales = np.maximum(np.abs(kernel).max(axis=others), _LEAST_WEIGHT) / LARGEST
    scales = np.maximum(scales, np.abs(bias) / (input_scale * _LARGEST_BIAS)).astype(np.float32)
    shape = [1] * kernel.ndim
    shape[axis] = len(scales)
    whole = np.clip(np.rint(kernel / scales.reshape(shape)), -LARGEST, LARGEST).astype(np.int8)
    whole_bias = np.rint(bias / (np.float64(np.float32(input_scale)) * scales)).astype(np.int32)
    return whole, whole_bias, scales


class _AlignedBuffer:
    """A buffer whose bytes begin at a multiple of 16, as the schema asks and its Python code does not do.

    A processor without unaligned access (Cortex-M0+) could not read the biases otherwise.
    """

    def __init__(self, schema: ModuleType, content: bytes) -> None:
        self._schema = schema
        self._content = content

    def Pack(self, builder: Any) -> Any:  # noqa: N802 - as the schema's own classes have it
        """Write the buffer."""
        builder.StartVector(1, len(self._content), ALIGNMENT_BYTES)
        builder.head -= len(self._content)
        builder.Bytes[builder.head : builder.head + len(self._content)] = self._content
        data = builder.EndVector()
        self._schema.BufferStart(builder)
        self._schema.BufferAddData(builder, data)
        return self._schema.BufferEnd(builder)


def _pack(model: Any) -> bytes:
    import flatbuffers  # type: ignore[import-untyped]

    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=FILE_IDENTIFIER)
    return bytes(builder.Output())
