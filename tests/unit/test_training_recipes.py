from typing import get_args

import pytest
import torch
from torch import nn

from hpsearch.study.recipe import Augmentation, Optimizer, Recipe
from hpsearch.training.augmentation import build_augmentation, erase, flip, shift
from hpsearch.training.averaging import WeightAverage
from hpsearch.training.optimizers import build_optimizer, set_lr, split_parameters
from hpsearch.training.schedules import schedule_lr

CPU = torch.device("cpu")


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def list_lrs(epochs: int, steps_per_epoch: int, schedule: str) -> list[float]:
    recipe = Recipe(epochs=epochs, lr=0.1, schedule=schedule)
    return [schedule_lr(recipe, step, steps_per_epoch) for step in range(epochs * steps_per_epoch)]


@pytest.mark.parametrize(("epochs", "steps_per_epoch"), [(1, 10), (3, 7), (5, 4), (20, 13), (1, 4)])
def test_one_cycle_is_what_pytorch_calls_by_that_name(epochs: int, steps_per_epoch: int) -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], 0.1)
    reference = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 0.1, total_steps=epochs * steps_per_epoch, cycle_momentum=False
    )
    for lr in list_lrs(epochs, steps_per_epoch, "one_cycle"):
        assert lr == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9)
        optimizer.step()
        if reference.last_epoch < epochs * steps_per_epoch - 1:
            reference.step()


@pytest.mark.parametrize("schedule", ["constant", "step", "cosine", "one_cycle"])
@pytest.mark.parametrize(("epochs", "steps_per_epoch"), [(1, 1), (1, 2), (2, 1), (3, 1)])
def test_the_shortest_training_has_a_learning_rate_between_zero_and_the_peak(
    schedule: str, epochs: int, steps_per_epoch: int
) -> None:
    lrs = list_lrs(epochs, steps_per_epoch, schedule)
    assert all(0 <= lr <= 0.1 for lr in lrs)
    assert max(lrs) > 0


def test_the_step_schedule_drops_to_a_tenth_after_a_half_and_three_quarters_of_the_epochs() -> None:
    assert list_lrs(8, 1, "step") == pytest.approx([0.1] * 4 + [0.01] * 2 + [0.001] * 2)


def test_cosine_falls_from_the_peak_towards_zero() -> None:
    lrs = list_lrs(4, 25, "cosine")
    assert lrs[0] == 0.1
    assert lrs == sorted(lrs, reverse=True)
    assert lrs[50] == pytest.approx(0.05)
    assert 0 < lrs[-1] < 1e-3


@pytest.mark.parametrize("optimizer_name", get_args(Optimizer))
def test_weight_decay_shrinks_weights_but_neither_biases_nor_norms(optimizer_name: Optimizer) -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(2, 2))
    for parameter in network.parameters():
        nn.init.ones_(parameter)
    optimizer = build_optimizer(Recipe(epochs=1, optimizer=optimizer_name, weight_decay=0.5, lr=0.01), network, CPU)
    for parameter in network.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    for parameter in network.parameters():
        assert (parameter < 1).all().item() == (parameter.ndim > 1)


def test_every_parameter_is_either_penalized_or_free() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Linear(2, 2))
    penalized, free = split_parameters(network)
    assert [tuple(parameter.shape) for parameter in penalized] == [(2, 1, 3, 3), (2, 2)]
    assert len(free) == 4


def test_the_learning_rate_that_is_set_is_the_one_of_the_next_step() -> None:
    weight = nn.Parameter(torch.ones(1, 1))
    optimizer = build_optimizer(Recipe(epochs=1, optimizer="sgd", momentum=0, lr=1), nn.ParameterList([weight]), CPU)
    set_lr(optimizer, 0.25)
    weight.grad = torch.ones_like(weight)
    optimizer.step()
    assert weight.item() == 0.75


@pytest.mark.parametrize("augmentation", get_args(Augmentation))
def test_an_augmentation_keeps_shape_and_type_and_repeats_with_its_seed(augmentation: Augmentation) -> None:
    images = torch.randint(0, 256, (16, 3, 14, 21), dtype=torch.uint8, generator=seeded())
    pixel = torch.full((1, 3, 1, 1), 9, dtype=torch.uint8)
    recipe = Recipe(epochs=1, augmentation=augmentation, augmentation_strength=1)
    first, second = (build_augmentation(recipe, seeded(5), pixel)(images) for _ in range(2))
    assert first.shape == images.shape
    assert first.dtype == torch.uint8
    assert torch.equal(first, second)
    assert torch.equal(first, images) == (augmentation == "none")


def test_a_flip_mirrors_about_half_of_the_images_left_and_right() -> None:
    images = torch.randint(0, 256, (1000, 1, 2, 5), dtype=torch.uint8, generator=seeded())
    flipped = flip(images, seeded(1))
    is_mirrored = (flipped == images.flip(3)).flatten(1).all(1)
    is_same = (flipped == images).flatten(1).all(1)
    assert (is_mirrored | is_same).all()
    assert 400 < is_mirrored.sum() < 600


def test_a_shift_moves_every_image_by_whole_pixels_with_zeros_moving_in() -> None:
    image = torch.arange(1, 50, dtype=torch.uint8).view(1, 1, 7, 7)
    shifted = shift(image.expand(200, 1, 7, 7), 2 / 7, seeded(1))
    offsets = set()
    for moved in shifted.unique(dim=0):
        down, right = next(
            (down, right)
            for down in range(-2, 3)
            for right in range(-2, 3)
            if torch.equal(moved[0], move(image[0, 0], down, right))
        )
        offsets.add((down, right))
    assert len(offsets) == 25


def move(image: torch.Tensor, down: int, right: int) -> torch.Tensor:
    height, width = image.shape
    moved = torch.zeros_like(image)
    for row in range(height):
        for column in range(width):
            if 0 <= row - down < height and 0 <= column - right < width:
                moved[row, column] = image[row - down, column - right]
    return moved


def test_erasing_fills_one_rectangle_of_allowed_area_in_the_given_share_of_images() -> None:
    images = torch.zeros(2000, 2, 20, 20, dtype=torch.uint8)
    erased = erase(images, 0.4, torch.tensor([5, 6], dtype=torch.uint8).view(1, 2, 1, 1), seeded(1))
    is_filled = erased[:, 0] == 5
    assert torch.equal(is_filled, erased[:, 1] == 6)
    areas = is_filled.flatten(1).sum(1)
    assert 0.36 < (areas > 0).float().mean() < 0.44
    rows, columns = is_filled.any(2).sum(1), is_filled.any(1).sum(1)
    assert torch.equal(areas, rows * columns)
    assert areas[areas > 0].min() >= 0.01 * 400
    assert areas.max() <= 0.29 * 400


def test_the_average_of_a_constant_network_is_that_network() -> None:
    network, averaged = (nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)) for _ in range(2))
    average = WeightAverage(network, steps_per_epoch=50)
    for _ in range(3):
        average.update()
    average.write(averaged, steps=3)
    for first, second in zip(network.parameters(), averaged.parameters(), strict=True):
        assert torch.allclose(first, second, atol=1e-6)


def test_the_average_weighs_recent_steps_most_and_includes_norm_statistics() -> None:
    network, averaged = nn.BatchNorm1d(1), nn.BatchNorm1d(1)
    average = WeightAverage(network, steps_per_epoch=2)
    for value in (0.0, 3.0):
        nn.init.constant_(network.weight, value)
        assert network.running_mean is not None
        network.running_mean.fill_(value)
        average.update()
    average.write(averaged, steps=2)
    assert averaged.weight.item() == pytest.approx(2)  # (1/4 of 0 + 1/2 of 3) / (3/4)
    assert averaged.running_mean is not None
    assert averaged.running_mean.item() == pytest.approx(2)
