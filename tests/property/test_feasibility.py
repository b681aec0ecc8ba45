import itertools
import re
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hpsearch.dataset import InputShape
from hpsearch.network.architecture import Arch
from hpsearch.network.layers import ArchitectureError
from hpsearch.network.solver import BudgetTooSmallError, solve
from hpsearch.network.widths import TOLERANCE
from hpsearch.study.default_spaces import default_space
from hpsearch.study.feasibility import fit_space
from hpsearch.study.parameters import SHAPE_PARAMETERS, build_shape
from hpsearch.study.search_space import Choices, SearchSpace
from tests.draws import class_counts, draw_parameters, input_shapes

_POSSIBLE: dict[Arch, dict[str, tuple[Any, ...]]] = {
    "fcn": {"depth": (1, 2, 3, 4, 5, 6), "batch_norm": (True, False)},
    "cnn": {
        "stages": (1, 2, 3, 4, 5),
        "blocks": (1, 2, 4),
        "blocks_last": ("same", 1, 3),
        "block": ("plain", "separable", "residual"),
        "kernel": (3, 4, 5, 7),
        "stem_stride": (1, 2),
        "padding": ("same", "valid"),
        "downsampling": ("max", "average", "stride", "none"),
        "head": ("global_average", "flatten"),
        "dense_layers": (0, 1, 2),
        "batch_norm": (True, False),
    },
}


@st.composite
def _spaces(draw: Callable[..., Any]) -> tuple[Arch, SearchSpace]:
    """A default space with one or two values for each parameter of the shape, of which at most six have two."""
    arch: Arch = draw(st.sampled_from(["fcn", "cnn"]))
    widest = 6 if arch == "fcn" else 3
    lists = {
        name: draw(st.lists(st.sampled_from(values), min_size=1, max_size=widest, unique=True))
        for name, values in _POSSIBLE[arch].items()
    }
    branching = [name for name, values in lists.items() if len(values) > 1]
    for name in branching[4:]:
        lists[name] = lists[name][:1]
    changes = {name: Choices(values=tuple(values)) for name, values in lists.items()}
    if arch == "cnn":
        changes["width_multiple"] = Choices(values=(draw(st.sampled_from([1, 4, 8])),))
    return arch, default_space(arch).replace(changes)


_budgets = st.floats(6, 14).map(lambda exponent: round(2.718**exponent))


def _fails(arch: Arch, space: SearchSpace, chosen: dict[str, Any], budget: int, shape: InputShape, count: int) -> bool:
    parameters = draw_parameters(space, Random(0)) | chosen | {"width_multiple": 1}
    try:
        weights = solve(build_shape(arch, parameters), budget, shape, count).count_weights(shape, count)
    except (BudgetTooSmallError, ArchitectureError):
        return True
    return weights < (1 - TOLERANCE) * budget


@given(given=_spaces(), budget=_budgets, input_shape=input_shapes(8, 32), class_count=class_counts, seed=st.integers())
def test_every_draw_of_a_fitted_space_fits_and_what_was_left_out_did_not(
    given: tuple[Arch, SearchSpace], budget: int, input_shape: InputShape, class_count: int, seed: int
) -> None:
    arch, space = given
    try:
        fitted = fit_space(arch, space, budget, input_shape, class_count)
    except (BudgetTooSmallError, ArchitectureError):
        assume(False)
    random = Random(seed)
    for _ in range(5):
        shape = build_shape(arch, draw_parameters(fitted.space, random))
        assert solve(shape, budget, input_shape, class_count).count_weights(input_shape, class_count) <= budget
    names = SHAPE_PARAMETERS[arch]
    for name in names:
        kept, left_out = fitted.space.choices(name), fitted.left_out.get(name, ())
        assert set(kept) | set(left_out) == set(space.choices(name))
        assert not set(kept) & set(left_out)
    everything = [
        dict(zip(names, values, strict=True)) for values in itertools.product(*(space.choices(name) for name in names))
    ]
    for name, values in fitted.left_out.items():
        for value in values:
            with_value = [chosen for chosen in everything if chosen[name] == value]
            assert any(_fails(arch, space, chosen, budget, input_shape, class_count) for chosen in with_value)


@given(given=_spaces(), input_shape=input_shapes(8, 32), class_count=class_counts)
def test_a_budget_too_small_for_a_space_is_told_the_smallest_that_works(
    given: tuple[Arch, SearchSpace], input_shape: InputShape, class_count: int
) -> None:
    arch, space = given
    with pytest.raises((BudgetTooSmallError, ArchitectureError)) as caught:
        fit_space(arch, space, 1, input_shape, class_count)
    assume(caught.type is BudgetTooSmallError)
    named = re.search(r"the smallest that works is (\d+); give --budget \1 or more", str(caught.value))
    assert named is not None
    smallest = int(named[1])
    fit_space(arch, space, smallest, input_shape, class_count)
    with pytest.raises(BudgetTooSmallError):
        fit_space(arch, space, smallest - 1, input_shape, class_count)
