"""A trial's parameters from a file: an exported bundle, or a TOML or JSON file with a table `parameters`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hpsearch.document_file import read_document
from hpsearch.errors import InputError
from hpsearch.export.bundle_files import CONFIGS, MANIFEST

_TABLE = "parameters"
_HINT = f"give the folder of an exported trial, or a TOML file with [{_TABLE}] and lines such as lr = 0.01"


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
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"parameter file {str(path)!r} cannot be read: {reason}") from error
    _text, document = read_document(manifest if of_bundle else path, "parameter file", hint=_HINT)
    parameters = document.get(_TABLE)
    if isinstance(parameters, Mapping) and parameters:
        return dict(parameters)
    if of_bundle:
        raise InputError(
            f"{str(manifest)!r} has no parameters: it is of an older version (hpsearch export it again), or of a trial "
            "that no study drew (hpsearch train takes it)"
        )
    raise InputError(f"{str(path)!r} has no table of parameters: {_HINT}")
