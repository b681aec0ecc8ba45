"""A plan: trials that are known beforehand, each with its configuration, instead of drawn."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from hpsearch.trial_config import TrialConfig, derive_seed


class PlannedTrial(BaseModel):
    """A trial to come."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: Annotated[str, Field(min_length=1)]
    """What it is one of: trials with the same label differ in their seed alone."""
    replicate: Annotated[int, Field(ge=0)]
    """Counts the seeds of a label, from 0. Trials of the same replicate have the same seed, so that they pair."""
    config: TrialConfig


class TrialPlan(BaseModel):
    """The trials of a study by number."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    trials: Annotated[tuple[PlannedTrial, ...], Field(min_length=1)]

    @property
    def labels(self) -> tuple[str, ...]:
        """The different labels, in the order in which they begin."""
        return tuple(dict.fromkeys(trial.label for trial in self.trials))


def plan_replicates(
    configs: Mapping[str, TrialConfig],
    replicates: int,
    *,
    epochs: int | None = None,
    seed: int = 0,
    keeps_first: bool = False,
) -> TrialPlan:
    """Each configuration under several fresh seeds, the first replicate of all before the second of any.

    Args:
        configs: By label.
        replicates: How many seeds.
        epochs: In place of each recipe's own; None to keep it.
        seed: Whence the fresh seeds come; replicate k of every label gets the same one.
        keeps_first: Whether replicate 0 has the configuration's own seed instead of a fresh one.
    """
    trials = []
    for replicate in range(replicates):
        fresh = derive_seed(seed, replicate, "replicate")
        for label, config in configs.items():
            own = config.seed if keeps_first and replicate == 0 else fresh
            trials.append(PlannedTrial(label=label, replicate=replicate, config=_change(config, own, epochs)))
    return TrialPlan(trials=tuple(trials))


def _change(config: TrialConfig, seed: int, epochs: int | None) -> TrialConfig:
    recipe = config.recipe if epochs is None else config.recipe.model_copy(update={"epochs": epochs})
    return config.model_copy(update={"seed": seed, "recipe": recipe})
