"""Closed forms for the memory that a network takes of a small device: RAM for what flows, flash for the file.

RAM: where TensorFlow Lite Micro's planner puts all tensors, each rounded up to 16 bytes and kept from the operator that
writes it to the last that reads it. The interpreter's own structures, of some KiB, and the scratch memory of a
processor's own kernels come on top.

Flash: the .tflite file without its metadata. In whole numbers a kernel weight takes one byte, a bias four, and each
channel of a kernel twelve for its scale and zero; in single precision each weight takes four. The interpreter's code
comes on top.
"""

import bisect
import math
from dataclasses import dataclass
from typing import NamedTuple

from hpsearch.dataset import InputShape
from hpsearch.network.architecture import Architecture
from hpsearch.network.device_graph import DeviceGraph, DeviceOperator, Operator, Precision, lower

ALIGNMENT_BYTES = 16
"""Of a tensor in the arena of TensorFlow Lite Micro."""

_BYTES: dict[Precision, int] = {"int8": 1, "fp32": 4}


@dataclass(frozen=True)
class Footprint:
    """What a network takes of a device, in bytes."""

    ram_int8_bytes: int
    ram_fp32_bytes: int
    flash_int8_bytes: int
    flash_fp32_bytes: int


def count_footprint(architecture: Architecture, input_shape: InputShape, class_count: int) -> Footprint:
    """The memory of a network in both precisions.

    Raises:
        ArchitectureError: An image of `input_shape` does not survive to the last layer.
    """
    int8, fp32 = (lower(architecture, input_shape, class_count, precision) for precision in ("int8", "fp32"))
    return Footprint(count_ram(int8), count_ram(fp32), count_flash(int8), count_flash(fp32))


class _Buffer(NamedTuple):
    """Bytes that are needed from one step to another, both included; the image is there at step 0."""

    size: int
    first: int
    last: int


def count_ram(graph: DeviceGraph) -> int:
    """Bytes of the arena for what flows, placed as TensorFlow Lite Micro does.

    The largest comes first, of equals the youngest; each goes into the first gap among those that are there at the same
    time. Along a chain of operators that is what the largest moment needs; where a sum waits for one of its parts, gaps
    may stay that nothing fits into. Source: `greedy_memory_planner.cc` of tflite-micro.
    """
    placed: list[tuple[int, _Buffer]] = []
    buffers = _list_buffers(graph)
    for number in sorted(range(len(buffers)), key=lambda number: (-buffers[number].size, -number)):
        buffer = buffers[number]
        offset = 0
        for start, other in placed:
            if other.first > buffer.last or buffer.first > other.last:
                continue
            if start - offset >= buffer.size:
                break
            offset = max(offset, start + other.size)
        bisect.insort(placed, (offset, buffer), key=lambda entry: entry[0])
    return max(start + buffer.size for start, buffer in placed)


def _list_buffers(graph: DeviceGraph) -> list[_Buffer]:
    """Every tensor from the step that writes it to the last that reads it, and what operators sum in."""
    last = {tensor: step for step, each in enumerate(graph.operators, start=1) for tensor in each.inputs}
    last[len(graph.shapes) - 1] = len(graph.operators)
    first = {0: 0} | {each.output: step for step, each in enumerate(graph.operators, start=1)}
    tensors = range(len(graph.shapes))
    buffers = [_Buffer(align(size_tensor(graph, tensor)), first[tensor], last[tensor]) for tensor in tensors]
    for step, each in enumerate(graph.operators, start=1):
        if scratch := count_scratch(graph, each):
            buffers.append(_Buffer(align(scratch), step, step))
    return buffers


def count_scratch(graph: DeviceGraph, operator: DeviceOperator) -> int:
    """Bytes that an operator needs for itself: a mean in whole numbers sums each channel in 32 bits."""
    if operator.operator == "MEAN" and graph.precision == "int8":
        return 4 * math.prod(graph.shapes[operator.output])
    return 0


def size_tensor(graph: DeviceGraph, number: int) -> int:
    """Bytes of a tensor; the image is bytes in either precision."""
    return math.prod(graph.shapes[number]) * (1 if number == 0 else _BYTES[graph.precision])


def align(size_bytes: int) -> int:
    """Rounded up as in the arena."""
    return -(-size_bytes // ALIGNMENT_BYTES) * ALIGNMENT_BYTES


def count_flash(graph: DeviceGraph) -> int:
    """Bytes of the file: never fewer than it has, and of files of 4 KiB and more at most 3% above.

    The constants are exact: each begins at a multiple of 16, behind 12 bytes of its own. What describes an operator and
    what it gives varies by a few bytes with where it comes to lie; it is counted with the most.
    """
    size = _BYTES[graph.precision]
    total = _FILE_BYTES[graph.precision] + _KIND_BYTES[graph.precision] * len(graph.list_operators())
    for step in graph.operators:
        total += _OPERATOR_BYTES[graph.precision].get(step.operator, _ACTIVATION_BYTES[graph.precision])
        if step.weighted is not None:
            total += align(size * step.weighted.size + _HEAD_BYTES) + align(4 * step.weighted.channels + _HEAD_BYTES)
            if graph.precision == "int8":
                total += _SCALE_BYTES * step.weighted.channels + 4 * (step.weighted.channels % 2)
    return total


_HEAD_BYTES = 12
_SCALE_BYTES = 12
"""Of a channel of a kernel: a scale in single precision and a zero in 64 bits."""
_FILE_BYTES: dict[Precision, int] = {"int8": 480, "fp32": 508}
"""Of the file with its first operator, which reads the image."""
_KIND_BYTES: dict[Precision, int] = {"int8": 35, "fp32": 11}
"""Of each operator that there is, however often."""
_ACTIVATION_BYTES: dict[Precision, int] = {"int8": 112, "fp32": 68}
"""Of an operator without options, with what it gives."""
_OPERATOR_BYTES: dict[Precision, dict[Operator, int]] = {
    "int8": {
        "QUANTIZE": 0,
        "CONV_2D": 268,
        "DEPTHWISE_CONV_2D": 268,
        "FULLY_CONNECTED": 230,
        "ADD": 112,
        "MUL": 112,
        "MAX_POOL_2D": 144,
        "AVERAGE_POOL_2D": 144,
        "PAD": 183,
        "MEAN": 153,
    },
    "fp32": {
        "DEQUANTIZE": 0,
        "CONV_2D": 184,
        "DEPTHWISE_CONV_2D": 184,
        "FULLY_CONNECTED": 143,
        "ADD": 79,
        "MUL": 79,
        "MAX_POOL_2D": 123,
        "AVERAGE_POOL_2D": 123,
        "PAD": 165,
        "MEAN": 123,
    },
}
