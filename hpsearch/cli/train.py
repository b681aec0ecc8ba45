"""`hpsearch train`: train a configuration, exported and perhaps edited, without a search."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hpsearch.cli.flags import choose_cache_folder, choose_storage, parse_number, parse_workers
from hpsearch.cli.options import HOW, WHAT, WHERE, DeviceOption, JsonOption, QuietOption, StorageOption, WorkersOption
from hpsearch.cli.signals import Interrupts
from hpsearch.sessions.planned import PlannedWork
from hpsearch.views.screen import open_console, write_json
from hpsearch.views.terminal import TerminalProgress
from hpsearch.views.trained import describe_trainings, show_trainings

if TYPE_CHECKING:
    pass


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
    from hpsearch.study.study_name import check_study_name

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
            write_json(describe_trainings(record))
        else:
            which = "" if record.study.is_validated else " --trial 0"
            show_trainings(
                open_console(), record, chosen.complete_command(f"hpsearch export {record.study.name}{which}")
            )
        failed = record.is_finished and not record.counts["COMPLETE"]
        raise typer.Exit(1 if failed else 0 if record.is_finished else interrupts.exit_code or 1)
