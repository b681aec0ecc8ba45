"""Writing trials as bundles, for programs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hpsearch.api.place import Place

if TYPE_CHECKING:
    from hpsearch.api.bundle import Bundle
    from hpsearch.tuning.records import StudyRecord, TrialRecord

Format = Literal["all", "safetensors", "onnx"]


def export_chosen(
    place: Place,
    record: "StudyRecord",
    trials: "Sequence[TrialRecord]",
    folder: Path,
    *,
    model_format: Format = "all",
    int8: bool = False,
    finalist: Mapping[str, Any] | None = None,
) -> "list[Bundle]":
    """Write the trials; those that are there already are taken as they are."""
    from hpsearch.api.bundle import load
    from hpsearch.export.bundle import ExportOrder, export_trials
    from hpsearch.reporting.figures import draw_confusion_matrix, draw_learning_curve

    order = ExportOrder(
        cache_folder=place.cache_folder,
        draw_curve=draw_learning_curve,
        draw_confusion=draw_confusion_matrix,
        format=model_format,
        int8=int8,
        dataset=None,
        tell=lambda _line: None,
    )
    folders = export_trials(record.study, trials, folder, order, finalist=finalist)
    return [load(each, cache_folder=place.cache_folder) for each in folders]
