"""A trial that can be exported, and what its manifest says of it."""

import contextlib
import importlib.metadata
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePath
from typing import Any

import tomli_w

from hpsearch.errors import InputError
from hpsearch.export.bundle_files import (
    CARD,
    CONFIGS,
    CONFUSION,
    CURVE,
    INT8_ONNX,
    MANIFEST_VERSION,
    ONNX,
    SAFETENSORS,
    SEEN,
    to_json,
)
from hpsearch.export.verification import Verification
from hpsearch.study.trial_config import TrialConfig
from hpsearch.training.data.catalogue import CATALOGUE
from hpsearch.training.onnx_export import INPUT_NAME, IR_VERSION, LEAST_ONNXRUNTIME, OPSET, OUTPUT_NAME
from hpsearch.tuning.records import StudyRecord, TrialRecord, load_trial_weights
from hpsearch.tuning.study import Study
from hpsearch.tuning.suggest import fixed_parameters, searched_distributions
from hpsearch.version import __version__

MADE_ANEW = frozenset(
    {"version", "versions", "verified", "int8", "onnx", "files", "brightness", "baseline", "tflite", "footprint"}
)
"""The entries of a manifest in which two exports of the same trial may differ: versions, and what rounding gives."""

_VERSIONED = (
    "hpsearch",
    "torch",
    "optuna",
    "numpy",
    "onnx",
    "onnxruntime",
    "onnxscript",
    "ai-edge-litert",
    "tflite-micro",
)


@dataclass(frozen=True)
class SelectedTrial:
    """A complete trial with its weights, and where it goes."""

    trial: TrialRecord
    config: TrialConfig
    weights: bytes
    """As safetensors."""
    target: Path
    """The bundle's folder."""
    models: tuple[str, ...]
    """The model files to write."""
    facts: Mapping[str, Any]
    """The entries of the manifest that do not depend on when and where it is made."""

    @property
    def fixed_files(self) -> dict[str, bytes]:
        """The files that are the same whenever they are written."""
        document = self.config.model_dump(mode="json", exclude_none=True)
        files = {"config.toml": tomli_w.dumps(document).encode(), "config.json": to_json(document)}
        return files | ({SAFETENSORS: self.weights} if SAFETENSORS in self.models else {})

    @property
    def file_names(self) -> set[str]:
        """Every file that the manifest is to list."""
        curve = {CURVE} if self.trial.curve else set()
        confusion = {CONFUSION} if self.config.is_validated else set()
        return {*CONFIGS, *self.models, CARD, SEEN} | confusion | curve

    @property
    def title(self) -> str:
        """Of its pictures."""
        return f"trial {self.trial.number}: {self.config.architecture.describe()}"

    def describe(self, verification: Verification) -> dict[str, Any]:
        """The manifest but for its files."""
        dataset = self.config.dataset
        manifest: dict[str, Any] = {"version": MANIFEST_VERSION, **self.facts}
        if ONNX in self.models or INT8_ONNX in self.models:
            manifest["onnx"] = {
                "opset": OPSET,
                "ir_version": IR_VERSION,
                "onnxruntime": f">={LEAST_ONNXRUNTIME}",
                "input": {"name": INPUT_NAME, "type": "uint8", "shape": ["batch", *dataset.input_shape]},
                "output": {"name": OUTPUT_NAME, "type": "float32", "shape": ["batch", dataset.class_count]},
            }
        if verification.int8_accuracy is not None:
            manifest["int8"] = {"validation_accuracy": verification.int8_accuracy}
        manifest["verified"] = verification.document
        manifest["versions"] = {name: version for name in _VERSIONED if (version := _find_version(name)) is not None}
        return manifest

    def describe_tflite(self) -> dict[str, str]:
        """What a .tflite file says of itself, beside what its graph says."""
        described = self.describe_onnx()
        return described | {
            "input": "images as bytes, 0 to 255: (1, height, width, channels); grey, or red, green, blue",
            "output": "logits: (1, classes); in whole numbers (q - zero) * scale",
        }

    def describe_onnx(self) -> dict[str, str]:
        """What an ONNX file says of itself, beside what its graph says."""
        facts = self.facts
        accuracy = {"validation_accuracy": str(facts["validation_accuracy"])} if self.config.is_validated else {}
        return accuracy | {
            "hpsearch_version": __version__,
            "study": facts["study"],
            "trial": str(facts["trial"]),
            "network": facts["network"],
            "weights": str(facts["weights"]),
            "dataset": facts["dataset"],
            "dataset_sha256": facts["dataset_sha256"],
            "class_names": json.dumps(self.config.dataset.class_names),
            "input": "images as bytes, 0 to 255: (batch, channels, height, width); grey, or red, green, blue",
            "output": "logits: (batch, classes); softmax gives probabilities",
        }


def select_trial(
    record: StudyRecord,
    trial: TrialRecord,
    folder: Path,
    models: tuple[str, ...],
    finalist: Mapping[str, Any] | None = None,
) -> SelectedTrial:
    """A trial to export below `folder` with these model files; a finalist's replicate says so.

    Raises:
        InputError: It is not complete.
        StorageError: Its weights are missing or damaged.
    """
    study = record.study
    weights, config = load_trial_weights(study, trial), trial.config
    if config is None or (config.is_validated and trial.value is None):
        raise InputError(f"trial {trial.number} of {study.name!r} has no configuration to export")
    dataset = config.dataset
    known = CATALOGUE.get(dataset.name)
    facts = {
        "study": study.name,
        "trial": trial.number,
        "network": config.architecture.describe(),
        "weights": config.count_weights(),
        "macs": config.count_macs(),
        "footprint": asdict(config.count_footprint()),
        "budget_weights": config.budget,
        "epochs": trial.epochs,
        "validation_accuracy": trial.value,
        "test_accuracy": trial.test_accuracy,
        "test_openings": len(trial.test_scores),
        "study_test_openings": record.test_openings,
        # Somebody's own folder by its last part only: the rest tells of their machine.
        "dataset": dataset.name if known else PurePath(dataset.name).name,
        "dataset_sha256": dataset.sha256,
        "dataset_licence": known.licence if known else None,
        "parameters": _list_parameters(study, trial),
    }
    if not config.is_validated:  # what is as ever says nothing, so that bundles from before stay the same
        facts["trains_on"] = config.trains_on
    if config.teacher is not None:
        facts["teacher"] = config.teacher.model_dump(mode="json")
    if trial.int8_accuracy is not None:
        facts["int8_validation_accuracy"] = trial.int8_accuracy
    if study.spec.limits.is_of_device:
        facts |= {"limits": study.spec.limits.named, "target": study.spec.target}
    if finalist is not None:
        facts["finalist"] = finalist
    target = folder / f"{study.name}-trial-{trial.number}"
    as_stored: dict[str, Any] = json.loads(to_json(facts))
    return SelectedTrial(trial, config, weights, target, models, as_stored)


def _list_parameters(study: Study, trial: TrialRecord) -> dict[str, Any]:
    """What the sampler drew and what the space fixed: `hpsearch enqueue` gives it to another trial.

    A trial that was planned, not drawn, has none.
    """
    was_drawn = trial.parameters.keys() >= searched_distributions(study.space).keys()
    return fixed_parameters(study.space) | dict(trial.parameters) if was_drawn else {}


def _find_version(name: str) -> str | None:
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version(name)
    return None
