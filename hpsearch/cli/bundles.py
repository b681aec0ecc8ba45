"""Trials as folders of files, and what can be done with one: `export`, `evaluate`, `predict`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from hpsearch.cli.flags import choose_cache_folder, choose_storage, parse_number
from hpsearch.cli.options import HOW, OUTPUT, WHAT, WHERE, JsonOption, StorageOption, StudyArgument
from hpsearch.errors import InputError
from hpsearch.sessions.best import choose_trials, is_of_finalists, load_winner
from hpsearch.sessions.opening import open_record
from hpsearch.storable_text import write_out
from hpsearch.views.bundles import say_what_lacks, show_bundle, show_evaluation
from hpsearch.views.screen import LineSteps, SpinnerSteps, open_console, write_error_line, write_json, write_line

if TYPE_CHECKING:
    from hpsearch.export.bundle import ExportOrder, Format

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


MirrorOption = Annotated[
    bool,
    typer.Option(
        "--mirror",
        help="Average over each image and its mirror image (test-time augmentation): twice the operations, for some "
        "tenths of a point where the training had mirrored images.",
        rich_help_panel=HOW,
    ),
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
        chosen = choose_trials(record, count, number) if winner is None else [winner.trial]
        with SpinnerSteps(console) if console.is_terminal else LineSteps(None) as steps:
            steps.tell("getting ready to export")
            from hpsearch.export.bundle import export_trials

            order = _make_order(model_format, int8, dataset, steps)
            facts = None if winner is None else winner.describe()
            folders = export_trials(source.study, chosen, out, order, finalist=facts)
    for folder, exported in zip(folders, chosen, strict=True):
        show_bundle(console, folder, exported, source.study, winner)
    say_what_lacks(console, model_format)


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
    mirror: MirrorOption = False,
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
        mirror=mirror,
        tell=log.tell,
    )
    if as_json:
        for note in evaluation.notes:
            log.note(f"note: {note}")
        write_json(evaluation.describe())
        return
    show_evaluation(open_console(), evaluation)


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
            help="Instead of image files: a table with a row an image and a column a pixel, or the name of its file, "
            "labelled or not, gzipped or not.",
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
    mirror: MirrorOption = False,
    as_json: JsonOption = False,
) -> None:
    """Say what is on images: for each file, or row of a table, the likeliest class and its probability.

    Example: [bold]hpsearch predict exports/fashion-mnist-cnn-100k-trial-7 shoe.png photos/ --top 3[/]

    Example: [bold]hpsearch predict exports/digits-cnn-100k-trial-7 --csv test.csv[/]
    """
    count = parse_number(top, "--top", least=1) or 1
    model = _choose_model(onnx, int8, tflite)
    if bool(images) == (csv is not None):
        raise InputError("give image files or folders of them, or a table with --csv: one of both")
    from hpsearch.export.image_files import compare_brightness, list_images, read_images, read_table
    from hpsearch.export.opened_bundle import open_bundle

    opened = open_bundle(bundle)
    dataset = opened.config.dataset
    if count > dataset.class_count:
        raise InputError(f"--top {count} is not allowed: this network knows {dataset.class_count} classes")
    shape, preparation = dataset.input_shape, dataset.preparation
    if csv is not None:
        read = read_table(csv, shape, resizes=resize, preparation=preparation)
    else:
        read = read_images(list_images(images or []), shape, resizes=resize, preparation=preparation)
    from hpsearch.export.classifier import find_likeliest

    classifier = opened.load_classifier(model, mirror=mirror)
    found = find_likeliest(classifier, read.images, dataset.class_names, count) if len(read.files) else []
    hint = compare_brightness(read.images, opened.manifest.get("brightness"))
    if as_json:
        rows = [
            {"file": str(file), "classes": [{"class": name, "probability": share} for name, share in likeliest]}
            for file, likeliest in zip(read.files, found, strict=True)
        ]
        failures = [{"reason": reason} for reason in read.failures]
        write_json(
            {
                "bundle": str(bundle),
                "model": model,
                "mirror": mirror,
                "predictions": rows,
                "failures": failures,
                "note": hint,
            }
        )
    else:
        for file, likeliest in zip(read.files, found, strict=True):
            write_line(f"{write_out(str(file))}: {', '.join(f'{name} {share:.2%}' for name, share in likeliest)}")
    doubts = opened.list_doubts_of_mirror() if mirror else []
    for line in (*read.left_out, *([hint] if hint else []), *doubts):
        write_error_line(f"note: {line}")
    for reason in read.failures:
        write_error_line(f"error: {reason}")
    if read.failures or not read.files:
        raise typer.Exit(1)


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
