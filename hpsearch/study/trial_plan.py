"""A plan: trials that are known beforehand, each with its configuration, instead of drawn."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from hpsearch.study.origin import Origin
from hpsearch.study.teacher import Teacher
from hpsearch.study.trial_config import TrainsOn, TrialConfig, derive_seed


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
    search: str | None = None
    """The study whose trials the labels name; None where they come from none, and in plans of older versions."""
    origin: Origin | None = None
    """What the plan asks and what was printed of it, where it comes from a study file. No part of what is trained."""

    @model_validator(mode="after")
    def _trials_compare(self) -> Self:
        """A study's trials have one objective."""
        if len({trial.config.trains_on for trial in self.trials}) > 1:
            raise ValueError("some trials hold validation images out, and others train on them")
        if len({trial.config.teacher for trial in self.trials}) > 1:
            raise ValueError("some trials learn from another teacher than others, or from none")
        return self

    @property
    def trains_on(self) -> TrainsOn:
        """What all of them train on."""
        return self.trials[0].config.trains_on

    @property
    def teacher(self) -> Teacher | None:
        """Whom all of them learn from, if from anybody."""
        return self.trials[0].config.teacher

    @property
    def is_validated(self) -> bool:
        """Whether images are held out to validate on."""
        return self.trials[0].config.is_validated

    @property
    def labels(self) -> tuple[str, ...]:
        """The different labels, in the order in which they begin."""
        return tuple(self.configs)

    @property
    def configs(self) -> dict[str, TrialConfig]:
        """Of each label the first configuration; its others differ in their seed alone."""
        found: dict[str, TrialConfig] = {}
        for trial in self.trials:
            found.setdefault(trial.label, trial.config)
        return found


def plan_replicates(
    configs: Mapping[str, TrialConfig],
    replicates: int,
    *,
    epochs: int | None = None,
    seed: int = 0,
    keeps_first: bool = False,
    trains_on: TrainsOn | None = None,
    search: str | None = None,
    origin: Origin | None = None,
) -> TrialPlan:
    """Each configuration under several fresh seeds, the first replicate of all before the second of any.

    Args:
        configs: By label.
        replicates: How many seeds.
        epochs: In place of each recipe's own; None to keep it.
        seed: Whence the fresh seeds come; replicate k of every label gets the same one.
        keeps_first: Whether replicate 0 has the configuration's own seed instead of a fresh one.
        trains_on: In place of what each configuration trains on; None to keep it.
        search: The study whose trials the labels name.
        origin: What the plan asks, and what was printed of it.
    """
    changes: dict[str, Any] = {} if trains_on is None else {"trains_on": trains_on}
    trials = []
    for replicate in range(replicates):
        fresh = derive_seed(seed, replicate, "replicate")
        for label, config in configs.items():
            own = config.seed if keeps_first and replicate == 0 else fresh
            changed = _change(config, epochs, changes | {"seed": own})
            trials.append(PlannedTrial(label=label, replicate=replicate, config=changed))
    return TrialPlan(trials=tuple(trials), search=search, origin=origin)


def _change(config: TrialConfig, epochs: int | None, changes: dict[str, Any]) -> TrialConfig:
    recipe = config.recipe if epochs is None else config.recipe.model_copy(update={"epochs": epochs})
    return config.model_copy(update=changes | {"recipe": recipe})
