"""A network as a device computes it, in PyTorch: to find ranges, and to train on with rounding in place.

Rounding is that of TensorFlow Lite's whole numbers: kernels to 8 bits with a scale for each output channel, around
zero; what flows to 8 bits with a scale and a zero for each tensor. Gradients pass through it (the straight-through
estimator, Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference",
2018).
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from hpsearch.network.device_graph import LEAKY_SLOPE, DeviceGraph, DeviceOperator
from hpsearch.network.tensor_scale import LARGEST, LOWEST, TensorScale
from hpsearch.training.device_layers import LayerWeights, PixelScale

Watch = Callable[[int, Tensor], None]


class DeviceNetwork:
    """The operators of a graph with weights: bytes (n, channels, height, width) -> logits (n, classes).

    Args:
        graph: The operators.
        layers: Their weights, on the device and in the precision to compute in.
        pixels: How bytes are read.
        scales: Of every tensor, to round what flows, and the kernels; None for no rounding.
    """

    def __init__(
        self,
        graph: DeviceGraph,
        layers: Sequence[LayerWeights],
        pixels: PixelScale,
        scales: Sequence[TensorScale] | None = None,
    ) -> None:
        self.graph = graph
        self.layers = layers
        self.pixels = pixels
        self.scales = scales

    def compute_logits(self, images: Tensor, watch: Watch | None = None) -> Tensor:
        """Compute the logits; `watch` is told every tensor's number and values before they are rounded."""
        values: dict[int, Tensor] = {0: images}
        layers = iter(self.layers)
        for step in self.graph.operators:
            inputs = [values[number] for number in step.inputs]
            if step.weighted is not None:
                output = self._weigh(step, inputs[0], next(layers))
            else:
                output = self._compute(step, inputs)
            output = _fuse(step, output)
            if watch is not None:
                watch(step.output, output)
            values[step.output] = self._round(step.output, output)
        return values[len(self.graph.shapes) - 1]

    def _weigh(self, step: DeviceOperator, values: Tensor, layer: LayerWeights) -> Tensor:
        kernel, bias = layer.kernel, layer.bias
        if self.scales is not None:
            kernel = round_kernel(kernel, is_depthwise=step.operator == "DEPTHWISE_CONV_2D")
        if step.operator == "FULLY_CONNECTED":
            if values.dim() == 4:
                values = values.permute(0, 2, 3, 1)
            return functional.linear(values.flatten(1), kernel, bias)
        groups = 1
        if step.operator == "DEPTHWISE_CONV_2D":
            kernel, groups = kernel.permute(3, 0, 1, 2), kernel.shape[3]
        else:
            kernel = kernel.permute(0, 3, 1, 2)
        if step.is_padded:
            values = functional.pad(values, _pad_same(values, kernel.shape[2], step.stride))
        return functional.conv2d(values, kernel, bias, stride=step.stride, groups=groups)

    def _compute(self, step: DeviceOperator, inputs: list[Tensor]) -> Tensor:
        first = inputs[0]
        match step.operator:
            case "QUANTIZE" | "DEQUANTIZE":
                return (first.float() - self.pixels.zero) * self.pixels.scale
            case "PAD":
                before, after = step.pads
                return functional.pad(first, (before, after, before, after))
            case "ADD":
                return first + inputs[1]
            case "MUL":
                return first * inputs[1]
            case "MEAN":
                return first.mean((2, 3))
            case "MAX_POOL_2D":
                return functional.max_pool2d(first, step.window, step.stride)
            case "AVERAGE_POOL_2D":
                return functional.avg_pool2d(first, step.window, step.stride)
            case _:
                return _ACTIVATIONS[step.operator](first)

    def _round(self, number: int, values: Tensor) -> Tensor:
        if self.scales is None or number == 1:  # the bytes of an image are whole numbers already
            return values
        scale = self.scales[number]
        return torch.fake_quantize_per_tensor_affine(values, scale.scale, scale.zero, LOWEST, LARGEST)


_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "HARD_SWISH": functional.hardswish,
    "LEAKY_RELU": lambda values: functional.leaky_relu(values, LEAKY_SLOPE),
    "ELU": functional.elu,
    "TANH": torch.tanh,
    "LOGISTIC": torch.sigmoid,
    "GELU": functional.gelu,
}


def scale_kernel(kernel: Tensor, *, is_depthwise: bool) -> Tensor:
    """The scale of each output channel of a kernel in the operator's order: its largest weight is 127."""
    rows = kernel.reshape(-1, kernel.shape[-1]).T if is_depthwise else kernel.flatten(1)
    return rows.detach().abs().amax(1).clamp_min(_LEAST_WEIGHT) / LARGEST


_LEAST_WEIGHT = 1e-6
"""A channel of zeros has a scale all the same."""


def round_kernel(kernel: Tensor, *, is_depthwise: bool) -> Tensor:
    """The kernel as 8 bits give it back."""
    scales = scale_kernel(kernel, is_depthwise=is_depthwise)
    axis = kernel.dim() - 1 if is_depthwise else 0
    zeros = torch.zeros(len(scales), dtype=torch.int32, device=kernel.device)
    return torch.fake_quantize_per_channel_affine(kernel, scales, zeros, axis, -LARGEST, LARGEST)


def _fuse(step: DeviceOperator, values: Tensor) -> Tensor:
    match step.fused:
        case "relu":
            return functional.relu(values)
        case "relu6":
            return functional.relu6(values)
        case _:
            return values


def _pad_same(values: Tensor, kernel: int, stride: int) -> tuple[int, int, int, int]:
    """Left, right, top and bottom, as TensorFlow's SAME has them."""
    pads: list[int] = []
    for length in (values.shape[3], values.shape[2]):
        total = max((-(-length // stride) - 1) * stride + kernel - length, 0)
        pads += [total // 2, total - total // 2]
    return pads[0], pads[1], pads[2], pads[3]
