"""Where a trial trains: choosing a device by name, describing it, and how many workers it bears."""

import ctypes
import importlib.metadata
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from hpsearch.errors import InputError
from hpsearch.training.cpu_limits import read_cpu_limits

_CPU_MODELS = Path("/proc/cpuinfo")
_CUDA_CONTEXT_BYTES = 512 * 2**20
"""About what a process takes of a GPU before its first tensor."""


def list_devices() -> list[str]:
    """The names of the devices at hand, the fastest first: `cuda:0`, `cuda:1`, `mps`, `cpu`."""
    names = [f"cuda:{index}" for index in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    return [*names, *(["mps"] if torch.backends.mps.is_available() else []), "cpu"]


def choose_device(name: str) -> torch.device:
    """The device of this name: `auto` (the first of `list_devices`), `cpu`, `cuda`, `cuda:1`, `mps`.

    Raises:
        InputError: There is no such device here.
    """
    available = list_devices()
    wanted = str(name).strip().lower()  # also a torch.device
    if wanted == "auto":
        return torch.device(available[0])
    if wanted == "cuda":
        wanted = "cuda:0"
    if wanted not in available:
        raise InputError(
            f"device {name!r} is not here; this machine has {', '.join(available)}: "
            f"use --device {available[0]}, or --device auto"
        )
    return torch.device(wanted)


def describe_device(device: torch.device) -> str:
    """The hardware's own name: a GPU's, or the CPU's model."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "mps":
        return f"{platform.processor() or platform.machine()} GPU"
    return _read_cpu_model(_CPU_MODELS) or platform.processor() or platform.machine()


def describe_environment(device: torch.device) -> dict[str, str]:
    """What a training's last bits depend on: versions and hardware, each by name."""
    found = {name: importlib.metadata.version(name) for name in ("hpsearch", "torch", "numpy")}
    found |= {"python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}"}
    found |= {"device": str(device), "hardware": describe_device(device)}
    if device.type == "cpu":
        found |= {"instructions": torch.backends.cpu.get_cpu_capability(), "threads": str(torch.get_num_threads())}
    if device.type == "cuda":
        found |= {"cuda": torch.version.cuda or "", "cudnn": str(torch.backends.cudnn.version())}  # type: ignore[no-untyped-call]
    return found


def count_workers(device: torch.device) -> int:
    """How many workers of one thread fill the device: the usable cores, or the number of GPUs."""
    if device.type == "cuda":
        return torch.cuda.device_count()
    if device.type == "mps":
        return 1
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([usable, *(int(quota) for quota in read_cpu_limits(os.environ))]))


def count_gpus() -> int:
    """How many GPUs PyTorch sees here."""
    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def limit_memory(device: torch.device, share: int) -> None:
    """Let this process take one of `share` equal parts of a GPU's memory; elsewhere, or with one part, nothing.

    What CUDA itself takes for each process is left out of the part: PyTorch's limit does not know of it.
    """
    if share <= 1 or device.type != "cuda":
        return
    total = torch.cuda.get_device_properties(device).total_memory
    part = max(total / share - _CUDA_CONTEXT_BYTES, total / share / 2)
    torch.cuda.set_per_process_memory_fraction(part / total, device)


def configure_threads(threads: int) -> None:
    """Give PyTorch this many threads in this process, and let it keep the memory it frees.

    A step allocates and frees the same few large blocks. The C library hands blocks from 128 KiB on back to the kernel,
    which then clears every page anew for the next step: thousands of page faults a step.
    """
    torch.set_num_threads(threads)
    try:
        allocator = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):  # not the GNU C library
        return
    trim_threshold, top_pad, mmap_max = -1, -2, -4  # the constants of malloc.h
    allocator(mmap_max, 0)
    allocator(trim_threshold, 2**31 - 1)
    allocator(top_pad, 2**26)


@contextmanager
def worker_threads(threads: int = 1) -> Iterator[None]:
    """Meanwhile one thread, as a worker has, or so many; then as many as this process had before."""
    before = torch.get_num_threads()
    configure_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _read_cpu_model(path: Path) -> str | None:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), None)
