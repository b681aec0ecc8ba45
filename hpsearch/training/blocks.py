"""Modules that PyTorch lacks or has otherwise: input normalization, dropout, convolutions, heads, residual blocks."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from hpsearch.network.architecture import Activation
from hpsearch.network.stages import Padding


class InputNormalization(nn.Module):
    """From pixels to zero mean and unit deviation per channel.

    The network takes bytes: images of shape (n, channels, height, width), uint8 or single precision on the same scale,
    0 to 255. Mean and deviation are buffers on that scale, so that they are no weights and travel with the network.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.full((1, channels, 1, 1), 127.5))
        self.register_buffer("deviation", torch.full((1, channels, 1, 1), 127.5))

    def forward(self, images: Tensor) -> Tensor:
        """Normalize: uint8 or float32 in, float32 out."""
        return (images - self.mean).mul_(self.deviation.reciprocal())

    def measure(self, images: Tensor) -> None:
        """Take mean and deviation from images of shape (n, channels, height, width); a constant channel gets 1."""
        with torch.no_grad():
            counts = torch.stack([torch.bincount(channel.reshape(-1), minlength=256) for channel in images.unbind(1)])
            counts = counts.double().cpu()
            values = torch.arange(256, dtype=torch.float64)
            total = counts.sum(1)
            mean = (counts @ values) / total
            variance = (counts @ values.square()) / total - mean.square()
            deviation = variance.clamp_min(0).sqrt()
            deviation = torch.where(deviation < 1e-3, torch.ones_like(deviation), deviation)
            self.mean.copy_(mean.view_as(self.mean))
            self.deviation.copy_(deviation.view_as(self.deviation))


class Dropout(nn.Module):
    """Dropout with a generator of its own, so that a trial neither disturbs nor depends on PyTorch's global one.

    Drops single values, or with `whole_channels` all of a channel of (n, channels, height, width) at once.
    """

    def __init__(self, probability: float, *, whole_channels: bool = False) -> None:
        super().__init__()
        self.probability = probability
        self.whole_channels = whole_channels
        self.generator: torch.Generator | None = None

    def forward(self, values: Tensor) -> Tensor:
        """Zero values and scale the others up in training; the identity in evaluation."""
        if not self.training:
            return values
        shape = (*values.shape[:2], 1, 1) if self.whole_channels else values.shape
        kept = draw_bernoulli(1 - self.probability, shape, values.device, self.generator)
        return values * kept.to(values.dtype).mul_(1 / (1 - self.probability))

    def extra_repr(self) -> str:
        """What `print(network)` shows."""
        return f"{self.probability:g}{', whole channels' if self.whole_channels else ''}"


class Convolution(nn.Conv2d):
    """A square convolution with the output lengths of `hpsearch.network.layers.convolve_length`.

    PyTorch pads alike on both sides; with `same` an even kernel needs (kernel - 1) // 2 before and kernel // 2 after.

    Depthwise convolutions stay in single precision on the CPU: in bfloat16 oneDNN takes a reference kernel for the
    gradient of a strided one, measured 100 times slower, and the others gain nothing.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, *, stride: int, padding: Padding, groups: int = 1, bias: bool
    ) -> None:
        is_same = padding == "same"
        both_sides = (kernel - 1) // 2 if is_same else 0
        super().__init__(inputs, outputs, kernel, stride, both_sides, groups=groups, bias=bias)
        self.pads_one_more = is_same and kernel % 2 == 0

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the name that nn.Conv2d gave it
        """(n, inputs, h, w) -> (n, outputs, h', w')."""
        if self.pads_one_more:
            input = functional.pad(input, (0, 1, 0, 1))  # noqa: A001
        if self.groups == 1 or not torch.is_autocast_enabled("cpu"):
            return super().forward(input)
        with torch.autocast("cpu", enabled=False):
            return super().forward(input.float()).to(input.dtype)


class GlobalAverage(nn.Module):
    """The mean of each channel: (n, channels, height, width) -> (n, channels)."""

    def forward(self, values: Tensor) -> Tensor:
        """Average over height and width."""
        return keep_gradient_layout(values).mean((2, 3))


class Flatten(nn.Module):
    """(n, channels, height, width) -> (n, channels * height * width), a channel after the other."""

    def forward(self, values: Tensor) -> Tensor:
        """Flatten."""
        return keep_gradient_layout(values).flatten(1)


class ResidualBlock(nn.Module):
    """activation(body(x) + skip(x)); `skip` is the identity or a projection to the body's shape."""

    def __init__(self, body: nn.Module, skip: nn.Module, activation: nn.Module) -> None:
        super().__init__()
        self.body = body
        self.skip = skip
        self.activation = activation

    def forward(self, values: Tensor) -> Tensor:
        """(n, c_in, h, w) -> (n, c_out, ceil(h / stride), ceil(w / stride))."""
        output: Tensor = self.activation(self.body(values) + self.skip(values))
        return output


class _LayoutKeeper(torch.autograd.Function):
    """The identity, whose gradient is brought to channels-last order."""

    @staticmethod
    def forward(context: Any, values: Tensor) -> Tensor:
        return values.view_as(values)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        return gradient.contiguous(memory_format=torch.channels_last)


def keep_gradient_layout(values: Tensor) -> Tensor:
    """The same values; in training their gradient has their layout.

    Pooling to a vector gives a gradient in row-major order. Every kernel before it would then convert it anew.
    """
    if not values.requires_grad or not values.is_contiguous(memory_format=torch.channels_last):
        return values
    kept: Tensor = _LayoutKeeper.apply(values)
    return kept


def draw_bernoulli(
    probability: float, shape: Sequence[int], device: torch.device, generator: torch.Generator | None
) -> Tensor:
    """A boolean tensor that is true with this probability, to a 65,536th.

    PyTorch's own `bernoulli_` draws a random number of 32 bits for each element, one after the other; a draw of
    64 bits serves four elements here.
    """
    if device.type not in ("cpu", "cuda"):
        return torch.rand(shape, generator=generator, device=device) < probability
    count = math.prod(shape)
    draws = torch.empty((count + 3) // 4, dtype=torch.int64, device=device).random_(-(2**63), None, generator=generator)
    return draws.view(torch.int16)[:count].view(shape) < round(probability * 2**16) - 2**15


def build_activation(activation: Activation) -> nn.Module:
    """The activation's module, in place where its backward pass needs only the output."""
    match activation:
        case "relu":
            return nn.ReLU(inplace=True)
        case "leaky_relu":
            return nn.LeakyReLU(inplace=True)
        case "elu":
            return nn.ELU(inplace=True)
        case "gelu":
            return nn.GELU()
        case "silu":
            return nn.SiLU()
        case "tanh":
            return nn.Tanh()
        case "sigmoid":
            return nn.Sigmoid()
        case "relu6":
            return nn.ReLU6(inplace=True)
        case "hard_swish":
            return nn.Hardswish()
