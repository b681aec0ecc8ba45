"""A planned study: trainings that are known beforehand, each under several seeds, instead of trials that are drawn."""

import re
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hpsearch.dataset import DatasetIdentity
from hpsearch.errors import InputError
from hpsearch.network.architecture import Architecture
from hpsearch.network.budget import Budget
from hpsearch.study.origin import Origin
from hpsearch.study.recipe import Recipe
from hpsearch.study.spec import StudySpec, explain_value_error
from hpsearch.study.trial_config import TrialConfig
from hpsearch.study.trial_plan import TrialPlan, plan_replicates

MAXIMUM_NAME_LENGTH = 64
"""Of a study's name, as `check_study_name` has it."""


class Training(BaseModel):
    """A network and its recipe, whole; only the seed is open."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: Annotated[str, Field(min_length=1)]
    architecture: Architecture
    recipe: Recipe
    budget: Budget | None = None
    """The most weights that the network may hold; None for no limit."""


@dataclass(frozen=True)
class PlannedStudy:
    """What a study file says that fixes its networks."""

    name: str
    dataset: str
    """A name of the catalogue, or the path of a folder or an .npz file."""
    trainings: tuple[Training, ...]
    """By label; all of one family."""
    replicates: int
    """How many seeds each training gets; replicate k of all has the same one, so that they pair."""
    seed: int
    """Whence those seeds come, and the validation split."""
    validation_fraction: float
    validation_images: int | None
    """In place of the fraction: how many images are held out."""
    origin: Origin

    def change(
        self,
        *,
        name: str | None = None,
        dataset: str | None = None,
        epochs: int | None = None,
        seed: int | None = None,
        replicates: int | None = None,
    ) -> "PlannedStudy":
        """The same study with something else in place of what the file says, and a name that says what.

        With other images the printed figures are left out: they say nothing of those.
        """
        changed, differences = self, []
        if dataset is not None and dataset != self.dataset:
            changed = replace(changed, dataset=dataset, origin=self.origin.without_figures())
            differences.append(_name_dataset(dataset))
        if epochs is not None and any(training.recipe.epochs != epochs for training in self.trainings):
            changed = replace(changed, trainings=tuple(_change_epochs(each, epochs) for each in self.trainings))
            differences.append(f"{epochs}-epoch{'s' * (epochs != 1)}")
        if seed is not None and seed != self.seed:
            changed = replace(changed, seed=seed)
            differences.append(f"seed-{seed}")
        if replicates is not None and replicates != self.replicates:
            changed = replace(changed, replicates=replicates)
            differences.append(f"{replicates}-replicate{'s' * (replicates != 1)}")
        suffix = "".join(f"-{difference}" for difference in differences)
        return replace(changed, name=name or self.name[: MAXIMUM_NAME_LENGTH - len(suffix)] + suffix)

    def make_plan(self, dataset: DatasetIdentity) -> TrialPlan:
        """The study's trials on these images, the first replicate of all before the second of any.

        Raises:
            InputError: A network is over its budget, or an image does not survive it; the message has its label.
        """
        configs = {training.label: self._configure(training, dataset) for training in self.trainings}
        return plan_replicates(configs, self.replicates, seed=self.seed, origin=self.origin)

    def make_spec(self, plan: TrialPlan) -> StudySpec:
        """The spec of a study that has this plan: what workers and views ask of a study."""
        configs = [trial.config for trial in plan.trials]
        return StudySpec.model_validate(
            {
                "dataset": self.dataset,
                "arch": configs[0].architecture.arch,
                "budget": max(config.budget or config.count_weights() for config in configs),
                "trials": len(configs),
                "epochs": max(config.recipe.epochs for config in configs),
                "seed": self.seed,
                "sampler": "random",
                "pruner": "none",
                "validation_fraction": configs[0].validation_fraction,
            }
        )

    def _configure(self, training: Training, dataset: DatasetIdentity) -> TrialConfig:
        try:
            return TrialConfig(
                architecture=training.architecture,
                recipe=training.recipe,
                dataset=dataset,
                validation_fraction=self._measure_validation_fraction(dataset),
                split_seed=self.seed,
                seed=0,
                budget=training.budget,
            )
        except ValidationError as error:
            raise InputError(
                f"{training.label!r} does not go with its budget or with {dataset.name}: {explain_value_error(error)}"
            ) from error

    def _measure_validation_fraction(self, dataset: DatasetIdentity) -> float:
        images = self.validation_images
        if images is None:
            return self.validation_fraction
        if images >= dataset.train_count:
            raise InputError(
                f"validation_images {images:,} is not allowed: {dataset.name} has {dataset.train_count:,} training "
                "images, and some must be left to train on; validation_fraction = 0.1 in its place holds out a tenth"
            )
        return images / dataset.train_count


def _change_epochs(training: Training, epochs: int) -> Training:
    return training.model_copy(update={"recipe": training.recipe.model_copy(update={"epochs": epochs})})


def _name_dataset(dataset: str) -> str:
    """As a study's name may hold it."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", PurePath(dataset).stem).strip("-")[:20] or "data"
