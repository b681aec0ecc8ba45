"""`hpsearch train`: train a configuration, exported and perhaps edited, without a search."""

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
    parse_number,
    parse_workers,
)
from hpsearch.cli.signals import Interrupts
from hpsearch.sessions.documents import describe_spread
from hpsearch.sessions.planned import PlannedWork
from hpsearch.tuning.record_words import list_failures
from hpsearch.views.screen import open_console, write_json
from hpsearch.views.terminal import TerminalProgress

if TYPE_CHECKING:
    from rich.console import Console

    from hpsearch.tuning.records import StudyRecord


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
    from hpsearch.sessions.training import Training
    from hpsearch.study.spec import check_study_name

    count = parse_number(replicates, "--replicates", least=1) or 1
    training = Training(
        read_config(config),
        count,
        epochs=parse_number(epochs, "--epochs", least=1),
        dataset=dataset,
        name=check_study_name(name) if name is not None else None,
    )
    chosen = choose_storage(context, storage)
    work = PlannedWork(chosen.url, choose_cache_folder(), device, parse_workers(workers))
    with Interrupts() as interrupts:
        progress = TerminalProgress(None if quiet else open_console(stderr=as_json))
        record = training.run(work, progress, interrupts)
        if as_json:
            write_json(_describe(record))
        else:
            which = "" if record.study.is_validated else " --trial 0"
            _show(open_console(), record, chosen.complete_command(f"hpsearch export {record.study.name}{which}"))
        failed = record.is_finished and not record.counts["COMPLETE"]
        raise typer.Exit(1 if failed else 0 if record.is_finished else interrupts.exit_code or 1)


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
