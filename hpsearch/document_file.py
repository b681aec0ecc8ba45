"""Documents that people write, TOML or JSON, in whatever encoding their editor saves."""

import json
import tomllib
from pathlib import Path
from typing import Any

from hpsearch.errors import InputError
from hpsearch.storable_text import decode_document, explain_typing

_MAXIMUM_BYTES = 1_000_000


def read_document(path: Path, what: str, *, hint: str = "") -> tuple[str, dict[str, Any]]:
    """A file's text, and the table that it holds: of JSON where it is named so, else of TOML.

    Args:
        path: The file.
        what: A document of its kind, in words: it begins every message.
        hint: What to give instead of one that holds no table.

    Raises:
        InputError: The file cannot be read, has over 1,000,000 bytes, is no TOML or JSON (the message has the line), or
            holds no table.
    """
    named = f"{what} {str(path)!r}"
    try:
        with path.open("rb") as file:
            content = file.read(_MAXIMUM_BYTES + 1)
    except (OSError, ValueError) as error:  # a zero byte in the path
        raise InputError(f"{named} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if len(content) > _MAXIMUM_BYTES:
        raise InputError(f"{named} has over {_MAXIMUM_BYTES:,} bytes, so it is no {what}")
    try:
        text = decode_document(content)
    except ValueError as error:
        raise InputError(f"{named} {error}") from error
    is_json = path.suffix.lower() == ".json"
    try:
        document = json.loads(text) if is_json else tomllib.loads(text)
    except (tomllib.TOMLDecodeError, json.JSONDecodeError) as error:
        place = f"at line {len(text.splitlines())}, the end of the file"
        message = " ".join(str(error).split()).replace("at end of document", place) + explain_typing(text)
        raise InputError(f"{named} is not valid {'JSON' if is_json else 'TOML'}: {message}") from error
    except RecursionError as error:
        raise InputError(f"{named} nests its lists too deep; two levels are all that is needed") from error
    except ValueError as error:
        # Python's own limit on the digits of a whole number, which both readers let through.
        raise InputError(f"{named} has a number of thousands of digits; give a shorter one") from error
    if not isinstance(document, dict):
        raise InputError(f"{named} holds no table{hint and f': {hint}'}")
    return text, document
