"""A trial's configuration from a file: as it was exported, or edited since."""

import json
import tomllib
from pathlib import Path

from pydantic import ValidationError

from hpsearch.errors import InputError
from hpsearch.export.bundle_files import CONFIGS
from hpsearch.storable_text import decode_document, explain_typing
from hpsearch.study.spec import explain_value_error
from hpsearch.study.trial_config import TrialConfig

_MAXIMUM_BYTES = 1_000_000


def read_config(path: Path) -> TrialConfig:
    """The configuration in a bundle's folder, or in a config.toml or config.json.

    Raises:
        InputError: The file cannot be read, or says something that is not allowed; the message names the field.
    """
    try:
        file = path / CONFIGS[0] if path.is_dir() else path
        if file.stat().st_size > _MAXIMUM_BYTES:
            raise InputError(f"{str(file)!r} has over {_MAXIMUM_BYTES:,} bytes: it is no configuration")
        content = file.read_bytes()
    except OSError as error:
        raise InputError(
            f"{str(path)!r} cannot be read ({error.strerror or error}): give a bundle's folder, its config.toml or "
            "config.json; hpsearch export makes one"
        ) from error
    except InputError:
        raise
    except ValueError as error:  # a zero byte in the path
        raise InputError(f"{str(path)!r} cannot be read: {error}") from error
    is_json = file.suffix.lower() == ".json"
    try:
        text = decode_document(content)
    except ValueError as error:
        raise InputError(f"{str(file)!r} is no {'JSON' if is_json else 'TOML'}: it {error}") from error
    try:
        document = json.loads(text) if is_json else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        words = " ".join(str(error).split()) + explain_typing(text)
        raise InputError(f"{str(file)!r} is no {'JSON' if is_json else 'TOML'}: {words}") from error
    if not isinstance(document, dict):
        raise InputError(f"{str(file)!r} is no configuration: it holds no table")
    try:
        return TrialConfig.model_validate_json(json.dumps(document, default=str))
    except ValidationError as error:
        raise InputError(f"{str(file)!r} cannot be taken: {explain_value_error(error)}") from error
