"""The options that commands share, each with its help; what is typed behind them is read in `flags`."""

from pathlib import Path
from typing import Annotated

import typer

from hpsearch.cli.completion import (
    complete_archs,
    complete_datasets,
    complete_devices,
    complete_pruners,
    complete_samplers,
    complete_studies,
)
from hpsearch.sessions.storage import DEFAULT_STORAGE, STORAGE_FILE_VARIABLE, STORAGE_VARIABLE

WHAT, HOW, WHERE, OUTPUT = "What to search", "How to search", "Where and on what", "Output"

BudgetOption = Annotated[
    str | None,
    typer.Option(
        "--budget",
        metavar="WEIGHTS",
        help="The most weights a network may have: [bold]100k[/], 100_000, 0.1m.",
        rich_help_panel=WHAT,
    ),
]
RamOption = Annotated[
    str | None,
    typer.Option(
        "--ram",
        metavar="BYTES",
        help="The most RAM for what flows through a network in int8: [bold]64k[/], where k is 1024 bytes.",
        rich_help_panel=WHAT,
    ),
]
FlashOption = Annotated[
    str | None,
    typer.Option(
        "--flash",
        metavar="BYTES",
        help="The largest .tflite file in int8: [bold]128k[/], where k is 1024 bytes.",
        rich_help_panel=WHAT,
    ),
]
MacsOption = Annotated[
    str | None,
    typer.Option(
        "--macs",
        metavar="N",
        help="The most multiply-accumulates for an image: [bold]2m[/], where k is 1000.",
        rich_help_panel=WHAT,
    ),
]
TargetOption = Annotated[
    str | None,
    typer.Option(
        "--target",
        metavar="NAME",
        help="A device by name, for --ram, --flash and the operators that it has: cortex-m4-64k, rp2040, esp32-s3 ...",
        rich_help_panel=WHAT,
    ),
]
ArchOption = Annotated[
    str | None,
    typer.Option(
        "--arch",
        metavar="fcn|cnn",
        help="Fully connected (fcn) or convolutional (cnn) networks.",
        autocompletion=complete_archs,
        rich_help_panel=WHAT,
    ),
]
DatasetOption = Annotated[
    str | None,
    typer.Option(
        "--dataset",
        metavar="NAME|PATH",
        help="A name that [bold]hpsearch data list[/] has; or a folder with a folder of images per class, an .npz "
        "file, a CSV of pixels or of paths and labels, Parquet, IDX.",
        show_default="fashion-mnist",
        autocompletion=complete_datasets,
        rich_help_panel=WHAT,
    ),
]
ImageSizeOption = Annotated[
    str | None,
    typer.Option(
        "--image-size",
        metavar="N",
        help="Bring own images of any size and kind to N x N pixels: turned as EXIF says, laid on white, the shorter "
        "side scaled to N, the square in the middle. The network's card says so, and predict does the same.",
        rich_help_panel=WHAT,
    ),
]
GreyOption = Annotated[
    bool,
    typer.Option("--grey", help="With --image-size: drop the colours, too.", rich_help_panel=WHAT),
]
TrialsOption = Annotated[
    str | None,
    typer.Option(
        "--trials",
        metavar="N",
        help="Networks to try.",
        show_default="20 for fcn, 16 for cnn, where --epochs is given",
        rich_help_panel=HOW,
    ),
]
EpochsOption = Annotated[
    str | None,
    typer.Option(
        "--epochs",
        metavar="N",
        help="Epochs of a trial that is not pruned; what counts is its accuracy after the last of them.",
        show_default="20 for fcn, 12 for cnn, where --trials is given",
        rich_help_panel=HOW,
    ),
]
TimeOption = Annotated[
    str | None,
    typer.Option(
        "--time",
        metavar="TIME",
        help="Plan rounds of trials that take so long here: many networks for a short time, the best for longer.",
        show_default="4m for fcn, 15m for cnn, unless --trials, --epochs or --pruner is given",
        rich_help_panel=HOW,
    ),
]
SamplerOption = Annotated[
    str | None,
    typer.Option(
        "--sampler",
        metavar="NAME",
        help="Draws the trials: tpe, random, gp, qmc or grid.",
        show_default="tpe",
        autocompletion=complete_samplers,
        rich_help_panel=HOW,
    ),
]
PrunerOption = Annotated[
    str | None,
    typer.Option(
        "--pruner",
        metavar="NAME",
        help="Stops hopeless trials: asha, hyperband, median or none; not with --time, whose rounds do that.",
        show_default="median",
        autocompletion=complete_pruners,
        rich_help_panel=HOW,
    ),
]
SeedOption = Annotated[
    str | None,
    typer.Option(
        "--seed",
        metavar="N",
        help="Decides everything that is random, in drawing and in training. With several workers tpe and gp learn "
        "from whatever trials are finished when another begins: only --workers 1 draws the same trials again.",
        show_default="0",
        rich_help_panel=HOW,
    ),
]
WorkersOption = Annotated[
    str,
    typer.Option(
        "--workers",
        metavar="auto|N",
        help="Worker processes on this machine; auto is one per CPU core, or per GPU.",
        rich_help_panel=WHERE,
    ),
]
DeviceOption = Annotated[
    str,
    typer.Option(
        "--device",
        metavar="NAME",
        help="auto, cpu, cuda, cuda:1, mps.",
        autocompletion=complete_devices,
        rich_help_panel=WHERE,
    ),
]
GpuShareOption = Annotated[
    str | None,
    typer.Option(
        "--gpu-share",
        metavar="K|auto",
        help="So many workers share each GPU, each with that part of its memory; auto adds workers while trials an "
        "hour rise by more than a tenth.",
        show_default="1",
        rich_help_panel=WHERE,
    ),
]
EngineOption = Annotated[
    str,
    typer.Option(
        "--on",
        metavar="local|ray",
        help="What places the workers: this machine, or the Ray cluster that RAY_ADDRESS names, else this machine's.",
        rich_help_panel=WHERE,
    ),
]
PredecessorOption = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="STUDY",
        help="Begin with the 3 best distinct configurations of another study in this storage, their shapes rescaled to "
        "this budget; of another family, with their recipes alone. They count as trials.",
        autocompletion=complete_studies,
        rich_help_panel=HOW,
    ),
]
TeacherOption = Annotated[
    str | None,
    typer.Option(
        "--teacher",
        metavar="STUDY",
        help="Train every network by distillation: it learns the answers of the best network of another study in this "
        "storage, on the same images, beside the labels.",
        autocompletion=complete_studies,
        rich_help_panel=HOW,
    ),
]
PortfolioOption = Annotated[
    bool | None,
    typer.Option(
        "--portfolio/--no-portfolio",
        help="Try the shipped starting configurations first, as far as they fit the space, and in at most half of the "
        "trials.",
        show_default="with sampler tpe or gp, where nothing comes from another study or from a lower rung",
        rich_help_panel=HOW,
    ),
]
Int8TrainingOption = Annotated[
    bool,
    typer.Option(
        "--int8",
        help="End trainings in whole numbers of 8 bits (quantization-aware), a tenth of their epochs; of a search in "
        "rounds those of the last round.",
        rich_help_panel=HOW,
    ),
]
ReplicatesOption = Annotated[
    str | None,
    typer.Option(
        "--replicates",
        metavar="N",
        help="Of a study file that says what to train: seeds for each training.",
        show_default="as the file says",
        rich_help_panel=HOW,
    ),
]
StudyFileArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="STUDY_FILE", help="A TOML file that says what to search, or what to train; the options go above it."
    ),
]
StudyNameOption = Annotated[
    str | None,
    typer.Option(
        "--study",
        metavar="NAME",
        help="The study's name; a study of that name and the same settings goes on.",
        show_default="from data set, arch and budget",
        rich_help_panel=WHERE,
    ),
]
StorageOption = Annotated[
    str | None,
    typer.Option(
        "--storage",
        metavar="URL",
        envvar=STORAGE_VARIABLE,
        help="The database: FILE.db, sqlite:///FILE.db or postgresql://USER@HOST/DATABASE. Put a password "
        f"into the variable, or all of it into a file that {STORAGE_FILE_VARIABLE} names: others can read a command "
        "line.",
        show_default=DEFAULT_STORAGE,
        rich_help_panel=WHERE,
    ),
]
QuietOption = Annotated[bool, typer.Option("--quiet", help="Only the result.", rich_help_panel=OUTPUT)]
JsonOption = Annotated[
    bool, typer.Option("--json", help="One JSON document on stdout, nothing else.", rich_help_panel=OUTPUT)
]
StudyArgument = Annotated[
    str,
    typer.Argument(
        metavar="STUDY",
        help="The study's name; [bold]hpsearch list[/] has all.",
        show_default=False,
        autocompletion=complete_studies,
    ),
]
