"""`hpsearch plan`: what a search would do and take, before anything is spent."""

import typer

from hpsearch.cli.flags import choose_cache_folder, collect_flags, parse_workers
from hpsearch.cli.options import (
    ArchOption,
    BudgetOption,
    DatasetOption,
    DeviceOption,
    EpochsOption,
    FlashOption,
    GreyOption,
    ImageSizeOption,
    JsonOption,
    MacsOption,
    PrunerOption,
    RamOption,
    ReplicatesOption,
    SamplerOption,
    StudyFileArgument,
    TargetOption,
    TimeOption,
    TrialsOption,
    WorkersOption,
)
from hpsearch.cli.planned_session import read_planned_study
from hpsearch.sessions.planned_forecast import forecast_planned_study
from hpsearch.sessions.request import read_request
from hpsearch.sessions.search_forecast import forecast_search
from hpsearch.views.planned_forecast import describe_planned_forecast, show_planned_forecast
from hpsearch.views.screen import open_console, write_json
from hpsearch.views.search_forecast import describe_search_forecast, show_search_forecast
from hpsearch.views.terminal import open_steps


def plan(
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
    sampler: SamplerOption = None,
    pruner: PrunerOption = None,
    replicates: ReplicatesOption = None,
    workers: WorkersOption = "auto",
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Show what a search would try and how long it would take; nothing is fetched, trained or stored.

    Example: [bold]hpsearch plan --budget 10k --arch cnn[/]

    Example: [bold]hpsearch plan --arch cnn --ram 64k --flash 128k[/]

    Example: [bold]hpsearch plan studies/004-cnn-budgets.toml[/]
    """
    flags = collect_flags(context)
    console = open_console(stderr=as_json)
    if (planned := read_planned_study(study_file, flags, replicates)) is not None:
        with open_steps(console if console.is_terminal else None) as steps:
            count, folder = parse_workers(workers), choose_cache_folder()
            forecast = forecast_planned_study(planned, device, count, folder, steps.tell)
        if as_json:
            write_json(describe_planned_forecast(forecast))
        else:
            show_planned_forecast(console, forecast)
        return
    request = read_request(study_file, flags, device, parse_workers(workers))
    with open_steps(console if console.is_terminal else None) as steps:
        made = forecast_search(request, choose_cache_folder(), steps.tell)
    if as_json:
        write_json(describe_search_forecast(made))
    else:
        show_search_forecast(console, made)
