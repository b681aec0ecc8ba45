"""A value of an architecture or a recipe in a word or two, for labels: `adam`, `lr 0.01`, `no dropout`, `400-400`."""

from collections.abc import Sequence
from typing import Any

_SPEAKS_FOR_ITSELF = ("optimizer", "activation", "head")


def describe_value(name: str, value: Any) -> str:
    """What a table calls a training that has this value.

    Args:
        name: A field of an architecture or a recipe.
        value: As a study file has it.
    """
    words = name.replace("_", " ")
    match value:
        case bool():
            return words if value else f"no {words}"
        case str() if name == "dropout_place":
            return f"dropout {value}" if value == "everywhere" else f"dropout in the {value}"
        case str() if name in _SPEAKS_FOR_ITSELF:
            return value.replace("_", " ")
        case str():
            return f"{value.replace('_', ' ')} {words}"
        case 0:
            return f"no {words}"
        case int() | float():
            return f"{words} {_write_number(value)}"
        case list() | tuple() if all(isinstance(item, int) for item in value):
            return _describe_widths(name, value)
    return f"{words} {' '.join(_describe_stage(stage) for stage in value)}"


def _describe_widths(name: str, widths: Sequence[int]) -> str:
    text = "-".join(str(width) for width in widths)
    if name == "widths":
        return text
    return f"{name} {text}" if text else f"no {name}"


def _describe_stage(stage: Any) -> str:
    channels = stage.get("channels", []) if isinstance(stage, dict) else []
    return "-".join(str(width) for width in channels)


def _write_number(value: float) -> str:
    """As a person writes it: 0.00025, 1e-5, 512."""
    return str(value) if isinstance(value, int) else f"{value:g}".replace("e-0", "e-")
