"""`hpsearch run`: one command from a budget to the best network that fits."""

from typing import Annotated

import typer

from hpsearch.cli.durations import parse_duration
from hpsearch.cli.options import (
    HOW,
    ArchOption,
    BudgetOption,
    DatasetOption,
    DeviceOption,
    EpochsOption,
    JsonOption,
    PrunerOption,
    QuietOption,
    SamplerOption,
    SeedOption,
    StorageOption,
    StudyFileArgument,
    StudyNameOption,
    TrialsOption,
    WorkersOption,
    choose_cache_folder,
    choose_storage,
    collect_flags,
    join_command,
)
from hpsearch.cli.preparation import read_request
from hpsearch.cli.session import Session
from hpsearch.cli.signals import Interrupts


def run(
    context: typer.Context,
    study_file: StudyFileArgument = None,
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
    study: StudyNameOption = None,
    storage: StorageOption = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Find the best network that fits a weight budget.

    Ctrl-C stops it with nothing lost; the same command goes on. A finished study is shown again, and nothing added.

    Example: [bold]hpsearch run --budget 100k --arch cnn[/]

    Example: [bold]hpsearch run studies/quick.toml --trials 5 --timeout 15m[/]
    """
    flags = collect_flags(
        budget=budget,
        arch=arch,
        dataset=dataset,
        trials=trials,
        epochs=epochs,
        sampler=sampler,
        pruner=pruner,
        seed=seed,
        study=study,
    )
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
