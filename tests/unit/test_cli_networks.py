from hpsearch.network.architecture import CnnArchitecture, FcnArchitecture
from hpsearch.network.limits import Limits
from hpsearch.network.stages import CnnStage
from hpsearch.views.networks import describe_unused
from tests.scripted import TINY_DATASET


def test_what_is_given_up_for_speed_is_said_where_it_is_over_one_percent() -> None:
    network = CnnArchitecture(stages=(CnnStage(channels=(16,)), CnnStage(channels=(24,))))
    weights = network.count_weights(TINY_DATASET.input_shape, TINY_DATASET.class_count)
    assert describe_unused(network, TINY_DATASET, Limits(weights)) is None
    assert describe_unused(network, TINY_DATASET, Limits(round(weights / 0.95))) == (
        "5.0% of the budget is left for channels in multiples of 8, which train faster; "
        "width_multiple = 1 in a study file's [space] uses it"
    )
    assert describe_unused(FcnArchitecture(widths=(4,)), TINY_DATASET, Limits(10_000)) is None
