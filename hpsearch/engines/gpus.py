"""Several workers on one GPU: how many, which one each sees, and whether more of them are worth it."""

import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from hpsearch.errors import InputError
from hpsearch.whole_number import read_whole_number
from hpsearch.wording import count_of

MOST_ON_ONE_GPU = 16
_WORTH_MORE = 1.1
"""Further workers are kept coming while they bring more than a tenth."""
_FULL = 0.9
"""Of a GPU's memory: more workers than fit into this are not started."""
_SECONDS, _MOST_SECONDS = 20.0, 300.0
_EPOCHS_A_WORKER = 10
"""A rate is measured over so many seconds and so many epochs, or the most seconds."""
_MPS_FOLDER = "/tmp/nvidia-mps"  # noqa: S108 - where NVIDIA's daemon has its pipes unless told otherwise


@dataclass(frozen=True)
class GpuShare:
    """How many workers may share one GPU."""

    workers: int | None
    """None where it is to be found out while they train."""

    @property
    def is_measured(self) -> bool:
        """Whether workers are added while it pays."""
        return self.workers is None


def parse_gpu_share(text: str | None) -> GpuShare | None:
    """Read `--gpu-share`: None where it was not given.

    Raises:
        InputError: It is neither auto nor a number that makes sense.
    """
    if text is None:
        return None
    if text.strip().lower() == "auto":
        return GpuShare(None)
    count = read_whole_number(text)
    if count is None or not 1 <= count <= MOST_ON_ONE_GPU:
        from hpsearch.wording import quote  # here: it brings pydantic in

        raise InputError(
            f"--gpu-share {quote(text)} is not allowed: give auto, or how many workers share a GPU, "
            f"from 1 to {MOST_ON_ONE_GPU}"
        )
    return GpuShare(count)


@dataclass(frozen=True)
class Placement:
    """So many workers on so many GPUs."""

    workers: int
    """The most that run at once."""
    share: int
    """The most that one GPU bears: each gets that part of its memory. 1 gives no limit."""
    at_first: int
    """How many begin; more follow where the share is measured."""


def place_on_gpus(workers: int | None, gpus: int, share: GpuShare | None, *, most: int) -> Placement:
    """How many workers run on how many GPUs.

    Args:
        workers: As many as a person wants; None for as many as the GPUs bear.
        gpus: How many there are, at least 1.
        share: How many may share one, if somebody said so.
        most: Never more than these: there are no more trials.

    Raises:
        InputError: So many workers do not go onto so many GPUs.
    """
    if share is None:
        count = max(1, min(workers or gpus, most))
        return Placement(count, -(-count // gpus), count)
    if share.workers is None:
        count = max(1, min(workers or gpus * MOST_ON_ONE_GPU, gpus * MOST_ON_ONE_GPU, most))
        return Placement(count, 1, min(gpus, count))
    if workers is not None and workers > gpus * share.workers:
        raise InputError(
            f"--workers {workers} do not fit: {share.workers} on each of {count_of(gpus, 'GPU')} are "
            f"{gpus * share.workers}; give --workers {gpus * share.workers} or --gpu-share {-(-workers // gpus)}"
        )
    count = max(1, min(workers or gpus * share.workers, most))
    return Placement(count, share.workers, count)


def choose_visible_gpu(environment: Mapping[str, str], index: int, gpus: int) -> str:
    """The value of CUDA_VISIBLE_DEVICES of worker `index`: a GPU of those at hand, one after the other, then anew.

    Args:
        environment: What the worker inherits; its own CUDA_VISIBLE_DEVICES names the GPUs that there are.
        index: Counts the workers from 0.
        gpus: How many there are.
    """
    visible = [name.strip() for name in environment.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    names = visible[: max(1, gpus)] or [str(number) for number in range(max(1, gpus))]
    return names[index % len(names)]


def describe_sharing(placement: Placement, gpus: int, environment: Mapping[str, str]) -> str | None:
    """What a person should know of workers that share a GPU; None where none do."""
    is_measured = placement.at_first < placement.workers
    if placement.share == 1 and not is_measured:
        return None
    where = "the GPU" if gpus == 1 else f"each of {gpus} GPUs"
    sharing = (
        f"workers are added to {where} while trials an hour rise by more than a tenth, up to {placement.workers}"
        if is_measured
        else f"{placement.share} workers share {where}, each with that part of its memory"
    )
    if is_mps_running(environment):
        return f"{sharing}; NVIDIA's MPS runs: their kernels run side by side"
    return f"{sharing}; NVIDIA's MPS does not run: they take turns (nvidia-cuda-mps-control -d starts it)"


def is_mps_running(environment: Mapping[str, str]) -> bool:
    """Whether NVIDIA's Multi-Process Service has its control pipe open on this machine: CUDA then uses it by itself."""
    return (Path(environment.get("CUDA_MPS_PIPE_DIRECTORY") or _MPS_FOLDER) / "control").exists()


def read_memory_in_use() -> float | None:
    """Of the fullest GPU, the part of its memory that is in use, 0 to 1; None where nvidia-smi does not tell."""
    command = ["nvidia-smi", "--query-gpu=memory.used,memory.total", "--format=csv,noheader,nounits"]
    try:
        out = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout
        pairs = [[float(part) for part in line.split(",")] for line in out.splitlines() if line.strip()]
        return max(used / total for used, total in pairs)
    except (OSError, subprocess.SubprocessError, ValueError, ZeroDivisionError):
        return None


class ShareSearch:
    """Finds out how many workers a GPU bears: doubles them while epochs a second rise by more than a tenth.

    Trials of a study are alike, so that epochs a second stand for trials an hour, and are there sooner.

    Args:
        gpus: How many there are.
        placement: With how many workers it begins, and how many it may come to.
        read_memory: The part of the fullest GPU's memory in use, or None where nobody tells.
    """

    def __init__(
        self, gpus: int, placement: Placement, read_memory: Callable[[], float | None] = read_memory_in_use
    ) -> None:
        self._gpus = gpus
        self._most = placement.workers
        self._read_memory = read_memory
        self._workers = placement.at_first
        self._before: float | None = None
        self._window: tuple[float, int] | None = None
        self.verdict: str | None = None
        """Why it goes no further; None while it may."""

    def note(self, now: float, epochs: int, training: int) -> int | None:
        """Hear how far the study is.

        Args:
            now: Seconds of any clock that only goes forward.
            epochs: All that were reported so far.
            training: How many trials have reported an epoch and run.

        Returns:
            How many workers there should be from now on, when that changes.
        """
        if self.verdict is not None:
            return None
        if self._window is None:
            if training >= self._workers:  # those that start load PyTorch and the data first
                self._window = (now, epochs)
            return None
        begun, before = self._window
        seconds, done = now - begun, epochs - before
        if seconds < _SECONDS or (done < _EPOCHS_A_WORKER * self._workers and seconds < _MOST_SECONDS):
            return None
        return self._decide(done / seconds)

    def _decide(self, rate: float) -> int | None:
        before, self._before, self._window = self._before, rate, None
        if before is not None and rate <= _WORTH_MORE * before:
            gain = f"{rate:.2f} epochs a second after {before:.2f}"
            self.verdict = f"{self._workers} workers bring hardly more than half of them ({gain}): no further ones"
            return None
        more = min(2 * self._workers, self._most)
        if more == self._workers:
            self.verdict = f"{self._workers} workers are as many as may be"
            return None
        used = self._read_memory()
        if used is not None and used * more / self._workers > _FULL:
            self.verdict = f"{self._workers} workers use {used:.0%} of the GPU's memory: no further ones"
            return None
        self._workers = more
        return more
