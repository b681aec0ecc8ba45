"""Words that every part says alike: counts with their noun, what was given, what an annotation allows."""

import difflib
import re
from collections.abc import Iterable
from typing import Any

from pydantic import TypeAdapter

_LONGEST = 60


def count_of(count: int, singular: str, plural: str | None = None) -> str:
    """`1 trial`, `16 trials`."""
    return f"{count:,} {singular if count == 1 else plural or singular + 's'}"


def quote(value: Any) -> str:
    """A value as Python writes it, on one line of at most 60 characters."""
    try:
        text = repr(value)
    except ValueError:
        # Python refuses to write out a whole number of thousands of digits.
        return "a number of thousands of digits"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def describe_unknown(what: str, given: str, allowed: Iterable[str]) -> str:
    """What is unknown, the name that is nearest to it, and all that are allowed."""
    names = list(allowed)
    near = difflib.get_close_matches(given, names, n=1)
    guess = f"did you mean {near[0]!r}? " if near else ""
    return f"unknown {what} {quote(given)}; {guess}allowed: {', '.join(names)}"


def describe_allowed(annotation: Any) -> str:
    """What a field of this annotation takes, in words: `a whole number from 1 to 10,000`, `adam or sgd`."""
    schema = TypeAdapter(annotation).json_schema()
    # What may be left out has null as its second.
    return " or ".join(_describe(form) for form in schema.get("anyOf", [schema]) if form.get("type") != "null")


def _describe(schema: dict[str, Any]) -> str:
    if "const" in schema:
        return str(schema["const"])
    if "enum" in schema:
        *others, last = (str(value) for value in schema["enum"])
        return f"{', '.join(others)} or {last}" if others else last
    match schema.get("type"):
        case "boolean":
            return "true or false"
        case "integer":
            return f"a whole number{_describe_range(schema)}"
        case "number":
            return f"a number{_describe_range(schema)}"
        case "string":
            return "text that is not empty" if schema.get("minLength") else "text"
    return "a table"


def _describe_range(schema: dict[str, Any]) -> str:
    if "minimum" in schema and "maximum" in schema:
        return f" from {_write(schema['minimum'])} to {_write(schema['maximum'])}"
    words = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
    bounds = [f"{word} {_write(schema[bound])}" for bound, word in words.items() if bound in schema]
    return f", {' and '.join(bounds)}" if bounds else ""


def _write(bound: int | float) -> str:
    if isinstance(bound, int) and bound > 2**32 and bound.bit_count() == 1:
        return f"2^{bound.bit_length() - 1}"
    return f"{bound:,}"


def describe_error(accuracy: float, images: int) -> str:
    """How far an accuracy, as a share, may be off by the choice of the images that it was measured on.

    Where none or all are right the standard error is 0, which says nothing: then how many others may be otherwise, with
    95% certainty (the rule of three, Hanley and Lippman-Hand 1983).
    """
    if 0 < accuracy < 1:
        return f"standard error {100 * (accuracy * (1 - accuracy) / images) ** 0.5:.2f} points"
    share = f"up to {min(100.0, 300 / images):.3g}%"
    return (
        f"none is wrong, and {share} of others may be" if accuracy else f"none is right, and {share} of others may be"
    )


def has_thousands_point(text: str) -> bool:
    """Whether a number is written as half of the world writes 100,000: `100.000`, which nobody means as a hundred."""
    return re.fullmatch(r"\s*[1-9]\d{0,2}\.000\s*", text, re.ASCII) is not None
