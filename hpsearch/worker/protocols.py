"""What a worker is told, and what trains for it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hpsearch.epoch_result import EpochResult
from hpsearch.storage.leases import HEARTBEAT_SECONDS, LEASE_SECONDS
from hpsearch.storage.patience import OUTAGE_SECONDS
from hpsearch.study.trial_config import TrialConfig
from hpsearch.tuning.claimed_trial import CHECKPOINT_SECONDS

REPORT_SECONDS = 1.0
"""Epochs shorter than this are stored several at a time: each commit waits for the disk."""


@dataclass(frozen=True)
class WorkerSettings:
    """Where a worker finds its study, and how long it works."""

    storage_url: str
    study: str
    device: str
    cache_folder: Path
    worker: str
    """Its name, one of a kind: host, process."""
    deadline: float | None = None
    """In seconds of the monotonic clock."""
    max_trials: int | None = None
    dataset: str | None = None
    """Where this machine has the study's data; None for where the study says."""
    drains: bool = False
    """Whether it ends when nothing is left to take, instead of waiting for what others hold."""
    gpu_share: int = 1
    """How many workers share its GPU: it takes that part of the memory."""
    lease_seconds: float = LEASE_SECONDS
    heartbeat_seconds: float = HEARTBEAT_SECONDS
    checkpoint_seconds: float = CHECKPOINT_SECONDS
    report_seconds: float = REPORT_SECONDS
    outage_seconds: float = OUTAGE_SECONDS
    """How long it waits for a database that is away."""


class Training(Protocol):
    """One trial in training: its epochs, one at a time, and what it has to show after them."""

    def epochs(self) -> Iterator[EpochResult]:
        """Train on, an epoch each step; raises TrainingError, OutOfMemoryError, TrainingInterrupted."""
        ...

    def capture(self) -> bytes:
        """The state after the last epoch: a checkpoint."""
        ...

    def confusion(self) -> list[list[int]] | None:
        """The confusion matrix on the validation split: a row a true class, a column a predicted one.

        None where nothing is held out.
        """
        ...

    def int8_accuracy(self) -> float | None:
        """On the validation split, in whole numbers of 8 bits; None where the trial does not end in them."""
        ...

    def weights(self) -> bytes:
        """The trained weights as they are kept."""
        ...


class Trainer(Protocol):
    """Trains trials of one study on one device."""

    @property
    def environment(self) -> Mapping[str, str]:
        """What the last bits of a training depend on: versions and hardware."""
        ...

    def start(
        self, config: TrialConfig, should_stop: Callable[[], bool], checkpoint: bytes | None = None, *, threads: int = 1
    ) -> Training:
        """Prepare a trial, or take it up at a checkpoint; `should_stop` is asked between batches.

        Args:
            config: What is trained.
            should_stop: Whether to give it back.
            checkpoint: What `capture` gave.
            threads: Cores that train it together.

        Raises:
            InputError: The checkpoint is damaged, or of another trial.
        """
        ...


@dataclass(frozen=True)
class CompletedTraining:
    """What there is to draw of a trial that is about to be complete."""

    number: int
    config: TrialConfig
    curve: Sequence[EpochResult]
    confusion: Sequence[Sequence[int]]
