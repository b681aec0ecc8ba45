"""How a network is trained: optimizer, schedule, regularization, augmentation, averaging."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

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
    """Images a step; a last, smaller batch is left out of an epoch (another shuffle brings its images)."""
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

    def describe(self) -> str:
        """In words, on one line, what differs between recipes first."""
        parts = [f"{self.optimizer} lr {self.lr:.3g} {self.schedule}", f"batch {self.batch_size}"]
        parts += [f"{self.epochs} epochs", f"{self.initialization} initialization"]
        for name in ("weight_decay", "l1", "label_smoothing", "dropout", "input_dropout"):
            if value := getattr(self, name):
                parts.append(f"{name.replace('_', ' ')} {value:.3g}")
        if self.augmentation != "none":
            parts.append(f"{self.augmentation} {self.augmentation_strength:.2g}")
        if self.averaging != "none":
            parts.append(self.averaging)
        return ", ".join(parts)
