"""How a network is trained: optimizer, schedule, regularization, augmentation, averaging."""

import math
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from hpsearch.dataset import NEWEST_RULES, DataRules
from hpsearch.wording import count_of

Optimizer = Literal["sgd", "adam", "adamw", "rmsprop", "adagrad", "muon"]
Schedule = Literal["constant", "step", "cosine", "one_cycle"]
Initialization = Literal[
    "default", "random_normal", "xavier_uniform", "xavier_normal", "kaiming_uniform", "kaiming_normal"
]
Augmentation = Literal["none", "flip", "shift", "erasing", "flip+shift", "shift+erasing", "flip+shift+erasing"]
Averaging = Literal["none", "ema"]

LearningRate = Annotated[float, Field(gt=0, le=10, allow_inf_nan=False)]
Probability = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]
Penalty = Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)]
Epochs = Annotated[int, Field(ge=1, le=10_000)]
BatchSize = Annotated[int, Field(ge=1, le=65_536)]
Strength = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]


class Recipe(BaseModel):
    """All that training needs beside the architecture, the data and a seed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: Epochs
    batch_size: BatchSize = 128
    """The most images a step; of 10,000 images and more a last, smaller batch is left out of an epoch (another shuffle
    brings its images). Of fewer own ones none is, and a batch is an eighth of them at most, but 32."""
    optimizer: Optimizer = "adamw"
    """muon: for the weights between the input and the last layer, adamw for that layer, biases and norms."""
    lr: LearningRate = 3e-3
    """The peak of the schedule."""
    momentum: Probability = 0.9
    """Of sgd and rmsprop; the others have moments of their own (0.9 and 0.999; muon 0.95)."""
    nesterov: bool = True
    """Of sgd with momentum."""
    schedule: Schedule = "one_cycle"
    """constant; step: a tenth after 1/2 and again after 3/4 of the epochs; cosine: from lr to 0;
    one_cycle: up from lr / 25 for 30% of the steps, then down to lr / 250,000 (Smith and Topin, 2018)."""
    weight_decay: Penalty = 0.0
    """Decoupled for adamw (Loshchilov and Hutter, 2019) and muon, the L2 term of the gradient otherwise.
    Not applied to biases and batch norms."""
    l1: Penalty = 0.0
    """Factor of the sum of absolute weights, added to the loss; not of biases and batch norms."""
    label_smoothing: Probability = 0.0
    dropout: Probability = 0.0
    input_dropout: Probability = 0.0
    initialization: Initialization = "default"
    """Of dense and convolution weights; biases start at zero but for `default`, PyTorch's own."""
    augmentation: Augmentation = "none"
    augmentation_strength: Strength = 0.5
    """shift: up to strength x 1/7 of the side each way. erasing: with probability strength, one rectangle of 2-25% of
    the area. flip: horizontal, with probability 1/2 whatever the strength."""
    averaging: Averaging = "none"
    """ema: an exponential moving average of the weights over the steps is what is validated and kept."""

    # Not written where there are none: what was stored before they were there stays the same.
    int8_epochs: Annotated[int, Field(ge=0, le=10_000, exclude_if=lambda epochs: epochs == 0)] = 0
    """Of the epochs the last ones, in which weights and what flows are rounded to 8 bits (quantization-aware training):
    norms are folded and keep their statistics, there is no dropout, and gradients pass through the rounding."""

    @model_validator(mode="after")
    def _rounds_no_more_than_it_trains(self) -> Self:
        if self.int8_epochs > self.epochs:
            raise ValueError(f"int8_epochs {self.int8_epochs} are more than the {count_of(self.epochs, 'epoch')}")
        return self

    def describe(self) -> str:
        """In words, on one line, what differs between recipes first."""
        parts = [f"{self.optimizer} lr {self.lr:.3g} {self.schedule}", f"batch {self.batch_size}"]
        parts += [count_of(self.epochs, "epoch"), f"{self.initialization} initialization"]
        for name in ("weight_decay", "l1", "label_smoothing", "dropout", "input_dropout"):
            if value := getattr(self, name):
                parts.append(f"{name.replace('_', ' ')} {value:.3g}")
        if self.augmentation != "none":
            parts.append(f"{self.augmentation} {self.augmentation_strength:.2g}")
        if self.averaging != "none":
            parts.append(self.averaging)
        if self.int8_epochs:
            parts.append(f"the last {self.int8_epochs} in int8")
        return ", ".join(parts)


INT8_SHARE = 0.1
"""Of a training's epochs, those in whole numbers where a study asks for them."""


def count_int8_epochs(epochs: int) -> int:
    """The last epochs of a training that is to end in whole numbers of 8 bits: a tenth, one at least."""
    return max(1, round(INT8_SHARE * epochs))


SMALL_TRAINING_SPLIT = 10_000
"""Below so many images none is left out of an epoch, and a batch is small enough for some steps."""
LEAST_STEPS = 8
"""Of an epoch over a small training split, as far as batches stay as large as `SMALLEST_BATCH`."""
SMALLEST_BATCH = 32


def divide_epoch(images: int, batch_size: int, rules: DataRules = NEWEST_RULES) -> tuple[int, int]:
    """The images of a batch, and the steps of an epoch.

    Of many images the rest that fills no batch is left out of an epoch; another shuffle brings it. Of few every image
    counts: batches are of equal size, the last one filled up with the first images of the epoch's order, and at least
    eight make an epoch as far as 32 images are in each. Of data sets known by name few images are divided as
    many are.

    Args:
        images: Of the training split.
        batch_size: As the recipe has it, the most that a batch is.
        rules: Of the data set.
    """
    if images >= SMALL_TRAINING_SPLIT or rules == 1:
        size = min(batch_size, images)
        return size, images // size
    wanted = max(1, min(images, batch_size, max(SMALLEST_BATCH, math.ceil(images / LEAST_STEPS))))
    steps = math.ceil(images / wanted)
    return math.ceil(images / steps), steps
