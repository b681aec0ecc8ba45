"""Trials as folders of files, and what can be done with one: `export`, `evaluate`, `predict`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer

from hpsearch.cli.options import (
    HOW,
    OUTPUT,
    WHAT,
    WHERE,
    JsonOption,
    StorageOption,
    StudyArgument,
    choose_cache_folder,
    choose_storage,
    parse_number,
)
from hpsearch.cli.studies import open_record
from hpsearch.cli.winner import describe_winner
from hpsearch.errors import InputError
from hpsearch.sessions.best import is_of_finalists, load_winner, require_best
from hpsearch.storable_text import write_out
from hpsearch.views.screen import LineSteps, SpinnerSteps, open_console, write_error_line, write_json, write_line
from hpsearch.views.search import format_accuracy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from hpsearch.export.bundle import ExportOrder, Format
    from hpsearch.export.bundle_evaluation import BundleEvaluation
    from hpsearch.export.opened_bundle import Bundle
    from hpsearch.tuning.records import StudyRecord, TrialRecord
    from hpsearch.tuning.study import Study
    from hpsearch.tuning.winner import Winner

_FORMATS = ("all", "safetensors", "onnx", "tflite")
_SPLITS = ("test", "validation", "all")

BundleArgument = Annotated[
    Path, typer.Argument(metavar="BUNDLE", help="The folder of an exported trial.", show_default=False)
]
OnnxOption = Annotated[
    bool,
    typer.Option("--onnx", help="Use model.onnx through onnxruntime, not the safetensors.", rich_help_panel=HOW),
]
Int8Option = Annotated[
    bool, typer.Option("--int8", help="Use model-int8.onnx through onnxruntime.", rich_help_panel=HOW)
]

TfliteOption = Annotated[
    bool, typer.Option("--tflite", help="Use model-int8.tflite through ai-edge-litert.", rich_help_panel=HOW)
]


def export(
    context: typer.Context,
    study: StudyArgument,
    top: Annotated[
        str | None,
        typer.Option("--top", metavar="K", help="The K best trials.", show_default="1", rich_help_panel=WHAT),
    ] = None,
    trial: Annotated[
        str | None, typer.Option("--trial", metavar="N", help="This trial instead.", rich_help_panel=WHAT)
    ] = None,
    finalist: Annotated[
        bool,
        typer.Option(
            "--finalist",
            help="The winner of [bold]hpsearch finalists[/] instead, by its median replicate. STUDY is the search or "
            "the study of its finalists, where this is the default.",
            rich_help_panel=WHAT,
        ),
    ] = False,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="The folder for the bundles.", rich_help_panel=OUTPUT)
    ] = Path("exports"),
    model_format: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="all|safetensors|onnx|tflite",
            help="The files for the network; all is safetensors and ONNX, or what the installed packages can write; "
            "tflite is for small devices: in fp32 and int8, with a C header.",
            rich_help_panel=OUTPUT,
        ),
    ] = "all",
    int8: Annotated[
        bool,
        typer.Option(
            "--int8",
            help="Also an ONNX file in 8-bit whole numbers, calibrated on training images, with its accuracy.",
            rich_help_panel=OUTPUT,
        ),
    ] = False,
    dataset: Annotated[
        str | None,
        typer.Option(
            "--dataset",
            metavar="PATH",
            help="Where this machine has the study's data: every file is verified on the validation images.",
            show_default="as the study has it",
            rich_help_panel=WHERE,
        ),
    ] = None,
    storage: StorageOption = None,
) -> None:
    """Write trials as folders of files that run anywhere: safetensors, ONNX, configuration, model card. Verified first.

    Example: [bold]hpsearch export fashion-mnist-cnn-100k --top 3 --int8 --out networks[/]

    Example: [bold]hpsearch export fashion-mnist-cnn-100k --format tflite[/]
    """
    asked = {"--top": top is not None, "--trial": trial is not None, "--finalist": finalist}
    if len(given := [flag for flag, is_given in asked.items() if is_given]) > 1:
        raise InputError(f"{' and '.join(given)} exclude each other: give one of them")
    count, number = parse_number(top, "--top", least=1), parse_number(trial, "--trial", least=0)
    _check_choice(model_format, "--format", _FORMATS)
    url = choose_storage(context, storage).url
    console = open_console()
    with open_record(url, study) as record:
        winner = load_winner(record) if finalist or (not given and is_of_finalists(record)) else None
        source = record if winner is None else winner.record
        chosen = _choose_trials(record, count, number) if winner is None else [winner.trial]
        with SpinnerSteps(console) if console.is_terminal else LineSteps(None) as steps:
            steps.tell("getting ready to export")
            from hpsearch.export.bundle import export_trials

            order = _make_order(model_format, int8, dataset, steps)
            facts = None if winner is None else winner.describe()
            folders = export_trials(source.study, chosen, out, order, finalist=facts)
    for folder, exported in zip(folders, chosen, strict=True):
        _show_bundle(console, folder, exported, source.study, winner)
    _say_what_lacks(console, model_format)


def evaluate(
    bundle: BundleArgument,
    dataset: Annotated[
        str | None,
        typer.Option(
            "--dataset",
            metavar="NAME|PATH",
            help="Other images, of the same shape and of classes that it knows. Those that it was trained on are "
            "set aside.",
            show_default="the bundle's own",
            rich_help_panel=WHAT,
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            "--split",
            metavar="test|validation|all",
            help="Which images of it.",
            show_default="test; all of a person's own that bring no test split",
            rich_help_panel=WHAT,
        ),
    ] = None,
    onnx: OnnxOption = False,
    int8: Int8Option = False,
    tflite: TfliteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Measure an exported network: accuracy, loss, accuracy of each class. By default this opens the test split.

    Example: [bold]hpsearch evaluate exports/fashion-mnist-cnn-100k-trial-7 --split validation[/]
    """
    if split is not None:
        _check_choice(split, "--split", _SPLITS)
    model = _choose_model(onnx, int8, tflite)
    from hpsearch.export.opened_bundle import open_bundle

    opened, log = open_bundle(bundle), LineSteps(open_console(stderr=True))
    from hpsearch.export.bundle_evaluation import evaluate_bundle

    evaluation = evaluate_bundle(
        opened,
        choose_cache_folder(),
        model=model,
        dataset=dataset,
        split=cast(Literal["test", "validation", "all"] | None, split),
        tell=log.tell,
    )
    if as_json:
        for note in evaluation.notes:
            log.note(f"note: {note}")
        write_json(evaluation.describe())
        return
    _show_evaluation(open_console(), evaluation)


def predict(
    bundle: BundleArgument,
    images: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="IMAGE...", help="Image files, or folders of them (with all below).", show_default=False
        ),
    ] = None,
    csv: Annotated[
        Path | None,
        typer.Option(
            "--csv",
            metavar="FILE",
            help="Instead of image files: a table with a row an image and a column a pixel, with labels or without, "
            "gzipped or not.",
            rich_help_panel=WHAT,
        ),
    ] = None,
    top: Annotated[
        str, typer.Option("--top", metavar="K", help="The K likeliest classes.", rich_help_panel=OUTPUT)
    ] = "1",
    resize: Annotated[
        bool,
        typer.Option("--resize", help="Resize images of another size, rather than refuse them.", rich_help_panel=HOW),
    ] = False,
    onnx: OnnxOption = False,
    int8: Int8Option = False,
    tflite: TfliteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Say what is on images: for each file, or row of a table, the likeliest class and its probability.

    Example: [bold]hpsearch predict exports/fashion-mnist-cnn-100k-trial-7 shoe.png photos/ --top 3[/]

    Example: [bold]hpsearch predict exports/digits-cnn-100k-trial-7 --csv test.csv[/]
    """
    count = parse_number(top, "--top", least=1) or 1
    model = _choose_model(onnx, int8, tflite)
    if bool(images) == (csv is not None):
        raise InputError("give image files or folders of them, or a table of pixels with --csv: one of both")
    from hpsearch.export.image_files import compare_brightness, list_images, read_images, read_pixel_rows
    from hpsearch.export.opened_bundle import open_bundle

    opened = open_bundle(bundle)
    dataset = opened.config.dataset
    if count > dataset.class_count:
        raise InputError(f"--top {count} is not allowed: this network knows {dataset.class_count} classes")
    shape, preparation = dataset.input_shape, dataset.preparation
    if csv is not None:
        read = read_pixel_rows(csv, shape, preparation=preparation)
    else:
        read = read_images(list_images(images or []), shape, resizes=resize, preparation=preparation)
    from hpsearch.export.classifier import find_likeliest

    classifier = opened.load_classifier(model)
    found = find_likeliest(classifier, read.images, dataset.class_names, count) if len(read.files) else []
    hint = compare_brightness(read.images, opened.manifest.get("brightness"))
    if as_json:
        rows = [
            {"file": str(file), "classes": [{"class": name, "probability": share} for name, share in likeliest]}
            for file, likeliest in zip(read.files, found, strict=True)
        ]
        failures = [{"reason": reason} for reason in read.failures]
        write_json({"bundle": str(bundle), "model": model, "predictions": rows, "failures": failures, "note": hint})
    else:
        for file, likeliest in zip(read.files, found, strict=True):
            write_line(f"{write_out(str(file))}: {', '.join(f'{name} {share:.2%}' for name, share in likeliest)}")
    for line in (*read.left_out, *([hint] if hint else [])):
        write_error_line(f"note: {line}")
    for reason in read.failures:
        write_error_line(f"error: {reason}")
    if read.failures or not read.files:
        raise typer.Exit(1)


def _choose_trials(record: "StudyRecord", count: int | None, number: int | None) -> "list[TrialRecord]":
    if number is not None:
        return [record.trial(number)]
    require_best(record)
    return record.ranking[: count or 1]


def _make_order(model_format: str, int8: bool, dataset: str | None, steps: "SpinnerSteps | LineSteps") -> "ExportOrder":
    from hpsearch.export.bundle import ExportOrder
    from hpsearch.reporting.figures import draw_confusion_matrix, draw_learning_curve

    return ExportOrder(
        cache_folder=choose_cache_folder(),
        draw_curve=draw_learning_curve,
        draw_confusion=draw_confusion_matrix,
        format=cast("Format", model_format),
        int8=int8,
        dataset=dataset,
        tell=steps.tell,
    )


def _show_bundle(
    console: "Console", folder: Path, trial: "TrialRecord", study: "Study", winner: "Winner | None"
) -> None:
    from hpsearch.export.opened_bundle import open_bundle

    figure = f"{format_accuracy(trial.value)} validation" if study.is_validated else f"trained on {study.trains_on}"
    console.print(f"{folder}: trial {trial.number}, {trial.weights:,} weights, {figure}", soft_wrap=True)
    if winner is not None:
        console.print(f"  {describe_winner(winner)}", soft_wrap=True)
    console.print(f"  {', '.join(sorted(path.name for path in folder.iterdir()))}", style="dim", soft_wrap=True)
    if (tflite := open_bundle(folder).manifest.get("tflite")) is not None:
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


def _say_what_lacks(console: "Console", model_format: str) -> None:
    from hpsearch.export.classifier import INSTALL_COMMAND, find_missing_packages

    if model_format == "all" and (missing := find_missing_packages()):
        console.print(
            f"without model.onnx, which needs {', '.join(missing)}: {INSTALL_COMMAND}, then into another --out",
            soft_wrap=True,
        )


def _show_evaluation(console: "Console", evaluation: "BundleEvaluation") -> None:
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
        f"standard error {100 * measures.standard_error:.2f} points; saying the largest class always gives "
        f"{format_accuracy(measures.largest_class_share)}; balanced over the classes "
        f"{format_accuracy(measures.balanced_accuracy)}"
    )
    return [*notes, *evaluation.notes]


def _choose_model(onnx: bool, int8: bool, tflite: bool) -> str:
    from hpsearch.export.bundle_files import INT8_ONNX, INT8_TFLITE, ONNX, SAFETENSORS

    if tflite:
        if onnx or int8:
            raise InputError("--tflite is another file than --onnx and --int8: give one of them")
        return INT8_TFLITE
    if int8:
        return INT8_ONNX
    return ONNX if onnx else SAFETENSORS


def _check_choice(given: str, flag: str, allowed: tuple[str, ...]) -> None:
    from hpsearch.wording import quote

    if given not in allowed:
        *others, last = allowed
        raise InputError(f"{flag} {quote(given)} is not allowed: give {', '.join(others)} or {last}")
