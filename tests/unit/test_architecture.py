from typing import get_args

import pytest
from pydantic import ValidationError

from hpsearch.dataset import InputShape
from hpsearch.network.architecture import CnnArchitecture, FcnArchitecture
from hpsearch.network.layers import ArchitectureError, convolve_length, pool_length
from hpsearch.network.stages import Block, CnnStage, Pool, PoolPlace, needs_projection

FASHION = InputShape(1, 28, 28)


@pytest.mark.parametrize(
    ("widths", "hidden_weights", "output_weights"),
    [((112, 106), 99_898, 1_070), ((59, 49), 49_255, 500), ((205, 189), 199_859, 1_900)],
)
def test_a_reported_fcn_holds_its_printed_weights_and_those_of_the_output_layer(
    widths: tuple[int, int], hidden_weights: int, output_weights: int
) -> None:
    """The report that prints 99,898 for 784-112-106-10 leaves out the output layer: 107 x 10 more, 100,968 in all."""
    architecture = FcnArchitecture(widths=widths, batch_norm=False)
    assert output_weights == (widths[1] + 1) * 10
    assert architecture.count_weights(FASHION, 10) == hidden_weights + output_weights
    *hidden, output = architecture.walk_layers(FASHION, 10)
    assert sum(layer.weights for layer in hidden) == hidden_weights
    assert output.weights == output_weights


def test_a_batch_norm_takes_the_place_of_a_bias() -> None:
    plain = FcnArchitecture(widths=(112, 106), batch_norm=False)
    normed = FcnArchitecture(widths=(112, 106), batch_norm=True)
    assert normed.count_weights(FASHION, 10) == plain.count_weights(FASHION, 10) - (112 + 106) + 2 * (112 + 106)
    assert normed.count_macs(FASHION, 10) == plain.count_macs(FASHION, 10) == 784 * 112 + 112 * 106 + 106 * 10


def test_two_5x5_convolutions_and_a_dense_layer_hold_83466_weights() -> None:
    pool = Pool(kind="max", size=2, stride=2)
    architecture = CnnArchitecture(
        stages=(CnnStage(channels=(32,), kernel=5, pool=pool), CnnStage(channels=(64,), kernel=5, pool=pool)),
        head="flatten",
        batch_norm=False,
    )
    first, second, output = 32 * (25 + 1), 64 * (32 * 25 + 1), (64 * 7 * 7 + 1) * 10
    assert first + second + output == 83_466
    assert architecture.count_weights(FASHION, 10) == 83_466
    assert architecture.count_macs(FASHION, 10) == 28 * 28 * 32 * 25 + 14 * 14 * 64 * 32 * 25 + 64 * 7 * 7 * 10


def test_a_lenet_5_like_network_is_expressible_and_counted() -> None:
    """6 and 16 channels of 5x5, average pools, dense 120-84: 61,706 weights on 28 x 28 with the first padded."""
    pool = Pool(kind="average")
    architecture = CnnArchitecture(
        stages=(
            CnnStage(channels=(6,), kernel=5, padding="same", pool=pool),
            CnnStage(channels=(16,), kernel=5, padding="valid", pool=pool),
        ),
        head="flatten",
        dense=(120, 84),
        activation="tanh",
        batch_norm=False,
    )
    rows = [(row.name, row.output_shape, row.weights, row.macs) for row in architecture.walk_layers(FASHION, 10)]
    assert rows == [
        ("stage 1", (6, 28, 28), 6 * 26, 28 * 28 * 6 * 25),
        ("stage 1 pool", (6, 14, 14), 0, 0),
        ("stage 2", (16, 10, 10), 16 * (6 * 25 + 1), 10 * 10 * 16 * 6 * 25),
        ("stage 2 pool", (16, 5, 5), 0, 0),
        ("head", (400,), 0, 0),
        ("dense 1", (120,), 401 * 120, 400 * 120),
        ("dense 2", (84,), 121 * 84, 120 * 84),
        ("output", (10,), 85 * 10, 84 * 10),
    ]
    assert architecture.count_weights(FASHION, 10) == 61_706


def test_a_residual_stage_is_counted_with_its_projection() -> None:
    architecture = CnnArchitecture(stages=(CnnStage(block="residual", channels=(8, 8), stride=2),), batch_norm=True)
    first = 3 * 9 * 8 + 16 + 8 * 9 * 8 + 16 + 3 * 8 + 16
    second = 8 * 9 * 8 + 16 + 8 * 9 * 8 + 16
    assert architecture.count_weights(InputShape(3, 32, 32), 10) == first + second + 9 * 10
    assert architecture.count_macs(InputShape(3, 32, 32), 10) == 16 * 16 * (27 * 8 + 24) + 3 * 16 * 16 * 72 * 8 + 80


def test_a_projection_is_needed_where_channels_or_resolution_change() -> None:
    assert not needs_projection(8, 8, 1)
    assert needs_projection(8, 8, 2)
    assert needs_projection(4, 8, 1)


def test_the_rows_of_the_table_are_the_whole_network() -> None:
    architecture = CnnArchitecture(
        stages=(CnnStage(channels=(5,)), CnnStage(block="separable", channels=(7, 9), stride=2, pool=Pool())),
        dense=(11,),
    )
    rows = list(architecture.walk_layers(FASHION, 10))
    assert sum(row.weights for row in rows) == architecture.count_weights(FASHION, 10)
    assert sum(row.macs for row in rows) == architecture.count_macs(FASHION, 10)
    assert rows[-1].output_shape == (10,)


@pytest.mark.parametrize(
    ("length", "kernel", "stride", "padding", "output"),
    [
        (28, 5, 1, "same", 28),
        (28, 5, 1, "valid", 24),
        (28, 4, 2, "same", 14),
        (7, 3, 2, "same", 4),
        (7, 3, 2, "valid", 3),
    ],
)
def test_a_convolution_shortens_as_its_padding_says(
    length: int, kernel: int, stride: int, padding: str, output: int
) -> None:
    assert convolve_length(length, kernel, stride, padding) == output


def test_a_pool_drops_what_does_not_fill_a_window() -> None:
    assert (pool_length(7, 2, 2), pool_length(7, 3, 2), pool_length(1, 2, 2)) == (3, 3, 0)


def test_an_image_that_does_not_survive_is_named_with_the_way_out() -> None:
    pooled = CnnArchitecture(stages=(CnnStage(channels=(4,), pool=Pool()),) * 5)
    with pytest.raises(ArchitectureError, match="a 2x2 pool does not fit an image of 1x1: use fewer pools or stages"):
        pooled.count_weights(FASHION, 10)
    unpadded = CnnArchitecture(stages=(CnnStage(channels=(4,), kernel=7, padding="valid"),) * 5)
    with pytest.raises(ArchitectureError, match="a 7x7 convolution without padding does not fit an image of 4x4"):
        unpadded.count_weights(FASHION, 10)


def test_a_residual_block_without_padding_is_refused() -> None:
    with pytest.raises(ValidationError, match="padding 'valid' does not go with block 'residual'"):
        CnnStage(block="residual", channels=(4,), padding="valid")


@pytest.mark.parametrize("widths", [(), (0,), (-1,), (4,) * 33])
def test_widths_are_one_or_more_of_one_or_more_units(widths: tuple[int, ...]) -> None:
    with pytest.raises(ValidationError):
        FcnArchitecture(widths=widths)


def test_an_architecture_says_itself_in_a_line() -> None:
    assert FcnArchitecture(widths=(112, 106)).describe() == "112-106 relu, batch norm"
    stem = CnnArchitecture(stages=(CnnStage(channels=(6,), kernel=5, padding="valid"),), head="flatten")
    assert stem.describe() == "plain 5x5 6 valid; flatten; relu, batch norm"
    everywhere = stem.model_copy(update={"dropout_place": "everywhere"})
    assert everywhere.describe() == "plain 5x5 6 valid; flatten; relu, batch norm, dropout place everywhere"
    stage = CnnStage(block="residual", channels=(32, 32), stride=2, pool=Pool())
    assert CnnArchitecture(stages=(stage,), dense=(20,), batch_norm=False).describe() == (
        "residual 3x3 [32, 32] /2, max pool 2; global average -> dense 20; relu"
    )


def test_a_stage_that_says_nothing_of_the_place_of_its_pool_is_stored_as_before_there_was_one() -> None:
    stage = CnnStage(channels=(8,), pool=Pool())
    assert list(stage.model_dump()) == ["block", "channels", "kernel", "stride", "padding", "pool"]
    assert "pool_place" not in CnnArchitecture(stages=(stage,)).model_dump_json()
    moved = CnnStage(channels=(8,), pool=Pool(), pool_place="before_norm")
    assert moved.model_dump() == stage.model_dump() | {"pool_place": "before_norm"}
    assert CnnStage.model_validate_json(moved.model_dump_json()) == moved


def test_a_pool_before_the_norm_costs_no_weights_and_no_macs() -> None:
    def build(place: PoolPlace, block: Block) -> CnnArchitecture:
        stages = (CnnStage(block=block, channels=(8, 12), pool=Pool(), pool_place=place), CnnStage(channels=(5,)))
        return CnnArchitecture(stages=stages)

    for block in get_args(Block):
        behind, before = build("last", block), build("before_norm", block)
        assert behind.count_weights(FASHION, 10) == before.count_weights(FASHION, 10)
        assert behind.count_macs(FASHION, 10) == before.count_macs(FASHION, 10)
    rows = [(row.name, row.output_shape) for row in build("before_norm", "plain").walk_layers(FASHION, 10)]
    assert rows[2:5] == [
        ("stage 1 block 2", (12, 28, 28)),
        ("stage 1 pool", (12, 14, 14)),
        ("stage 1 block 2 norm", (12, 14, 14)),
    ]


def test_the_place_of_a_pool_is_told_and_needs_a_pool() -> None:
    plain = CnnStage(channels=(8,), pool=Pool(), pool_place="before_norm")
    assert plain.describe() == "plain 3x3 8, max pool 2 before the norm"
    residual = CnnStage(block="residual", channels=(8,), pool=Pool(), pool_place="before_norm")
    assert residual.describe() == "residual 3x3 8, max pool 2 before the activation"
    with pytest.raises(ValidationError, match="pool_place 'before_norm' goes with a pool only"):
        CnnStage(channels=(8,), pool_place="before_norm")
