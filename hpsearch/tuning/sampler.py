"""Samplers: Optuna's, drawing each trial from a seed of its own.

Optuna seeds a sampler once a process. Here every trial gets a fresh one, seeded from the study's seed and the trial's
number, so that what a trial draws depends on what was known when it started, not on which worker took it or on how
often the study was stopped.
"""

import itertools
import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from numpy.random import default_rng
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, GPSampler, QMCSampler, RandomSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from hpsearch.study.search_space import SearchSpace
from hpsearch.study.spec import SamplerName
from hpsearch.study.trial_config import derive_seed
from hpsearch.tuning.suggest import searched_distributions

_STARTUP_SHARE = 3
_MAXIMUM_STARTUP_TRIALS = 10


def build_sampler(name: SamplerName, space: SearchSpace, *, seed: int, trials: int) -> BaseSampler:
    """The sampler of a study; every worker builds the same one."""
    startup = max(2, min(_MAXIMUM_STARTUP_TRIALS, trials // _STARTUP_SHARE))
    match name:
        case "tpe":
            relative = dict(sorted(searched_distributions(space).items()))
            return PerTrialSampler(seed, lambda own: TPESampler(seed=own, n_startup_trials=startup), relative)
        case "random":
            return PerTrialSampler(seed, lambda own: RandomSampler(seed=own))
        case "gp":
            return PerTrialSampler(seed, lambda own: GPSampler(seed=own, n_startup_trials=startup))
        case "qmc":
            # One sequence for all trials, which take its points by turn: so one seed for all.
            return PerTrialSampler(seed, lambda _own: _build_qmc(_fold(seed)))
        case "grid":
            return GridSampler(searched_distributions(space), seed=seed)


class PerTrialSampler(BaseSampler):
    """Hands every trial to a fresh sampler with a seed of the trial's own."""

    def __init__(
        self,
        seed: int,
        build: Callable[[int], BaseSampler],
        relative_space: dict[str, BaseDistribution] | None = None,
    ) -> None:
        self._seed = seed
        self._build = build
        self._relative_space = relative_space
        self._current = build(_fold(seed))

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Seed for this trial."""
        self._current = self._build(_fold(derive_seed(self._seed, trial.number, "sampler")))
        self._current.before_trial(study, trial)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """All of a space that is known to be fixed, else what the sampler finds common to all trials."""
        if self._relative_space is not None:
            return self._relative_space
        return self._current.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """What the trial's own sampler draws."""
        return self._current.sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """What the trial's own sampler draws."""
        return self._current.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Nothing: the samplers here learn from the study's trials when they draw."""


class GridSampler(BaseSampler):
    """Walks a grid in an order drawn from the seed: trial k takes point k, and begins anew after the last.

    Optuna's own looks for points that no trial has finished, so that several workers take the same one, and stops
    `study.optimize`, which is not used here.
    """

    def __init__(self, distributions: dict[str, BaseDistribution], *, seed: int) -> None:
        self._axes = {name: _grid_values(distribution) for name, distribution in distributions.items()}
        self._points = list(itertools.product(*self._axes.values()))
        self._order = default_rng(seed).permutation(len(self._points))

    @property
    def size(self) -> int:
        """The number of points."""
        return math.prod(len(values) for values in self._axes.values())

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """None: every parameter is looked up by itself."""
        return {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Nothing."""
        return {}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """The parameter's value at this trial's point."""
        point = self._points[self._order[trial.number % len(self._points)]]
        return point[list(self._axes).index(param_name)]


def _grid_values(distribution: BaseDistribution) -> tuple[Any, ...]:
    match distribution:
        case CategoricalDistribution(choices=choices):
            return choices
        case IntDistribution(low=low, high=high):
            return tuple(range(low, high + 1))
    raise TypeError(f"a grid needs finitely many values, not {distribution}")


def _build_qmc(seed: int) -> BaseSampler:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return QMCSampler(seed=seed, scramble=True, warn_independent_sampling=False, warn_asynchronous_seeding=False)


def _fold(seed: int) -> int:
    """A seed that NumPy's old generator takes: 32 bits."""
    return seed % 2**32
