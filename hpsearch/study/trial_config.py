"""A trial's configuration: all that is needed to run it again."""

import hashlib
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    model_validator,
)

from hpsearch.dataset import DatasetIdentity
from hpsearch.network.architecture import Architecture
from hpsearch.network.budget import Budget
from hpsearch.network.memory import Footprint, count_footprint
from hpsearch.study.recipe import Recipe
from hpsearch.study.round_plan import Cost
from hpsearch.study.teacher import Teacher

Seed = Annotated[int, Field(ge=0, lt=2**63)]
ValidationFraction = Annotated[float, Field(gt=0, lt=1, strict=True)]
TrainsOn = Literal["train", "train+validation"]


class TrialConfig(BaseModel):
    """Architecture, recipe, seed and data set, in a JSON that carries the version of its own layout."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    architecture: Architecture
    recipe: Recipe
    dataset: DatasetIdentity
    validation_fraction: ValidationFraction = 0.1
    split_seed: Seed = 0
    """Draws the validation split: one for all trials of a study, so that their accuracies compare."""
    # Not written where it is the default, nor is the teacher: as before they were there, so that hashes stay the same.
    # The version stays as well, for who does not know the fields refuses them.
    trains_on: Annotated[TrainsOn, Field(exclude_if=lambda splits: splits == "train")] = "train"
    """With `train+validation` nothing is held out, so that no accuracy but that on the test split can be known; the
    fraction and its seed then say what the search had held out that the configuration comes from."""
    seed: Seed
    """Of everything random in training: initial weights, order, dropout, augmentation."""
    budget: Budget | None = None
    """The most weights that the network may hold; None for no limit."""
    teacher: Annotated[Teacher | None, Field(exclude_if=lambda teacher: teacher is None)] = None
    """Whose answers it learns beside the labels; None for the labels alone."""

    @model_validator(mode="after")
    def _network_fits(self) -> Self:
        """An image survives to the last layer, and the weights are within the budget."""
        weights = self.count_weights()
        if self.budget is not None and weights > self.budget:
            raise ValueError(f"the architecture holds {weights} weights, over its budget of {self.budget}")
        return self

    @property
    def is_validated(self) -> bool:
        """Whether images are held out to validate on."""
        return self.trains_on == "train"

    @property
    def held_out_fraction(self) -> float | None:
        """The share of the training split that is not trained on; None for nothing."""
        return self.validation_fraction if self.is_validated else None

    def count_weights(self) -> int:
        """Every trainable parameter of the network on this data set."""
        return self.architecture.count_weights(self.dataset.input_shape, self.dataset.class_count)

    def count_macs(self) -> int:
        """Multiply-accumulates of one forward pass over one image."""
        return self.architecture.count_macs(self.dataset.input_shape, self.dataset.class_count)

    def count_footprint(self) -> Footprint:
        """What it takes of a small device's RAM and flash, in bytes."""
        return count_footprint(self.architecture, self.dataset.input_shape, self.dataset.class_count)

    def count_cost(self) -> Cost:
        """What decides the time of an epoch."""
        shape, classes = self.dataset.input_shape, self.dataset.class_count
        return Cost(self.count_macs(), self.architecture.count_values(shape, classes))


def derive_seed(study_seed: int, trial_number: int, purpose: str) -> int:
    """A seed below 2^63 for one purpose of one trial: the head of SHA-256 over all three.

    Neighbouring trials and purposes get unrelated seeds, on every machine and in every version the same.
    """
    digest = hashlib.sha256(f"{study_seed}/{trial_number}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:8]) >> 1
