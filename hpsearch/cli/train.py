"""`hpsearch train`: train a configuration, exported and perhaps edited, without a search."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hpsearch.cli.options import (
    HOW,
    WHAT,
    WHERE,
    DeviceOption,
    JsonOption,
    QuietOption,
    StorageOption,
    WorkersOption,
    choose_cache_folder,
    choose_storage,
    hide_password,
    parse_number,
)
from hpsearch.cli.planned import PlannedWork
from hpsearch.cli.screen import open_console, write_json
from hpsearch.cli.session import open_steps
from hpsearch.cli.signals import Interrupts
from hpsearch.sessions.documents import describe_spread
from hpsearch.sessions.preparation import check_storage, choose_hardware, identify_dataset, make_absolute, parse_workers
from hpsearch.tuning.record_words import list_failures

if TYPE_CHECKING:
    from rich.console import Console

    from hpsearch.dataset import DatasetIdentity
    from hpsearch.storage.database import Database
    from hpsearch.study.trial_config import TrialConfig
    from hpsearch.tuning.records import StudyRecord
    from hpsearch.tuning.study import Study

_LABEL = "config"


def train(
    context: typer.Context,
    config: Annotated[
        Path,
        typer.Argument(
            metavar="CONFIG", help="A bundle's folder, or its config.toml or config.json.", show_default=False
        ),
    ],
    replicates: Annotated[
        str,
        typer.Option(
            "--replicates",
            metavar="N",
            help="The seed of the configuration and N - 1 fresh ones.",
            rich_help_panel=WHAT,
        ),
    ] = "1",
    epochs: Annotated[
        str | None,
        typer.Option(
            "--epochs", metavar="N", help="Epochs of each training.", show_default="as it says", rich_help_panel=HOW
        ),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            "--dataset",
            metavar="NAME|PATH",
            help="Other images than the configuration names, or where they are.",
            rich_help_panel=WHERE,
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            "--study", metavar="NAME", help="The study's name.", show_default="train-...", rich_help_panel=WHAT
        ),
    ] = None,
    workers: WorkersOption = "auto",
    device: DeviceOption = "auto",
    storage: StorageOption = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Train a configuration as it stands, or as you edited it, without a search.

    The trainings are trials of a study of their own: the same command goes on after Ctrl-C, and adds nothing once all
    are finished. Then the test split is opened, once.

    Example: [bold]hpsearch train exports/fashion-mnist-cnn-100k-trial-7 --replicates 5[/]
    """
    from hpsearch.export.config_file import read_config
    from hpsearch.study.spec import check_study_name
    from hpsearch.training.data.catalogue import CATALOGUE

    count = parse_number(replicates, "--replicates", least=1) or 1
    most_epochs = parse_number(epochs, "--epochs", least=1)
    counted = parse_workers(workers)
    given = read_config(config)
    chosen, cache_folder = choose_storage(context, storage), choose_cache_folder()
    choose_hardware(device, counted, most=count)  # a wrong device makes no study
    log = None if quiet else open_console(stderr=as_json)
    place = dataset or given.dataset.name
    with open_steps(log) as steps:
        identity = keep_rules(identify_dataset(place, cache_folder, steps.tell, steps.note), given, cache_folder)
        asked = _change(given, identity, most_epochs)
        _check_teacher(chosen.url, asked)
        fetched = fetch(place, cache_folder, steps) if place in CATALOGUE else identity
    digest = hashlib.sha256(asked.model_dump_json().encode()).hexdigest()[:8]
    work = PlannedWork(chosen.url, cache_folder, device, counted)
    from hpsearch.storage.database import Database

    with Interrupts() as interrupts, Database.open(chosen.url, create=True) as database:
        label = check_study_name(name) if name is not None else f"train-{digest}"
        study = _make_study(database, label, asked, fetched, place, count)
        title = f"train      {asked.architecture.describe()}, {count} seed{'s' * (count != 1)}"
        record = work.finish(study, title, log, interrupts)
        if as_json:
            write_json(_describe(record))
        else:
            which = "" if study.is_validated else " --trial 0"
            _show(open_console(), record, chosen.complete_command(f"hpsearch export {label}{which}"))
        failed = record.is_finished and not record.counts["COMPLETE"]
        raise typer.Exit(1 if failed else 0 if record.is_finished else interrupts.exit_code or 1)


def _check_teacher(url: str, config: "TrialConfig") -> None:
    """Find out before anything is made that the teacher of a configuration is not here, or may not teach it.

    Raises:
        InputError: So it is.
        StorageError: The database cannot be opened or made.
    """
    if config.teacher is None:
        return
    from hpsearch.errors import InputError
    from hpsearch.storage.database import Database
    from hpsearch.tuning.teacher_choice import describe_missing_teacher, find_teacher_of

    if not check_storage(url):
        raise InputError(describe_missing_teacher(config.teacher, hide_password(url)))
    with Database.open(url, check=False) as database:
        find_teacher_of(database, config)


def keep_rules(identity: "DatasetIdentity", given: "TrialConfig", cache_folder: Path) -> "DatasetIdentity":
    """The same images by the rules that the configuration was trained by, so that its splits are what they were."""
    from hpsearch.errors import DataError
    from hpsearch.training.data import describe_dataset

    rules = given.dataset.rules
    if identity.rules in (1, rules):  # those known by name have no others
        return identity
    try:
        older = describe_dataset(identity.name, cache_folder, rules=rules)
    except DataError:
        return identity
    return older if older.sha256 == given.dataset.sha256 else identity


def fetch(place: str, cache_folder: Path, steps: Any) -> "DatasetIdentity":
    """Bring the images here."""
    from hpsearch.training.data import fetch_dataset

    return fetch_dataset(place, cache_folder, steps.tell)


def _change(config: "TrialConfig", dataset: "DatasetIdentity", epochs: int | None) -> "TrialConfig":
    from pydantic import ValidationError

    from hpsearch.errors import InputError
    from hpsearch.study.spec import explain_value_error
    from hpsearch.study.trial_config import TrialConfig

    document = config.model_dump()
    document["dataset"] = dataset.model_dump()
    if epochs is not None:
        document["recipe"]["epochs"] = epochs
    try:
        return TrialConfig.model_validate(document)
    except (ValidationError, ValueError) as error:
        reason = explain_value_error(error) if isinstance(error, ValidationError) else str(error)
        raise InputError(f"the configuration does not go with data set {dataset.name!r}: {reason}") from error


def _make_study(
    database: "Database", name: str, config: "TrialConfig", dataset: "DatasetIdentity", place: str, replicates: int
) -> "Study":
    from hpsearch.study.file import parse_study_spec
    from hpsearch.study.trial_plan import plan_replicates
    from hpsearch.tuning.study import create_or_join_study
    from hpsearch.tuning.teacher_choice import find_teacher_of

    plan = plan_replicates({_LABEL: config}, replicates, seed=config.seed, keeps_first=True)
    name, spec = parse_study_spec(
        {
            "name": name,
            "dataset": make_absolute(place),
            "arch": config.architecture.arch,
            "budget": config.budget or config.count_weights(),
            "trials": replicates,
            "epochs": config.recipe.epochs,
            "seed": config.split_seed,
            "sampler": "random",
            "pruner": "none",
            "validation_fraction": config.validation_fraction,
        }
    )
    return create_or_join_study(
        database, name, spec, dataset, plan, find_teacher=lambda: find_teacher_of(database, config)
    )


def _measure(record: "StudyRecord") -> tuple[Any, Any]:
    from hpsearch.tuning.finalists import Spread

    complete = [trial for trial in record.trials if trial.state == "COMPLETE"]
    values = [trial.value for trial in complete if trial.value is not None]
    return Spread.measure(values), Spread.measure([t.test_accuracy for t in complete if t.test_accuracy is not None])


def _describe(record: "StudyRecord") -> dict[str, Any]:
    validation, test = _measure(record)
    return {
        "study": record.study.name,
        "trains_on": record.study.trains_on,
        "is_finished": record.is_finished,
        "trials": [
            {
                "number": trial.number,
                "state": trial.state,
                "validation_accuracy": trial.value,
                "test_accuracy": trial.test_accuracy,
                "reason": trial.reason,
            }
            for trial in record.trials
        ],
        "validation": describe_spread(validation),
        "test": describe_spread(test),
    }


def _show(console: "Console", record: "StudyRecord", export: str) -> None:
    from hpsearch.reporting.words import write_spread

    validation, test = _measure(record)
    count = record.counts["COMPLETE"]
    console.print()
    console.print(f"{count} of {record.trials_wanted} trainings are complete", style="bold", soft_wrap=True)
    for failure in list_failures(record):
        console.print(f"failed: {failure}", soft_wrap=True)
    over = ", mean ± standard deviation over seeds" if count > 1 else ""
    known = f"{write_spread(validation)}%{over}"
    unknown = f"cannot be known: trained on {record.study.trains_on}"
    console.print(f"validation  {known if record.study.is_validated else unknown}", soft_wrap=True)
    if test is not None:
        console.print(f"test        {write_spread(test)}%; the test split was opened once, at the end", soft_wrap=True)
    if not record.is_finished:
        console.print("\nNot all are trained; the same command goes on.", soft_wrap=True)
    elif count:
        console.print("\nNext")
        console.print(f"  {export}", style="cyan", soft_wrap=True)
