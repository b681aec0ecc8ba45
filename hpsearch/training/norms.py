"""Batch norm whose channels fill the vectors of a CPU.

PyTorch's kernel walks over the pixels of a channels-last tensor and takes each one's channels by vectors; what does not
fill a vector it takes by slow partial loads, so that 12 channels cost three times what 16 do. The channels of several
pixels that follow each other in memory fill vectors: the same values, seen as fewer pixels of more channels.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn

VECTOR_FLOATS = 8
"""Channels that PyTorch's kernel takes at once in single precision on AVX2."""
FEW_CHANNELS = 16
"""In bfloat16 fewer than that are faster in single precision and in groups, there and back; as many are not."""
ROW_FLOATS = 256
"""From how many values on a row costs nothing to begin."""
GAINING_CHANNELS = 100
LEAST_GAIN = 375_000
"""The partial loads cost as much a pixel as groups cost for 100 channels, and groups cost something once: so they pay
from pixels * (100 - channels) on, as measured with 12 to 100 channels at 3x3 to 14x14 (docs/log.md). A rule on the
shape and no timing, so that a trial has one curve."""


class BatchNorm(nn.BatchNorm2d):
    """`nn.BatchNorm2d`, faster in training on a CPU where its channels fill no vectors."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the name that nn.BatchNorm2d gave it
        """(n, channels, h, w) -> the same shape, normalized over n, h and w."""
        if not self.training or not _can_be_grouped(input):
            return super().forward(input)
        values = input.float() if input.dtype == torch.bfloat16 else input
        normalized, mean, variance = _GroupedNorm.apply(values, self.weight, self.bias, self.eps)
        self._update_statistics(mean, variance, input.numel() // input.shape[1])
        result: Tensor = normalized.to(input.dtype)
        return result

    def _update_statistics(self, mean: Tensor, variance: Tensor, count: int) -> None:
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        with torch.no_grad():
            self.num_batches_tracked.add_(1)
            share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
            self.running_mean.lerp_(mean, share)
            self.running_var.lerp_(variance * (count / (count - 1)), share)


def count_pixels_together(channels: int, pixels: int) -> int:
    """How many of `pixels` pixels are seen as one, so that their channels fill vectors; a power of two, 1 for none."""
    together = 1
    while channels * together % VECTOR_FLOATS or channels * together < ROW_FLOATS:
        together *= 2
    return math.gcd(together, pixels)


def is_faster_in_groups(channels: int, pixels: int, data_type: torch.dtype = torch.float32) -> bool:
    """Whether groups of pixels are worth their own cost; `pixels` of the whole batch."""
    is_slow = channels < FEW_CHANNELS if data_type == torch.bfloat16 else channels % VECTOR_FLOATS != 0
    return is_slow and pixels * (GAINING_CHANNELS - channels) > LEAST_GAIN


def _can_be_grouped(values: Tensor) -> bool:
    """On a CPU, channels innermost."""
    channels = values.shape[1]
    return (
        values.device.type == "cpu"
        and values.dtype in (torch.float32, torch.float64, torch.bfloat16)
        and channels > 1
        and values.is_contiguous(memory_format=torch.channels_last)
        and is_faster_in_groups(channels, values.numel() // channels, values.dtype)
    )


class _GroupedNorm(torch.autograd.Function):
    """(values, weight, bias, eps) -> (normalized values, mean, biased variance), the last two per channel."""

    @staticmethod
    def forward(context: Any, values: Tensor, weight: Tensor, bias: Tensor, eps: float) -> tuple[Tensor, ...]:
        channels = values.shape[1]
        together = count_pixels_together(channels, values.numel() // channels)
        rows = _see_as_rows(values, together)
        means, variances = torch.batch_norm_update_stats(rows, None, None, 0.0)
        # Of groups of one size: the variance of them all is the mean of theirs and the variance of their means.
        variance, mean = torch.var_mean(means.view(together, channels), 0, correction=0)
        variance += variances.view(together, channels).mean(0)
        deviation_inverse = (variance + eps).rsqrt_()
        scale = deviation_inverse * weight
        scales, offsets = _repeat(together, scale, torch.addcmul(bias, mean, scale, value=-1))
        normalized = torch.empty_like(values)  # no view, which the activation could not change in place
        torch.addcmul(offsets, rows, scales, out=_see_as_rows(normalized, together))
        context.save_for_backward(values, mean, deviation_inverse, scale)
        context.mark_non_differentiable(mean, variance)
        return normalized, mean, variance

    @staticmethod
    def backward(context: Any, gradient: Tensor, *_: Any) -> tuple[Tensor | None, ...]:
        values, mean, deviation_inverse, scale = context.saved_tensors
        channels = values.shape[1]
        pixels = values.numel() // channels
        together = count_pixels_together(channels, pixels)
        rows, gradients = _see_as_rows(values, together), _see_as_rows(gradient, together)
        scales, means, deviation_inverses = _repeat(together, scale, mean, deviation_inverse)
        _, weight_sums, bias_sums = torch.ops.aten.native_batch_norm_backward(
            gradients, rows, scales, None, None, means, deviation_inverses, True, 0.0, [False, True, True]
        )
        weight_gradient = weight_sums.view(together, channels).sum(0)
        bias_gradient = bias_sums.view(together, channels).sum(0)
        # scale * (gradient - bias_gradient / pixels - normalized * weight_gradient / pixels), as a line in the values
        share = scale / -pixels
        slope = share * deviation_inverse * weight_gradient
        slopes, offsets = _repeat(together, slope, torch.addcmul(share * bias_gradient, slope, mean, value=-1))
        result = torch.empty_like(values)
        torch.addcmul(offsets, rows, slopes, out=_see_as_rows(result, together)).addcmul_(gradients, scales)
        return result, weight_gradient, bias_gradient, None


def _see_as_rows(values: Tensor, together: int) -> Tensor:
    """(n, channels, h, w) as (n * h * w / together, together * channels), in the order of channels-last memory."""
    return values.permute(0, 2, 3, 1).reshape(-1, together * values.shape[1])


def _repeat(count: int, *rows: Tensor) -> Tensor:
    """Rows of n values -> (rows, count * n), each row again and again."""
    return torch.stack(rows).unsqueeze(1).expand(-1, count, -1).reshape(len(rows), -1)
