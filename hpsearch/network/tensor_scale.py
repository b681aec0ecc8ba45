"""What a whole number of 8 bits stands for in each tensor of a device graph."""

from collections.abc import Sequence
from typing import NamedTuple

from hpsearch.network.device_graph import DeviceGraph

LOWEST, LARGEST = -128, 127

_STEPS = LARGEST - LOWEST
_NARROWEST = 1e-6
"""Of a range: a tensor that is always zero has a scale all the same."""


class TensorScale(NamedTuple):
    """A whole number q of 8 bits stands for (q - zero) * scale."""

    scale: float
    zero: int


Range = tuple[float, float]
"""The smallest and the largest value of a tensor."""


def choose_scales(
    graph: DeviceGraph, ranges: Sequence[Range], pixel_zero: int, pixel_scale: float
) -> list[TensorScale]:
    """The scale of every tensor, from the range of each.

    Pools and pads give on what they take, logistic and tanh have the scales that TensorFlow Lite prescribes, and 0 is
    always a whole number.
    """
    scales = [TensorScale(pixel_scale, pixel_zero - 128)] * len(graph.shapes)
    narrowed = list(ranges)
    for step in reversed(graph.operators):
        if step.operator == "MAX_POOL_2D":  # what is below the smallest maximum changes none
            narrowed[step.inputs[0]] = narrowed[step.output]
    for step in graph.operators[1:]:
        match step.operator:
            case "PAD" | "MAX_POOL_2D" | "AVERAGE_POOL_2D":
                scales[step.output] = scales[step.inputs[0]]
            case "LOGISTIC":
                scales[step.output] = TensorScale(1 / 256, LOWEST)
            case "TANH":
                scales[step.output] = TensorScale(1 / 128, 0)
            case _:
                scales[step.output] = scale_range(*narrowed[step.output])
    return scales


def scale_range(low: float, high: float) -> TensorScale:
    """The finest scale in which both ends and 0 have a whole number."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = max(high - low, _NARROWEST) / _STEPS
    return TensorScale(scale, max(LOWEST, min(LARGEST, round(LOWEST - low / scale))))
