"""Which parameters mattered, as Optuna computes it."""

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from hpsearch.tuning.records import StudyRecord, TrialRecord
from hpsearch.tuning.suggest import searched_distributions

FEWEST_TRIALS = 4
"""Complete trials below which a share says nothing."""

METHOD = "PED-ANOVA"
"""Optuna's own default (Watanabe, Bansal and Hutter, 2023)."""


def measure_importance(record: StudyRecord) -> dict[str, float]:
    """The share of each searched parameter in what made complete trials good, the largest first.

    Empty where fewer than four trials are complete, or none is better than another.
    """
    distributions = searched_distributions(record.study.space)
    known = [_freeze(trial, distributions) for trial in record.ranking]
    frozen = [trial for trial in known if trial is not None]
    if len(frozen) < FEWEST_TRIALS or len({trial.value for trial in frozen}) == 1 or not distributions:
        return {}
    study = optuna.create_study(direction="maximize")
    study.add_trials(frozen)
    shares = optuna.importance.get_param_importances(study)
    return dict(sorted(shares.items(), key=lambda item: (-item[1], item[0])))


def _freeze(trial: TrialRecord, distributions: dict[str, BaseDistribution]) -> FrozenTrial | None:
    """As Optuna has it; None of a trial that somebody gave values from outside of the space."""
    params = {name: value for name, value in trial.parameters.items() if name in distributions}
    try:
        return create_trial(state=TrialState.COMPLETE, params=params, distributions=distributions, value=trial.value)
    except ValueError:
        return None
