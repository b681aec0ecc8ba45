"""Augmentation of whole batches where they lie: bytes in, bytes out, every image with its own draw."""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from hpsearch.study.recipe import Recipe

Augment = Callable[[Tensor], Tensor]
"""Images (n, channels, height, width) -> the same, changed."""

MAXIMUM_SHIFT_SHARE = 1 / 7
ERASED_AREA_SHARE = (0.02, 0.25)
ERASED_ASPECT = (0.3, 3.3)
"""Height by width of an erased rectangle, as in Zhong et al., Random Erasing Data Augmentation, 2017."""


def build_augmentation(recipe: Recipe, generator: torch.Generator, erased_pixel: Tensor) -> Augment:
    """The recipe's augmentation as one function that draws from `generator`, a generator of the images' device.

    `erased_pixel`, of shape (1, channels, 1, 1), fills erased rectangles.
    """
    strength = recipe.augmentation_strength
    parts = recipe.augmentation.split("+")

    def augment(images: Tensor) -> Tensor:
        if "flip" in parts:
            images = flip(images, generator)
        if "shift" in parts:
            images = shift(images, strength * MAXIMUM_SHIFT_SHARE, generator)
        if "erasing" in parts:
            images = erase(images, strength, erased_pixel, generator)
        return images

    return augment


def flip(images: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror left and right, each image with probability 1/2."""
    flipped = torch.rand(len(images), 1, 1, 1, generator=generator, device=images.device) < 0.5
    return torch.where(flipped, images.flip(3), images)


def shift(images: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Move each image by whole pixels, up to `share` of its side each way, zeros moving in."""
    count, _, height, width = images.shape
    rows, columns = round(share * height), round(share * width)
    windows = functional.pad(images, (columns, columns, rows, rows)).unfold(2, height, 1).unfold(3, width, 1)
    position = torch.rand(2, count, generator=generator, device=images.device)
    down = (position[0] * (2 * rows + 1)).long()
    right = (position[1] * (2 * columns + 1)).long()
    return windows[torch.arange(count, device=images.device), :, down, right]


def erase(images: Tensor, probability: float, pixel: Tensor, generator: torch.Generator) -> Tensor:
    """Fill one rectangle of each image with `pixel`, with the given probability."""
    count, _, height, width = images.shape
    drawn = torch.rand(5, count, 1, 1, 1, generator=generator, device=images.device)
    area = (ERASED_AREA_SHARE[0] + drawn[0] * (ERASED_AREA_SHARE[1] - ERASED_AREA_SHARE[0])) * (height * width)
    low, high = math.log(ERASED_ASPECT[0]), math.log(ERASED_ASPECT[1])
    aspect = (low + drawn[1] * (high - low)).exp()
    tall = (area * aspect).sqrt().round().clamp(1, height)
    wide = (area / aspect).sqrt().round().clamp(1, width)
    top = (drawn[2] * (height - tall + 1)).floor()
    left = (drawn[3] * (width - wide + 1)).floor()
    row = torch.arange(height, device=images.device).view(1, 1, height, 1)
    column = torch.arange(width, device=images.device).view(1, 1, 1, width)
    erased = (row >= top) & (row < top + tall) & (column >= left) & (column < left + wide)
    return torch.where(erased & (drawn[4] < probability), pixel, images)
