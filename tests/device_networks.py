"""Random networks of both families, small enough to build and run in a test."""

from hypothesis import strategies as st

from hpsearch.dataset import InputShape
from hpsearch.network.architecture import Architecture, CnnArchitecture, FcnArchitecture
from hpsearch.network.device_graph import OPERATORS_OF_ACTIVATION
from hpsearch.network.stages import CnnStage, Pool

ACTIVATIONS = [activation for activation in OPERATORS_OF_ACTIVATION if activation != "gelu"]

WIDTHS = st.integers(4, 24)


@st.composite
def stages(draw: st.DrawFn) -> CnnStage:
    """A stage of any kind; not every image survives it."""
    block = draw(st.sampled_from(["plain", "separable", "residual"]))
    pool = draw(st.none() | st.builds(Pool, kind=st.sampled_from(["max", "average"])))
    return CnnStage.model_validate(
        {
            "block": block,
            "channels": draw(st.lists(WIDTHS, min_size=1, max_size=2)),
            "kernel": draw(st.sampled_from([1, 3, 4, 5])),
            "stride": draw(st.sampled_from([1, 1, 2])),
            "padding": "same" if block == "residual" else draw(st.sampled_from(["same", "same", "valid"])),
            "pool": pool,
            "pool_place": "last" if pool is None else draw(st.sampled_from(["last", "before_norm"])),
        }
    )


@st.composite
def architectures(draw: st.DrawFn) -> Architecture:
    """A network that TensorFlow Lite Micro has the operators of."""
    activation, batch_norm = draw(st.sampled_from(ACTIVATIONS)), draw(st.booleans())
    if draw(st.integers(0, 3)) == 0:
        widths = draw(st.lists(WIDTHS, min_size=1, max_size=4))
        return FcnArchitecture.model_validate({"widths": widths, "activation": activation, "batch_norm": batch_norm})
    return CnnArchitecture.model_validate(
        {
            "stages": draw(st.lists(stages(), min_size=1, max_size=3)),
            "head": draw(st.sampled_from(["global_average", "flatten"])),
            "dense": draw(st.lists(WIDTHS, max_size=1)),
            "activation": activation,
            "batch_norm": batch_norm,
        }
    )


INPUT_SHAPES = st.builds(InputShape, st.sampled_from([1, 3]), st.integers(12, 28), st.integers(12, 28))
