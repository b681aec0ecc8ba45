"""Study files: one TOML file says what a study searches; flags go above it, defaults below."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import ValidationError

from hpsearch.document_file import read_document
from hpsearch.errors import InputError
from hpsearch.network.limits import LIMIT_NAMES
from hpsearch.study.parameters import find_parameter
from hpsearch.study.spec import StudySpec, explain_value_error
from hpsearch.study.study_name import check_study_name
from hpsearch.wording import describe_allowed, describe_unknown, quote

_ANNOTATIONS = get_type_hints(StudySpec, include_extras=True)
_FIELDS = ("name", *(name for name in StudySpec.model_fields))


def read_study_file(path: Path) -> dict[str, Any]:
    """The fields that a study file gives, `name` among them, not yet checked against each other.

    Raises:
        InputError: The file cannot be read, is no TOML (the message has the line), or has an unknown key.
    """
    study_text = read_study_text(path)
    for key in study_text.fields:
        if key not in _FIELDS:
            raise InputError(f"study file {str(path)!r}{_line_of(study_text.text, key)}: {_describe_key(key)}")
    return study_text.fields


@dataclass(frozen=True)
class StudyText:
    """A study file as it was read: TOML, and nothing more is known of it."""

    path: Path
    text: str
    fields: dict[str, Any]

    def find_line(self, key: str) -> str:
        """Where a key stands, as a message has it: `, line 3`; nothing where it stands nowhere, or more than once."""
        first = _line_of(self.text, key)
        number = int(first.removeprefix(", line ")) if first else 0
        rest = "\n".join(self.text.splitlines()[number:])
        return "" if _line_of(rest, key) else first


def read_study_text(path: Path) -> StudyText:
    """Read a study file, whichever of the two kinds it is.

    Raises:
        InputError: The file cannot be read, or is no TOML (the message has the line).
    """
    if str(path).isalnum() and not path.exists():  # a word in the place of one
        raise InputError(
            f"there is no study file {str(path)!r}; without one give a budget and a family: --budget 100k --arch cnn"
        )
    text, fields = read_document(path, "study file")
    return StudyText(path, text, fields)


def _describe_key(key: str) -> str:
    """What is wrong with a key that is none, and where it belongs if it is the name of a parameter."""
    if (parameter := find_parameter(key)) is not None:
        return f"{key!r} is searched: write {parameter} = ... below a line [space], a value, a list or a range"
    return describe_unknown("key", key, _FIELDS)


def parse_study_spec(fields: Mapping[str, Any]) -> tuple[str, StudySpec]:
    """The study's name and its spec, from the fields of a study file and of flags put together.

    Raises:
        InputError: A field is missing, unknown or has a value that is not allowed; the message names it.
    """
    given = dict(fields)
    name = given.pop("name", None)
    if unknown := [key for key in given if key not in _FIELDS]:
        raise InputError(_describe_key(unknown[0]))
    if not any(given.get(name) is not None for name in (*LIMIT_NAMES, "target")):
        raise InputError(
            "no budget is given: add --budget 100k, or budget = ... to a study file; "
            "--ram, --flash, --macs and --target limit networks as well"
        )
    if "arch" not in given:
        raise InputError("no arch is given: add --arch cnn, or arch = ... to a study file")
    try:
        spec = StudySpec.model_validate(given)
    except ValidationError as error:
        raise InputError(_explain(error)) from error
    if name is not None and not isinstance(name, str):
        raise InputError(f'study name {quote(name)} is not text: write name = "..."')
    return check_study_name(spec.default_name() if name is None else name), spec


def _explain(error: ValidationError) -> str:
    first = error.errors()[0]
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, InputError):
        return str(cause)
    field = str(first["loc"][0]) if len(first["loc"]) == 1 else ""
    if field in StudySpec.model_fields and first["type"] != "value_error":
        allowed = describe_allowed(_ANNOTATIONS[field])
        return f"{field} {quote(first['input'])} is not allowed; give {allowed}"
    return explain_value_error(error)


def _line_of(text: str, key: str) -> str:
    pattern = re.compile(rf"\s*\[*\s*[\"']?{re.escape(key)}[\"']?\s*[\].=]")
    for number, line in enumerate(text.splitlines(), start=1):
        if pattern.match(line):
            return f", line {number}"
    return ""
