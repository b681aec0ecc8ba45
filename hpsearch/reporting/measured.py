"""What a validation accuracy is worth: on how many images it was measured, and what knowing nothing would give."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hpsearch.wording import describe_error

if TYPE_CHECKING:
    from hpsearch.tuning.records import StudyRecord, TrialRecord

_UNEVEN = 1.5
"""Times its even share that the largest class has, before the accuracy is balanced over the classes as well."""


@dataclass(frozen=True)
class Counted:
    """A confusion matrix in a few figures."""

    images: int
    correct: int
    largest: int
    """The class that most images have."""
    largest_share: float
    balanced_accuracy: float
    is_uneven: bool

    @classmethod
    def read(cls, confusion: Sequence[Sequence[int]]) -> "Counted":
        """From the rows of true classes, of which at least one has an image."""
        sizes = [sum(row) for row in confusion]
        images, correct = sum(sizes), sum(row[label] for label, row in enumerate(confusion))
        shares = [row[label] / sizes[label] for label, row in enumerate(confusion) if sizes[label]]
        largest = max(range(len(sizes)), key=sizes.__getitem__)
        share = sizes[largest] / images
        return cls(images, correct, largest, share, sum(shares) / len(shares), share * len(sizes) > _UNEVEN)

    @property
    def standard_error(self) -> float:
        """Of the accuracy, as a share."""
        accuracy: float = self.correct / self.images
        return float((accuracy * (1 - accuracy) / self.images) ** 0.5)

    @property
    def is_no_better(self) -> bool:
        """Whether what was measured is within its error of what saying the largest class always gives."""
        return self.correct / self.images <= self.largest_share + self.standard_error


def count_validation(record: "StudyRecord", trial: "TrialRecord") -> Counted | None:
    """How a complete trial labels its validation images; None where that is not stored.

    Raises:
        StorageError: The database failed, or what it holds is damaged.
    """
    from hpsearch.tuning.records import load_confusion

    confusion = load_confusion(record.study, trial)
    return Counted.read(confusion) if confusion is not None and any(map(any, confusion)) else None


def describe_baseline(record: "StudyRecord", counted: Counted) -> str:
    """What saying the largest class always gives, whether the network is better, and its balanced accuracy."""
    name = record.study.dataset.class_names[counted.largest]
    text = f"{counted.largest_share:.2%} is what saying {name!r}, the largest class, always gives"
    if counted.is_no_better:
        text += ": the network is no better than that"
    if counted.is_uneven:
        text += f"; balanced over the classes it has {counted.balanced_accuracy:.2%}"
    return text


def describe_measure(record: "StudyRecord", trial: "TrialRecord | None") -> str | None:
    """A sentence for where a trial's accuracy stands alone; None where there is nothing to say."""
    counted = None if trial is None else count_validation(record, trial)
    if counted is None:
        return None
    error = describe_error(counted.correct / counted.images, counted.images)
    return f"validation is on {counted.images:,} images, {error}; {describe_baseline(record, counted)}"


def describe_example(record: "StudyRecord") -> str | None:
    """The same of one trial that stands for all of a study: its best, else its first; they share their images."""
    trial = record.best or next((trial for trial in record.trials if trial.state == "COMPLETE"), None)
    measure = describe_measure(record, trial)
    return None if trial is None or measure is None else f"of trial {trial.number}, {measure}"
