"""Draws for tests: parameters from a search space, and Hypothesis strategies for inputs, shapes and architectures."""

import math
from collections.abc import Callable
from random import Random
from typing import Any, get_args

from hypothesis import settings
from hypothesis import strategies as st

from hpsearch.dataset import InputShape
from hpsearch.network.architecture import Activation, CnnArchitecture, FcnArchitecture
from hpsearch.network.shape import CnnShape, FcnShape, Shape, StageShape
from hpsearch.network.stages import Block, CnnStage, Pool, PoolPlace
from hpsearch.study.search_space import Choices, FloatRange, IntRange, SearchSpace, Value


def many_examples(factor: int) -> settings:
    """So many times the examples of the profile."""
    return settings(max_examples=factor * settings().max_examples)


def draw_parameters(space: SearchSpace, random: Random) -> dict[str, Value]:
    parameters: dict[str, Value] = {}
    for name, distribution in space.distributions.items():
        match distribution:
            case Choices(values=values):
                parameters[name] = random.choice(values)
            case IntRange(low=low, high=high):
                parameters[name] = random.randint(low, high)
            case FloatRange(low=low, high=high, log=True):
                parameters[name] = min(max(math.exp(random.uniform(math.log(low), math.log(high))), low), high)
            case FloatRange(low=low, high=high):
                parameters[name] = random.uniform(low, high)
    return parameters


def input_shapes(smallest: int = 8, largest: int = 64) -> st.SearchStrategy[InputShape]:
    lengths = st.integers(smallest, largest)
    return st.builds(InputShape, st.sampled_from([1, 3]), lengths, lengths)


class_counts = st.sampled_from([2, 3, 10, 47, 100, 200])
# As many small budgets as large ones.
budgets = st.floats(math.log(5_000), math.log(1_000_000)).map(lambda exponent: round(math.exp(exponent)))
_ratios = st.floats(0.25, 4.0)
_pools = st.none() | st.builds(Pool, kind=st.sampled_from(["max", "average"]), size=st.just(2), stride=st.just(2))
_any_pools = st.none() | st.builds(
    Pool, kind=st.sampled_from(["max", "average"]), size=st.integers(1, 4), stride=st.integers(1, 4)
)


def fcn_shapes(maximum_depth: int = 6) -> st.SearchStrategy[FcnShape]:
    ratios = st.lists(_ratios, min_size=1, max_size=maximum_depth)
    return st.builds(FcnShape, ratios=ratios, batch_norm=st.booleans())


@st.composite
def cnn_shapes(draw: Callable[..., Any], maximum_stages: int = 4, maximum_dense: int = 2) -> CnnShape:
    stage = st.builds(
        StageShape,
        block=st.sampled_from(get_args(Block)),
        blocks=st.integers(1, 2),
        kernel=st.sampled_from([3, 4, 5, 7]),
        stride=st.sampled_from([1, 2]),
        pool=_pools,
    )
    stages = draw(st.lists(stage, min_size=1, max_size=maximum_stages))
    dense = draw(st.integers(0, maximum_dense))
    ratios = draw(st.lists(_ratios, min_size=len(stages) + dense, max_size=len(stages) + dense))
    head = draw(st.sampled_from(["global_average", "flatten"]))
    return CnnShape(stages=tuple(stages), ratios=tuple(ratios), head=head, batch_norm=draw(st.booleans()))


def shapes(maximum_depth: int = 6, maximum_stages: int = 4, maximum_dense: int = 2) -> st.SearchStrategy[Shape]:
    return fcn_shapes(maximum_depth) | cnn_shapes(maximum_stages, maximum_dense)


_widths = st.integers(1, 40)
fcn_architectures = st.builds(
    FcnArchitecture,
    widths=st.lists(_widths, min_size=1, max_size=6),
    activation=st.sampled_from(get_args(Activation)),
    batch_norm=st.booleans(),
)


@st.composite
def _stages(draw: Callable[..., Any]) -> CnnStage:
    block, pool = draw(st.sampled_from(get_args(Block))), draw(_any_pools)
    return CnnStage(
        block=block,
        channels=draw(st.lists(_widths, min_size=1, max_size=3)),
        kernel=draw(st.integers(1, 7)),
        stride=draw(st.integers(1, 3)),
        padding="same" if block == "residual" else draw(st.sampled_from(["same", "valid"])),
        pool=pool,
        pool_place="last" if pool is None else draw(st.sampled_from(get_args(PoolPlace))),
    )


cnn_architectures = st.builds(
    CnnArchitecture,
    stages=st.lists(_stages(), min_size=1, max_size=4),
    head=st.sampled_from(["global_average", "flatten"]),
    dense=st.lists(_widths, max_size=3),
    activation=st.sampled_from(get_args(Activation)),
    batch_norm=st.booleans(),
)
