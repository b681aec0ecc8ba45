"""A trained network's weights as a device takes them: norms folded in, the normalization of the pixels, rows in order.

Folding is done in double precision: a norm gives factor * values + shift with factor = weight / sqrt(variance + eps).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hpsearch.network.device_graph import DeviceGraph, DeviceOperator, Weighted
from hpsearch.training.blocks import InputNormalization

Read = Callable[[Tensor], Tensor]


def read_exactly(tensor: Tensor) -> Tensor:
    """A copy in double precision on the CPU."""
    return tensor.detach().double().cpu()


@dataclass(frozen=True)
class PixelScale:
    """How an operator reads a byte: as (byte - zero) * scale."""

    zero: int
    scale: float


@dataclass(frozen=True)
class LayerWeights:
    """The constants of one operator."""

    kernel: Tensor
    """In the shape that the operator has."""
    bias: Tensor


@dataclass(frozen=True)
class _Layer:
    """A layer of the trained network and the norm behind it."""

    weight: Tensor
    """As PyTorch has it: (out, in / groups, h, w), or (out, in)."""
    bias: Tensor
    factor: Tensor
    shift: Tensor


def needs_scaled_pools(network: nn.Module, graph: DeviceGraph) -> bool:
    """Whether a norm behind a max pool turns a channel round, so that the two cannot change places."""
    layers = _list_layers(network, read_exactly)
    pooled = [step.weighted.layer for step in graph.operators if step.weighted and step.weighted.part == "pooled"]
    return any(bool((layers[number].factor < 0).any()) for number in pooled)


def choose_pixel_scale(network: nn.Module, graph: DeviceGraph) -> PixelScale:
    """How the bytes are read: in whole numbers zero is the mean, which is what a convolution pads with."""
    if graph.precision == "fp32":
        return PixelScale(0, 1.0)
    mean, deviation = (read_exactly(tensor) for tensor in _read_normalization(network))
    return PixelScale(round(float(mean.mean())), 1 / float(deviation.mean()))


def fold_layers(
    network: nn.Module, graph: DeviceGraph, pixels: PixelScale, read: Read | None = None
) -> list[LayerWeights]:
    """The constants of every operator with weights, in the graph's order.

    Args:
        network: The trained network.
        graph: Of the same architecture.
        pixels: How the graph reads bytes.
        read: What is taken of each of the network's tensors; by default copies in double precision on the CPU. The
            identity keeps the way for gradients.
    """
    read = read or read_exactly
    layers = _list_layers(network, read)
    mean, deviation = (read(tensor) for tensor in _read_normalization(network))
    # What the network takes is factor * number + shift, of the number as the device reads it.
    factor, shift = 1 / (deviation * pixels.scale), (pixels.zero - mean) / deviation
    folded = []
    for step in graph.operators:
        if step.weighted is None:
            continue
        if step.weighted.part == "pixels":
            folded.append(LayerWeights(factor.reshape(step.weighted.shape), shift))
        else:
            reads_pixels = step.inputs == (1,) or _reads_padded_pixels(graph, step)
            scale = (factor, shift) if reads_pixels else None
            folded.append(_fold(layers[step.weighted.layer], step, graph, scale))
    return folded


def _reads_padded_pixels(graph: DeviceGraph, step: DeviceOperator) -> bool:
    return any(
        other.operator == "PAD" and other.inputs == (1,) and other.output in step.inputs for other in graph.operators
    )


def _fold(
    layer: _Layer, step: DeviceOperator, graph: DeviceGraph, pixels: tuple[Tensor, Tensor] | None
) -> LayerWeights:
    weighted = step.weighted
    assert weighted is not None
    if weighted.part == "norm":
        return LayerWeights(layer.factor.reshape(weighted.shape), layer.shift)
    weight, bias = layer.weight, layer.bias
    if pixels is not None:
        weight, bias = _take_pixels(weight, bias, *pixels)
    if weighted.part != "linear":
        weight = weight * layer.factor.reshape(-1, *[1] * (weight.dim() - 1))
        bias = bias * layer.factor + layer.shift
    return LayerWeights(_order(weight, weighted, graph.shapes[step.inputs[0]]), bias)


def _take_pixels(weight: Tensor, bias: Tensor, factor: Tensor, shift: Tensor) -> tuple[Tensor, Tensor]:
    """The same layer, reading numbers of which the network's own are factor * number + shift, by channel."""
    is_depthwise = weight.dim() == 4 and weight.shape[1] == 1 and len(factor) > 1
    per_channel = weight.flatten(1).reshape(len(weight), 1 if is_depthwise else len(factor), -1)
    if is_depthwise:
        per_channel = per_channel.transpose(0, 1)
    scaled, moved = per_channel * factor.view(1, -1, 1), (per_channel.sum(2) * shift)
    if is_depthwise:
        return scaled.transpose(0, 1).reshape(weight.shape), bias + moved[0]
    return scaled.reshape(weight.shape), bias + moved.sum(1)


def _order(weight: Tensor, weighted: Weighted, input_shape: tuple[int, ...]) -> Tensor:
    """From PyTorch's order, channels first, to the operator's, channels last."""
    if weight.dim() == 4:
        ordered = weight.permute(0, 2, 3, 1) if weighted.shape[0] == len(weight) else weight.permute(1, 2, 3, 0)
        return ordered.reshape(weighted.shape).contiguous()
    if len(input_shape) == 3:
        height, width, channels = input_shape
        weight = weight.reshape(len(weight), channels, height, width).permute(0, 2, 3, 1)
    return weight.reshape(weighted.shape).contiguous()


def _read_normalization(network: nn.Module) -> tuple[Tensor, Tensor]:
    module = next(module for module in network.modules() if isinstance(module, InputNormalization))
    return module.mean.flatten(), module.deviation.flatten()


def _list_layers(network: nn.Module, read: Read) -> list[_Layer]:
    """The layers with weights, in the order of execution, which is that of the modules."""
    layers: list[_Layer] = []
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            weight = read(module.weight)
            ones = torch.ones(len(weight), dtype=weight.dtype, device=weight.device)
            bias = torch.zeros_like(ones) if module.bias is None else read(module.bias)
            layers.append(_Layer(weight, bias, ones, torch.zeros_like(ones)))
        elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            layer = layers[-1]
            factor, shift = _read_norm(module, read)
            layers[-1] = _Layer(layer.weight, layer.bias, factor, shift)
    return layers


def _read_norm(norm: nn.BatchNorm1d | nn.BatchNorm2d, read: Read) -> tuple[Tensor, Tensor]:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    mean, variance = read(norm.running_mean), read(norm.running_var)
    factor = read(norm.weight) / (variance + norm.eps).sqrt()
    return factor, read(norm.bias) - mean * factor
