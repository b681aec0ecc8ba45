"""Limits are met by construction, whatever the shape, the images and the limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpsearch.dataset import InputShape
from hpsearch.network.layers import ArchitectureError
from hpsearch.network.limits import LIMIT_NAMES, Limits
from hpsearch.network.shape import CnnShape, FcnShape, Shape, StageShape
from hpsearch.network.solver import BudgetTooSmallError, measure_smallest, solve
from tests.device_networks import ACTIVATIONS
from tests.draws import many_examples

RATIOS = st.floats(0.4, 2.5)
INPUTS = st.builds(InputShape, st.integers(1, 3), st.integers(8, 128), st.integers(8, 128))


@st.composite
def shapes(draw: st.DrawFn) -> Shape:
    activation = draw(st.sampled_from(ACTIVATIONS))
    if draw(st.booleans()):
        return FcnShape.model_validate(
            {"ratios": draw(st.lists(RATIOS, min_size=1, max_size=4)), "activation": activation}
        )
    stages = [
        StageShape.model_validate(
            {
                "block": draw(st.sampled_from(["plain", "separable", "residual"])),
                "blocks": draw(st.integers(1, 2)),
                "stride": draw(st.sampled_from([1, 2])),
                "pool": draw(st.sampled_from([None, {"kind": "max"}])),
            }
        )
        for _ in range(draw(st.integers(1, 4)))
    ]
    ratios = draw(st.lists(RATIOS, min_size=len(stages), max_size=len(stages)))
    return CnnShape.model_validate(
        {
            "stages": stages,
            "ratios": ratios,
            "activation": activation,
            "width_multiple": draw(st.sampled_from([1, 8])),
        }
    )


LIMITS = st.builds(
    Limits,
    budget=st.none() | st.integers(1_000, 100_000),
    ram=st.none() | st.integers(2_000, 256_000),
    flash=st.none() | st.integers(4_000, 256_000),
    macs=st.none() | st.integers(50_000, 20_000_000),
).filter(lambda limits: bool(limits.named))


@many_examples(2)
@given(shapes(), LIMITS, INPUTS)
def test_no_solved_network_is_over_any_limit_and_a_refusal_is_right(
    shape: Shape, limits: Limits, input_shape: InputShape
) -> None:
    try:
        smallest = measure_smallest(shape, limits, input_shape, 10)
    except ArchitectureError:
        return
    if limits.list_exceeded(smallest):
        with pytest.raises(BudgetTooSmallError) as raised:
            solve(shape, limits, input_shape, 10)
        for name in limits.list_exceeded(smallest):
            assert f"--{name} {smallest[name]}" in str(raised.value)
        return
    network = solve(shape, limits, input_shape, 10)
    measured = limits.measure(network, input_shape, 10)
    assert not limits.list_exceeded(measured)
    if limits.is_of_device:
        _check_that_what_binds_is_used(shape, limits, input_shape, measured)


def _check_that_what_binds_is_used(
    shape: Shape, limits: Limits, input_shape: InputShape, measured: dict[str, int]
) -> None:
    """Within 2% of a limit; or all widths one ratio step wider would be over it, and no one unit more comes closer."""
    load = max(value / limits.named[name] for name, value in measured.items())  # type: ignore[index]
    if load >= 0.98:
        return
    network = solve(shape, limits, input_shape, 10)
    widths = (
        list(network.widths)
        if network.arch == "fcn"
        else [*(stage.channels[0] for stage in network.stages), *network.dense]
    )
    wider = shape.build([round(1.25 * width) + 1 for width in widths])
    assert limits.list_exceeded(limits.measure(wider, input_shape, 10))
    smallest_share = min(width / ratio for width, ratio in zip(widths, shape.ratios, strict=True))
    for position in range(len(widths)):
        one_more = [*widths[:position], widths[position] + 1, *widths[position + 1 :]]
        if one_more[position] / shape.ratios[position] > smallest_share:
            continue  # far from its share
        shares = limits.measure_shares(shape.build(one_more), input_shape, 10)
        assert not load < max(shares.values()) <= 1


def test_the_names_of_limits_are_those_of_the_flags() -> None:
    assert list(Limits(1, 1, 1, 1).named) == list(LIMIT_NAMES)
