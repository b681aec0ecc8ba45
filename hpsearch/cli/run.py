"""`hpsearch run`: one command from a budget to the best network that fits."""

from pathlib import Path
from typing import Annotated

import typer

from hpsearch.cli.durations import parse_duration
from hpsearch.cli.options import (
    HOW,
    OUTPUT,
    WHERE,
    ArchOption,
    BudgetOption,
    DatasetOption,
    DeviceOption,
    EpochsOption,
    JsonOption,
    PrunerOption,
    SamplerOption,
    SeedOption,
    StorageOption,
    TrialsOption,
    WorkersOption,
    choose_cache_folder,
    choose_storage,
    join_command,
    read_number,
)
from hpsearch.cli.preparation import read_request
from hpsearch.cli.session import Session
from hpsearch.cli.signals import Interrupts


def run(
    context: typer.Context,
    study_file: Annotated[
        Path | None,
        typer.Argument(metavar="STUDY_FILE", help="A TOML file that says what to search; the options go above it."),
    ] = None,
    budget: BudgetOption = None,
    arch: ArchOption = None,
    dataset: DatasetOption = None,
    trials: TrialsOption = None,
    epochs: EpochsOption = None,
    timeout: Annotated[
        str | None,
        typer.Option(
            "--timeout",
            metavar="TIME",
            help="End after so long with the best so far: 90s, 15m, 2h, 1h30m.",
            rich_help_panel=HOW,
        ),
    ] = None,
    sampler: SamplerOption = None,
    pruner: PrunerOption = None,
    seed: SeedOption = None,
    workers: WorkersOption = "auto",
    device: DeviceOption = "auto",
    study: Annotated[
        str | None,
        typer.Option(
            "--study",
            metavar="NAME",
            help="The study's name; a study of that name and the same settings goes on.",
            show_default="from data set, arch and budget",
            rich_help_panel=WHERE,
        ),
    ] = None,
    storage: StorageOption = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Only the result.", rich_help_panel=OUTPUT)] = False,
    as_json: JsonOption = False,
) -> None:
    """Find the best network that fits a weight budget.

    Ctrl-C stops it with nothing lost; the same command goes on. A finished study is shown again, and nothing added.

    Example: [bold]hpsearch run --budget 100k --arch cnn[/]

    Example: [bold]hpsearch run studies/quick.toml --trials 5 --timeout 15m[/]
    """
    flags: dict[str, int | str | None] = {"budget": budget, "arch": arch, "dataset": dataset, "name": study}
    flags |= {"trials": read_number(trials), "epochs": read_number(epochs), "seed": read_number(seed)}
    flags |= {"sampler": sampler, "pruner": pruner}
    seconds = parse_duration(timeout, "--timeout") if timeout is not None else None
    session = Session(
        request=read_request(study_file, flags, device, workers),
        storage=choose_storage(context, storage),
        command=join_command(context.obj or ()),
        seconds=seconds,
        quiet=quiet,
        as_json=as_json,
    )
    with Interrupts() as interrupts:
        code = session.run(interrupts, choose_cache_folder())
    raise typer.Exit(code)
