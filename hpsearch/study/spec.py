"""What a study searches: data set, family, budget, space, sampler, pruner, trials, epochs, seed."""

import hashlib
import json
import math
import re
from pathlib import PurePath
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from hpsearch.durations import format_duration, parse_duration
from hpsearch.errors import InputError
from hpsearch.network.architecture import Arch
from hpsearch.network.budget import Budget, format_budget
from hpsearch.study.default_spaces import default_space
from hpsearch.study.older_spaces import complete_space, list_added_since
from hpsearch.study.parameters import check_space
from hpsearch.study.recipe import Epochs
from hpsearch.study.round_plan import RoundPlan
from hpsearch.study.search_space import Choices, FloatRange, IntRange, SearchSpace, parse_distribution
from hpsearch.study.trial_config import Seed, ValidationFraction
from hpsearch.wording import quote

SamplerName = Literal["tpe", "random", "gp", "qmc", "grid"]
PrunerName = Literal["asha", "hyperband", "median", "none"]

Trials = Annotated[int, Field(ge=1, le=1_000_000, strict=True)]

DEFAULT_TIME: dict[Arch, int] = {"fcn": 240, "cnn": 900}
"""Seconds that a search plans itself to, where nobody says how many trials of how many epochs it is to have."""
DEFAULT_TRIALS: dict[Arch, int] = {"fcn": 20, "cnn": 16}
DEFAULT_EPOCHS: dict[Arch, int] = {"fcn": 20, "cnn": 12}
"""Of a study that names either trials or epochs, and not the other."""
SAMPLERS_WITH_PORTFOLIO: tuple[SamplerName, ...] = ("tpe", "gp")
"""The samplers that learn. The others are what one compares with, so their trials are all drawn."""

_MAXIMUM_GRID_POINTS = 100_000
"""Optuna's grid sampler holds every point in memory."""

_MOST_SECONDS = 366 * 24 * 3600

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class StudySpec(BaseModel):
    """Everything that decides which trials a study draws; two runs with equal specs are one study."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    dataset: Annotated[str, Field(min_length=1)] = "fashion-mnist"
    """A name of the catalogue, or the path of a folder or an .npz file."""
    arch: Arch
    budget: Budget
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
        filled |= _settle_length(arch, given)
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
    def _space_belongs_to_arch(self) -> Self:
        check_space(self.arch, self.space)
        if self.sampler == "grid":
            _check_grid(self.space)
            if self.portfolio:
                raise InputError(
                    "sampler grid walks through all its points, so portfolio true is not allowed: "
                    "leave it out, or take another sampler"
                )
        return self

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
            return f"{self.trials} trials: {plan.describe()}{about}"
        if self.time is not None:
            return f"as many trials as {format_duration(self.time)} allow"
        return f"{self.trials} trials of {self.epochs} epochs"

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
        """The study's name where none is given: data set, family, budget."""
        dataset = re.sub(r"[^A-Za-z0-9._-]+|\.\.+", "-", PurePath(self.dataset).stem).strip("-._") or "data"
        return f"{dataset[:40]}-{self.arch}-{format_budget(self.budget)}"

    def fingerprint(self) -> str:
        """SHA-256 over the spec in canonical JSON.

        A study without a portfolio has the one that it had before there were portfolios, and a space that was written
        before some parameters were there the one that it had without them.
        """
        absent = {name for name in ("portfolio", "time", "round_plan", "teacher") if not getattr(self, name)}
        content = self.model_dump(mode="json", exclude=absent)
        for name in list_added_since(self.space):
            del content["space"]["distributions"][name]
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

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
        fields = {name: str(value) for name, value in self if name not in ("space", "budget", "time", "round_plan")}
        fields["teacher"] = self.teacher or "none"
        fields["time"] = "none" if self.time is None else format_duration(self.time)
        fields["round_plan"] = "none" if self.round_plan is None else self.round_plan.describe()
        space = {f"space.{name}": str(distribution) for name, distribution in self.space.distributions.items()}
        return fields | {"budget": format_budget(self.budget)} | space


def check_study_name(name: str) -> str:
    """The name itself, if it can be a study's.

    Raises:
        InputError: It is empty, too long, or holds a character that a file name or a URL may not have.
    """
    if _NAME.fullmatch(name) is None or ".." in name:
        raise InputError(
            f"study name {quote(name)} is not allowed: "
            "use up to 64 letters, digits, dots (not two in a row), hyphens and underscores, a letter or digit first"
        )
    return name


def _change_space(space: SearchSpace, given: dict[str, Any]) -> SearchSpace:
    changes: dict[str, FloatRange | IntRange | Choices] = {}
    for name, value in given.items():
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


def _settle_length(arch: Arch, given: dict[str, Any]) -> dict[str, Any]:
    """Whether a study's length is a time, or trials and epochs; rounds that are planned have both."""
    filled = dict(given)
    pinned = [name for name in ("trials", "epochs") if given.get(name) is not None]
    if given.get("round_plan") is not None:
        said = [*pinned, *(["time"] if given.get("time") is not None else [])]
        if said and isinstance(given["round_plan"], list | tuple):  # a person's form; a spec that was written has all
            raise InputError(f"round_plan says how long a search is, and so does {' and '.join(said)}: leave one out")
        filled["pruner"] = _settle_pruner(given)
        return filled | _read_lengths(given["round_plan"])
    if given.get("time") is None:
        is_classic = pinned or given.get("pruner") is not None or given.get("sampler") == "grid"
        filled["time"] = None if is_classic else DEFAULT_TIME[arch]
    elif pinned and "round_plan" not in given:  # a spec that was written down has all of them
        raise InputError(
            f"time and {' and '.join(pinned)} are both given: a time plans trials and epochs itself, "
            "so leave either --time or --trials and --epochs out"
        )
    elif isinstance(given["time"], str):
        filled["time"] = max(1, round(parse_duration(given["time"], "--time")))
    if filled["time"] is not None:
        filled["pruner"] = _settle_pruner(given)
        if given.get("sampler") == "grid":
            raise InputError("sampler grid walks through all its points whatever time that takes: leave --time out")
    return filled


def _read_lengths(plan: Any) -> dict[str, int]:
    """Trials and epochs as rounds have them; nothing where they cannot be read, which pydantic says better."""
    try:
        read = RoundPlan.model_validate(plan)
    except ValidationError:
        return {}
    return {"trials": read.trials, "epochs": max(part.epochs for part in read.rounds)}


def _settle_pruner(given: dict[str, Any]) -> str:
    pruner: str = given.get("pruner") or "none"
    if pruner in get_args(PrunerName) and pruner != "none":
        raise InputError(
            f"pruner {pruner} does not go with rounds, which decide themselves what goes on: "
            "leave --pruner out, or give --trials and --epochs"
        )
    return pruner


def _check_grid(space: SearchSpace) -> None:
    ranges = [
        name
        for name, distribution in space.distributions.items()
        if isinstance(distribution, FloatRange) and distribution.low != distribution.high
    ]
    if ranges:
        raise InputError(
            f"sampler grid needs finitely many values, but these are ranges of real numbers: {', '.join(ranges)}; "
            "give each a list in the study file's [space], or take another sampler"
        )
    points = math.prod(_count_values(distribution) for distribution in space.distributions.values())
    if points > _MAXIMUM_GRID_POINTS:
        raise InputError(
            f"sampler grid would have {points} points, over the {_MAXIMUM_GRID_POINTS:,} allowed: "
            "give fewer values in the study file's [space], or take another sampler"
        )


def _count_values(distribution: FloatRange | IntRange | Choices) -> int:
    match distribution:
        case Choices(values=values):
            return len(values)
        case IntRange(low=low, high=high):
            return high - low + 1
    return 1
