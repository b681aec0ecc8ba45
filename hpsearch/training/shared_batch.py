"""The memory of processes that train one network: its weights, and for each of them a part of a batch."""

import math
import mmap
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hpsearch.dataset import DatasetIdentity

_ALIGNMENT = 64


@dataclass(frozen=True)
class Part:
    """What one process is given, and what it gives back."""

    images: Tensor
    """(most, channels, height, width), uint8."""
    labels: Tensor
    """(most,)."""
    answers: Tensor
    """Of a teacher: (most, classes)."""
    gradients: list[Tensor]
    """As the network's parameters lie."""
    loss: Tensor
    """(1,)."""


def open_memory() -> int:
    """The descriptor of memory that a process may inherit; its size is given by who maps it first."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("hpsearch-batch")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def share_batch(
    network: nn.Module,
    dataset: DatasetIdentity,
    descriptor: int,
    *,
    parts: int,
    most: int,
    strides: Sequence[Sequence[int]] | None = None,
) -> tuple[Part, ...]:
    """Lay a network's parameters into memory that is shared; every process does so with the same arguments.

    Args:
        network: Of one architecture in all processes.
        dataset: The shape of an image, and how many classes there are.
        descriptor: Of the memory.
        parts: How many processes are given a part of each batch.
        most: Images of a part.
        strides: How the parameters lie in the process that was first, whose values they have from here on; None for
            that process.
    """
    parameters = list(network.parameters())
    like_parameters: list[tuple[torch.dtype, tuple[int, ...], Sequence[int]]] = [
        (each.dtype, tuple(each.shape), stride)
        for each, stride in zip(parameters, strides or list_strides(network), strict=True)
    ]
    of_batch: list[tuple[torch.dtype, tuple[int, ...]]] = [
        (torch.uint8, (most, *dataset.input_shape)),
        (torch.int64, (most,)),
        (torch.float32, (most, dataset.class_count)),
        (torch.float32, (1,)),
    ]
    of_part = [(kind, shape, torch.empty(shape, device="meta").stride()) for kind, shape in of_batch]
    layout = like_parameters + [*of_part, *like_parameters] * parts
    sizes = [kind.itemsize * math.prod(shape) for kind, shape, _ in layout]
    rooms = [-(-size // _ALIGNMENT) * _ALIGNMENT for size in sizes]
    os.ftruncate(descriptor, sum(rooms))
    memory = torch.frombuffer(mmap.mmap(descriptor, sum(rooms)), dtype=torch.uint8)
    views = [
        room[:size].view(kind).as_strided(shape, stride)
        for room, size, (kind, shape, stride) in zip(torch.split(memory, rooms), sizes, layout, strict=True)
    ]
    for parameter, shared in zip(parameters, views, strict=False):
        if strides is None:
            shared.copy_(parameter.data)
        parameter.data = shared
    size = len(of_part) + len(parameters)
    return tuple(_make_part(views[start : start + size]) for start in range(len(parameters), len(views), size))


def list_strides(network: nn.Module) -> list[tuple[int, ...]]:
    """How the parameters lie in memory."""
    return [parameter.stride() for parameter in network.parameters()]


def _make_part(views: Sequence[Tensor]) -> Part:
    images, labels, answers, loss, *gradients = views
    return Part(images, labels, answers, gradients, loss)
