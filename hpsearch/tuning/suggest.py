"""From a search space to Optuna's distributions, and from a sampler to one draw of all parameters."""

from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial

from hpsearch.study.search_space import Choices, FloatRange, IntRange, SearchSpace, Value

FIXED_PARAMETERS = "fixed_params"
"""Optuna's own name of the system attribute that holds what an enqueued trial is given."""


def fixed_parameters(space: SearchSpace) -> dict[str, Value]:
    """The parameters that have one value only: no sampler hears of them."""
    fixed: dict[str, Value] = {}
    for name, distribution in space.distributions.items():
        match distribution:
            case Choices(values=(value,)):
                fixed[name] = value
            case IntRange(low=low, high=high) if low == high:
                fixed[name] = low
            case FloatRange(low=low, high=high) if low == high:
                fixed[name] = low
    return fixed


def searched_distributions(space: SearchSpace) -> dict[str, BaseDistribution]:
    """Optuna's distribution for every parameter that has more than one value, in the order of the space."""
    fixed = fixed_parameters(space)
    return {name: _convert(distribution) for name, distribution in space.distributions.items() if name not in fixed}


def draw(study: optuna.Study, trial: FrozenTrial, space: SearchSpace) -> dict[str, Any]:
    """Draw every searched parameter of a space, also those that this draw will not use.

    A trial that was drawn before (its worker went away) gives what it was drawn then, and one that somebody enqueued
    what it was given, the rest drawn. Nothing is stored here.
    """
    distributions = searched_distributions(space)
    if trial.params.keys() == distributions.keys():
        return trial.params
    given = trial.system_attrs.get(FIXED_PARAMETERS, {})
    if given.keys() >= distributions.keys():
        return {name: given[name] for name in distributions}
    sampler = study.sampler
    sampler.before_trial(study, trial)
    relative = sampler.sample_relative(study, trial, sampler.infer_relative_search_space(study, trial))
    relative |= {name: value for name, value in given.items() if name in distributions}
    return {
        name: relative[name] if name in relative else sampler.sample_independent(study, trial, name, distribution)
        for name, distribution in distributions.items()
    }


def _convert(distribution: FloatRange | IntRange | Choices) -> BaseDistribution:
    match distribution:
        case Choices(values=values):
            return CategoricalDistribution(values)
        case IntRange(low=low, high=high, log=log):
            return IntDistribution(low, high, log=log)
        case FloatRange(low=low, high=high, log=log):
            return FloatDistribution(low, high, log=log)
