"""Bundles and their measures as a person reads them."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpsearch.storable_text import write_out
from hpsearch.views.search import format_accuracy
from hpsearch.views.winner import describe_winner
from hpsearch.wording import describe_error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from hpsearch.export.bundle_evaluation import BundleEvaluation
    from hpsearch.export.opened_bundle import Bundle
    from hpsearch.tuning.records import TrialRecord
    from hpsearch.tuning.study import Study
    from hpsearch.tuning.winner import Winner


def show_bundle(
    console: "Console", folder: Path, trial: "TrialRecord", study: "Study", winner: "Winner | None"
) -> None:
    """Write what was exported, and where it is."""
    from hpsearch.export.opened_bundle import open_bundle

    figure = f"{format_accuracy(trial.value)} validation" if study.is_validated else f"trained on {study.trains_on}"
    console.print(f"{folder}: trial {trial.number}, {trial.weights:,} weights, {figure}", soft_wrap=True)
    manifest = open_bundle(folder).manifest
    if study.is_validated and (baseline := manifest.get("baseline")) is not None:
        console.print(
            f"  on {manifest['verified']['images']:,} validation images, of which saying {baseline['class']!r}, the "
            f"largest class, always gets {format_accuracy(baseline['validation_accuracy'])}",
            style="dim",
            soft_wrap=True,
        )
    if winner is not None:
        console.print(f"  {describe_winner(winner)}", soft_wrap=True)
    console.print(f"  {', '.join(sorted(path.name for path in folder.iterdir()))}", style="dim", soft_wrap=True)
    if (tflite := manifest.get("tflite")) is not None:
        _show_device_files(console, tflite)


def _show_device_files(console: "Console", tflite: "Mapping[str, Any]") -> None:
    """What the file in int8 gives and takes, as measured, and whether that is over a limit."""
    size = f"model-int8.tflite: {tflite['file_int8_bytes_without_metadata']:,} bytes without its metadata"
    accuracy = tflite.get("validation_accuracy")
    parts = [size, *([f"{format_accuracy(accuracy)} validation in ai-edge-litert"] if accuracy is not None else [])]
    if (micro := tflite.get("micro")) is not None:
        head, tail = micro["arena_head_bytes"], micro["arena_tail_bytes"]
        parts.append(f"arena of {head:,} + {tail:,} bytes in TensorFlow Lite Micro")
    console.print(f"  {'; '.join(parts)}", soft_wrap=True)
    for excess in tflite.get("over_limits", ()):
        console.print(f"  over a limit: {excess}", style="bold red", soft_wrap=True)


def say_what_lacks(console: "Console", model_format: str) -> None:
    """Write which file could not be made, and what to install for it."""
    from hpsearch.export.classifier import INSTALL_COMMAND, find_missing_packages

    if model_format == "all" and (missing := find_missing_packages()):
        console.print(
            f"without model.onnx, which needs {', '.join(missing)}: {INSTALL_COMMAND}, then into another --out",
            soft_wrap=True,
        )


def show_evaluation(console: "Console", evaluation: "BundleEvaluation") -> None:
    """Write the measures, and those of each class."""
    from hpsearch.views.tables import make_table

    measures, bundle = evaluation.measures, evaluation.bundle
    console.print(
        f"{format_accuracy(measures.accuracy)} of {measures.images:,} {_name_split(evaluation)}images of "
        f"{write_out(evaluation.dataset)} are labelled rightly ({measures.correct:,}); loss {measures.loss:.4f}",
        style="bold",
        soft_wrap=True,
    )
    for line in _list_notes(bundle, evaluation):
        console.print(line, style="dim", soft_wrap=True)
    table = make_table("class/", "images>", "rightly>", "accuracy>")
    for row in evaluation.describe()["classes"]:
        table.add_row(row["class"], f"{row['images']:,}", f"{row['correct']:,}", format_accuracy(row["accuracy"]))
    console.print(table)


def _name_split(evaluation: "BundleEvaluation") -> str:
    return "" if evaluation.split == "all" else f"{evaluation.split} "


def _list_notes(bundle: "Bundle", evaluation: "BundleEvaluation") -> list[str]:
    notes = [f"{evaluation.model} of {bundle.path}"]
    if not evaluation.is_same_data:
        notes.append(f"not the images that it was made with, which are {bundle.config.dataset.name}")
    measures = evaluation.measures
    notes.append(
        f"{describe_error(measures.accuracy, measures.images)}; saying the largest class always gives "
        f"{format_accuracy(measures.largest_class_share)}; balanced over the classes "
        f"{format_accuracy(measures.balanced_accuracy)}"
    )
    return [*notes, *evaluation.notes]
