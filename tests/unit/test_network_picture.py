"""The picture of a network: which layers are one block, and what it says of them."""

from hpsearch.network.architecture import CnnArchitecture
from hpsearch.network.stages import CnnStage, Pool, PoolPlace
from hpsearch.reporting.network_picture import draw_network, list_blocks
from tests.scripted import TINY_DATASET


def _list_stage(place: PoolPlace) -> list[tuple[str, tuple[int, ...], tuple[str, ...]]]:
    stages = (CnnStage(channels=(6, 6), pool=Pool(), pool_place=place),)
    blocks = list_blocks(CnnArchitecture(stages=stages), TINY_DATASET)
    return [(block.what, block.shape, block.notes) for block in blocks[1:-2]]


def test_a_pool_behind_a_block_is_drawn_for_itself() -> None:
    convolution = ("convolution 3x3", (6, 8, 8), ("batch norm", "relu"))
    assert _list_stage("last") == [convolution, convolution, ("max pool 2x2", (6, 4, 4), ())]


def test_a_pool_before_the_norm_is_drawn_with_the_block_that_holds_it() -> None:
    first = ("convolution 3x3", (6, 8, 8), ("batch norm", "relu"))
    assert _list_stage("before_norm") == [first, ("convolution 3x3", (6, 4, 4), ("max pool 2x2", "batch norm", "relu"))]
    stages = (CnnStage(block="residual", channels=(6,), pool=Pool(), pool_place="before_norm"),)
    assert draw_network(CnnArchitecture(stages=stages), TINY_DATASET).startswith(b"\x89PNG")
