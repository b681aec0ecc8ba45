import math
from typing import get_args

import pytest
import torch
from torch import nn
from torch.nn import functional

from hpsearch.dataset import InputShape
from hpsearch.network.architecture import Activation, Architecture, CnnArchitecture, FcnArchitecture
from hpsearch.network.stages import Block, CnnStage, Pool, PoolKind
from hpsearch.study.recipe import Initialization
from hpsearch.training.blocks import Convolution, Dropout, InputNormalization, draw_bernoulli
from hpsearch.training.initialization import initialize, measure_gain
from hpsearch.training.networks import build_network

FASHION = InputShape(1, 28, 28)
CPU = torch.device("cpu")


def count_trainable(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)


def pooled_convolutions(kernel: int, channels: tuple[int, ...], dense: tuple[int, ...] = ()) -> CnnArchitecture:
    stages = tuple(CnnStage(channels=(count,), kernel=kernel, pool=Pool()) for count in channels)
    return CnnArchitecture(stages=stages, head="flatten", dense=dense, batch_norm=False)


@pytest.mark.parametrize(
    ("architecture", "weights"),
    [
        # The reports that print 99,898, 49,255 and 199,859 leave out the output layer.
        (FcnArchitecture(widths=(112, 106), batch_norm=False), 99_898 + 107 * 10),
        (FcnArchitecture(widths=(59, 49), batch_norm=False), 49_255 + 50 * 10),
        (FcnArchitecture(widths=(205, 189), batch_norm=False), 199_859 + 190 * 10),
        (pooled_convolutions(5, (32, 64)), 83_466),
        (pooled_convolutions(5, (6, 16), dense=(120, 84)), 107_786),  # LeNet-5 with same padding
    ],
)
def test_a_known_network_holds_the_weights_that_its_report_counts(architecture: Architecture, weights: int) -> None:
    assert count_trainable(build_network(architecture, FASHION, 10)) == weights


def test_bytes_and_floats_on_the_same_scale_give_the_same_logits() -> None:
    network = build_network(FcnArchitecture(widths=(8,)), InputShape(3, 6, 6), 4).eval()
    images = torch.randint(0, 256, (5, 3, 6, 6), dtype=torch.uint8)
    assert torch.equal(network(images), network(images.float()))


def test_a_float_image_is_left_as_it_was() -> None:
    images = torch.full((2, 1, 4, 4), 100.0)
    InputNormalization(1)(images)
    assert torch.equal(images, torch.full((2, 1, 4, 4), 100.0))


def test_measured_images_come_out_with_zero_mean_and_unit_deviation_per_channel() -> None:
    images = torch.randint(0, 200, (50, 3, 9, 7), dtype=torch.uint8)
    images[:, 1] = images[:, 1] // 4 + 90
    normalization = InputNormalization(3)
    normalization.measure(images)
    values = normalization(images)
    assert torch.allclose(values.mean((0, 2, 3)), torch.zeros(3), atol=1e-5)
    assert torch.allclose(values.std((0, 2, 3), correction=0), torch.ones(3), atol=1e-5)


def test_a_constant_channel_is_normalized_without_a_division_by_zero() -> None:
    normalization = InputNormalization(1)
    normalization.measure(torch.full((4, 1, 3, 3), 7, dtype=torch.uint8))
    assert torch.equal(normalization(torch.full((1, 1, 3, 3), 7, dtype=torch.uint8)), torch.zeros(1, 1, 3, 3))


@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_a_same_convolution_pads_the_smaller_half_before(kernel: int, stride: int) -> None:
    convolution = Convolution(2, 3, kernel, stride=stride, padding="same", bias=True)
    images = torch.randn(2, 2, 9, 7)
    before, after = (kernel - 1) // 2, kernel // 2
    padded = functional.pad(images, (before, after, before, after))
    expected = functional.conv2d(padded, convolution.weight, convolution.bias, stride)
    output = convolution(images)
    assert output.shape[2:] == (math.ceil(9 / stride), math.ceil(7 / stride))
    assert torch.allclose(output, expected, atol=1e-6)


@pytest.mark.parametrize("activation", get_args(Activation))
def test_pooling_before_a_monotone_activation_changes_nothing(activation: Activation) -> None:
    stage = CnnStage(channels=(4,), pool=Pool())
    pooled = build_network(CnnArchitecture(stages=(stage,), activation=activation), FASHION, 3)
    plain = build_network(
        CnnArchitecture(stages=(stage.model_copy(update={"pool": None}),), activation=activation), FASHION, 3
    )
    plain.load_state_dict(pooled.state_dict())
    images = torch.randint(0, 256, (2, *FASHION), dtype=torch.uint8)
    normalized = plain.get_submodule("normalization")(images)
    expected = functional.max_pool2d(plain.get_submodule("stage_1")(normalized), 2)
    assert torch.allclose(pooled.get_submodule("stage_1")(normalized), expected, atol=1e-6)


def _stage_modules(block: Block, activation: Activation, kind: PoolKind = "max") -> list[str]:
    """The kinds of layers of a stage of one block whose pool stands before the norm, as an image reaches them."""
    stage = CnnStage(block=block, channels=(4,), pool=Pool(kind=kind), pool_place="before_norm")
    network = build_network(CnnArchitecture(stages=(stage,), activation=activation), FASHION, 3).eval()
    reached: list[str] = []
    for module in network.get_submodule("stage_1").modules():
        if not list(module.children()):
            module.register_forward_hook(lambda layer, _inputs, _output: reached.append(type(layer).__name__))
    network(torch.zeros(1, *FASHION))
    return [name for name in reached if name != "Identity"]


def test_a_pool_before_the_norm_leaves_norm_and_activation_a_quarter_of_the_values() -> None:
    behind = ["BatchNorm", "SiLU"]
    assert _stage_modules("plain", "silu") == ["Convolution", "MaxPool2d", *behind]
    assert _stage_modules("plain", "silu", "average") == ["Convolution", "AvgPool2d", *behind]
    assert _stage_modules("separable", "silu") == ["Convolution", *behind, "Convolution", "MaxPool2d", *behind]
    body = ["Convolution", *behind, "Convolution", "BatchNorm"]
    assert _stage_modules("residual", "silu") == [*body, "Convolution", "BatchNorm", "MaxPool2d", "SiLU"]


def test_only_the_last_block_of_a_stage_holds_the_pool() -> None:
    stage = CnnStage(channels=(4, 4), pool=Pool(), pool_place="before_norm")
    network = build_network(CnnArchitecture(stages=(stage,)), FASHION, 3)
    kinds = [
        [type(layer).__name__ for layer in block.children()] for block in network.get_submodule("stage_1").children()
    ]
    assert kinds == [["Convolution", "BatchNorm", "ReLU"], ["Convolution", "MaxPool2d", "BatchNorm", "ReLU"]]


@pytest.mark.parametrize(
    ("activation", "gain"), [("relu6", 2**0.5), ("hard_swish", 2**0.5), ("silu", 2**0.5), ("sigmoid", 1)]
)
def test_what_is_close_to_a_relu_has_its_gain(activation: Activation, gain: float) -> None:
    assert measure_gain(activation) == pytest.approx(gain)


def test_the_gradient_of_a_channels_last_network_is_that_of_a_row_major_one() -> None:
    architecture = pooled_convolutions(3, (4, 6))
    networks = [build_network(architecture, FASHION, 3) for _ in range(2)]
    networks[1].load_state_dict(networks[0].state_dict())
    networks[1].to(memory_format=torch.channels_last)
    images = torch.randint(0, 256, (4, *FASHION), dtype=torch.uint8)
    for network in networks:
        functional.cross_entropy(network(images), torch.tensor([0, 1, 2, 0])).backward()
    for first, second in zip(*(network.parameters() for network in networks), strict=True):
        assert first.grad is not None
        assert torch.allclose(first.grad, second.grad, atol=1e-5)


def test_dropout_keeps_the_share_and_the_mean_that_it_should() -> None:
    dropout = Dropout(0.2)
    dropout.generator = torch.Generator().manual_seed(1)
    values = dropout(torch.ones(400, 500))
    assert (values == 0).float().mean().item() == pytest.approx(0.2, abs=0.005)
    assert values.mean().item() == pytest.approx(1, abs=0.005)
    assert torch.equal(dropout.eval()(torch.ones(3, 5)), torch.ones(3, 5))


def test_dropout_of_whole_channels_drops_nothing_less() -> None:
    dropout = Dropout(0.5, whole_channels=True)
    per_channel = dropout(torch.ones(20, 10, 3, 3)).flatten(2)
    assert ((per_channel == 0).all(2) | (per_channel == 2).all(2)).all()
    assert 0 < (per_channel == 0).float().mean() < 1


def test_each_of_the_four_elements_of_a_draw_is_independent_of_the_others() -> None:
    drawn = draw_bernoulli(0.3, (50_000, 4), CPU, torch.Generator().manual_seed(2)).float()
    assert torch.allclose(drawn.mean(0), torch.full((4,), 0.3), atol=0.01)
    assert torch.allclose(torch.corrcoef(drawn.T), torch.eye(4), atol=0.02)


@pytest.mark.parametrize("initialization", get_args(Initialization))
def test_the_same_generator_state_draws_the_same_weights(initialization: Initialization) -> None:
    networks = [build_network(pooled_convolutions(3, (4,), dense=(5,)), FASHION, 3) for _ in range(2)]
    for network in networks:
        initialize(network, initialization, "relu", torch.Generator().manual_seed(3))
    for first, second in zip(*(network.parameters() for network in networks), strict=True):
        assert torch.equal(first, second)


@pytest.mark.parametrize(
    ("initialization", "deviation"),
    [
        ("random_normal", 0.05),
        ("xavier_uniform", 2**0.5 * (2 / (784 + 600)) ** 0.5),
        ("xavier_normal", 2**0.5 * (2 / (784 + 600)) ** 0.5),
        ("kaiming_uniform", (2 / 784) ** 0.5),
        ("kaiming_normal", (2 / 784) ** 0.5),
        ("default", (1 / 784 / 3) ** 0.5),
    ],
)
def test_an_initialization_has_the_spread_of_its_formula(initialization: Initialization, deviation: float) -> None:
    network = build_network(FcnArchitecture(widths=(600,), batch_norm=False), FASHION, 10)
    initialize(network, initialization, "relu", torch.Generator().manual_seed(4))
    hidden = network.get_submodule("dense_1")
    assert isinstance(hidden, nn.Linear)
    assert hidden.weight.std().item() == pytest.approx(deviation, rel=0.02)
    assert (hidden.bias == 0).all().item() == (initialization != "default")
