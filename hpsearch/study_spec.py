"""What a study searches: data set, family, budget, space, sampler, pruner, trials, epochs, seed."""

import hashlib
import json
import math
import re
from pathlib import PurePath
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from hpsearch.architecture import Arch
from hpsearch.budget import Budget, format_budget
from hpsearch.default_spaces import default_space
from hpsearch.errors import InputError
from hpsearch.older_spaces import complete_space, list_added_since
from hpsearch.parameters import check_space
from hpsearch.recipe import Epochs
from hpsearch.search_space import Choices, FloatRange, IntRange, SearchSpace, parse_distribution
from hpsearch.trial_config import Seed, ValidationFraction
from hpsearch.wording import quote

SamplerName = Literal["tpe", "random", "gp", "qmc", "grid"]
PrunerName = Literal["asha", "hyperband", "median", "none"]

Trials = Annotated[int, Field(ge=1, le=1_000_000, strict=True)]

DEFAULT_TRIALS: dict[Arch, int] = {"fcn": 20, "cnn": 16}
DEFAULT_EPOCHS: dict[Arch, int] = {"fcn": 20, "cnn": 12}
SAMPLERS_WITH_PORTFOLIO: tuple[SamplerName, ...] = ("tpe", "gp")
"""The samplers that learn. The others are what one compares with, so their trials are all drawn."""

_MAXIMUM_GRID_POINTS = 100_000
"""Optuna's grid sampler holds every point in memory."""

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
    portfolio: Annotated[bool, Field(strict=True)] | None = None
    """Whether the shipped configurations are its first trials; None where nobody says, until the study is made."""
    space: SearchSpace

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, given: Any) -> Any:
        """Defaults that depend on the family; a space that names some parameters changes the default one."""
        if not isinstance(given, dict) or given.get("arch") not in tuple(DEFAULT_TRIALS):
            return given
        arch: Arch = given["arch"]
        filled: dict[str, Any] = {"trials": DEFAULT_TRIALS[arch], "epochs": DEFAULT_EPOCHS[arch]} | given
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
        content = self.model_dump(mode="json", exclude=None if self.portfolio else {"portfolio"})
        for name in list_added_since(self.space):
            del content["space"]["distributions"][name]
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def find_differences(self, other: "StudySpec") -> dict[str, tuple[str, str]]:
        """The fields in which two specs differ: by name, this one's value and the other's, as text.

        The portfolio decides how a study begins: who does not speak of it takes the study as it was made.
        """
        mine, theirs = self._flatten(), other._flatten()
        if self.portfolio is None or other.portfolio is None:
            mine["portfolio"] = theirs["portfolio"] = ""
        names = [*mine, *(name for name in theirs if name not in mine)]
        missing = "(none)"
        return {
            name: (mine.get(name, missing), theirs.get(name, missing))
            for name in names
            if mine.get(name) != theirs.get(name)
        }

    def _flatten(self) -> dict[str, str]:
        fields = {name: str(value) for name, value in self if name not in ("space", "budget")}
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
