"""From a time to a plan of rounds: how fast networks train here, measured once, when a study is made."""

import contextlib
from collections.abc import Callable
from statistics import median
from time import monotonic

from hpsearch.dataset import DatasetIdentity
from hpsearch.errors import InputError
from hpsearch.network.limits import Limits
from hpsearch.network.solver import solve
from hpsearch.study.feasibility import example_parameters
from hpsearch.study.parameters import Parameters, build_recipe, build_shape
from hpsearch.study.portfolio import PortfolioEntry, list_fitting_entries
from hpsearch.study.round_plan import (
    ENOUGH_EPOCHS,
    LEAST_EFFICIENCY,
    START_SECONDS,
    TIMED_START_SECONDS,
    Cost,
    RoundPlan,
    Speed,
    list_thread_counts,
    plan_rounds,
)
from hpsearch.study.search_space import SearchSpace
from hpsearch.study.spec import StudySpec
from hpsearch.study.trial_config import TrialConfig

MeasureEpoch = Callable[[TrialConfig, int], float]
"""The seconds of one epoch of a trial that so many cores train together."""

_TURNS = 3
"""How often the time of one core and of several is measured, by turns: each can be a third off where others use the
machine."""
_COUNTED_SECONDS = TIMED_START_SECONDS - START_SECONDS
"""Of measuring, in every plan; what it takes beyond that, on a slow machine, is missing at the end."""
_SMALLER = 3
"""A second network has a third of every limit: from two times follows what operations and values cost."""


def plan_time(
    spec: StudySpec,
    space: SearchSpace,
    dataset: DatasetIdentity,
    workers: int,
    measure: MeasureEpoch,
    *,
    share_cores: bool = False,
    drawn_at_most: int | None = None,
) -> RoundPlan:
    """The rounds that a spec's time allows on this machine.

    Args:
        spec: With a time.
        space: What is really drawn from.
        dataset: The images' shape and number.
        workers: That train at once.
        measure: Takes a few seconds.
        share_cores: Whether the workers have a core each of one machine, so that several can train one trial together.
        drawn_at_most: Trials of the first round, where there is no use for more.

    Raises:
        InputError: The time is too short for a single epoch.
    """
    if spec.time is None:
        raise ValueError("a spec without a time has nothing to plan")
    begun = monotonic()
    reference = build_reference(spec, space, dataset, spec.limits)
    cost = reference.count_cost()
    measured = [(cost, measure(reference, 1))]
    with contextlib.suppress(InputError):  # the space has nothing so small
        smaller = build_reference(spec, space, dataset, spec.limits.divide(_SMALLER))
        measured.append((smaller.count_cost(), measure(smaller, 1)))
    known = len(_list_known(spec, space)) if spec.settle_portfolio().portfolio else 0
    given = spec.time

    def plan_by(alone: float, threads: int = 1, speedup: float = 1.0) -> RoundPlan:
        speed = fit_speed([(cost, alone), *measured[1:]])
        left = given - max(0.0, monotonic() - begun - _COUNTED_SECONDS)
        time = max(left, min(given, TIMED_START_SECONDS + alone))
        return plan_rounds(
            time, workers, speed, cost, threads=threads, speedup=speedup, known=known, drawn_at_most=drawn_at_most
        )

    alone = [measured[0][1]]
    plan = plan_by(alone[0])
    for threads in list_thread_counts(workers) if share_cores else []:
        if plan.rounds[-1].epochs >= ENOUGH_EPOCHS:
            break
        together = [measure(reference, threads)]
        while len(together) < _TURNS:
            alone.append(measure(reference, 1))
            together.append(measure(reference, threads))
        speedup = min(threads, median(alone) / median(together))
        if speedup < LEAST_EFFICIENCY * threads:
            if plan.threads == 1:
                plan = plan_by(median(alone))
            break
        plan = plan_by(median(alone), threads, speedup)
    if len(plan.rounds) > 1 or not known:
        return plan
    # What is known to be trained, and is given its epochs now for good, is measured itself.
    others = _list_known(spec, space)[1 : plan.rounds[0].trials]
    networks = [_build_network(spec, space, dataset, spec.limits, entry.parameters) for entry in others]
    return plan.measure_more({network.count_cost(): measure(network, 1) for network in networks})


def build_reference(spec: StudySpec, space: SearchSpace, dataset: DatasetIdentity, limits: Limits) -> TrialConfig:
    """The network that epochs are counted of: the first of the portfolio that fits, or the middle of the space.

    Raises:
        InputError: It does not fit these limits.
    """
    entries = _list_known(spec, space)
    return _build_network(spec, space, dataset, limits, entries[0].parameters if entries else {})


def _build_network(
    spec: StudySpec, space: SearchSpace, dataset: DatasetIdentity, limits: Limits, chosen: Parameters
) -> TrialConfig:
    parameters = example_parameters(space, chosen)
    shape = build_shape(spec.arch, parameters)
    return TrialConfig(
        architecture=solve(shape, limits, dataset.input_shape, dataset.class_count),
        recipe=build_recipe(parameters, epochs=1),
        dataset=dataset,
        validation_fraction=spec.validation_fraction,
        split_seed=spec.seed,
        seed=0,
        budget=limits.budget,
    )


def _list_known(spec: StudySpec, space: SearchSpace) -> list[PortfolioEntry]:
    return list_fitting_entries(spec.arch, space, spec.limits.weights_at_most)


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
