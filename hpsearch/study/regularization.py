"""How much regularization a training bears: what `auto` means for augmentation and averaging.

Measured on FashionMNIST (docs/log.md): on a short schedule a network learns less from changed images, on a long one it
over-fits without.
"""

from typing import Literal

from hpsearch.network.architecture import Arch
from hpsearch.study.recipe import Augmentation, Averaging

Auto = Literal["auto"]

AVERAGED_EPOCHS = 8
"""From so many on weights are averaged: the average remembers one epoch."""
FLIPPED_EPOCHS, SHIFTED_EPOCHS, ERASED_EPOCHS = 16, 40, 80
"""From so many on a convolutional network sees images mirrored, moved, and with a part erased."""
FLIPPED_EPOCHS_OF_LARGE, LARGE_WEIGHTS = 10, 30_000
"""One of more weights than that over-fits earlier, and bears weight decay and label smoothing (portfolio.py)."""
FCN_SHIFTED_EPOCHS = 40
"""A fully connected one sees them moved; mirrored ones lowered it."""

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
    if epochs >= ERASED_EPOCHS:
        return "flip+shift+erasing" if flips else "shift+erasing"
    if epochs >= SHIFTED_EPOCHS:
        return "flip+shift" if flips else "shift"
    enough = FLIPPED_EPOCHS_OF_LARGE if weights > LARGE_WEIGHTS else FLIPPED_EPOCHS
    return "flip" if flips and epochs >= enough else "none"
