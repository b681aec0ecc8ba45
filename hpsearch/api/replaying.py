"""Training a stored trial again, for programs."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hpsearch.export.replay import ReplayedEpoch
    from hpsearch.tuning.records import TrialRecord
    from hpsearch.tuning.study import Study


@dataclass(frozen=True)
class ReplayResult:
    """What came out when a trial was trained again."""

    epochs: "tuple[ReplayedEpoch, ...]"
    """Each as it was stored and as it came out now."""
    has_equal_weights: bool | None
    """Whether the weights are the same to the last bit; None where none are stored."""
    differences: dict[str, tuple[str, str]]
    """What is not as it was (versions, hardware, data): by name, then and now."""
    failure: str | None
    """Why training ended before the stored curve did."""

    @property
    def is_equal(self) -> bool:
        """Whether every figure of every epoch, and the weights where some are stored, are the same to the last bit."""
        are_equal = self.failure is None and all(epoch.is_equal for epoch in self.epochs)
        return are_equal and self.has_equal_weights is not False


def replay_trial(study: "Study", trial: "TrialRecord", device: str, cache_folder: Path) -> ReplayResult:
    """Train it again."""
    from hpsearch.export.replay import Replay
    from hpsearch.training.device import worker_threads

    with worker_threads():
        replay = Replay(study, trial, device=device, cache_folder=cache_folder)
        epochs = tuple(replay.epochs())
    return ReplayResult(epochs, replay.has_equal_weights(), replay.find_differences(), replay.failure)
