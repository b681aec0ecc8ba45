"""`hpsearch run`: one command from a budget to the best network that fits."""

from time import monotonic
from typing import Annotated

import typer

from hpsearch.cli.flags import (
    choose_cache_folder,
    choose_storage,
    collect_flags,
    join_command,
    parse_engine,
    parse_workers,
)
from hpsearch.cli.ladder import Ladder
from hpsearch.cli.options import (
    HOW,
    ArchOption,
    BudgetOption,
    DatasetOption,
    DeviceOption,
    EngineOption,
    EpochsOption,
    FlashOption,
    GpuShareOption,
    GreyOption,
    ImageSizeOption,
    Int8TrainingOption,
    JsonOption,
    MacsOption,
    PortfolioOption,
    PredecessorOption,
    PrunerOption,
    QuietOption,
    RamOption,
    ReplicatesOption,
    SamplerOption,
    SeedOption,
    StorageOption,
    StudyFileArgument,
    StudyNameOption,
    TargetOption,
    TeacherOption,
    TimeOption,
    TrialsOption,
    WorkersOption,
)
from hpsearch.cli.planned_session import PlannedSession, read_planned_study
from hpsearch.cli.session import ShownSession
from hpsearch.cli.signals import Interrupts
from hpsearch.durations import parse_duration
from hpsearch.engines.gpus import parse_gpu_share
from hpsearch.sessions.ladder import list_first_predecessors, read_listed_limits, read_rungs
from hpsearch.sessions.planned import PlannedWork
from hpsearch.sessions.request import read_request
from hpsearch.sessions.session import Session


def run(
    context: typer.Context,
    study_file: StudyFileArgument = None,
    budget: BudgetOption = None,
    ram: RamOption = None,
    flash: FlashOption = None,
    macs: MacsOption = None,
    target: TargetOption = None,
    arch: ArchOption = None,
    dataset: DatasetOption = None,
    image_size: ImageSizeOption = None,
    grey: GreyOption = False,
    trials: TrialsOption = None,
    epochs: EpochsOption = None,
    time: TimeOption = None,
    timeout: Annotated[
        str | None,
        typer.Option(
            "--timeout",
            metavar="TIME",
            help="End after so long with the best so far, whatever is planned: 90s, 15m, 2h, 1h30m.",
            rich_help_panel=HOW,
        ),
    ] = None,
    sampler: SamplerOption = None,
    pruner: PrunerOption = None,
    seed: SeedOption = None,
    predecessor: PredecessorOption = None,
    portfolio: PortfolioOption = None,
    int8: Int8TrainingOption = False,
    teacher: TeacherOption = None,
    replicates: ReplicatesOption = None,
    workers: WorkersOption = "auto",
    on: EngineOption = "local",
    gpu_share: GpuShareOption = None,
    device: DeviceOption = "auto",
    study: StudyNameOption = None,
    storage: StorageOption = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Find the best network that fits a weight budget, or a device.

    Ctrl-C stops it with nothing lost; the same command goes on. A finished study is shown again, and nothing added.

    Example: [bold]hpsearch run --budget 100k --arch cnn[/]

    Example: [bold]hpsearch run studies/quick.toml --trials 5 --timeout 15m[/]

    Example: [bold]hpsearch run --budget 20k --arch cnn --from fashion-mnist-cnn-100k[/]

    Example: [bold]hpsearch run --budget 100k --arch fcn --teacher fashion-mnist-cnn-100k[/]

    Example: [bold]hpsearch run --arch cnn --target cortex-m4-64k[/]

    Several budgets or other limits, and families, make a study each; the 2 best of one begin the next, and a table
    compares all.

    Example: [bold]hpsearch run --budget 10k,20k,50k,100k --arch fcn,cnn[/]

    Over the machines of a Ray cluster, with the study in a PostgreSQL that all of them reach, 4 workers on each GPU.

    Example: [bold]hpsearch run --budget 100k --arch cnn --trials 500 --on ray --workers 64 --gpu-share 4[/]

    A study file may say what to train instead: each network under several seeds, in a table beside printed figures.

    Example: [bold]hpsearch run studies/004-cnn-budgets.toml --replicates 1[/]
    """
    flags = collect_flags(context)
    seconds = parse_duration(timeout, "--timeout") if timeout is not None else None
    engine, share = parse_engine(on), parse_gpu_share(gpu_share)
    if (planned := read_planned_study(study_file, flags | {"from": predecessor}, replicates)) is not None:
        chosen, deadline = choose_storage(context, storage), None if seconds is None else monotonic() + seconds
        counted = parse_workers(workers)
        work = PlannedWork(
            chosen.url, choose_cache_folder(), device, counted, deadline=deadline, engine=engine, gpu_share=share
        )
        with Interrupts() as interrupts:
            command = join_command(context.obj or ())
            code = PlannedSession(planned, work, chosen, command, quiet, as_json).run(interrupts)
        raise typer.Exit(code)
    rungs = read_rungs(flags | read_listed_limits(study_file, flags))
    chosen, command, count = choose_storage(context, storage), join_command(context.obj or ()), parse_workers(workers)
    cache_folder = choose_cache_folder()
    sessions = [
        ShownSession(
            Session(
                read_request(
                    study_file,
                    rung,
                    device,
                    count,
                    predecessor=first,
                    engine=engine,
                    gpu_share=share,
                ),
                chosen.url,
                cache_folder,
                seconds,
            ),
            chosen,
            command,
            quiet,
            as_json,
        )
        for rung, first in zip(rungs, list_first_predecessors(rungs, predecessor), strict=True)
    ]
    with Interrupts() as interrupts:
        code = sessions[0].run(interrupts) if len(sessions) == 1 else Ladder(sessions).climb(interrupts)
    raise typer.Exit(code)
