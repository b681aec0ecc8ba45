"""What a study searches: data set, family, budget, space, sampler, pruner, trials, epochs, seed."""

import math
import re
from collections.abc import Collection
from pathlib import PurePath
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from hpsearch.dataset import ImageSize, Preparation
from hpsearch.durations import format_duration
from hpsearch.errors import InputError
from hpsearch.network.architecture import Activation, Arch
from hpsearch.network.budget import Budget
from hpsearch.network.device_graph import OPERATORS_OF_ACTIVATION, Operator
from hpsearch.network.limits import LIMIT_NAMES, Limits, format_limit
from hpsearch.network.sizes import FlashBytes, MacsLimit, RamBytes
from hpsearch.study.default_spaces import default_space
from hpsearch.study.grid import check_grid
from hpsearch.study.length import DEFAULT_EPOCHS, DEFAULT_TRIALS, PrunerName, settle_length
from hpsearch.study.older_spaces import complete_space
from hpsearch.study.parameters import check_space, find_parameter
from hpsearch.study.recipe import SMALL_TRAINING_SPLIT, Epochs, divide_epoch
from hpsearch.study.round_plan import RoundPlan
from hpsearch.study.search_space import Choices, FloatRange, IntRange, SearchSpace, name_parameter, parse_distribution
from hpsearch.study.study_name import check_study_name
from hpsearch.study.targets import find_target, runs_on
from hpsearch.study.trial_config import Seed, ValidationFraction
from hpsearch.wording import count_of, quote

SamplerName = Literal["tpe", "random", "gp", "qmc", "grid"]

Trials = Annotated[int, Field(ge=1, le=1_000_000, strict=True)]

SAMPLERS_WITH_PORTFOLIO: tuple[SamplerName, ...] = ("tpe", "gp")
"""The samplers that learn. The others are what one compares with, so their trials are all drawn."""

LIMITS_HINT = "give --budget 100k, or what a device has: --ram 64k, --flash 128k, --macs 2m, --target NAME"

_MOST_SECONDS = 366 * 24 * 3600

FEW_IMAGES = 1000
"""Training images below which a tenth is too few to rank configurations by."""
VALIDATION_FRACTION_OF_FEW = 0.2
MOST_EPOCHS_OF_FEW = 150
_USUAL_BATCH, _USUAL_STEPS = 128, 421
"""Of an epoch over the 54,000 images that the usual numbers of epochs were found with."""


class StudySpec(BaseModel):
    """Everything that decides which trials a study draws; two runs with equal specs are one study."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    dataset: Annotated[str, Field(min_length=1)] = "fashion-mnist"
    """A name of the catalogue, or the path of a folder or a file."""
    image_size: ImageSize | None = None
    """Height and width that own images of any size are brought to; None where they have one already."""
    grey: Annotated[bool, Field(strict=True)] = False
    """Whether their colours are dropped, too."""
    arch: Arch
    budget: Budget | None = None
    """Weights; None where only a device's limits say how large a network may be."""
    ram: RamBytes | None = None
    """Bytes of RAM for what flows through the network in int8."""
    flash: FlashBytes | None = None
    """Bytes of the .tflite file in int8."""
    macs: MacsLimit | None = None
    """Multiply-accumulates of an image."""
    target: Annotated[str, Field(min_length=1)] | None = None
    """A device by name, which gives RAM and flash where nobody does, and says which operators there are."""
    trials: Trials
    epochs: Annotated[Epochs, Field(strict=True)]
    seed: Annotated[Seed, Field(strict=True)] = 0
    sampler: SamplerName = "tpe"
    pruner: PrunerName = "median"
    validation_fraction: ValidationFraction = 0.1
    time: Annotated[int, Field(ge=1, le=_MOST_SECONDS, strict=True)] | None = None
    """Seconds that the search is to take; None where trials and epochs say how long it is."""
    round_plan: RoundPlan | None = None
    """What the time goes to. With a time it is made when the study is made, and trials and epochs follow from it."""
    portfolio: Annotated[bool, Field(strict=True)] | None = None
    """Whether the shipped configurations are its first trials; None where nobody says, until the study is made."""
    int8: Annotated[bool, Field(strict=True)] | None = None
    """Whether trainings end in whole numbers of 8 bits, of a search in rounds those of the last one."""
    teacher: Annotated[str, Field(min_length=1)] | None = None
    """The study whose best network, trained on the same images, teaches every trial; None for the labels alone."""
    space: SearchSpace

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, given: Any) -> Any:
        """Defaults that depend on the family; a space that names some parameters changes the default one."""
        if not isinstance(given, dict) or given.get("arch") not in tuple(DEFAULT_TRIALS):
            return given
        arch: Arch = given["arch"]
        filled: dict[str, Any] = {"trials": DEFAULT_TRIALS[arch], "epochs": DEFAULT_EPOCHS[arch]}
        filled |= settle_length(arch, given)
        filled |= _settle_target(filled)
        space = filled.get("space", {})
        if isinstance(space, dict) and "distributions" not in space:
            filled["space"] = _change_space(default_space(arch), space)
        elif isinstance(space, dict):
            filled["space"] = complete_space(arch, space)
        return filled

    @field_validator("version", mode="before")
    @classmethod
    def _version_is_whole(cls, given: Any) -> Any:
        """A literal takes whatever equals it, so also `true` and 1.0."""
        if type(given) is not int:
            raise InputError(f"version {quote(given)} is not allowed; give 1")
        return given

    @field_validator("teacher")
    @classmethod
    def _teacher_is_a_name(cls, given: str | None) -> str | None:
        return None if given is None else check_study_name(given)

    @model_validator(mode="after")
    def _something_is_limited(self) -> Self:
        if not self.limits.named:
            raise InputError(f"nothing limits the networks: {LIMITS_HINT}")
        return self

    @model_validator(mode="after")
    def _grey_goes_with_a_size(self) -> Self:
        if self.grey and self.image_size is None:
            raise InputError("grey goes with an image size: give --image-size as well, e.g. --image-size 64 --grey")
        return self

    @model_validator(mode="after")
    def _space_belongs_to_arch(self) -> Self:
        check_space(self.arch, self.space)
        _check_activations(self.space, self.target)
        if self.sampler == "grid":
            check_grid(self.arch, self.space)
            if self.portfolio:
                raise InputError(
                    "sampler grid walks through all its points, so portfolio true is not allowed: "
                    "leave it out, or take another sampler"
                )
        return self

    @property
    def limits(self) -> Limits:
        """What every network keeps within."""
        return Limits(budget=self.budget, ram=self.ram, flash=self.flash, macs=self.macs)

    @property
    def operators(self) -> "frozenset[Operator] | None":
        """The operators that networks may be made of; None for all."""
        return None if self.target is None else find_target(self.target).operators

    @property
    def preparation(self) -> Preparation | None:
        """How own images become those of one size; None where they are taken as they are."""
        return None if self.image_size is None else Preparation(size=self.image_size, grey=self.grey)

    @property
    def has_open_plan(self) -> bool:
        """Whether it has a time whose rounds are not planned yet: its trials and epochs say nothing."""
        return self.time is not None and self.round_plan is None

    def settle_rounds(self, plan: RoundPlan) -> "StudySpec":
        """The same with its rounds: as many trials as they have, and of epochs as many as the longest."""
        epochs = max(part.epochs for part in plan.rounds)
        return self.model_copy(update={"round_plan": plan, "trials": plan.trials, "epochs": epochs})

    def describe_length(self) -> str:
        """In words how much is trained: `16 trials of 12 epochs`, or its rounds."""
        if self.round_plan is not None:
            plan = self.round_plan
            about = f", about {format_duration(plan.forecast_seconds())}" if plan.seconds is not None else ""
            return f"{count_of(self.trials, 'trial')}: {plan.describe()}{about}"
        if self.time is not None:
            return f"as many trials as {format_duration(self.time)} allow"
        return f"{count_of(self.trials, 'trial')} of {count_of(self.epochs, 'epoch')}"

    def fit_to_size(self, images: int, given: Collection[str]) -> "StudySpec":
        """The same for a training split of so many images: what nobody has given follows from their number.

        Few images make few steps an epoch: trials get as many steps as on a large split, as far as 150 epochs give
        them. And below 1,000 images a tenth cannot rank, so that a fifth is held out (docs/log.md).

        Args:
            images: Of the training split, the validation part included.
            given: The fields that a person has named.
        """
        changes: dict[str, Any] = {}
        if "validation_fraction" not in given and images < FEW_IMAGES:
            changes["validation_fraction"] = VALIDATION_FRACTION_OF_FEW
        if self.time is None and self.round_plan is None and "epochs" not in given and images < SMALL_TRAINING_SPLIT:
            _, steps = divide_epoch(images, _USUAL_BATCH)
            wanted = math.ceil(self.epochs * _USUAL_STEPS / steps)
            changes["epochs"] = max(self.epochs, min(wanted, MOST_EPOCHS_OF_FEW))
        return self.model_copy(update=changes) if changes else self

    def settle_portfolio(self, *, is_planned: bool = False, is_warm: bool = False) -> "StudySpec":
        """The spec of a study that is made now: what nobody says about the portfolio is decided.

        Args:
            is_planned: Whether the study's trials are known beforehand.
            is_warm: Whether it begins with the best of another study.
        """
        wanted = self.portfolio
        if wanted is None:
            wanted = self.sampler in SAMPLERS_WITH_PORTFOLIO and not is_warm
        return self.model_copy(update={"portfolio": wanted and not is_planned})

    def default_name(self) -> str:
        """The study's name where none is given: data set, family, limits."""
        dataset = re.sub(r"[^A-Za-z0-9._-]+|\.\.+", "-", PurePath(self.dataset).stem).strip("-._") or "data"
        named = self.limits.named
        if self.target is not None:  # its own limits are in its name
            target = find_target(self.target)
            named = {name: limit for name, limit in named.items() if limit != getattr(target, name, None)}
        parts = [
            format_limit(name, limit) if name == "budget" else f"{name}{format_limit(name, limit)}"
            for name, limit in named.items()
        ]
        if self.target is not None:
            parts.append(self.target)
        tail = "-".join([self.arch, *parts])
        return f"{dataset[: min(40, 63 - len(tail))]}-{tail}"

    def find_differences(self, other: "StudySpec") -> dict[str, tuple[str, str]]:
        """The fields in which two specs differ: by name, this one's value and the other's, as text.

        The portfolio decides how a study begins: who does not speak of it takes the study as it was made. So does who
        gives the same time, whatever this machine would plan for it.
        """
        mine, theirs = self._flatten(), other._flatten()
        if self.portfolio is None or other.portfolio is None:
            mine["portfolio"] = theirs["portfolio"] = ""
        if self.has_open_plan or other.has_open_plan:
            for fields in (mine, theirs):
                for name in ("trials", "epochs", "round_plan"):
                    fields.pop(name)
        names = [*mine, *(name for name in theirs if name not in mine)]
        missing = "(none)"
        return {
            name: (mine.get(name, missing), theirs.get(name, missing))
            for name in names
            if mine.get(name) != theirs.get(name)
        }

    def _flatten(self) -> dict[str, str]:
        written = ("space", "time", "round_plan", *LIMIT_NAMES, "target")
        fields = {name: str(value) for name, value in self if name not in written}
        fields |= {name: format_limit(name, limit) for name, limit in self.limits.named.items()}
        fields |= {} if self.target is None else {"target": self.target}
        fields["int8"] = str(bool(self.int8))
        fields["teacher"] = self.teacher or "none"
        fields["image_size"] = "none" if self.image_size is None else str(self.image_size)
        fields["time"] = "none" if self.time is None else format_duration(self.time)
        fields["round_plan"] = "none" if self.round_plan is None else self.round_plan.describe()
        space = {f"space.{name}": str(distribution) for name, distribution in self.space.distributions.items()}
        return fields | space


def _change_space(space: SearchSpace, given: dict[str, Any]) -> SearchSpace:
    changes: dict[str, FloatRange | IntRange | Choices] = {}
    for name, value in given.items():
        if name not in space.distributions and (meant := find_parameter(name)) in space.distributions:
            raise InputError(f"{name_parameter(name)} is no parameter; did you mean {meant!r}?")
        space.check_name(name)
        try:
            changes[name] = parse_distribution(value)
        except ValueError as error:
            raise InputError(f"space.{name}: {explain_value_error(error)}") from error
    return space.replace(changes)


def explain_value_error(error: ValueError) -> str:
    """One line for what was wrong with a value, pydantic's own preamble left out."""
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors()[0]
    place = ".".join(str(part) if str(part).isidentifier() else quote(part) for part in first["loc"])
    message = str(first["msg"]).removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    if isinstance(first["input"], bool | int | float | str):
        message += f" (given {quote(first['input'])})"
    return f"{place}: {message}" if place else message


def _settle_target(given: dict[str, Any]) -> dict[str, Any]:
    """The limits of a target, where a person gives none."""
    if not isinstance(name := given.get("target"), str):
        return {}
    target = find_target(name)
    return {field: getattr(target, field) for field in ("ram", "flash") if given.get(field) is None}


def _check_activations(space: SearchSpace, target: str | None) -> None:
    """Raises InputError where a target has the operators of no activation that is searched."""
    activations = space.distributions["activation"]
    if target is None or not isinstance(activations, Choices):
        return
    operators = find_target(target).operators
    wanted = [activation for activation in get_args(Activation) if activation in activations.values]
    if not any(runs_on(activation, operators) for activation in wanted):
        able = ", ".join(activation for activation in get_args(Activation) if runs_on(activation, operators))
        raise InputError(
            f"space.activation: {' and '.join(wanted)} cannot be had on target {target}, whose kernels lack "
            f"{' and '.join(OPERATORS_OF_ACTIVATION[wanted[0]])}: give one of {able}, or leave target out"
        )
