"""What the trials of a planned study came to, label by label: spreads over seeds, beside what was printed."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from hpsearch.study.origin import Origin, PrintedFigures
from hpsearch.study.trial_config import TrialConfig
from hpsearch.tuning.finalists import Spread
from hpsearch.tuning.records import StudyRecord, TrialRecord


@dataclass(frozen=True)
class LabelSummary:
    """The trials of one label."""

    label: str
    config: TrialConfig
    """Of its first replicate; the others differ in their seed alone."""
    wanted: int
    """How many seeds the plan has for it."""
    complete: tuple[TrialRecord, ...]
    """By replicate."""
    failed: int
    validation: Spread | None
    """Of the accuracy after the last epoch."""
    first_validation: Spread | None
    """Of the accuracy after the first epoch."""
    highest_validation: Spread | None
    """Of the accuracy of each trial's best epoch."""
    highest_validation_epochs: tuple[int, ...]
    """Which epochs those were, counted from 1; none of a trial without validation."""
    lowest_train_loss: Spread | None
    lowest_train_loss_epochs: tuple[int, ...]
    """Which epochs those were, counted from 1; none of a trial without a curve."""
    test: Spread | None
    """None while the test split is unopened for it."""
    seconds: float | None
    """Mean of a whole training."""
    epoch_seconds: float | None
    """Mean of an epoch, with its validation."""
    printed: PrintedFigures

    @property
    def weights(self) -> int:
        """Every trainable parameter of its network."""
        return self.config.count_weights()

    @property
    def macs(self) -> int:
        """Multiply-accumulates of its network for one image."""
        return self.config.count_macs()

    @property
    def network(self) -> str:
        """Its network in words."""
        return self.config.architecture.describe()

    @property
    def validation_difference(self) -> float | None:
        """By how much the mean is above the printed figure, as a fraction."""
        return _subtract(self.validation, self.printed.validation_percent)

    @property
    def first_validation_difference(self) -> float | None:
        """The same after the first epoch."""
        return _subtract(self.first_validation, self.printed.first_validation_percent)

    @property
    def highest_validation_difference(self) -> float | None:
        """The same of the best epochs."""
        return _subtract(self.highest_validation, self.printed.highest_validation_percent)

    @property
    def test_difference(self) -> float | None:
        """The same on the test split; of a goal where no result is printed."""
        goal = self.printed.goal_test_percent
        return _subtract(self.test, goal if self.printed.test_percent is None else self.printed.test_percent)


@dataclass(frozen=True)
class PlanSummary:
    """A planned study: what it asks, and its labels in the order of the plan."""

    record: StudyRecord
    origin: Origin
    labels: tuple[LabelSummary, ...]


def has_several_seeds(labels: Sequence[LabelSummary]) -> bool:
    """Whether there is any spread over seeds to show."""
    return any(len(mine.complete) > 1 for mine in labels)


def summarize_plan(record: StudyRecord, origin: Origin | None = None) -> PlanSummary:
    """What a planned study says by now.

    Args:
        record: Of a study that has a plan.
        origin: In place of the one that was stored with the plan.
    """
    plan = record.study.plan
    if plan is None:
        raise ValueError(f"the trials of study {record.study.name!r} are drawn, not planned")
    origin = origin or plan.origin or Origin()
    labels = [
        _summarize_label(
            label,
            config,
            [trial for trial in record.trials if trial.label == label],
            wanted=sum(trial.label == label for trial in plan.trials),
            printed=origin.printed.get(label, PrintedFigures()),
        )
        for label, config in plan.configs.items()
    ]
    return PlanSummary(record, origin, tuple(labels))


def _summarize_label(
    label: str, config: TrialConfig, trials: Sequence[TrialRecord], *, wanted: int, printed: PrintedFigures
) -> LabelSummary:
    complete = tuple(trial for trial in trials if trial.state == "COMPLETE")
    accuracies = [trial.accuracies for trial in complete if trial.accuracies]
    losses = [{point.epoch: point.train_loss for point in trial.curve} for trial in complete if trial.curve]
    return LabelSummary(
        label=label,
        config=config,
        wanted=wanted,
        complete=complete,
        failed=sum(trial.state == "FAIL" for trial in trials),
        validation=_measure([trial.value for trial in complete]),
        first_validation=_measure([by_epoch[min(by_epoch)] for by_epoch in accuracies]),
        highest_validation=_measure([max(by_epoch.values()) for by_epoch in accuracies]),
        highest_validation_epochs=tuple(1 + max(by_epoch, key=by_epoch.__getitem__) for by_epoch in accuracies),
        lowest_train_loss=_measure([min(by_epoch.values()) for by_epoch in losses]),
        lowest_train_loss_epochs=tuple(1 + min(by_epoch, key=by_epoch.__getitem__) for by_epoch in losses),
        test=_measure([trial.test_accuracy for trial in complete]),
        seconds=_mean([trial.seconds for trial in complete]),
        epoch_seconds=_mean([point.seconds for trial in complete for point in trial.curve]),
        printed=printed,
    )


def _measure(values: Sequence[float | None]) -> Spread | None:
    return Spread.measure([value for value in values if value is not None])


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _subtract(spread: Spread | None, percent: float | None) -> float | None:
    return None if spread is None or percent is None else spread.mean - percent / 100
