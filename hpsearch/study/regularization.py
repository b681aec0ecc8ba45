"""How much regularization a training bears: what `auto` means for augmentation and averaging.

Measured on FashionMNIST (docs/log.md): on a short schedule a network learns less from changed images, on a long one it
over-fits without.
"""

from dataclasses import dataclass
from typing import Literal

from hpsearch.network.architecture import Arch
from hpsearch.study.recipe import Augmentation, Averaging

Auto = Literal["auto"]

AVERAGED_EPOCHS = 8
"""From so many on weights are averaged: the average remembers one epoch."""
LARGE_WEIGHTS = 30_000
"""A convolutional network of more over-fits earlier, and bears weight decay and label smoothing (portfolio.py)."""
LARGEST_WEIGHTS = 120_000
"""One of more needs its images moved in shorter trainings still."""


@dataclass(frozen=True)
class Bearing:
    """From how many epochs on a convolutional network bears its images changed."""

    flipped: int
    shifted: int
    shifted_far: int
    """As far as the recipe says: with fewer epochs by half of that at most."""
    erased: int
    """With a part of them erased."""


SMALL = Bearing(flipped=16, shifted=40, shifted_far=40, erased=120)
LARGE = Bearing(flipped=10, shifted=16, shifted_far=30, erased=60)
LARGEST = Bearing(flipped=10, shifted=14, shifted_far=14, erased=60)
MILD_STRENGTH = 0.25
"""Of a shift in between: by one pixel of 28."""

FCN_SHIFTED_EPOCHS = 40
"""A fully connected one sees them moved; mirrored or partly erased ones made no difference that could be told."""

KEEPS_ITS_LABEL_MIRRORED = {"fashion-mnist": True, "cifar10": True, "mnist": False, "kmnist": False}
"""Whether an image and its mirror image are of one class, by the data set's name in the catalogue."""


def choose_averaging(epochs: int) -> Averaging:
    """Of a training of so many epochs."""
    return "ema" if epochs >= AVERAGED_EPOCHS else "none"


def choose_augmentation(arch: Arch, weights: int, epochs: int, dataset: str, number: int) -> Augmentation:
    """What a training of so many epochs sees of its images.

    Args:
        arch: The network's family.
        weights: Of the network.
        epochs: Of its recipe.
        dataset: Its name. Of a person's own nobody has said whether mirrored images keep their class: there every other
            trial has them, and the validation split decides.
        number: The trial's.
    """
    if arch == "fcn":
        return "shift" if epochs >= FCN_SHIFTED_EPOCHS else "none"
    flips = KEEPS_ITS_LABEL_MIRRORED.get(dataset, number % 2 == 1)
    bears = _find_bearing(weights)
    if epochs >= bears.erased:
        return "flip+shift+erasing" if flips else "shift+erasing"
    if epochs >= bears.shifted:
        return "flip+shift" if flips else "shift"
    return "flip" if flips and epochs >= bears.flipped else "none"


def choose_strength(arch: Arch, weights: int, epochs: int, given: float) -> float:
    """How strongly a training of so many epochs sees its images changed, where `auto` says how.

    Args:
        arch: The network's family.
        weights: Of the network.
        epochs: Of its recipe.
        given: The strength that its recipe has.
    """
    if arch == "fcn" or epochs >= _find_bearing(weights).shifted_far:
        return given
    return min(given, MILD_STRENGTH)


def _find_bearing(weights: int) -> Bearing:
    return LARGEST if weights > LARGEST_WEIGHTS else LARGE if weights > LARGE_WEIGHTS else SMALL
