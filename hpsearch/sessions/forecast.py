"""How long a search will take, before it has begun."""

from typing import TYPE_CHECKING

from hpsearch.study.round_plan import START_SECONDS, TRIAL_SECONDS, count_waves

if TYPE_CHECKING:
    from hpsearch.study.length import PrunerName

_REDUCTION_FACTOR = 3


def forecast_seconds(*, trials: int, epochs: int, epoch_seconds: float, workers: int) -> float:
    """All trials to their last epoch, `workers` at once, with what comes before and after them."""
    return START_SECONDS + count_waves(trials, workers) * (epochs * epoch_seconds + TRIAL_SECONDS)


def expect_epoch_share(pruner: "PrunerName", epochs: int) -> float:
    """The part of all epochs that a pruner leaves to be trained, if trials are drawn alike.

    median: half of the trials end after a fifth of their epochs. asha: a third of the trials passes each rung
    (Li et al., 2020), of which the first is at a ninth of the epochs. hyperband: the mean over asha's brackets, which
    begin at its rungs one after the other (Li et al., 2018).
    """
    first = max(1, epochs // _REDUCTION_FACTOR**2)
    match pruner:
        case "median":
            return (1 + max(1, epochs // 5) / epochs) / 2
        case "asha":
            return _expect_halving_share(first, epochs)
        case "hyperband":
            brackets = []
            while first <= epochs:
                brackets.append(_expect_halving_share(first, epochs))
                first *= _REDUCTION_FACTOR
            return sum(brackets) / len(brackets)
        case "none":
            return 1.0


def _expect_halving_share(first: int, epochs: int) -> float:
    trained, survivors, rung = 0.0, 1.0, 0
    following = first
    while following < epochs:
        trained += survivors * (following - rung)
        rung, following = following, following * _REDUCTION_FACTOR
        survivors /= _REDUCTION_FACTOR
    return (trained + survivors * (epochs - rung)) / epochs
