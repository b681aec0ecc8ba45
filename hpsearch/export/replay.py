"""Replaying a stored trial: train it again, and compare with what was stored bit for bit."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from hpsearch.epoch_result import EpochResult
from hpsearch.errors import InputError, TrainingError
from hpsearch.training.data.search_splits import load_search_splits
from hpsearch.training.device import choose_device, configure_threads, describe_environment
from hpsearch.training.distillation import compute_logits
from hpsearch.training.loop import TrainingSession
from hpsearch.tuning.records import TrialRecord, load_trial_weights
from hpsearch.tuning.study import Study
from hpsearch.tuning.teacher_choice import load_teacher_weights


@dataclass(frozen=True)
class ReplayedEpoch:
    """An epoch as it was stored and as it came out now."""

    stored: EpochResult
    replayed: EpochResult

    @property
    def is_equal(self) -> bool:
        """Whether every figure but the seconds is the same to the last bit."""
        return self._figures(self.stored) == self._figures(self.replayed)

    @staticmethod
    def _figures(point: EpochResult) -> tuple[float | None, ...]:
        return point.epoch, point.train_loss, point.validation_loss, point.validation_accuracy, point.lr


class Replay:
    """A stored trial that is trained again. Iterate over its epochs first, then ask.

    Raises:
        InputError: The trial has no configuration or no curve, or there is no such device.
        DataError: The data are missing or damaged.
        StorageError: The weights of the study's teacher are.
    """

    def __init__(
        self, study: Study, trial: TrialRecord, *, device: str, cache_folder: Path, dataset: str | None = None
    ) -> None:
        config = trial.config
        if config is None or not trial.curve:
            raise InputError(
                f"trial {trial.number} of {study.name!r} is {trial.state} and has no curve to compare with: "
                f"hpsearch show {study.name} lists those that have"
            )
        threads = int(trial.environment.get("threads", 1))
        configure_threads(threads)
        chosen = choose_device(device)
        splits = load_search_splits(
            dataset or study.spec.dataset,
            cache_folder,
            validation_fraction=config.held_out_fraction,
            split_seed=config.split_seed,
            rules=config.dataset.rules,
            preparation=config.dataset.preparation,
        )
        self._study = study
        self._trial = trial
        teacher_logits = None
        if study.teacher is not None:
            weights = load_teacher_weights(study)
            teacher_logits = compute_logits(study.teacher.config, weights, splits.train.images, chosen)
        self._session = TrainingSession(config, splits, chosen, teacher_logits=teacher_logits, threads=threads)
        self._environment = describe_environment(chosen)
        self._data = (study.dataset.sha256, splits.identity.sha256)
        self.failure: str | None = None
        """Why training ended before the stored curve did."""

    def epochs(self) -> Iterator[ReplayedEpoch]:
        """Train as far as the stored curve goes."""
        for stored in self._trial.curve:
            try:
                replayed = self._session.train_epoch()
            except TrainingError as error:
                self.failure = str(error)
                return
            yield ReplayedEpoch(stored, replayed)

    def has_equal_weights(self) -> bool | None:
        """Whether the weights are those that are stored, to the last bit; None where none are stored."""
        if self._trial.state != "COMPLETE" or self.failure is not None:
            return None
        return self._session.weights() == load_trial_weights(self._study, self._trial)

    def find_differences(self) -> dict[str, tuple[str, str]]:
        """What is not as it was when the trial was trained: by name, then and now."""
        differences = compare_environments(self._trial.environment, self._environment)
        if self._data[0] != self._data[1]:
            differences["data"] = (self._data[0][:12], self._data[1][:12])
        return differences


def compare_environments(then: Mapping[str, str], now: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """The names under which two environments differ."""
    unknown = "(not recorded)"
    names = [*then, *(name for name in now if name not in then)]
    return {
        name: (then.get(name, unknown), now.get(name, unknown)) for name in names if then.get(name) != now.get(name)
    }
