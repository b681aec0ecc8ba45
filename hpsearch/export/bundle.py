"""Bundles: a trial as a folder of files that anybody can read and use, verified, whole or absent."""

import errno
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from hpsearch.draft_folder import draft_folder, publish_folder, write_durably
from hpsearch.epoch_result import EpochResult
from hpsearch.errors import DataError, InputError
from hpsearch.export.bundle_files import (
    CARD,
    CONFUSION,
    CURVE,
    INT8_ONNX,
    INT8_TFLITE,
    MANIFEST,
    ONNX,
    SAFETENSORS,
    SEEN,
    hash_content,
    to_json,
)
from hpsearch.export.classifier import find_missing_packages, require_packages
from hpsearch.export.device_limits import list_excesses
from hpsearch.export.model_card import CardFacts, write_card
from hpsearch.export.opened_bundle import open_bundle
from hpsearch.export.quantization import CALIBRATION_IMAGES, quantize_model
from hpsearch.export.seen_images import pack_seen
from hpsearch.export.selected_trial import MADE_ANEW, SelectedTrial, select_trial
from hpsearch.export.tflite_classifier import TFLITE_INSTALL_COMMAND, TFLITE_PACKAGES
from hpsearch.export.tflite_files import (
    TFLITE_FILES,
    TfliteFiles,
    check_activation,
    make_tflite_files,
)
from hpsearch.export.verification import verify_files
from hpsearch.network.limits import Limits
from hpsearch.study.trial_config import TrialConfig, derive_seed
from hpsearch.training.calibration import choose_calibration_images, choose_device_images
from hpsearch.training.data.labelled_images import LabelledImages
from hpsearch.training.data.pixel_findings import measure_brightness
from hpsearch.training.data.search_splits import SearchSplits, load_search_splits
from hpsearch.training.onnx_export import convert_to_onnx
from hpsearch.tuning.records import TrialRecord, read_study_record
from hpsearch.tuning.study import Study

Format = Literal["all", "safetensors", "onnx", "tflite"]

_COMPARED_IMAGES = 1000
"""Training images that a bundle is verified on where no validation images are left."""


@dataclass(frozen=True)
class ExportOrder:
    """How trials are exported."""

    cache_folder: Path
    draw_curve: Callable[[Sequence[EpochResult], str], bytes]
    """From a learning curve and a title to a PNG."""
    draw_confusion: Callable[[Sequence[Sequence[int]], Sequence[str], str], bytes]
    """From a confusion matrix, the names of the classes and a title to a PNG."""
    format: Format = "all"
    int8: bool = False
    dataset: str | None = None
    """Where this machine has the study's data; None for where the study says."""
    tell: Callable[[str], None] = lambda _line: None

    def choose_models(self) -> tuple[str, ...]:
        """The model files to write; without the packages for ONNX, `all` is what can be written.

        Raises:
            InputError: What was asked for by name cannot be written.
        """
        if self.int8 and self.format in ("safetensors", "tflite"):
            always = "; --format tflite has its own int8" if self.format == "tflite" else ""
            raise InputError(f"--int8 is a form of ONNX: give --format all or --format onnx with it{always}")
        if self.format == "tflite":
            require_packages(*TFLITE_PACKAGES, what="--format tflite", command=TFLITE_INSTALL_COMMAND)
            return TFLITE_FILES
        if self.format == "onnx" or self.int8:
            require_packages("onnx", "onnxruntime", "onnxscript", what="--int8" if self.int8 else "--format onnx")
        wants_onnx = self.format == "onnx" or (self.format == "all" and not find_missing_packages())
        models = [SAFETENSORS] if self.format != "onnx" else []
        return (*models, *([ONNX] if wants_onnx else []), *([INT8_ONNX] if self.int8 else []))


def export_trials(
    study: Study,
    trials: Sequence[TrialRecord],
    folder: Path,
    order: ExportOrder,
    *,
    finalist: Mapping[str, Any] | None = None,
) -> list[Path]:
    """Write a bundle a trial below `folder`, which is made where it does not exist; all of them are verified first.

    A bundle that is there already with the same content stays as it is. `finalist` is what the manifest says of the
    configuration that the trials are replicates of.

    Returns:
        The bundles' folders, `STUDY-trial-NUMBER`.

    Raises:
        InputError: A trial is not complete, a folder of that name holds something else, or nothing can be written.
        DataError: The data set is not here, or holds other images.
        VerificationError: A file that was written does not give what the search recorded.
        StorageError: The weights of a trial are missing or damaged.
    """
    models = order.choose_models()
    record = read_study_record(study)
    selections = [select_trial(record, trial, folder, models, finalist) for trial in trials]
    if INT8_TFLITE in models:
        for selection in selections:
            check_activation(selection.config.architecture.activation, f"trial {selection.trial.number}")
    try:
        with ExitStack() as stack:
            drafts = [
                (selection, stack.enter_context(draft_folder(selection.target)))
                for selection in selections
                if not _is_there(selection)
            ]
            splits: dict[tuple[float | None, int], SearchSplits] = {}
            for selection, draft in drafts:
                config = selection.config
                key = (config.held_out_fraction, config.split_seed)
                if key not in splits:
                    splits[key] = _load_splits(study, config, order)
                order.tell(f"writing and verifying trial {selection.trial.number}")
                _fill(draft, selection, splits[key], study.spec.limits, order)
            for selection, draft in drafts:
                _publish(selection, draft)
    except OSError as error:
        raise InputError(
            f"cannot write {str(folder)!r}: {error.strerror or error}; give another folder with --out"
        ) from error
    return [selection.target for selection in selections]


def _load_splits(study: Study, config: TrialConfig, order: ExportOrder) -> SearchSplits:
    name = order.dataset or study.spec.dataset
    order.tell(f"reading {name}")
    fraction, seed = config.held_out_fraction, config.split_seed
    splits = load_search_splits(
        name,
        order.cache_folder,
        validation_fraction=fraction,
        split_seed=seed,
        rules=config.dataset.rules,
        preparation=config.dataset.preparation,
    )
    if splits.identity.sha256 != config.dataset.sha256:
        raise DataError(
            f"data set {name!r} holds other images than study {study.name!r} was made with: an export is verified on "
            "them; bring the old ones back, or say where they are with --dataset"
        )
    return splits


def _fill(draft: Path, selection: SelectedTrial, splits: SearchSplits, limits: Limits, order: ExportOrder) -> None:
    """Write every file of a bundle; the manifest, which lists the others, last."""
    config, trial = selection.config, selection.trial
    files = selection.fixed_files | _make_onnx_files(selection, splits)
    tflite = _make_tflite_files(selection, splits)
    files |= tflite.contents
    files[SEEN] = pack_seen(splits.train.images.numpy())
    for name, content in files.items():
        write_durably(draft / name, content)
    verification = verify_files(
        draft,
        config,
        selection.weights,
        _choose_compared(splits),
        recorded_accuracy=selection.facts["validation_accuracy"],
        trained_on=(trial.lease.device if trial.lease else None) or "",
    )
    pictures = {}
    confusion = verification.measures.confusion if verification.measures is not None else None
    if confusion is not None:
        pictures[CONFUSION] = order.draw_confusion(confusion, config.dataset.class_names, selection.title)
    if trial.curve:
        pictures[CURVE] = order.draw_curve(trial.curve, selection.title)
    manifest = selection.describe(verification) | _describe_images(splits)
    if tflite.contents:
        facts = dict(tflite.facts) | (verification.tflite or {})
        manifest["tflite"] = facts | {"over_limits": list_excesses(limits, facts)}
    sizes_bytes = {name: len(content) for name, content in (files | pictures).items()}
    card = write_card(CardFacts(selection.target.name, config, manifest, sizes_bytes, confusion))
    added = pictures | {CARD: card.encode()}
    for name, content in added.items():
        write_durably(draft / name, content)
    listed = {"files": {name: hash_content(content) for name, content in (files | added).items()}}
    write_durably(draft / MANIFEST, to_json(manifest | listed))


def _describe_images(splits: SearchSplits) -> dict[str, Any]:
    """For the manifest: what the training images look like, and what saying the largest class always would give."""
    described: dict[str, Any] = {"brightness": measure_brightness(splits.train.images.numpy())}
    if len(splits.validation):
        counts = splits.validation.labels.bincount(minlength=splits.identity.class_count)
        described["baseline"] = {
            "class": splits.identity.class_names[int(counts.argmax())],
            "validation_accuracy": int(counts.max()) / len(splits.validation),
        }
    return described


def _choose_compared(splits: SearchSplits) -> LabelledImages:
    """The images that files are compared on: outputs can be equal also on images that were trained on."""
    if len(splits.validation):
        return splits.validation
    count = len(splits.train)
    return splits.train.select(np.linspace(0, count - 1, min(count, _COMPARED_IMAGES)).astype(np.int64))


def _make_onnx_files(selection: SelectedTrial, splits: SearchSplits) -> dict[str, bytes]:
    """Those of the ONNX files that are wanted."""
    if not {ONNX, INT8_ONNX} & {*selection.models}:
        return {}
    config, metadata = selection.config, selection.describe_onnx()
    model = convert_to_onnx(config, selection.weights, metadata)
    files = {ONNX: model} if ONNX in selection.models else {}
    if INT8_ONNX in selection.models:
        seed = derive_seed(config.seed, 0, "calibration")
        images = choose_calibration_images(splits.train.images.numpy(), seed, CALIBRATION_IMAGES)
        files[INT8_ONNX] = quantize_model(model, images, metadata)
    return files


def _make_tflite_files(selection: SelectedTrial, splits: SearchSplits) -> TfliteFiles:
    """Those for a small device, where they are wanted."""
    if INT8_TFLITE not in selection.models:
        return TfliteFiles({}, {})
    config = selection.config
    images = choose_device_images(config, splits.train.images.numpy())
    return make_tflite_files(config, selection.weights, images, selection.describe_tflite())


def _is_there(selection: SelectedTrial) -> bool:
    """Whether the same bundle is there already.

    Raises:
        InputError: Something else is.
    """
    target = selection.target
    if not target.exists() and not target.is_symlink():
        return False
    if not _is_the_same(selection):
        raise InputError(
            f"{str(target)!r} exists and holds something else: remove it, or give another folder with --out"
        )
    return True


def _is_the_same(selection: SelectedTrial) -> bool:
    """Whether what lies in the target's place is what would be written there."""
    if selection.target.is_symlink():
        return False
    try:
        bundle = open_bundle(selection.target)
    except InputError:
        return False
    lying, wanted = (
        {key: value for key, value in facts.items() if key not in MADE_ANEW}
        for facts in (bundle.manifest, selection.facts)
    )
    return (
        # A bundle from before there was a list of what it was trained on is as good as ever.
        bundle.files.keys() | {SEEN} == selection.file_names | {SEEN}
        and all(bundle.files[name] == content for name, content in selection.fixed_files.items())
        and lying == wanted
    )


def _publish(selection: SelectedTrial, draft: Path) -> None:
    try:
        publish_folder(draft, selection.target)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
            raise
        _is_there(selection)  # another process was faster: with the same, or else this is refused
