import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from hpsearch.training import norms
from hpsearch.training.norms import BatchNorm, count_pixels_together, is_faster_in_groups

SHAPES = [(16, 12, 6, 6), (5, 3, 7, 7), (3, 20, 3, 5), (2, 7, 1, 1), (1, 9, 4, 4), (8, 33, 2, 2)]
"""Shapes whose channels fill no vectors, with many and with few pixels that can be taken together."""


@pytest.fixture
def grouped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups for shapes that are too small to gain from them."""
    monkeypatch.setattr(norms, "LEAST_GAIN", 0)


def draw(shape: tuple[int, ...], data_type: torch.dtype = torch.float32) -> Tensor:
    generator = torch.Generator().manual_seed(sum(shape))
    values = torch.randn(shape, generator=generator, dtype=data_type) * 3 + 5
    return values.contiguous(memory_format=torch.channels_last)


def build_pair(channels: int, momentum: float | None = 0.1) -> tuple[nn.BatchNorm2d, BatchNorm]:
    """PyTorch's norm and ours with the same weights, none of them an initial one."""
    theirs, ours = nn.BatchNorm2d(channels, momentum=momentum), BatchNorm(channels, momentum=momentum)
    with torch.no_grad():
        theirs.weight.copy_(torch.linspace(0.5, 1.5, channels))
        theirs.bias.copy_(torch.linspace(-1, 1, channels))
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours


def train_once(norm: nn.BatchNorm2d, values: Tensor) -> list[Tensor]:
    """The output, every gradient and every buffer after a step through the norm and a ReLU in place."""
    values = values.clone().requires_grad_()
    output = torch.relu_(norm(values))
    gradient = torch.cos(torch.arange(values.numel(), dtype=values.dtype)).view_as(values)
    gradients = torch.autograd.grad(output, [values, norm.weight, norm.bias], gradient)
    return [output, *gradients, *(buffer.clone() for buffer in norm.buffers())]


@pytest.mark.usefixtures("grouped")
@pytest.mark.parametrize("momentum", [0.1, None])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_batch_norm_trains_as_pytorchs_does(shape: tuple[int, ...], momentum: float | None) -> None:
    theirs, ours = build_pair(shape[1], momentum)
    for expected, found in zip(train_once(theirs, draw(shape)), train_once(ours, draw(shape)), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.usefixtures("grouped")
@pytest.mark.parametrize("shape", [(16, 12, 6, 6), (8, 8, 4, 4), (5, 3, 7, 7)])
def test_few_channels_in_bfloat16_are_normalized_as_well_as_by_pytorch(shape: tuple[int, ...]) -> None:
    values = draw(shape)
    exact = train_once(build_pair(shape[1])[0], values)
    theirs, ours = (train_once(norm, values.to(torch.bfloat16)) for norm in build_pair(shape[1]))
    assert [found.dtype for found in ours] == [expected.dtype for expected in theirs]
    for wanted, expected, found in zip(exact, theirs, ours, strict=True):
        ours_off, theirs_off = ((values.double() - wanted).abs().mean() for values in (found, expected))
        assert ours_off <= 1.05 * theirs_off + 1e-3


@pytest.mark.usefixtures("grouped")
@pytest.mark.parametrize("shape", [(4, 3, 2, 2), (3, 5, 1, 3)])
def test_the_gradient_of_a_batch_norm_is_that_of_its_formula(shape: tuple[int, ...]) -> None:
    norm = BatchNorm(shape[1]).double()
    values = draw(shape, torch.float64).requires_grad_()

    def normalize(values: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        result: Tensor = torch.func.functional_call(norm, {"weight": weight, "bias": bias}, values)
        return result

    assert torch.autograd.gradcheck(normalize, (values, norm.weight, norm.bias), fast_mode=True)


@pytest.mark.usefixtures("grouped")
def test_a_large_mean_costs_no_more_digits_than_pytorchs_way() -> None:
    values = draw((16, 12, 6, 6)) + 1000
    exact = train_once(build_pair(12)[0].double(), values.double())[0]
    theirs, ours = (train_once(norm, values)[0] - exact for norm in build_pair(12))
    assert ours.abs().max() < 2 * theirs.abs().max() + 1e-6


@pytest.mark.usefixtures("grouped")
@pytest.mark.parametrize(
    "prepare",
    [
        lambda values: values.contiguous(),
        lambda values: values.repeat(1, 2, 1, 1).to(torch.bfloat16).contiguous(memory_format=torch.channels_last),
        lambda values: values[:, :8].contiguous(memory_format=torch.channels_last),
    ],
    ids=["row-major", "bfloat16 of many channels", "channels that fill a vector"],
)
def test_what_groups_do_not_help_goes_pytorchs_way(prepare: Callable[[Tensor], Tensor]) -> None:
    values = prepare(draw((16, 12, 6, 6)))
    for expected, found in zip(*(train_once(norm, values) for norm in build_pair(values.shape[1])), strict=True):
        assert torch.equal(found, expected)


def test_an_evaluation_is_pytorchs_to_the_bit() -> None:
    values = draw((4, 12, 6, 6))
    theirs, ours = (norm.eval() for norm in build_pair(12))
    assert torch.equal(ours(values), theirs(values))


def test_a_batch_norm_keeps_the_names_of_its_state() -> None:
    assert list(BatchNorm(3).state_dict()) == list(nn.BatchNorm2d(3).state_dict())


@pytest.mark.parametrize("channels", [1, 3, 8, 12, 20, 300])
@pytest.mark.parametrize("pixels", [2, 27, 128 * 49, 128 * 196])
def test_pixels_are_taken_together_without_a_rest(channels: int, pixels: int) -> None:
    together = count_pixels_together(channels, pixels)
    assert pixels % together == 0
    assert math.log2(together).is_integer()


@pytest.mark.parametrize(
    ("channels", "images", "side", "is_faster"),
    [
        (12, 128, 14, True),
        (20, 128, 7, True),
        (12, 16, 7, False),
        (60, 128, 7, False),
        (16, 128, 14, False),
        (300, 128, 28, False),
    ],
)
def test_groups_are_taken_where_they_were_measured_to_pay(
    channels: int, images: int, side: int, is_faster: bool
) -> None:
    assert is_faster_in_groups(channels, images * side * side) == is_faster


@pytest.mark.parametrize(("channels", "is_faster"), [(4, True), (8, True), (12, True), (16, False), (20, False)])
def test_in_bfloat16_few_channels_take_the_way_through_single_precision(channels: int, *, is_faster: bool) -> None:
    assert is_faster_in_groups(channels, 128 * 14 * 14, torch.bfloat16) == is_faster


@pytest.mark.parametrize("data_type", [torch.float32, torch.bfloat16])
def test_a_large_batch_goes_through_groups(monkeypatch: pytest.MonkeyPatch, data_type: torch.dtype) -> None:
    seen: list[int] = []

    def count(channels: int, pixels: int) -> int:
        seen.append(pixels)
        return count_pixels_together(channels, pixels)

    monkeypatch.setattr(norms, "count_pixels_together", count)
    BatchNorm(12)(draw((32, 12, 14, 14)).to(data_type))
    assert seen == [32 * 14 * 14]
