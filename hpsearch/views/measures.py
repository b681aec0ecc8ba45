"""What a validation accuracy is worth: on how many images, beside which baseline, after how many steps."""

from typing import TYPE_CHECKING

from hpsearch.reporting.measured import count_validation, describe_baseline
from hpsearch.views.search import format_accuracy
from hpsearch.wording import describe_error

if TYPE_CHECKING:
    from hpsearch.study.trial_config import TrialConfig
    from hpsearch.tuning.records import StudyRecord, TrialRecord

_FEW_IMAGES = 100
_FEW_STEPS = 300
"""Of a whole training: the default recipes need some hundreds before their schedules mean anything."""


def list_measures(record: "StudyRecord", trial: "TrialRecord") -> list[tuple[str, str]]:
    """The validation accuracy of a trial with what it takes to judge it, in lines with a head each."""
    counted = count_validation(record, trial)
    if counted is None:
        return [("validation", f"{format_accuracy(trial.value)} of the images held out of the training split")]
    facts = [
        (
            "validation",
            f"{format_accuracy(trial.value)} of {counted.images:,} images held out of the training split, "
            f"{describe_error(counted.correct / counted.images, counted.images)}",
        )
    ]
    facts.append(("baseline", describe_baseline(record, counted)))
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
