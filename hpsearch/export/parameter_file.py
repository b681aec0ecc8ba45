"""A trial's parameters from a file: an exported bundle, or a TOML or JSON file with a table `parameters`."""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hpsearch.errors import InputError
from hpsearch.export.bundle_files import CONFIGS, MANIFEST
from hpsearch.storable_text import decode_document, explain_typing

_MAXIMUM_BYTES = 1_000_000
_TABLE = "parameters"


def read_parameters(path: Path) -> dict[str, Any]:
    """The parameters in a file, by name, unchecked.

    Args:
        path: A bundle's folder, its config.toml, config.json or manifest.json, or a TOML or JSON file of one's own.

    Raises:
        InputError: The file cannot be read, or has no parameters.
    """
    try:
        is_folder = path.is_dir()
        manifest = (path if is_folder else path.parent) / MANIFEST
        of_bundle = is_folder or (path.name in (*CONFIGS, MANIFEST) and manifest.is_file())
    except (OSError, ValueError) as error:
        raise _unreadable(path, getattr(error, "strerror", None) or error) from error
    document = _read_document(manifest if of_bundle else path)
    parameters = document.get(_TABLE)
    if isinstance(parameters, Mapping) and parameters:
        return dict(parameters)
    if of_bundle:
        raise InputError(
            f"{str(manifest)!r} has no parameters: it is of an older version (hpsearch export it again), or of a trial "
            "that no study drew (hpsearch train takes it)"
        )
    raise InputError(
        f"{str(path)!r} has no table of parameters: give the folder of an exported trial, or a TOML file with "
        f"[{_TABLE}] and lines such as lr = 0.01"
    )


def _read_document(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            content = file.read(_MAXIMUM_BYTES + 1)
    except (OSError, ValueError) as error:
        raise _unreadable(path, getattr(error, "strerror", None) or error) from error
    if len(content) > _MAXIMUM_BYTES:
        raise _unreadable(path, f"it has over {_MAXIMUM_BYTES:,} bytes")
    is_json = path.suffix.lower() == ".json"
    try:
        text = decode_document(content)
    except ValueError as error:
        raise _unreadable(path, f"it {error}") from error
    try:
        document = json.loads(text) if is_json else tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # of TOML, of JSON, of numbers without end
        words = " ".join(str(error).split()) + explain_typing(text)
        raise _unreadable(path, f"it is no {'JSON' if is_json else 'TOML'}: {words}") from error
    return document if isinstance(document, dict) else {}


def _unreadable(path: Path, reason: object) -> InputError:
    return InputError(f"{str(path)!r} cannot be read: {reason}")
