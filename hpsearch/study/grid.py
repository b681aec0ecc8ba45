"""What the sampler `grid` wants of a space: finitely many points, and not too many."""

import math

from hpsearch.errors import InputError
from hpsearch.network.architecture import Arch
from hpsearch.study.parameters import list_unused
from hpsearch.study.search_space import Choices, FloatRange, IntRange, SearchSpace

_MAXIMUM_GRID_POINTS = 100_000
"""Optuna's grid sampler holds every point in memory."""


def check_grid(arch: Arch, space: SearchSpace) -> None:
    """Raises InputError where the space has real numbers that are searched, or more points than can be held."""
    unused = list_unused(arch, space)
    ranges = [
        name
        for name, distribution in space.distributions.items()
        if isinstance(distribution, FloatRange) and distribution.low != distribution.high and name not in unused
    ]
    if ranges:
        raise InputError(
            f"sampler grid needs finitely many values, but these are ranges of real numbers: {', '.join(ranges)}; "
            "give each a list in the study file's [space], or take another sampler"
        )
    points = math.prod(_count_values(distribution) for distribution in space.distributions.values())
    if points > _MAXIMUM_GRID_POINTS:
        raise InputError(
            f"sampler grid would have {points} points, over the {_MAXIMUM_GRID_POINTS:,} allowed: "
            "give fewer values in the study file's [space], or take another sampler"
        )


def _count_values(distribution: FloatRange | IntRange | Choices) -> int:
    match distribution:
        case Choices(values=values):
            return len(values)
        case IntRange(low=low, high=high):
            return high - low + 1
    return 1
