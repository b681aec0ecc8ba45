"""From a time to a plan of rounds: how fast networks train here, measured once, when a study is made."""

from collections.abc import Callable

from hpsearch.dataset import DatasetIdentity
from hpsearch.errors import InputError
from hpsearch.network.solver import solve
from hpsearch.study.feasibility import example_parameters
from hpsearch.study.parameters import Parameters, build_recipe, build_shape
from hpsearch.study.portfolio import list_fitting_entries
from hpsearch.study.round_plan import Cost, RoundPlan, Speed, plan_rounds
from hpsearch.study.search_space import SearchSpace
from hpsearch.study.spec import StudySpec
from hpsearch.study.trial_config import TrialConfig

MeasureEpoch = Callable[[TrialConfig], float]
"""The seconds of one epoch of a trial in a worker."""

_SMALLER = 3
"""A second network has a third of the budget: from two times follows what operations and values cost."""


def plan_time(
    spec: StudySpec, space: SearchSpace, dataset: DatasetIdentity, workers: int, measure: MeasureEpoch
) -> RoundPlan:
    """The rounds that a spec's time allows on this machine.

    Args:
        spec: With a time.
        space: What is really drawn from.
        dataset: The images' shape and number.
        workers: That train at once.
        measure: Takes a few seconds.

    Raises:
        InputError: The time is too short for a single epoch.
    """
    if spec.time is None:
        raise ValueError("a spec without a time has nothing to plan")
    reference = build_reference(spec, space, dataset, spec.budget)
    cost = reference.count_cost()
    seconds = measure(reference)
    try:
        smaller = build_reference(spec, space, dataset, spec.budget // _SMALLER)
    except InputError:  # the space has nothing so small
        return plan_rounds(spec.time, workers, fit_speed([(cost, seconds)]), cost)
    speed = fit_speed([(cost, seconds), (smaller.count_cost(), measure(smaller))])
    return plan_rounds(spec.time, workers, speed, cost)


def build_reference(spec: StudySpec, space: SearchSpace, dataset: DatasetIdentity, budget_weights: int) -> TrialConfig:
    """The network that epochs are counted of: the first of the portfolio that fits, or the middle of the space.

    Raises:
        InputError: It does not fit this budget.
    """
    entries = list_fitting_entries(spec.arch, space, spec.budget)
    chosen: Parameters = entries[0].parameters if entries else {}
    parameters = example_parameters(space, chosen)
    shape = build_shape(spec.arch, parameters)
    return TrialConfig(
        architecture=solve(shape, budget_weights, dataset.input_shape, dataset.class_count),
        recipe=build_recipe(parameters, epochs=1),
        dataset=dataset,
        validation_fraction=spec.validation_fraction,
        split_seed=spec.seed,
        seed=0,
        budget=budget_weights,
    )


def fit_speed(measured: list[tuple[Cost, float]]) -> Speed:
    """What operations and values cost, so that the estimate of the first network is just what was measured.

    Args:
        measured: The first network, and perhaps a smaller one, each with the seconds of its epoch.
    """
    (first, first_seconds), *others = measured
    for other, other_seconds in others:
        determinant = first.macs * other.values - first.values * other.macs
        if determinant == 0:
            continue
        per_mac = (first_seconds * other.values - first.values * other_seconds) / determinant
        per_value = (first.macs * other_seconds - first_seconds * other.macs) / determinant
        if per_mac >= 0 and per_value >= 0:
            return Speed(seconds_per_mac=per_mac, seconds_per_value=per_value)
        if per_mac < 0:
            return Speed(seconds_per_mac=0.0, seconds_per_value=first_seconds / first.values)
    return Speed(seconds_per_mac=first_seconds / first.macs, seconds_per_value=0.0)
