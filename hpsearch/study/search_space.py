"""Search spaces as data: for every parameter a range, a list of choices, or one fixed value.

The space has the same parameters for every trial. What a draw does not use (the ratios of layers beyond its depth, the
strength of no augmentation) is drawn all the same and ignored, so that a multivariate sampler sees one joint space.
"""

import difflib
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny, field_validator, model_validator

from hpsearch.errors import InputError
from hpsearch.wording import quote

Value = bool | int | float | str

_LARGEST = 2**53
"""Of a bound, either way: up to here every whole number is a float of its own."""

_FROZEN = ConfigDict(frozen=True, extra="forbid")


class FloatRange(BaseModel):
    """Numbers from low to high, both included; on a logarithmic scale if `log`."""

    model_config = _FROZEN

    kind: Literal["float"] = "float"
    low: Annotated[float, Field(strict=True, ge=-_LARGEST, le=_LARGEST, allow_inf_nan=False)]
    high: Annotated[float, Field(strict=True, ge=-_LARGEST, le=_LARGEST, allow_inf_nan=False)]
    log: Annotated[bool, Field(strict=True)] = False

    @model_validator(mode="after")
    def _low_is_not_above_high(self) -> Self:
        _check_bounds(self.low, self.high, self.log)
        return self

    def __str__(self) -> str:
        return f"{self.low} ... {self.high}{' (log)' if self.log else ''}"

    def __contains__(self, value: object) -> bool:
        return isinstance(value, int | float) and self.low <= value <= self.high


class IntRange(BaseModel):
    """Whole numbers from low to high, both included."""

    model_config = _FROZEN

    kind: Literal["int"] = "int"
    low: Annotated[int, Field(strict=True, ge=-_LARGEST, le=_LARGEST)]
    high: Annotated[int, Field(strict=True, ge=-_LARGEST, le=_LARGEST)]
    log: Annotated[bool, Field(strict=True)] = False

    @model_validator(mode="after")
    def _low_is_not_above_high(self) -> Self:
        _check_bounds(self.low, self.high, self.log)
        return self

    def __str__(self) -> str:
        return f"{self.low} ... {self.high}{' (log)' if self.log else ''}"

    def __contains__(self, value: object) -> bool:
        return isinstance(value, int) and self.low <= value <= self.high


class Choices(BaseModel):
    """One of a list; a list of one is a fixed value."""

    model_config = _FROZEN

    kind: Literal["choices"] = "choices"
    values: Annotated[tuple[Value, ...], Field(min_length=1)]

    @field_validator("values")
    @classmethod
    def _values_differ(cls, values: tuple[Value, ...]) -> tuple[Value, ...]:
        seen = {(isinstance(value, bool), value) for value in values}
        if len(seen) != len(values):
            raise ValueError("a choice stands twice in the list; name each once")
        return values

    def __str__(self) -> str:
        return " | ".join(str(value).lower() if isinstance(value, bool) else str(value) for value in self.values)

    def __contains__(self, value: object) -> bool:
        return any(value == choice and type(value) is type(choice) for choice in self.values)


Distribution = Annotated[FloatRange | IntRange | Choices, Field(discriminator="kind")]


def takes(distribution: FloatRange | IntRange | Choices, value: Any) -> bool:
    """Whether a value is one that a parameter may have: true is no number, nor is text."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value in distribution and (is_number or isinstance(distribution, Choices))


class SearchSpace(BaseModel):
    """A distribution for every parameter of one family of architectures, in the order in which they are drawn."""

    model_config = _FROZEN

    distributions: dict[str, SerializeAsAny[Distribution]]

    def replace(self, changes: Mapping[str, FloatRange | IntRange | Choices]) -> "SearchSpace":
        """The same space with other distributions for some of its parameters.

        Raises:
            InputError: A parameter that the space does not have.
        """
        for name in changes:
            self.check_name(name)
        return SearchSpace(distributions={**self.distributions, **changes})

    def check_name(self, name: str) -> None:
        """Check that the space has a parameter of this name.

        Raises:
            InputError: It has none; the message names the nearest and all there are.
        """
        if name not in self.distributions:
            near = difflib.get_close_matches(name, self.distributions, n=1)
            guess = f"did you mean {near[0]!r}? " if near else ""
            allowed = ", ".join(self.distributions)
            raise InputError(f"{name_parameter(name)} is no parameter; {guess}allowed: {allowed}")

    def choices(self, name: str) -> tuple[Value, ...]:
        """Every value of a parameter that has finitely many.

        Raises:
            InputError: The parameter is a range of real numbers.
        """
        match self.distributions[name]:
            case Choices(values=values):
                return values
            case IntRange(low=low, high=high):
                return tuple(range(low, high + 1))
            case FloatRange(low=low, high=high) if low == high:
                return (low,)
        raise InputError(f"space.{name} is a range of real numbers; give a list of choices or a whole-number range")


_RANGE_KEYS = ("low", "high", "log", "kind")
_RANGE_EXAMPLE = "{low = 1e-4, high = 1e-1, log = true}"


def name_parameter(name: str) -> str:
    """How messages call a parameter: `space.lr`, and what cannot be a name of ours in quotes."""
    return f"space.{name if name.isidentifier() and len(name) <= 40 else quote(name)}"


def parse_distribution(value: Any) -> FloatRange | IntRange | Choices:
    """Read what a study file has for a parameter: a value, a list of values, or `{low = ..., high = ..., log = ...}`.

    Raises:
        ValueError: It is none of these, or a bound or choice is wrong (pydantic's error is one, too).
    """
    match value:
        case FloatRange() | IntRange() | Choices():
            return value
        case {"kind": "float"}:
            return FloatRange.model_validate(value)
        case {"kind": "int"}:
            return IntRange.model_validate(value)
        case {"kind": "choices"}:
            return Choices.model_validate(value)
        case {"low": low, "high": high}:
            if unknown := [key for key in value if key not in _RANGE_KEYS]:
                raise ValueError(f"unknown key {quote(unknown[0])} in a range; allowed: {', '.join(_RANGE_KEYS)}")
            both_whole = isinstance(low, int) and isinstance(high, int)
            return (IntRange if both_whole else FloatRange).model_validate(value)
        case dict():
            raise ValueError(f"a range needs both low and high, as in {_RANGE_EXAMPLE}")
        case []:
            raise ValueError("an empty list leaves nothing to choose from; name at least one value")
        case list() | tuple():
            for item in value:
                if not isinstance(item, bool | int | float | str):
                    raise ValueError(f"{quote(item)} is no choice; a choice is text, a number, true or false")
            return Choices(values=tuple(value))
        case bool() | int() | float() | str():
            return Choices(values=(value,))
    raise ValueError(f"{quote(value)} is none of a value, a list of values, and a range such as {_RANGE_EXAMPLE}")


def _check_bounds(low: float, high: float, log: bool) -> None:
    if low > high:
        raise ValueError(f"low {low} is above high {high}; swap them")
    if log and low <= 0:
        raise ValueError(f"low {low} has no logarithm; give a low above 0 or leave log out")
