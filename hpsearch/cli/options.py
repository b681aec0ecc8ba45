"""The options that commands share, each with its help, and what the environment says."""

import os
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from hpsearch.errors import InputError, StorageError

STORAGE_VARIABLE, STORAGE_FILE_VARIABLE = "HPSEARCH_STORAGE", "HPSEARCH_STORAGE_FILE"

DEFAULT_STORAGE = "sqlite:///hpsearch.db"
"""As `hpsearch.storage.url` has it, which is too heavy to import for a help text; a test compares them."""

_MOST_URL_BYTES = 4096
_WHOLE_NUMBER = re.compile(r"-?\d{1,18}", re.ASCII)

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
ArchOption = Annotated[
    str | None,
    typer.Option(
        "--arch",
        metavar="fcn|cnn",
        help="Fully connected (fcn) or convolutional (cnn) networks.",
        rich_help_panel=WHAT,
    ),
]
DatasetOption = Annotated[
    str | None,
    typer.Option(
        "--dataset",
        metavar="NAME|PATH",
        help="fashion-mnist, mnist, kmnist, cifar10; or a folder with a folder of images per class, or an .npz file.",
        show_default="fashion-mnist",
        rich_help_panel=WHAT,
    ),
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
        help="Epochs of a trial that is not pruned.",
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
        rich_help_panel=HOW,
    ),
]
SeedOption = Annotated[
    str | None,
    typer.Option(
        "--seed",
        metavar="N",
        help="Decides everything that is random, in drawing and in training.",
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
        help="The database: sqlite:///FILE.db or postgresql://USER@HOST/DATABASE. Put a password into the variable, "
        f"or all of it into a file that {STORAGE_FILE_VARIABLE} names: others can read a command line.",
        show_default=DEFAULT_STORAGE,
        rich_help_panel=WHERE,
    ),
]
QuietOption = Annotated[bool, typer.Option("--quiet", help="Only the result.", rich_help_panel=OUTPUT)]
JsonOption = Annotated[
    bool, typer.Option("--json", help="One JSON document on stdout, nothing else.", rich_help_panel=OUTPUT)
]
StudyArgument = Annotated[
    str, typer.Argument(metavar="STUDY", help="The study's name; [bold]hpsearch list[/] has all.", show_default=False)
]


def collect_flags(
    *,
    budget: str | None,
    arch: str | None,
    dataset: str | None,
    trials: str | None,
    epochs: str | None,
    time: str | None,
    sampler: str | None,
    pruner: str | None,
    seed: str | None,
    portfolio: bool | None,
    study: str | None,
    teacher: str | None = None,
) -> dict[str, int | str | None]:
    """The options that say what a study is, by the names that a study file has for them."""
    flags: dict[str, int | str | None] = {"budget": budget, "arch": arch, "dataset": dataset, "name": study}
    flags |= {"trials": read_number(trials), "epochs": read_number(epochs), "seed": read_number(seed)}
    flags |= {"time": time, "sampler": sampler, "pruner": pruner, "portfolio": portfolio}
    return flags | {"teacher": teacher}


def read_number(text: str | None) -> int | str | None:
    """A whole number where the text is one; other text stays, for the study's own check to refuse it."""
    return int(text) if text is not None and _WHOLE_NUMBER.fullmatch(text.strip()) else text


def parse_number(text: str | None, flag: str, *, least: int) -> int | None:
    """Read a whole number.

    Raises:
        InputError: It is none, or below `least`.
    """
    from hpsearch.wording import quote

    number = read_number(text)
    if number is None:
        return None
    if isinstance(number, str) or number < least:
        raise InputError(f"{flag} {quote(text)} is not allowed: give a whole number, at least {least}")
    return number


def parse_engine(text: str) -> str:
    """Read `--on` of `run`.

    Raises:
        InputError: There is no such engine.
    """
    from hpsearch.wording import quote

    name = text.strip().lower()
    if name in ("slurm", "kubernetes"):
        raise InputError(
            f"--on {name} is not for run, which stays until the study is finished: make the study with "
            f"hpsearch create, then hpsearch launch STUDY --on {name}"
        )
    if name not in ("local", "ray"):
        raise InputError(f"--on {quote(text)} is not allowed: give local or ray")
    return name


@dataclass(frozen=True)
class StorageChoice:
    """The database that a command works on, and how a person named it."""

    url: str
    is_flag: bool
    """Whether another command needs the option, too: it came neither from the environment nor by default."""

    def complete_command(self, command: str) -> str:
        """A command to type next, with this storage; never with a password."""
        return f"{command} --storage {shlex.quote(hide_password(self.url))}" if self.is_flag else command


def choose_storage(context: typer.Context, given: str | None) -> StorageChoice:
    """What `--storage`, HPSEARCH_STORAGE or the file that HPSEARCH_STORAGE_FILE names says, else the default.

    Raises:
        InputError: Both variables are set.
        StorageError: The file cannot be read, or holds no database URL.
    """
    source = context.get_parameter_source("storage")
    is_flag = source is not None and source.name == "COMMANDLINE"
    file = os.environ.get(STORAGE_FILE_VARIABLE)
    if is_flag or not file:
        return StorageChoice(given or DEFAULT_STORAGE, is_flag=is_flag)
    if given:
        raise InputError(
            f"{STORAGE_VARIABLE} and {STORAGE_FILE_VARIABLE} are both set: unset one of them, or give --storage"
        )
    return StorageChoice(read_storage_file(Path(file)), is_flag=False)


def read_storage_file(path: Path) -> str:
    """The URL that is all of a file, as a secret is mounted; nothing of it comes into a message.

    Raises:
        StorageError: It cannot be read, or holds no database URL.
    """
    from hpsearch.storage.url import URL_HINT

    named = f"the file {str(path)!r} that {STORAGE_FILE_VARIABLE} names"
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_URL_BYTES + 1)
    except (OSError, ValueError) as error:
        raise StorageError(f"{named} cannot be read ({getattr(error, 'strerror', None) or error})") from error
    text = content.decode("utf-8-sig", errors="replace").strip()
    if not text:
        raise StorageError(f"{named} is empty: {URL_HINT}, in one line")
    if len(content) > _MOST_URL_BYTES or len(text.splitlines()) > 1 or not _is_storage_url(text):
        raise StorageError(f"{named} holds no database URL: {URL_HINT}, in one line")
    return text


def _is_storage_url(text: str) -> bool:
    """Whether it is one; the message that says why not would quote it."""
    from hpsearch.storage.url import parse_storage_url

    try:
        parse_storage_url(text)
    except StorageError:
        return False
    return True


def choose_cache_folder() -> Path:
    """Where data sets are kept, as the environment says."""
    from hpsearch.training.data.cache import default_cache_folder

    return default_cache_folder(os.environ)


def hide_password(text: str) -> str:
    """A storage URL as a person may type it again, its password hidden; other text stays as it is."""
    from hpsearch.storage.url import parse_storage_url, show_url

    head, separator, url = text.partition("=") if text.startswith("--") else ("", "", text)
    if "@" not in url or "://" not in url:
        return text
    try:
        shown = show_url(parse_storage_url(url))
    except StorageError:
        shown = "URL"
    return head + separator + shown


def join_command(arguments: Sequence[str]) -> str:
    """The command line that was typed, as a shell takes it, without passwords."""
    return shlex.join(["hpsearch", *(hide_password(argument) for argument in arguments)])
