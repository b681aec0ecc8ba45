"""A weight budget: how many trainable parameters a network may hold."""

import re
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from hpsearch.errors import InputError
from hpsearch.wording import has_thousands_point, quote

MAXIMUM_BUDGET_WEIGHTS = 100_000_000
"""Far beyond what the tool is made for; a larger figure is a slip of the hand."""

_FACTORS = {"": 1, "k": 1_000, "m": 1_000_000}
_PATTERN = re.compile(r"(?P<figure>\d[\d_]*(?:\.\d+)?(?:e\d{1,2})?)(?P<factor>[km]?)", re.ASCII)
_HINT = "give a whole number of weights such as 100k, 100_000 or 0.1m"


def parse_budget(text: str) -> int:
    """Read a budget as a person types it: `100k`, `100_000`, `0.1m`, `1e5`.

    Returns:
        The number of weights, between 1 and `MAXIMUM_BUDGET_WEIGHTS`.

    Raises:
        InputError: The text is no number, is no whole number of weights, or is out of range.
    """
    match = _PATTERN.fullmatch(text.strip().lower())
    if match is None:
        raise InputError(f"budget {quote(text)} is not a number of weights: {_HINT}")
    if has_thousands_point(text):
        weights = int(Decimal(match["figure"]))
        raise InputError(f"budget {quote(text)} is {weights} weights, if a point is no thousands separator: {_HINT}")
    return _check_weights(text, Decimal(match["figure"].replace("_", "")) * _FACTORS[match["factor"]])


def format_budget(weights: int) -> str:
    """Write a budget as briefly as it can be read back without loss: 100000 -> `100k`."""
    for suffix, factor in (("m", 1_000_000), ("k", 1_000)):
        if weights >= factor and weights % factor == 0:
            return f"{weights // factor}{suffix}"
    return str(weights)


def _check_weights(given: str | int, weights: Decimal | int) -> int:
    if weights > MAXIMUM_BUDGET_WEIGHTS:
        largest = f"{MAXIMUM_BUDGET_WEIGHTS:,} weights"
        raise InputError(f"budget {quote(given)} is over the largest allowed, {largest}: {_HINT}")
    if weights != int(weights):
        raise InputError(f"budget {quote(given)} is {weights} weights, which is not whole: {_HINT}")
    if weights < 1:
        raise InputError(f"budget {quote(given)} leaves no weights at all: {_HINT}")
    return int(weights)


def _read(value: Any) -> int:
    match value:
        case str():
            return parse_budget(value)
        case int() if not isinstance(value, bool):
            return _check_weights(value, value)
        case float() if value.is_integer():  # 1e5, as programs and TOML write it
            return _check_weights(int(value), int(value))
    raise InputError(f"budget {quote(value)} is not a whole number of weights: {_HINT}")


Budget = Annotated[int, BeforeValidator(_read), Field(ge=1, le=MAXIMUM_BUDGET_WEIGHTS, strict=True)]
"""A field that holds a budget in weights and takes `"100k"` as well as `100000`."""
