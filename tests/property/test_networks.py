"""What is built is what was counted."""

import re

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import nn

from hpsearch.dataset import InputShape
from hpsearch.network.architecture import Architecture, CnnArchitecture, FcnArchitecture
from hpsearch.network.layers import ArchitectureError
from hpsearch.training.networks import build_network
from tests.draws import cnn_architectures, fcn_architectures, input_shapes, many_examples

INPUT_SHAPES = input_shapes(smallest=1, largest=40)
CLASS_COUNTS = st.integers(1, 40)
DROPOUTS = st.sampled_from([0.0, 0.3])


def count_trainable(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)


def measure_macs(network: nn.Module, input_shape: InputShape) -> int:
    """Multiply-accumulates of one image, from the shapes that really went through every layer."""
    macs = 0

    def count(layer: nn.Module, _: object, output: torch.Tensor) -> None:
        nonlocal macs
        assert isinstance(layer, nn.Conv2d | nn.Linear)
        macs += output.numel() * layer.weight[0].numel()

    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.register_forward_hook(count)
    network.eval()(torch.empty(1, *input_shape, device="meta"))
    return macs


def list_layers(network: nn.Module, input_shape: InputShape) -> list[tuple[str, tuple[int, ...]]]:
    """Kind and output shape for one image of every layer that has a row in `walk_layers`, as they are reached."""
    reached: list[tuple[str, tuple[int, ...]]] = []

    def note(layer: nn.Module, _: object, output: torch.Tensor) -> None:
        reached.append((name_kind(layer), tuple(output.shape[1:])))

    def name_kind(layer: nn.Module) -> str:
        return "BatchNorm2d" if isinstance(layer, nn.BatchNorm2d) else type(layer).__name__

    for layer in network.modules():
        if name_kind(layer) in _KINDS.values():
            layer.register_forward_hook(note)
    network.eval()(torch.empty(1, *input_shape, device="meta"))
    return reached


_KINDS = {
    "convolution": "Convolution",
    "depthwise": "Convolution",
    "batch": "BatchNorm2d",
    "max": "MaxPool2d",
    "average": "AvgPool2d",
    "dense": "Linear",
}


def check_counts(architecture: Architecture, input_shape: InputShape, class_count: int, dropout: float) -> None:
    try:
        weights = architecture.count_weights(input_shape, class_count)
    except ArchitectureError as error:
        with torch.device("meta"), pytest.raises(ArchitectureError):
            build_network(architecture, input_shape, class_count)
        with pytest.raises(ArchitectureError, match=re.escape(str(error))):
            list(architecture.walk_layers(input_shape, class_count))
        return
    assert sum(layer.weights for layer in architecture.walk_layers(input_shape, class_count)) == weights
    with torch.device("meta"):
        network = build_network(architecture, input_shape, class_count, dropout=dropout, input_dropout=dropout)
    assert count_trainable(network) == weights
    assert measure_macs(network, input_shape) == architecture.count_macs(input_shape, class_count)


@given(fcn_architectures, INPUT_SHAPES, CLASS_COUNTS, DROPOUTS)
def test_a_fully_connected_network_holds_the_weights_and_macs_that_were_counted(
    architecture: FcnArchitecture, input_shape: InputShape, class_count: int, dropout: float
) -> None:
    check_counts(architecture, input_shape, class_count, dropout)


@given(cnn_architectures, INPUT_SHAPES, CLASS_COUNTS, DROPOUTS)
def test_a_convolutional_network_holds_the_weights_and_macs_that_were_counted(
    architecture: CnnArchitecture, input_shape: InputShape, class_count: int, dropout: float
) -> None:
    check_counts(architecture, input_shape, class_count, dropout)


@given(cnn_architectures, INPUT_SHAPES, CLASS_COUNTS)
def test_the_layers_are_walked_in_the_order_in_which_an_image_reaches_them(
    architecture: CnnArchitecture, input_shape: InputShape, class_count: int
) -> None:
    try:
        rows = list(architecture.walk_layers(input_shape, class_count))
    except ArchitectureError:
        assume(False)
    with torch.device("meta"):
        network = build_network(architecture, input_shape, class_count)
    expected = [(_KINDS[row.description.split()[0]], row.output_shape) for row in rows if row.name != "head"]
    assert list_layers(network, input_shape) == expected


@pytest.mark.exhaustive
@many_examples(12)
@given(fcn_architectures | cnn_architectures, INPUT_SHAPES, CLASS_COUNTS, DROPOUTS)
def test_thousands_of_networks_hold_the_weights_and_macs_that_were_counted(
    architecture: Architecture, input_shape: InputShape, class_count: int, dropout: float
) -> None:
    check_counts(architecture, input_shape, class_count, dropout)


@given(fcn_architectures | cnn_architectures)
def test_an_architecture_survives_json(architecture: Architecture) -> None:
    assert type(architecture).model_validate_json(architecture.model_dump_json()) == architecture
