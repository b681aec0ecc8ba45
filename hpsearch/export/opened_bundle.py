"""An exported bundle, read back: every file checked against the manifest before anything in it is believed."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from hpsearch.errors import InputError
from hpsearch.export.bundle_files import (
    INT8_ONNX,
    INT8_TFLITE,
    MANIFEST,
    MANIFEST_VERSION,
    ONNX,
    SAFETENSORS,
    TFLITE,
)
from hpsearch.study.spec import explain_value_error
from hpsearch.study.trial_config import TrialConfig
from hpsearch.wording import quote

if TYPE_CHECKING:
    from hpsearch.export.classifier import Classifier

_MAXIMUM_MANIFEST_BYTES = 1_000_000
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_AGAIN = "hpsearch export makes it anew"


@dataclass(frozen=True)
class Bundle:
    """A bundle whose files are what its manifest says."""

    path: Path
    manifest: Mapping[str, Any]
    config: TrialConfig
    files: Mapping[str, bytes]

    def load_classifier(self, name: str = SAFETENSORS, *, mirror: bool = False) -> "Classifier":
        """The network from one of the bundle's models: model.safetensors, model.onnx, model-int8.tflite ...

        Args:
            name: The model's file.
            mirror: Whether what it says of an image and of its mirror image is averaged.

        Raises:
            InputError: The bundle has no such file, or it does not fit the configuration.
        """
        from hpsearch.export.classifier import MirrorAveraged

        classifier = self._load_model(name)
        return MirrorAveraged(classifier) if mirror else classifier

    def list_doubts_of_mirror(self) -> list[str]:
        """A line for who averages over mirror images though the training saw none; no line where it did."""
        if "flip" in self.config.recipe.augmentation.split("+"):
            return []
        return ["the training saw no mirrored images, so that averaging over them may cost accuracy"]

    def _load_model(self, name: str) -> "Classifier":
        from hpsearch.export.classifier import OnnxClassifier
        from hpsearch.export.tflite_classifier import TfliteClassifier
        from hpsearch.training.inference import TrainedNetwork

        content = self.files.get(name)
        if content is None:
            others = {SAFETENSORS: "no option", ONNX: "--onnx", INT8_ONNX: "--int8", INT8_TFLITE: "--tflite"}
            here = ", ".join(f"{other} ({others[other]})" for other in others if other in self.files)
            raise InputError(f"{str(self.path)!r} has no {name}; it has {here or 'no model at all'}")
        if name == SAFETENSORS:
            try:
                return TrainedNetwork(self.config, content)
            except InputError as error:
                raise InputError(f"{name} in {str(self.path)!r} does not fit config.json: {error}") from error
        if name in (TFLITE, INT8_TFLITE):
            return TfliteClassifier(self.config, content, f"{name} in {str(self.path)!r}")
        return OnnxClassifier(self.config, content, f"{name} in {str(self.path)!r}")


def open_bundle(path: Path) -> Bundle:
    """Read a bundle whole.

    Raises:
        InputError: It is no bundle, or its files are not what the manifest says; the message names the file.
    """
    try:
        _check_folder(path)
        manifest = _read_manifest(path)
        files = {name: _read_file(path / name, entry) for name, entry in manifest["files"].items()}
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{getattr(error, 'filename', None) or str(path)!r} cannot be read: {reason}") from error
    return Bundle(path, manifest, _read_config(path, files), files)


def _check_folder(path: Path) -> None:
    if not path.exists():
        raise InputError(f"there is no {str(path)!r}: give the folder of an exported trial (hpsearch export makes one)")
    if not path.is_dir():
        raise InputError(f"{str(path)!r} is no folder: give the folder of an exported trial, not a file in it")
    for child in sorted(path.iterdir()):
        if child.is_symlink():
            raise InputError(f"{str(child)!r} is a link, and a bundle has none: {_AGAIN}")
    if not (path / MANIFEST).is_file():
        raise InputError(f"{str(path)!r} has no {MANIFEST}: give the folder of an exported trial")


def _read_manifest(path: Path) -> dict[str, Any]:
    file = path / MANIFEST
    if file.stat().st_size > _MAXIMUM_MANIFEST_BYTES:
        raise InputError(f"{str(file)!r} has over {_MAXIMUM_MANIFEST_BYTES:,} bytes, so it is no manifest")
    try:
        manifest = json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        raise InputError(f"{str(file)!r} is no JSON ({error}): {_AGAIN}") from error
    version = manifest.get("version") if isinstance(manifest, dict) else None
    _check_version(file, version, MANIFEST_VERSION)
    entries = manifest.get("files")
    if not isinstance(entries, dict) or not entries:
        raise InputError(f"{str(file)!r} lists no files: {_AGAIN}")
    for name, entry in entries.items():
        if _FILE_NAME.fullmatch(name) is None or name == MANIFEST:
            raise InputError(f"{str(file)!r} lists {quote(name)}, which is no file of a bundle: {_AGAIN}")
        if not isinstance(entry, dict) or not isinstance(entry.get("sha256"), str):
            raise InputError(f"{str(file)!r} has no SHA-256 of {name}: {_AGAIN}")
    return dict(manifest)


def _check_version(file: Path, version: object, known: int) -> None:
    if type(version) is not int or version < 1:
        raise InputError(f"{str(file)!r} has no version: {_AGAIN}")
    if version > known:
        raise InputError(
            f"{str(file)!r} is of version {quote(version)}, and this hpsearch knows versions up to {known}: "
            "pip install --upgrade hpsearch"
        )


def _read_file(file: Path, entry: Mapping[str, Any]) -> bytes:
    if not file.is_file():
        raise InputError(f"{str(file)!r} is missing, though {MANIFEST} lists it: {_AGAIN}")
    size = file.stat().st_size
    if size != entry.get("bytes"):
        raise InputError(f"{str(file)!r} has {size:,} bytes, not those that {MANIFEST} says: {_AGAIN}")
    content = file.read_bytes()
    if hashlib.sha256(content).hexdigest() != entry["sha256"]:
        raise InputError(f"{str(file)!r} was changed: its SHA-256 is not the one in {MANIFEST}; {_AGAIN}")
    return content


def _read_config(path: Path, files: Mapping[str, bytes]) -> TrialConfig:
    file = path / "config.json"
    if "config.json" not in files:
        raise InputError(f"{str(path)!r} has no config.json in its {MANIFEST}: {_AGAIN}")
    try:
        document = json.loads(files["config.json"])
    except (ValueError, RecursionError) as error:
        raise InputError(f"{str(file)!r} is no JSON ({error}): {_AGAIN}") from error
    newest = max(TrialConfig.model_fields["version"].annotation.__args__)  # type: ignore[union-attr]
    _check_version(file, document.get("version") if isinstance(document, dict) else None, newest)
    try:
        return TrialConfig.model_validate(document)
    except ValidationError as error:
        raise InputError(f"{str(file)!r} cannot be taken: {explain_value_error(error)}") from error
