from random import Random
from typing import Any

import pytest

from hpsearch.errors import InputError
from hpsearch.network.architecture import Arch
from hpsearch.network.shape import CnnShape, FcnShape, StageShape
from hpsearch.network.stages import Pool
from hpsearch.study.default_spaces import default_space
from hpsearch.study.parameters import PARAMETER_TYPES, build_recipe, build_shape, check_space, spell_out
from hpsearch.study.search_space import SearchSpace, parse_distribution
from tests.draws import draw_parameters


def _first(arch: Arch, **changes: Any) -> dict[str, Any]:
    space = default_space(arch).replace({name: parse_distribution(value) for name, value in changes.items()})
    return draw_parameters(space, Random(0)) | changes


@pytest.mark.parametrize("arch", ["fcn", "cnn"])
def test_the_default_space_has_just_the_parameters_of_its_family(arch: Arch) -> None:
    space = default_space(arch)
    check_space(arch, space)
    assert set(space.distributions) == set(PARAMETER_TYPES[arch])


@pytest.mark.parametrize(
    ("arch", "name", "given", "message"),
    [
        ("fcn", "depth", 7, "space.depth: 7 is not allowed; give a whole number from 1 to 6"),
        ("fcn", "depth", {"low": 0, "high": 3}, "space.depth: 0 is not allowed; give a whole number from 1 to 6"),
        ("fcn", "depth", {"low": 1.5, "high": 3.0}, "space.depth: 1.5 is not allowed; give a whole number from 1 to 6"),
        ("fcn", "depth", True, "space.depth: True is not allowed; give a whole number from 1 to 6"),
        ("fcn", "activation", "swish", "space.activation: 'swish' is not allowed; give relu, leaky_relu, "),
        ("fcn", "batch_norm", 1, "space.batch_norm: 1 is not allowed; give true or false"),
        ("fcn", "lr", 50, "space.lr: 50 is not allowed; give a number, above 0 and at most 10"),
        ("fcn", "lr", "fast", "space.lr: 'fast' is not allowed; give a number, above 0 and at most 10"),
        ("fcn", "lr", float("nan"), "space.lr: nan is not allowed"),
        ("fcn", "dropout", 1.0, "space.dropout: 1.0 is not allowed; give a number, at least 0 and below 1"),
        ("fcn", "batch_size", 64.0, "space.batch_size: 64.0 is not allowed; give a whole number from 1 to 65,536"),
        ("fcn", "width_ratio_2", 0.0, "space.width_ratio_2: 0.0 is not allowed; give a number from 0.001 to 1,000"),
        ("cnn", "kernel", [3, 16], "space.kernel: 16 is not allowed; give a whole number from 1 to 15"),
        ("cnn", "kernel", {"low": 3.0, "high": 5.0}, "space.kernel: 3.0 is not allowed; give a whole number from 1"),
        (
            "cnn",
            "downsampling",
            "maxpool",
            "space.downsampling: 'maxpool' is not allowed; give max, average, stride or",
        ),
        (
            "cnn",
            "blocks_last",
            "none",
            "space.blocks_last: 'none' is not allowed; give a whole number from 1 to 8 or same",
        ),
        ("cnn", "blocks_last", [1, 9], "space.blocks_last: 9 is not allowed; give a whole number from 1 to 8 or same"),
        ("cnn", "pool_place", "first", "space.pool_place: 'first' is not allowed; give last or before_norm"),
        ("cnn", "width_multiple", 0, "space.width_multiple: 0 is not allowed; give a whole number from 1 to 64"),
        ("cnn", "stages", 0, "space.stages: 0 is not allowed; give a whole number from 1 to 5"),
        ("cnn", "dense_layers", 4, "space.dense_layers: 4 is not allowed; give a whole number from 0 to 3"),
    ],
)
def test_a_value_out_of_its_bounds_is_answered_with_the_value_and_what_to_give(
    arch: Arch, name: str, given: object, message: str
) -> None:
    space = default_space(arch).replace({name: parse_distribution(given)})
    with pytest.raises(InputError) as caught:
        check_space(arch, space)
    assert str(caught.value).startswith(message)


def test_a_missing_and_an_unknown_parameter_are_named() -> None:
    distributions = dict(default_space("fcn").distributions)
    with pytest.raises(InputError, match=r"space\.kernel is no parameter of arch fcn; allowed: depth, "):
        check_space("fcn", SearchSpace(distributions=distributions | {"kernel": parse_distribution(3)}))
    del distributions["lr"]
    with pytest.raises(InputError, match=r"space\.lr is missing"):
        check_space("fcn", SearchSpace(distributions=distributions))


def test_each_width_is_drawn_relative_to_the_one_before() -> None:
    parameters = _first("fcn", depth=3, width_ratio_2=0.5, width_ratio_3=2.0, activation="gelu", batch_norm=False)
    expected = FcnShape(ratios=(1.0, 0.5, 1.0), activation="gelu", batch_norm=False)
    assert build_shape("fcn", parameters) == expected


def test_what_lies_beyond_the_depth_drawn_changes_nothing() -> None:
    shallow = _first("fcn", depth=2, width_ratio_3=0.5, width_ratio_4=0.5)
    assert build_shape("fcn", shallow) == build_shape("fcn", shallow | {"width_ratio_3": 2.0, "width_ratio_4": 2.0})


def test_the_steepest_allowed_ratios_make_a_shape() -> None:
    factors = {f"width_ratio_{layer}": 1000 for layer in range(2, 7)}
    shape = build_shape("fcn", _first("fcn", depth=6, **factors))
    assert shape.ratios[-1] == pytest.approx(1e15)


def test_a_cnn_starts_with_a_stem_and_pools_between_stages() -> None:
    chosen: dict[str, Any] = {
        "stages": 3,
        "blocks": 2,
        "blocks_last": "same",
        "block": "separable",
        "kernel": 5,
        "stem_stride": 2,
        "padding": "same",
        "downsampling": "max",
        "pool_place": "last",
        "width_multiple": 1,
        "channel_ratio_2": 2.0,
        "channel_ratio_3": 1.5,
        "head": "global_average",
        "dense_layers": 1,
        "dense_ratio": 2.0,
    }
    shape = build_shape("cnn", _first("cnn", **chosen))
    assert isinstance(shape, CnnShape)
    stem = StageShape(block="plain", blocks=1, kernel=5, stride=2, pool=Pool())
    inner = StageShape(block="separable", blocks=2, kernel=5, pool=Pool())
    last = StageShape(block="separable", blocks=2, kernel=5)
    assert shape.stages == (stem, inner, last)
    assert shape.ratios == (1.0, 2.0, 3.0, 6.0)


@pytest.mark.parametrize("head", ["flatten", "global_average"])
def test_every_stage_but_the_last_pools(head: str) -> None:
    shape = build_shape("cnn", _first("cnn", stages=3, downsampling="average", head=head))
    assert isinstance(shape, CnnShape)
    assert [stage.pool for stage in shape.stages] == [Pool(kind="average"), Pool(kind="average"), None]


def test_the_last_stage_may_have_blocks_of_its_own() -> None:
    def count_blocks(**chosen: Any) -> list[int]:
        shape = build_shape("cnn", _first("cnn", **chosen))
        assert isinstance(shape, CnnShape)
        return [stage.blocks for stage in shape.stages]

    assert count_blocks(stages=4, blocks=2, blocks_last=1) == [1, 2, 2, 1]
    assert count_blocks(stages=3, blocks=2, blocks_last="same") == [1, 2, 2]
    assert count_blocks(stages=2, blocks=2, blocks_last=3) == [1, 3]
    assert count_blocks(stages=1, blocks=2, blocks_last=3) == [1]


def test_the_place_of_a_pool_and_the_multiple_of_widths_are_drawn() -> None:
    shape = build_shape("cnn", _first("cnn", stages=3, pool_place="before_norm", width_multiple=4))
    assert isinstance(shape, CnnShape)
    assert [stage.pool_place for stage in shape.stages] == ["before_norm", "before_norm", "last"]
    assert shape.width_multiple == 4
    without = build_shape("cnn", _first("cnn", stages=3, downsampling="stride", pool_place="before_norm"))
    assert isinstance(without, CnnShape)
    assert {stage.pool_place for stage in without.stages} == {"last"}


def test_a_draw_is_spelled_out_without_the_word_for_another_value() -> None:
    assert spell_out({"blocks": 2, "blocks_last": "same", "lr": 0.1}) == {"blocks": 2, "blocks_last": 2, "lr": 0.1}
    assert spell_out({"blocks": 2, "blocks_last": 1}) == {"blocks": 2, "blocks_last": 1}
    assert spell_out({"depth": 2}) == {"depth": 2}


def test_strided_downsampling_strides_every_stage_but_the_stem() -> None:
    shape = build_shape("cnn", _first("cnn", stages=3, downsampling="stride", stem_stride=1))
    assert isinstance(shape, CnnShape)
    assert [stage.stride for stage in shape.stages] == [1, 2, 2]
    assert {stage.pool for stage in shape.stages} == {None}


def test_residual_blocks_are_padded_whatever_was_drawn() -> None:
    shape = build_shape("cnn", _first("cnn", block="residual", padding="valid"))
    assert isinstance(shape, CnnShape)
    assert {stage.padding for stage in shape.stages} == {"same"}


def test_a_recipe_takes_its_numbers_from_the_draw() -> None:
    parameters = _first("fcn", optimizer="sgd", lr=0.02, momentum=0.8, dropout=0.25, augmentation="shift")
    recipe = build_recipe(parameters, epochs=7)
    assert (recipe.epochs, recipe.optimizer, recipe.lr, recipe.momentum) == (7, "sgd", 0.02, 0.8)
    assert (recipe.dropout, recipe.augmentation) == (0.25, "shift")
