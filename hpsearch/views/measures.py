"""What a validation accuracy is worth: on how many images, beside which baseline, after how many steps."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hpsearch.views.search import format_accuracy

if TYPE_CHECKING:
    from hpsearch.study.trial_config import TrialConfig
    from hpsearch.tuning.records import StudyRecord, TrialRecord

_FEW_IMAGES = 100
_FEW_STEPS = 300
"""Of a whole training: the default recipes need some hundreds before their schedules mean anything."""
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
    def read(cls, confusion: "list[list[int]]") -> "Counted":
        """From the rows of true classes."""
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


def list_measures(record: "StudyRecord", trial: "TrialRecord") -> list[tuple[str, str]]:
    """The validation accuracy of a trial with what it takes to judge it, in lines with a head each."""
    counted = _count(record, trial)
    if counted is None or not counted.images:
        return [("validation", f"{format_accuracy(trial.value)} of the images held out of the training split")]
    error = 100 * counted.standard_error
    facts = [
        (
            "validation",
            f"{format_accuracy(trial.value)} of {counted.images:,} images held out of the training split, "
            f"standard error {error:.2f} points",
        )
    ]
    name = record.study.dataset.class_names[counted.largest]
    share = format_accuracy(counted.largest_share)
    baseline = f"{share} is what saying {name!r}, the largest class, always gives"
    if (trial.value or 0.0) <= counted.largest_share + counted.standard_error:
        baseline += ": the network is no better than that"
    if counted.is_uneven:
        baseline += f"; balanced over the classes it has {format_accuracy(counted.balanced_accuracy)}"
    facts.append(("baseline", baseline))
    ties = sum(each.value == trial.value for each in record.ranking) - 1
    if ties > 0:
        facts.append(("tie", f"{ties} more trial{'s have' if ties > 1 else ' has'} the same accuracy"))
    if counted.images < _FEW_IMAGES:
        facts.append(
            ("few", f"{counted.images:,} images are too few to rank by: one is {100 / counted.images:.1f} points")
        )
    return facts


def list_steps(config: "TrialConfig") -> list[tuple[str, str]]:
    """How many steps a training had, where they are few."""
    from hpsearch.study.recipe import divide_epoch

    dataset = config.dataset
    held_out = 0
    if config.is_validated:
        held_out = dataset.validation_count or round(dataset.train_count * config.validation_fraction)
    images = dataset.train_count - held_out
    batch_size, steps = divide_epoch(max(1, images), config.recipe.batch_size, dataset.rules)
    epochs = config.recipe.epochs
    if steps * epochs >= _FEW_STEPS:
        return []
    more = -(-_FEW_STEPS // steps)
    return [
        (
            "steps",
            f"about {images:,} images make {steps} steps an epoch of {batch_size}, {steps * epochs} in "
            f"all, which is few: give more --epochs, e.g. {more}",
        )
    ]


def _count(record: "StudyRecord", trial: "TrialRecord") -> Counted | None:
    from hpsearch.tuning.records import load_confusion

    confusion = load_confusion(record.study, trial)
    return None if confusion is None else Counted.read(confusion)
