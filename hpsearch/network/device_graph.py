"""A network as a small device runs it: the operators of TensorFlow Lite in the order of execution.

Norms are folded into the layers before them, dropout is gone, relu and relu6 are done by the operator before them, and
the first operators bring the bytes of an image to the numbers of the network. Tensors are in the order height, width,
channels. The same graph is what memory is counted of, what is written as a .tflite file, and what is trained once more
for whole numbers, so that the three cannot differ.
"""

import math
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from hpsearch.dataset import InputShape
from hpsearch.network.architecture import Activation, Architecture, CnnArchitecture, FcnArchitecture
from hpsearch.network.layers import convolve_length, pool_length
from hpsearch.network.stages import CnnStage, Padding, Pool, needs_projection

Precision = Literal["int8", "fp32"]
Operator = Literal[
    "QUANTIZE",
    "DEQUANTIZE",
    "PAD",
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "FULLY_CONNECTED",
    "ADD",
    "MUL",
    "MEAN",
    "MAX_POOL_2D",
    "AVERAGE_POOL_2D",
    "HARD_SWISH",
    "LEAKY_RELU",
    "ELU",
    "TANH",
    "LOGISTIC",
    "GELU",
]
"""As TensorFlow Lite names them."""
Fused = Literal["none", "relu", "relu6"]

Part = Literal["folded", "pooled", "linear", "norm", "pixels"]
"""What an operator with weights does: a layer with its norm, or with the norm behind a max pool; the layer alone; the
norm alone; the normalization of the pixels."""

LEAKY_SLOPE = 0.01
"""PyTorch's own."""

OPERATORS_OF_ACTIVATION: dict[Activation, tuple[Operator, ...]] = {
    "relu": (),
    "relu6": (),
    "leaky_relu": ("LEAKY_RELU",),
    "elu": ("ELU",),
    "gelu": ("GELU",),
    "silu": ("LOGISTIC", "MUL"),
    "tanh": ("TANH",),
    "sigmoid": ("LOGISTIC",),
    "hard_swish": ("HARD_SWISH",),
}
"""What an activation takes; relu and relu6 cost nothing, being a part of the operator before them."""

MONOTONE: frozenset[Activation] = frozenset({"relu", "leaky_relu", "elu", "tanh", "sigmoid", "relu6"})
"""Activations that never fall: in front of a max pool they give what they would behind it."""

_FUSED: dict[Activation, Fused] = {"relu": "relu", "relu6": "relu6"}


class Weighted(NamedTuple):
    """The constants of an operator that has weights."""

    shape: tuple[int, ...]
    """Of the kernel as the file has it: (out, h, w, in), depthwise (1, h, w, channels), dense (out, in)."""
    channels: int
    """Biases, and scales of the kernel."""
    layer: int
    """Which of the network's layers with weights it is, in the order of execution, from 0."""
    part: Part = "folded"

    @property
    def size(self) -> int:
        """Numbers in the kernel."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class DeviceOperator:
    """One step of the execution."""

    operator: Operator
    inputs: tuple[int, ...]
    """Tensors that it reads, by number."""
    output: int
    fused: Fused = "none"
    weighted: Weighted | None = None
    stride: int = 1
    is_padded: bool = False
    """Whether a convolution pads the image as TensorFlow's SAME does; else nothing is padded."""
    pads: tuple[int, int] = (0, 0)
    """Of PAD: rows and columns before and after the image."""
    window: int = 0
    """Of a pool: its size."""


@dataclass(frozen=True)
class DeviceGraph:
    """The operators and the shapes of what flows between them."""

    precision: Precision
    shapes: tuple[tuple[int, ...], ...]
    """Of each tensor: (height, width, channels) or (features,). The first is the image, the last the logits."""
    operators: tuple[DeviceOperator, ...]

    def list_operators(self) -> tuple[Operator, ...]:
        """Every operator that a device needs a kernel for, each once, by name."""
        return tuple(sorted({step.operator for step in self.operators}))


@dataclass
class _Builder:
    scales_pools: bool
    shapes: list[tuple[int, ...]]
    operators: list[DeviceOperator] = field(default_factory=list)
    layers: int = 0

    def add(self, operator: Operator, inputs: tuple[int, ...], shape: tuple[int, ...], **details: Any) -> int:
        """One more operator; the number of the tensor that it gives."""
        self.shapes.append(shape)
        output = len(self.shapes) - 1
        self.operators.append(DeviceOperator(operator, inputs, output, **details))
        return output

    def number_layer(self) -> int:
        """The number of the next layer with weights."""
        self.layers += 1
        return self.layers - 1

    def activate(self, tensor: int, activation: Activation) -> int:
        """The activation as operators of its own, where the one before cannot do it."""
        shape = self.shapes[tensor]
        if activation == "silu":
            gate = self.add("LOGISTIC", (tensor,), shape)
            return self.add("MUL", (tensor, gate), shape)
        for operator in OPERATORS_OF_ACTIVATION[activation]:
            tensor = self.add(operator, (tensor,), shape)
        return tensor

    def convolve(
        self,
        tensor: int,
        outputs: int,
        kernel: int,
        stride: int,
        padding: Padding,
        *,
        depthwise: bool = False,
        fused: Fused = "none",
        part: Part = "folded",
    ) -> int:
        """A convolution, behind a PAD where TensorFlow would pad otherwise than PyTorch."""
        height, width, inputs = self.shapes[tensor]
        is_padded = padding == "same" and kernel > 1
        shape = (*(convolve_length(length, kernel, stride, padding) for length in (height, width)), outputs)
        if is_padded and not all(_pads_alike(length, kernel, stride) for length in (height, width)):
            padded = (height + kernel - 1, width + kernel - 1, inputs)
            tensor = self.add("PAD", (tensor,), padded, pads=((kernel - 1) // 2, kernel // 2))
            is_padded = False
        kernel_shape = (1, kernel, kernel, outputs) if depthwise else (outputs, kernel, kernel, inputs)
        weighted = Weighted(kernel_shape, outputs, self.number_layer(), part)
        operator: Operator = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
        return self.add(operator, (tensor,), shape, fused=fused, weighted=weighted, stride=stride, is_padded=is_padded)

    def scale(self, tensor: int, layer: int, part: Part, fused: Fused = "none") -> int:
        """A factor and an offset for each channel, as a depthwise convolution of 1x1."""
        shape = self.shapes[tensor]
        weighted = Weighted((1, 1, 1, shape[-1]), shape[-1], layer, part)
        return self.add("DEPTHWISE_CONV_2D", (tensor,), shape, fused=fused, weighted=weighted)

    def pool(self, tensor: int, pool: Pool, fused: Fused = "none") -> int:
        """A pool."""
        *lengths, channels = self.shapes[tensor]
        shape = (*(pool_length(length, pool.size, pool.stride) for length in lengths), channels)
        operator: Operator = "MAX_POOL_2D" if pool.kind == "max" else "AVERAGE_POOL_2D"
        return self.add(operator, (tensor,), shape, fused=fused, window=pool.size, stride=pool.stride)

    def connect(self, tensor: int, outputs: int, activation: Activation | None = None) -> int:
        """A dense layer with its activation, over all numbers of its input whatever their shape."""
        weighted = Weighted((outputs, math.prod(self.shapes[tensor])), outputs, self.number_layer())
        fused = _FUSED.get(activation, "none") if activation is not None else "none"
        output = self.add("FULLY_CONNECTED", (tensor,), (outputs,), fused=fused, weighted=weighted)
        return output if activation is None else self.activate(output, activation)


def lower(
    architecture: Architecture,
    input_shape: InputShape,
    class_count: int,
    precision: Precision = "int8",
    *,
    scales_pools: bool = False,
) -> DeviceGraph:
    """The operators of a network, from bytes (height, width, channels) to the logits.

    Args:
        architecture: The network.
        input_shape: Of an image.
        class_count: Of the logits.
        precision: Of weights and of what flows.
        scales_pools: Whether a norm behind a max pool is an operator of its own. It cannot be folded into the
            convolution in front of the pool where one of its factors is negative.

    Raises:
        ArchitectureError: An image of `input_shape` does not survive to the last layer.
    """
    architecture.count_weights(input_shape, class_count)
    image = (input_shape.height, input_shape.width, input_shape.channels)
    builder = _Builder(scales_pools and architecture.batch_norm, [image])
    tensor = builder.add("QUANTIZE" if precision == "int8" else "DEQUANTIZE", (0,), image)
    dense = architecture.widths if isinstance(architecture, FcnArchitecture) else architecture.dense
    if isinstance(architecture, CnnArchitecture):
        if _needs_normalization(architecture, input_shape, precision):
            tensor = builder.scale(tensor, 0, "pixels")
        for stage in architecture.stages:
            for index, channels in enumerate(stage.channels):
                is_first, is_last = index == 0, index == len(stage.channels) - 1
                stride, pool = stage.stride if is_first else 1, stage.pool if is_last else None
                tensor = _lower_block(builder, architecture.activation, stage, tensor, channels, stride, pool)
        if architecture.head == "global_average":
            tensor = builder.add("MEAN", (tensor,), builder.shapes[tensor][-1:])
    for width in dense:
        tensor = builder.connect(tensor, width, architecture.activation)
    builder.connect(tensor, class_count)
    return DeviceGraph(precision, tuple(builder.shapes), tuple(builder.operators))


def _needs_normalization(architecture: CnnArchitecture, input_shape: InputShape, precision: Precision) -> bool:
    """Whether the pixels are normalized by an operator: where the first convolution pads them, or a block adds them.

    Else the normalization is folded into the first layer. In whole numbers the zero of a grey image stands for its
    mean, so that it is what pads.
    """
    first = architecture.stages[0]
    if first.block == "residual" and not needs_projection(input_shape.channels, first.channels[0], first.stride):
        return True
    pads = first.padding == "same" and first.kernel > 1
    return pads and (precision == "fp32" or input_shape.channels > 1)


def _lower_block(
    builder: _Builder,
    activation: Activation,
    stage: CnnStage,
    tensor: int,
    channels: int,
    stride: int,
    pool: Pool | None,
) -> int:
    """One block with the pool behind it, if any."""
    fused = _FUSED.get(activation, "none")
    # What never falls gives the same in front of a max pool as behind it.
    is_max = pool is not None and pool.kind == "max"
    fuses_first = pool is None or stage.pool_place == "last" or is_max
    scales = builder.scales_pools and is_max and stage.pools_before_norm
    last: Fused = fused if fuses_first and not scales else "none"
    part: Part = "folded"
    if is_max and stage.pools_before_norm:
        part = "linear" if scales else "pooled"
    kernel, padding = stage.kernel, stage.padding
    match stage.block:
        case "plain":
            output = builder.convolve(tensor, channels, kernel, stride, padding, fused=last, part=part)
        case "separable":
            inputs = builder.shapes[tensor][-1]
            output = builder.convolve(tensor, inputs, kernel, stride, padding, depthwise=True, fused=fused)
            output = builder.activate(output, activation)
            output = builder.convolve(output, channels, 1, 1, "same", fused=last, part=part)
        case "residual":
            output = builder.convolve(tensor, channels, kernel, stride, padding, fused=fused)
            output = builder.activate(output, activation)
            output = builder.convolve(output, channels, kernel, 1, padding)
            skip = tensor
            if needs_projection(builder.shapes[tensor][-1], channels, stride):
                skip = builder.convolve(tensor, channels, 1, stride, "same")
            output = builder.add("ADD", (output, skip), builder.shapes[output], fused=last)
    if pool is None:
        return builder.activate(output, activation)
    if scales:
        output = builder.scale(builder.pool(output, pool), builder.layers - 1, "norm", fused)
        return builder.activate(output, activation)
    if stage.pool_place == "before_norm" or (is_max and activation in MONOTONE):
        return builder.activate(builder.pool(output, pool, "none" if fuses_first else fused), activation)
    return builder.pool(builder.activate(output, activation), pool)


def _pads_alike(length: int, kernel: int, stride: int) -> bool:
    """Whether TensorFlow's SAME pads as many rows before the image as hpsearch does, (kernel - 1) // 2."""
    total = max((math.ceil(length / stride) - 1) * stride + kernel - length, 0)
    return total // 2 == (kernel - 1) // 2
