"""Pruners: which trials stop because of how the others did."""

from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner, SuccessiveHalvingPruner

from hpsearch.study.length import PrunerName

_REDUCTION_FACTOR = 3
_STARTUP_TRIALS = 4


def build_pruner(name: PrunerName, *, epochs: int) -> BasePruner:
    """The pruner of a study, with its rungs set from the number of epochs; every worker builds the same one.

    Steps are epochs from 0. `median` stops a trial whose best accuracy so far is below the median of the complete
    trials' at the same epoch, after a fifth of the epochs and once 4 trials are complete. `asha` keeps the best third
    at each rung (Li et al., 2020), `hyperband` does so from several first rungs (Li et al., 2018).
    """
    first_rung = max(1, epochs // _REDUCTION_FACTOR**2)
    match name:
        case "median":
            return MedianPruner(n_startup_trials=_STARTUP_TRIALS, n_warmup_steps=max(1, epochs // 5))
        case "asha":
            return SuccessiveHalvingPruner(min_resource=first_rung, reduction_factor=_REDUCTION_FACTOR)
        case "hyperband":
            return HyperbandPruner(min_resource=first_rung, max_resource=epochs, reduction_factor=_REDUCTION_FACTOR)
        case "none":
            return NopPruner()
