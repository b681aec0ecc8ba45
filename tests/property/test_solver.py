import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hpsearch.dataset import InputShape
from hpsearch.network.architecture import Architecture, FcnArchitecture
from hpsearch.network.layers import ArchitectureError
from hpsearch.network.shape import CnnShape, FcnShape, Shape
from hpsearch.network.solver import MULTIPLE_TOLERANCE, BudgetTooSmallError, build_smallest, solve
from hpsearch.network.widths import MINIMUM_WIDTH, TOLERANCE
from tests.draws import budgets, class_counts, cnn_shapes, fcn_shapes, input_shapes, many_examples, shapes


def _assume_fits(shape: Shape, budget: int, input_shape: InputShape, class_count: int) -> None:
    try:
        smallest = build_smallest(shape).count_weights(input_shape, class_count)
    except ArchitectureError:
        assume(False)
    assume(smallest <= budget)


def _widths(architecture: Architecture) -> tuple[int, ...]:
    if isinstance(architecture, FcnArchitecture):
        return architecture.widths
    return (*(stage.channels[0] for stage in architecture.stages), *architecture.dense)


def _is_close_anywhere(shape: Shape, budget: int, input_shape: InputShape, class_count: int) -> bool:
    """Every choice of one or two widths, however far from the ratios."""

    def count(*widths: int) -> int:
        return shape.build(widths).count_weights(input_shape, class_count)

    def list_fitting(*before: int) -> list[tuple[int, ...]]:
        rest = (MINIMUM_WIDTH,) * (len(shape.ratios) - len(before) - 1)
        fitting, width, misses = [], MINIMUM_WIDTH, 0
        # Two misses in a row: a residual block may fit without its projection where the width before does not.
        while misses < 2:
            fits = count(*before, width, *rest) <= budget
            misses = 0 if fits else misses + 1
            fitting += [(*before, width)] if fits else []
            width += 1
        return fitting

    found = list_fitting()
    if len(shape.ratios) == 2:
        found = [widths for first in found for widths in list_fitting(*first)]
    return any(count(*widths) >= (1 - TOLERANCE) * budget for widths in found)


@many_examples(5)
@given(shape=shapes(), budget=budgets, input_shape=input_shapes(), class_count=class_counts)
def test_a_solved_architecture_has_the_shape_and_is_never_over_the_budget(
    shape: Shape, budget: int, input_shape: InputShape, class_count: int
) -> None:
    _assume_fits(shape, budget, input_shape, class_count)
    architecture = solve(shape, budget, input_shape, class_count)
    assert architecture.count_weights(input_shape, class_count) <= budget
    assert min(_widths(architecture)) >= MINIMUM_WIDTH
    assert shape.build(_widths(architecture)) == architecture


@many_examples(6)
@given(
    shape=fcn_shapes(2) | cnn_shapes(2, 0),
    budget=budgets,
    input_shape=input_shapes(),
    class_count=class_counts,
)
def test_one_or_two_widths_miss_one_percent_only_where_no_widths_meet_it(
    shape: Shape, budget: int, input_shape: InputShape, class_count: int
) -> None:
    assume(len(shape.ratios) <= 2)
    _assume_fits(shape, budget, input_shape, class_count)
    weights = solve(shape, budget, input_shape, class_count).count_weights(input_shape, class_count)
    if weights < (1 - TOLERANCE) * budget:
        # Only where it is small enough to try everything.
        assume(len(shape.ratios) == 1 or budget <= 60_000)
        assert not _is_close_anywhere(shape, budget, input_shape, class_count)


@many_examples(3)
@given(
    shape=cnn_shapes(),
    multiple=st.sampled_from([2, 4, 6, 8, 16]),
    budget=budgets,
    input_shape=input_shapes(),
    class_count=class_counts,
)
def test_rounded_channels_are_within_a_tenth_of_the_budget_or_as_without_a_multiple(
    shape: CnnShape, multiple: int, budget: int, input_shape: InputShape, class_count: int
) -> None:
    _assume_fits(shape, budget, input_shape, class_count)
    rounded = shape.model_copy(update={"width_multiple": multiple})
    solved = solve(rounded, budget, input_shape, class_count)
    weights = solved.count_weights(input_shape, class_count)
    assert weights <= budget
    if solved != solve(shape, budget, input_shape, class_count):
        assert weights >= (1 - MULTIPLE_TOLERANCE) * budget
        channels = _widths(solved)[: len(shape.stages)]
        fine = [multiple] + [multiple // 2**power for power in (1, 2) if multiple // 2**power >= 4]
        assert any(all(width % each == 0 for width in channels) for each in fine)


@many_examples(2)
@given(
    shape=shapes(), budget=st.integers(100_000, 1_000_000), input_shape=input_shapes(8, 32), class_count=class_counts
)
def test_several_widths_meet_a_large_budget_within_one_percent(
    shape: Shape, budget: int, input_shape: InputShape, class_count: int
) -> None:
    assume(len(shape.ratios) > 2)
    _assume_fits(shape, budget, input_shape, class_count)
    weights = solve(shape, budget, input_shape, class_count).count_weights(input_shape, class_count)
    assert weights >= (1 - TOLERANCE) * budget


@many_examples(3)
@given(shape=fcn_shapes(4) | cnn_shapes(3, 0), budget=st.integers(300_000, 1_000_000), class_count=st.integers(2, 20))
def test_ratios_are_kept_where_a_unit_of_any_layer_is_a_small_part_of_the_budget(
    shape: Shape, budget: int, class_count: int
) -> None:
    input_shape = InputShape(1, 28, 28)
    _assume_fits(shape, budget, input_shape, class_count)
    solved = solve(shape, budget, input_shape, class_count)
    widths, weights = _widths(solved), solved.count_weights(input_shape, class_count)
    for position, width in enumerate(widths):
        wider = shape.build((*widths[:position], width + 1, *widths[position + 1 :]))
        assume(wider.count_weights(input_shape, class_count) - weights <= 0.005 * budget)
    # Half a unit is 3% of 16.
    assume(min(widths) >= 16)
    shares = [width / ratio for width, ratio in zip(widths, shape.ratios, strict=True)]
    assert max(shares) <= 1.25 * min(shares)


@given(shape=shapes(), budget=budgets, input_shape=input_shapes(), class_count=class_counts)
def test_the_same_shape_and_budget_always_give_the_same_widths(
    shape: Shape, budget: int, input_shape: InputShape, class_count: int
) -> None:
    _assume_fits(shape, budget, input_shape, class_count)
    first = solve(shape, budget, input_shape, class_count)
    again = type(shape).model_validate_json(shape.model_dump_json())
    assert isinstance(again, FcnShape | CnnShape)
    assert solve(again, budget, input_shape, class_count) == first


@many_examples(2)
@given(shape=shapes(), input_shape=input_shapes(), class_count=class_counts)
def test_a_budget_that_is_too_small_is_told_the_smallest_that_works(
    shape: Shape, input_shape: InputShape, class_count: int
) -> None:
    _assume_fits(shape, 10**9, input_shape, class_count)
    with pytest.raises(BudgetTooSmallError) as caught:
        solve(shape, 1, input_shape, class_count)
    named = re.search(r"give --budget (\d+) or more", str(caught.value))
    assert named is not None
    smallest = int(named[1])
    assert solve(shape, smallest, input_shape, class_count).count_weights(input_shape, class_count) <= smallest
    with pytest.raises(BudgetTooSmallError):
        solve(shape, smallest - 1, input_shape, class_count)


@given(
    ratios=st.lists(st.sampled_from([1e-15, 1e-3, 1.0, 1e3, 1e15]), min_size=2, max_size=6),
    budget=budgets,
)
def test_ratios_of_any_size_are_solved(ratios: list[float], budget: int) -> None:
    shape = FcnShape(ratios=tuple(ratios))
    assert solve(shape, budget, InputShape(1, 8, 8), 10).count_weights(InputShape(1, 8, 8), 10) <= budget
