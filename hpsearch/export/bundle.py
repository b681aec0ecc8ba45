"""Bundles: a trial as a folder of files that anybody can read, whole or absent.

config.toml, config.json   the trial's configuration: all that is needed to train it again
model.safetensors          its trained weights
manifest.json              what the bundle is, its figures, and the SHA-256 of every file
"""

import hashlib
import importlib.metadata
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tomli_w

from hpsearch.durable_file import sync_file, sync_folder
from hpsearch.errors import InputError
from hpsearch.trial_config import TrialConfig
from hpsearch.tuning.records import TrialRecord, load_trial_weights
from hpsearch.tuning.study import Study

MANIFEST = "manifest.json"
MANIFEST_VERSION = 1

_VERSIONED = ("hpsearch", "torch", "optuna", "numpy")


def export_trials(study: Study, trials: Sequence[TrialRecord], folder: Path) -> list[Path]:
    """Write a bundle a trial below `folder`, which is made where it does not exist.

    A bundle that is there already with the same content stays as it is.

    Returns:
        The bundles' folders, `STUDY-trial-NUMBER`.

    Raises:
        InputError: A trial is not complete, a folder of that name holds something else, or nothing can be written.
        StorageError: The weights of a trial are missing or damaged.
    """
    contents = [_collect_files(study, trial) for trial in trials]
    return [
        _write_bundle(folder / f"{study.name}-trial-{trial.number}", files)
        for trial, files in zip(trials, contents, strict=True)
    ]


def _collect_files(study: Study, trial: TrialRecord) -> dict[str, bytes]:
    weights = load_trial_weights(study, trial)
    config = trial.config
    if config is None:
        raise InputError(f"trial {trial.number} of {study.name!r} has no configuration to export")
    document = config.model_dump(mode="json", exclude_none=True)
    files = {
        "config.toml": tomli_w.dumps(document).encode(),
        "config.json": _to_json(document),
        "model.safetensors": weights,
    }
    return files | {MANIFEST: _to_json(_describe(study, trial, config, files))}


def _describe(study: Study, trial: TrialRecord, config: TrialConfig, files: Mapping[str, bytes]) -> dict[str, Any]:
    return {
        "version": MANIFEST_VERSION,
        "study": study.name,
        "trial": trial.number,
        "network": config.architecture.describe(),
        "weights": config.count_weights(),
        "macs": config.count_macs(),
        "budget_weights": config.budget,
        "epochs": trial.epochs,
        "validation_accuracy": trial.value,
        "test_accuracy": trial.test_accuracy,
        "test_openings": len(trial.test_scores),
        "dataset_sha256": config.dataset.sha256,
        "versions": {name: importlib.metadata.version(name) for name in _VERSIONED if _is_installed(name)},
        "files": {
            name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            for name, content in files.items()
        },
    }


def _write_bundle(target: Path, files: Mapping[str, bytes]) -> Path:
    """Write into a folder beside the target, then rename it: a bundle that can be seen is whole."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists() or target.is_symlink():
            _check_same(target, files)
            return target
        draft = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        try:
            for name, content in files.items():
                _write_durably(draft / name, content)
            draft.chmod(0o755)
            draft.rename(target)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        sync_folder(target.parent)
    except OSError as error:
        raise InputError(
            f"cannot write {str(target)!r}: {error.strerror or error}; give another folder with --out"
        ) from error
    return target


def _check_same(target: Path, files: Mapping[str, bytes]) -> None:
    is_same = not target.is_symlink() and all(
        (target / name).is_file() and (target / name).read_bytes() == content
        for name, content in files.items()
        if name != MANIFEST  # it also has figures that may have come since, like a test score
    )
    if not is_same:
        raise InputError(
            f"{str(target)!r} exists and holds something else: remove it, or give another folder with --out"
        )
    draft = target / f".{MANIFEST}.draft"
    _write_durably(draft, files[MANIFEST])
    draft.replace(target / MANIFEST)


def _write_durably(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    sync_file(path)


def _to_json(document: Mapping[str, Any]) -> bytes:
    return (json.dumps(document, indent=2, allow_nan=False) + "\n").encode()


def _is_installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
