from itertools import pairwise

import pytest

from hpsearch.dataset import InputShape
from hpsearch.network.architecture import CnnArchitecture, FcnArchitecture
from hpsearch.network.layers import ArchitectureError
from hpsearch.network.shape import CnnShape, FcnShape, StageShape
from hpsearch.network.solver import BudgetTooSmallError, build_smallest, solve
from hpsearch.network.stages import CnnStage, Pool
from hpsearch.network.widths import solve_widths

FASHION = InputShape(1, 28, 28)


def test_a_single_width_is_the_largest_that_fits() -> None:
    solved = solve(FcnShape(ratios=(1.0,), batch_norm=False), 100_000, FASHION, 10)
    width = (100_000 - 10) // (785 + 10)
    assert solved == FcnArchitecture(widths=(width,), batch_norm=False)


def test_the_solver_finds_a_known_network_from_its_ratios_and_its_weights() -> None:
    solved = solve(FcnShape(ratios=(112, 106), batch_norm=False), 100_968, FASHION, 10)
    assert solved == FcnArchitecture(widths=(112, 106), batch_norm=False)


def test_two_5x5_convolutions_come_out_of_a_ratio_of_two_and_83466_weights() -> None:
    stage = StageShape(kernel=5, pool=Pool())
    shape = CnnShape(stages=(stage, stage), ratios=(1, 2), head="flatten", batch_norm=False)
    solved = solve(shape, 83_466, FASHION, 10)
    expected = tuple(CnnStage(channels=(channels,), kernel=5, pool=Pool()) for channels in (32, 64))
    assert solved == CnnArchitecture(stages=expected, head="flatten", batch_norm=False)


def test_only_the_proportions_of_ratios_count() -> None:
    solved = [
        solve(FcnShape(ratios=(scale, 2 * scale, scale)), 50_000, FASHION, 10) for scale in (0.25, 1.0, 4.0, 2.0**20)
    ]
    assert solved[1:] == solved[:-1]


def test_a_budget_met_by_no_ratio_is_met_by_bending_it() -> None:
    """Three more units of a 5x5 residual stage are 6% of this budget; the ratio bends for the 1%."""
    stages = (StageShape(kernel=5, stride=2), StageShape(block="residual", kernel=5, pool=Pool()))
    shape = CnnShape(stages=stages, ratios=(1, 1), head="flatten", batch_norm=False)
    weights = solve(shape, 10_000, FASHION, 10).count_weights(FASHION, 10)
    assert 9_900 <= weights <= 10_000


def test_widths_far_from_the_ratios_are_found_where_only_they_meet_the_budget() -> None:
    """Within four units of the ratios nothing is within 1%; 4 and 127 channels are."""
    stages = (StageShape(stride=2, pool=Pool()), StageShape(kernel=5, pool=Pool()))
    shape = CnnShape(stages=stages, ratios=(0.7947014112943864, 0.8611596459878015))
    weights = solve(shape, 14_367, InputShape(3, 64, 64), 10).count_weights(InputShape(3, 64, 64), 10)
    assert 14_367 * 0.99 <= weights <= 14_367


def test_one_layer_does_not_take_what_the_others_could_share() -> None:
    """Wider by one each costs more than what is left; the cheap stage alone would take it all: 102 and 150."""
    stages = (StageShape(block="residual", blocks=2), StageShape(block="separable", kernel=4))
    shape = CnnShape(stages=stages, ratios=(1, 1), batch_norm=False)
    solved = solve(shape, 300_000, FASHION, 2)
    assert isinstance(solved, CnnArchitecture)
    first, second = (stage.channels[0] for stage in solved.stages)
    assert max(first, second) <= 1.26 * min(first, second)
    assert 297_000 <= solved.count_weights(FASHION, 2) <= 300_000


def test_of_widths_that_all_use_the_budget_those_nearest_to_the_ratios_are_taken() -> None:
    """32, 41 and 10 units come within 1% as well, and bend a ratio by 1.85."""
    solved = solve(FcnShape(ratios=(2.0, 2.9, 1.3), batch_norm=False), 4000, InputShape(1, 8, 8), 10)
    assert solved == FcnArchitecture(widths=(29, 39, 18), batch_norm=False)


def test_a_limit_that_grows_in_steps_is_not_used_up_by_one_layer_at_the_cost_of_another() -> None:
    """23, 6 and 4 units count as much, and leave the last layer a fifth of its share."""

    def count(widths: tuple[int, ...]) -> int:
        sizes = (64, *widths, 10)
        return sum(inputs * units + units for inputs, units in pairwise(sizes)) // 64 * 64

    assert solve_widths((1.7, 0.5, 1.9), 1700, count, is_elastic=False) == (20, 6, 17)


def test_a_residual_stage_that_drops_its_projection_does_not_lead_over_the_budget() -> None:
    """Channels equal to those before need no projection, so that a narrower stage may hold more weights."""
    stages = (StageShape(block="separable"), StageShape(block="residual"))
    ratios = (0.375048116648519, 2.321437323518678)
    shape = CnnShape(stages=stages, ratios=ratios, head="flatten", batch_norm=False)
    weights = solve(shape, 10_738, InputShape(3, 16, 16), 3).count_weights(InputShape(3, 16, 16), 3)
    assert 10_738 * 0.99 <= weights <= 10_738


def _residual_shape(multiple: int) -> CnnShape:
    stages = (
        StageShape(pool=Pool(), pool_place="before_norm"),
        StageShape(block="residual", blocks=2, pool=Pool(), pool_place="before_norm"),
        StageShape(block="residual"),
    )
    return CnnShape(stages=stages, ratios=(1, 2, 4), width_multiple=multiple)


def _solve_channels(shape: CnnShape, budget: int) -> tuple[int, ...]:
    solved = solve(shape, budget, FASHION, 10)
    assert isinstance(solved, CnnArchitecture)
    assert solved.count_weights(FASHION, 10) <= budget
    return tuple(stage.channels[0] for stage in solved.stages)


def test_channels_are_rounded_to_a_multiple_where_a_tenth_of_the_budget_allows_it() -> None:
    assert _solve_channels(_residual_shape(1), 100_000) == (19, 33, 67)
    assert _solve_channels(_residual_shape(8), 100_000) == (16, 32, 64)
    assert 0.9 <= solve(_residual_shape(8), 100_000, FASHION, 10).count_weights(FASHION, 10) / 100_000 < 0.99


def test_where_no_multiple_is_near_half_of_it_is_taken_and_at_last_none() -> None:
    assert _solve_channels(_residual_shape(8), 20_000) == _solve_channels(_residual_shape(4), 20_000) == (8, 12, 32)
    assert _solve_channels(_residual_shape(8), 10_000) == _solve_channels(_residual_shape(1), 10_000)
    assert _solve_channels(_residual_shape(7), 100_000) == (14, 35, 63)


def test_hidden_dense_layers_keep_their_share_beside_rounded_channels() -> None:
    shape = CnnShape(stages=_residual_shape(8).stages, ratios=(1, 2, 4, 3), width_multiple=8)
    solved = solve(shape, 100_000, FASHION, 10)
    assert isinstance(solved, CnnArchitecture)
    assert {stage.channels[0] % 8 for stage in solved.stages} == {0}
    assert 0.9 * 100_000 <= solved.count_weights(FASHION, 10) <= 100_000


def test_a_budget_too_small_is_told_the_smallest_that_works() -> None:
    shape = FcnShape(ratios=(1, 1), batch_norm=False)
    smallest = 785 * 4 + 5 * 4 + 5 * 10
    assert build_smallest(shape).count_weights(FASHION, 10) == smallest
    with pytest.raises(BudgetTooSmallError) as caught:
        solve(shape, 3_000, FASHION, 10)
    assert str(caught.value) == (
        "budget 3k is too small for this shape: the smallest that works is 3210; give --budget 3210 or more"
    )
    assert solve(shape, smallest, FASHION, 10) == shape.build((4, 4))


def test_an_image_too_small_for_the_shape_is_said_so() -> None:
    with pytest.raises(ArchitectureError, match="does not fit an image"):
        solve(CnnShape(stages=(StageShape(pool=Pool()),) * 4, ratios=(1,) * 4), 100_000, InputShape(1, 8, 8), 10)


def test_every_stage_of_a_shape_has_a_ratio() -> None:
    with pytest.raises(ValueError, match="2 stages need as many ratios; 1 given"):
        CnnShape(stages=(StageShape(), StageShape()), ratios=(1,))


@pytest.mark.parametrize(
    ("shape", "budget", "input_shape", "class_count"),
    [
        (FcnShape(ratios=(1,) * 6), 1_000_000, FASHION, 200),
        (FcnShape(ratios=(1,)), 100_000_000, InputShape(1, 8, 8), 10),
        (FcnShape(ratios=(1e-3, 1e3)), 1_000_000, FASHION, 10),
        (FcnShape(ratios=(1, 1)), 1_000_000, InputShape(3, 224, 224), 2),
    ],
)
def test_extreme_shapes_are_solved_within_one_percent(
    shape: FcnShape, budget: int, input_shape: InputShape, class_count: int
) -> None:
    weights = solve(shape, budget, input_shape, class_count).count_weights(input_shape, class_count)
    assert 0.99 * budget <= weights <= budget
