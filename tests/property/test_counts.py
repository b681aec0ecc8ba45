"""Weights and MACs against arithmetic of this file's own: parameter tensors listed, window positions enumerated."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpsearch.dataset import InputShape
from hpsearch.network.architecture import Architecture, CnnArchitecture, CnnStage, FcnArchitecture
from hpsearch.network.layers import ArchitectureError
from tests.draws import cnn_architectures, fcn_architectures, input_shapes, many_examples


class _ImageGoneError(Exception):
    pass


class _Tally:
    """Tensors of trainable parameters, and multiplications of a forward pass, layer by layer."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape
        self.weights = 0
        self.macs = 0

    def dense(self, outputs: int, *, norm: bool) -> None:
        (inputs,) = self.shape
        self.weights += math.prod((outputs, inputs)) + (outputs + outputs if norm else outputs)
        self.macs += inputs * outputs
        self.shape = (outputs,)

    def convolution(
        self, outputs: int, kernel: int, stride: int, *, pad: bool, norm: bool, depthwise: bool = False
    ) -> None:
        inputs, *lengths = self.shape
        padded = [length + (kernel - 1 if pad else 0) for length in lengths]
        rows, columns = (len(range(0, length - kernel + 1, stride)) for length in padded)
        seen = 1 if depthwise else inputs
        self.weights += math.prod((outputs, seen, kernel, kernel)) + (outputs + outputs if norm else outputs)
        self.macs += math.prod((rows, columns, outputs, seen, kernel, kernel))
        self._become(outputs, rows, columns)

    def pool(self, size: int, stride: int) -> None:
        channels, *lengths = self.shape
        self._become(channels, *(len(range(0, length - size + 1, stride)) for length in lengths))

    def _become(self, *shape: int) -> None:
        if 0 in shape:
            raise _ImageGoneError
        self.shape = shape


def _add_block(tally: _Tally, stage: CnnStage, channels: int, stride: int, *, norm: bool) -> None:
    pad = stage.padding == "same"
    before = tally.shape
    match stage.block:
        case "plain":
            tally.convolution(channels, stage.kernel, stride, pad=pad, norm=norm)
        case "separable":
            tally.convolution(before[0], stage.kernel, stride, pad=pad, norm=norm, depthwise=True)
            tally.convolution(channels, 1, 1, pad=False, norm=norm)
        case "residual":
            tally.convolution(channels, stage.kernel, stride, pad=True, norm=norm)
            tally.convolution(channels, stage.kernel, 1, pad=True, norm=norm)
            if before[0] != channels or stride > 1:
                skip = _Tally(before)
                skip.convolution(channels, 1, stride, pad=False, norm=norm)
                assert skip.shape == tally.shape
                tally.weights += skip.weights
                tally.macs += skip.macs


def _tally_up(architecture: Architecture, input_shape: InputShape, class_count: int) -> _Tally:
    tally = _Tally(tuple(input_shape))
    norm = architecture.batch_norm
    if isinstance(architecture, FcnArchitecture):
        tally.shape = (math.prod(input_shape),)
        for width in architecture.widths:
            tally.dense(width, norm=norm)
    else:
        for stage in architecture.stages:
            for index, channels in enumerate(stage.channels):
                _add_block(tally, stage, channels, stage.stride if index == 0 else 1, norm=norm)
            if stage.pool is not None:
                tally.pool(stage.pool.size, stage.pool.stride)
        tally.shape = tally.shape[:1] if architecture.head == "global_average" else (math.prod(tally.shape),)
        for width in architecture.dense:
            tally.dense(width, norm=False)
    tally.dense(class_count, norm=False)
    return tally


@many_examples(8)
@given(
    architecture=fcn_architectures | cnn_architectures, input_shape=input_shapes(1, 40), class_count=st.integers(1, 200)
)
def test_weights_and_macs_are_those_of_an_independent_count(
    architecture: FcnArchitecture | CnnArchitecture, input_shape: InputShape, class_count: int
) -> None:
    try:
        expected = _tally_up(architecture, input_shape, class_count)
    except _ImageGoneError:
        with pytest.raises(ArchitectureError, match="does not fit an image"):
            architecture.count_weights(input_shape, class_count)
        return
    assert architecture.count_weights(input_shape, class_count) == expected.weights
    assert architecture.count_macs(input_shape, class_count) == expected.macs


@given(architecture=fcn_architectures | cnn_architectures)
def test_an_architecture_survives_json(architecture: FcnArchitecture | CnnArchitecture) -> None:
    assert type(architecture).model_validate_json(architecture.model_dump_json()) == architecture
