"""docker-compose.yml as Docker reads it: anchors resolved, variables filled in."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
COMPOSE_PATH = ROOT / "docker-compose.yml"

_VARIABLE = re.compile(r"\$\{(?P<name>\w+):-(?P<default>[^}]*)\}")


def load_compose(variables: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The whole file, with these variables; without any, with each one's default."""
    document: dict[str, Any] = _fill_in(yaml.safe_load(COMPOSE_PATH.read_text()), variables or {})
    return document


def _fill_in(value: Any, variables: Mapping[str, str]) -> Any:
    match value:
        case str():
            filled = _VARIABLE.sub(lambda found: variables.get(found["name"]) or found["default"], value)
            assert "$" not in filled, f"{filled!r} has a variable of a kind that is not known here"
            return filled
        case dict():
            return {name: _fill_in(item, variables) for name, item in value.items()}
        case list():
            return [_fill_in(item, variables) for item in value]
    return value
