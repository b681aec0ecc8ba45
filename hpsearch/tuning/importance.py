"""Which parameters mattered, as Optuna computes it."""

from collections.abc import Collection, Mapping
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from hpsearch.network.architecture import Arch
from hpsearch.study.parameters import build_recipe, build_shape
from hpsearch.study.search_space import Choices, SearchSpace
from hpsearch.tuning.records import StudyRecord, TrialRecord
from hpsearch.tuning.suggest import fixed_parameters, searched_distributions

FEWEST_TRIALS = 20
"""Complete trials below which a share says nothing: of fewer, one draw more or less turns the order around."""

METHOD = "PED-ANOVA"
"""Optuna's own default (Watanabe, Bansal and Hutter, 2023)."""


def measure_importance(record: StudyRecord) -> dict[str, float]:
    """The share of each searched parameter in what made complete trials good, the largest first.

    A parameter that some of the trials have no use for (the width of a layer that a network does not have, the momentum
    of an optimizer without) is left out: its values there say nothing. Empty where fewer than `FEWEST_TRIALS` are
    complete, or none is better than another.
    """
    distributions = searched_distributions(record.study.space)
    known = [_freeze(trial, distributions) for trial in record.ranking]
    frozen = [trial for trial in known if trial is not None]
    if len(frozen) < FEWEST_TRIALS or len({trial.value for trial in frozen}) == 1 or not distributions:
        return {}
    used = set.intersection(*(find_used(record.study.spec.arch, trial.params, record.study.space) for trial in frozen))
    if not used:
        return {}
    study = optuna.create_study(direction="maximize")
    study.add_trials([_keep(trial, used) for trial in frozen])
    shares = optuna.importance.get_param_importances(study)
    return dict(sorted(shares.items(), key=lambda item: (-item[1], item[0])))


def find_used(arch: Arch, parameters: Mapping[str, Any], space: SearchSpace) -> set[str]:
    """The searched parameters of a draw that its network or its recipe would be another without."""
    whole = fixed_parameters(space) | dict(parameters)
    built = _build(arch, whole)
    return {
        name
        for name in parameters
        if any(_build(arch, whole | {name: value}) != built for value in _list_others(space, name, parameters[name]))
    }


def _build(arch: Arch, parameters: Mapping[str, Any]) -> Any:
    """Shape and recipe; None where there is no such network."""
    try:
        # Three epochs: what `auto` means does not matter as long as it is the same.
        return build_shape(arch, parameters), build_recipe(parameters, 3)
    except (ValueError, KeyError):
        return None


def _list_others(space: SearchSpace, name: str, value: Any) -> list[Any]:
    """Other values that the parameter may have: all of a list, the ends of a range."""
    distribution = space.distributions[name]
    known = distribution.values if isinstance(distribution, Choices) else (distribution.low, distribution.high)
    return [other for other in known if other != value]


def _keep(trial: FrozenTrial, names: Collection[str]) -> FrozenTrial:
    return create_trial(
        state=TrialState.COMPLETE,
        params={name: value for name, value in trial.params.items() if name in names},
        distributions={name: found for name, found in trial.distributions.items() if name in names},
        value=trial.value,
    )


def _freeze(trial: TrialRecord, distributions: dict[str, BaseDistribution]) -> FrozenTrial | None:
    """As Optuna has it; None of a trial that somebody gave values from outside of the space."""
    params = {name: value for name, value in trial.parameters.items() if name in distributions}
    try:
        return create_trial(state=TrialState.COMPLETE, params=params, distributions=distributions, value=trial.value)
    except ValueError:
        return None
