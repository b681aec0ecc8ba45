"""A trial's configuration from a file: as it was exported, or edited since."""

import json
from pathlib import Path

from pydantic import ValidationError

from hpsearch.document_file import read_document
from hpsearch.errors import InputError
from hpsearch.export.bundle_files import CONFIGS
from hpsearch.study.spec import explain_value_error
from hpsearch.study.trial_config import TrialConfig


def read_config(path: Path) -> TrialConfig:
    """The configuration in a bundle's folder, or in a config.toml or config.json.

    Raises:
        InputError: The file cannot be read, or says something that is not allowed; the message names the field.
    """
    try:
        file = path / CONFIGS[0] if path.is_dir() else path
        is_there = file.exists()
    except OSError as error:  # a name that is too long, a folder that is closed
        raise InputError(f"configuration {str(path)!r} cannot be read: {error.strerror or error}") from error
    if not is_there:
        raise InputError(
            f"there is no {str(file)!r}: give a bundle's folder, its config.toml or config.json; "
            "hpsearch export makes one"
        )
    _text, document = read_document(file, "configuration")
    try:
        return TrialConfig.model_validate_json(json.dumps(document, default=str))
    except ValidationError as error:
        raise InputError(f"{str(file)!r} cannot be taken: {explain_value_error(error)}") from error
