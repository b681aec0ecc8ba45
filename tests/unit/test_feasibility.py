from random import Random

import pytest

from hpsearch.dataset import InputShape
from hpsearch.network.architecture import Arch
from hpsearch.network.layers import ArchitectureError
from hpsearch.network.solver import MULTIPLE_TOLERANCE, BudgetTooSmallError, solve
from hpsearch.network.widths import TOLERANCE
from hpsearch.study.default_spaces import default_space
from hpsearch.study.feasibility import example_shape, fit_space
from hpsearch.study.parameters import build_shape
from hpsearch.study.search_space import Choices, IntRange, SearchSpace, parse_distribution
from tests.draws import draw_parameters

FASHION = InputShape(1, 28, 28)
CIFAR = InputShape(3, 32, 32)
BUDGETS = (
    10_000,
    *(pytest.param(budget, marks=pytest.mark.exhaustive) for budget in (20_000, 50_000, 200_000)),
    100_000,
)

each_budget = pytest.mark.parametrize("budget", BUDGETS)


def _strict_space(arch: Arch) -> SearchSpace:
    """The default one, without what gives budget up for speed."""
    space = default_space(arch)
    return space.replace({"width_multiple": Choices(values=(1,))}) if arch == "cnn" else space


def _count_draws(
    arch: Arch, space: SearchSpace, budget: int, input_shape: InputShape, draws: int, unused: float = TOLERANCE
) -> tuple[int, int, int]:
    """Draws over the budget, within a part of it, and all."""
    random = Random(budget)
    over = close = 0
    for _ in range(draws):
        shape = build_shape(arch, draw_parameters(space, random))
        weights = solve(shape, budget, input_shape, 10).count_weights(input_shape, 10)
        over += weights > budget
        close += (1 - unused) * budget <= weights <= budget
    return over, close, draws


@pytest.mark.slow
@pytest.mark.parametrize("arch", ["fcn", "cnn"])
@each_budget
def test_of_100_draws_none_is_over_and_95_are_within_one_percent(arch: Arch, budget: int) -> None:
    space = fit_space(arch, _strict_space(arch), budget, FASHION, 10).space
    over, close, _ = _count_draws(arch, space, budget, FASHION, 100)
    assert over == 0
    assert close >= 95


@pytest.mark.slow
@each_budget
@pytest.mark.parametrize("input_shape", [FASHION, CIFAR], ids=str)
def test_of_100_draws_of_the_default_cnn_space_none_is_over_and_95_are_within_a_tenth(
    budget: int, input_shape: InputShape
) -> None:
    fitted = fit_space("cnn", default_space("cnn"), budget, input_shape, 10)
    assert fitted.left_out == {}
    over, close, _ = _count_draws("cnn", fitted.space, budget, input_shape, 100, MULTIPLE_TOLERANCE)
    assert over == 0
    assert close >= 95


@pytest.mark.parametrize("side", [4, 8, 12])
def test_the_default_cnn_space_fits_small_images(side: int) -> None:
    assert fit_space("cnn", default_space("cnn"), 5_000, InputShape(1, side, side), 3).left_out == {}


@pytest.mark.parametrize("budget", [5_000, *BUDGETS, 1_000_000])
@pytest.mark.parametrize("input_shape", [FASHION, CIFAR], ids=str)
@pytest.mark.parametrize("arch", ["fcn", "cnn"])
def test_the_default_spaces_fit_or_name_the_smallest_budget(arch: Arch, input_shape: InputShape, budget: int) -> None:
    if (arch, input_shape) == ("fcn", CIFAR) and budget <= 10_000:
        smallest = 3072 * 4 + 2 * 4 + 5 * 10
        with pytest.raises(BudgetTooSmallError, match=rf"on 3x32x32 images: .*; give --budget {smallest} or more"):
            fit_space(arch, default_space(arch), budget, input_shape, 10)
        return
    space = fit_space(arch, _strict_space(arch), budget, input_shape, 10).space
    over, close, draws = _count_draws(arch, space, budget, input_shape, 20)
    assert over == 0
    assert close >= 0.7 * draws


def test_a_space_that_fits_is_left_as_it_is() -> None:
    space = default_space("cnn").replace({"stages": IntRange(low=2, high=3)})
    fitted = fit_space("cnn", space, 200_000, CIFAR, 10)
    assert fitted.space == space
    assert fitted.left_out == {}


def test_a_depth_whose_only_width_misses_one_percent_is_left_out() -> None:
    """One more unit of the only layer is 795 weights, over 1% of 10,000."""
    space = default_space("fcn").replace({"depth": IntRange(low=1, high=4)})
    fitted = fit_space("fcn", space, 10_000, FASHION, 10)
    assert fitted.left_out == {"depth": (1,)}
    assert fitted.reasons == {"depth": "a single width cannot come within 1% of the budget"}
    assert fitted.space.distributions["depth"] == IntRange(low=2, high=4)


def test_a_depth_of_one_stays_where_it_is_all_that_the_space_has() -> None:
    space = default_space("fcn").replace({"depth": Choices(values=(1,))})
    assert fit_space("fcn", space, 10_000, FASHION, 10).left_out == {}


def test_a_coarse_depth_stays_where_finer_ones_are_over_the_budget() -> None:
    """On 8 x 8 images depth 1 needs 310 weights and depth 2 needs 330: 320 is met by depth 1 alone, 3% short."""
    space = default_space("fcn").replace({"depth": Choices(values=(1, 2)), "batch_norm": Choices(values=(False,))})
    fitted = fit_space("fcn", space, 320, InputShape(1, 8, 8), 10)
    assert fitted.left_out == {"depth": (2,)}
    assert fitted.reasons == {"depth": "some are over the budget at their narrowest"}


def test_what_an_image_does_not_survive_is_left_out() -> None:
    space = default_space("cnn").replace(
        {"stages": parse_distribution([2, 5]), "downsampling": Choices(values=("max",))}
    )
    fitted = fit_space("cnn", space, 100_000, InputShape(1, 12, 12), 10)
    assert fitted.left_out == {"stages": (5,)}
    assert fitted.reasons == {"stages": "an image does not last through the layers of some"}


def test_a_space_of_which_no_image_survives_anything_says_what_to_allow() -> None:
    changes = {"stages": Choices(values=(5,)), "downsampling": Choices(values=("max", "average"))}
    with pytest.raises(ArchitectureError, match="survives on images of 8x8: allow fewer stages"):
        fit_space("cnn", default_space("cnn").replace(changes), 100_000, InputShape(1, 8, 8), 10)


def test_what_is_left_of_a_range_is_a_range() -> None:
    """Three unpadded stages with pools: 28-26-13-11-5-3 with kernel 3, 28-24-12-8-4 and nothing with kernel 5."""
    chosen = {"stages": 3, "blocks": 1, "block": "plain", "stem_stride": 1, "padding": "valid", "downsampling": "max"}
    changes = {name: parse_distribution(value) for name, value in chosen.items()}
    space = default_space("cnn").replace(changes | {"kernel": IntRange(low=3, high=7)})
    fitted = fit_space("cnn", space, 100_000, FASHION, 10)
    low, high = fitted.space.choices("kernel")[0], fitted.space.choices("kernel")[-1]
    assert fitted.space.distributions["kernel"] == IntRange(low=3, high=high)
    assert (low, fitted.left_out["kernel"][-1]) == (3, 7)


def test_an_example_has_the_middle_of_each_range() -> None:
    space = default_space("fcn")
    shape = example_shape("fcn", space, {"depth": 2})
    assert shape.ratios == pytest.approx((1.0, 1.0))
