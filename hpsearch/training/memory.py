"""A device that runs out of memory: the trial's error, not the worker's."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from hpsearch.errors import OutOfMemoryError

_CPU_ALLOCATOR = "DefaultCPUAllocator"


@contextmanager
def out_of_memory_as_own_error() -> Iterator[None]:
    """Turn an allocation that failed into an OutOfMemoryError of ours, the device's cache freed for the next trial.

    Raises:
        OutOfMemoryError: The device has not enough memory.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        is_allocation = isinstance(error, torch.OutOfMemoryError | MemoryError) or _CPU_ALLOCATOR in str(error)
        if not is_allocation:
            raise
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        raise OutOfMemoryError("out of memory: the device cannot hold this trial") from error
