"""`hpsearch create`: make a study for workers elsewhere, and train nothing."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from hpsearch.cli.flags import choose_cache_folder, choose_storage, collect_flags, parse_workers
from hpsearch.cli.options import (
    ArchOption,
    BudgetOption,
    DatasetOption,
    DeviceOption,
    EpochsOption,
    FlashOption,
    GreyOption,
    ImageSizeOption,
    Int8TrainingOption,
    JsonOption,
    MacsOption,
    PortfolioOption,
    PredecessorOption,
    PrunerOption,
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
from hpsearch.cli.planned_session import read_planned_study
from hpsearch.sessions.hardware import choose_hardware_for
from hpsearch.sessions.planned_study import open_planned_study
from hpsearch.sessions.preparation import (
    check_study,
    describe_left_out,
    open_study,
    plan_request_time,
)
from hpsearch.sessions.request import read_request
from hpsearch.views.created import describe_made, list_commands, list_made
from hpsearch.views.screen import open_console, write_json, write_line
from hpsearch.views.terminal import open_steps

if TYPE_CHECKING:
    from hpsearch.cli.flags import StorageChoice
    from hpsearch.study.planned import PlannedStudy


def create(
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
    seed: SeedOption = None,
    predecessor: PredecessorOption = None,
    portfolio: PortfolioOption = None,
    int8: Int8TrainingOption = False,
    teacher: TeacherOption = None,
    replicates: ReplicatesOption = None,
    workers: WorkersOption = "auto",
    device: DeviceOption = "auto",
    study: StudyNameOption = None,
    storage: StorageOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a study, without working on it: [bold]hpsearch worker[/] does that, anywhere and as often as you like.

    It checks what [bold]run[/] checks and fetches the data set. A time is planned for as many workers as this machine
    bears, or as --workers says, at this machine's speed. A study of the same settings may exist already; one of
    other settings is refused.

    Example: [bold]hpsearch create --budget 100k --arch cnn --storage postgresql://me@host/studies[/]
    """
    flags = collect_flags(context)
    if (planned := read_planned_study(study_file, flags | {"from": predecessor}, replicates)) is not None:
        _create_planned(planned, choose_storage(context, storage), study_file, as_json=as_json)
        return
    request = read_request(study_file, flags, device, parse_workers(workers), predecessor=predecessor)
    chosen, cache_folder = choose_storage(context, storage), choose_cache_folder()
    with open_steps(open_console(stderr=as_json)) as steps:
        request, identity, fitted = check_study(chosen.url, request, cache_folder, steps.tell, steps.note)
        hardware = choose_hardware_for(request)
        request = plan_request_time(
            chosen.url, request, identity, fitted, hardware, steps.tell, steps.note, are_workers_here=False
        )
        database, made = open_study(chosen.url, request, identity, cache_folder, steps.tell)
    with database:
        if as_json:
            write_json({"name": made.name, "created": made.is_new})
            return
        facts = [("left out", line) for line in describe_left_out(fitted)] + describe_made(made)
        for line in list_made(made, chosen.complete_command, [f"{what:<10} {line}" for what, line in facts]):
            write_line(line)


def _create_planned(
    planned: "PlannedStudy", storage: "StorageChoice", study_file: Path | None, *, as_json: bool
) -> None:
    with open_steps(open_console(stderr=as_json)) as steps:
        database, made = open_planned_study(storage.url, planned, choose_cache_folder(), steps.tell, steps.note)
    with database:
        if as_json:
            write_json({"name": made.name, "created": made.is_new})
            return
        heading = f"{made.spec.trials} trainings: {len(planned.trainings)}, {planned.replicates} of each"
        lines = list_commands(made, storage.complete_command, heading)
        lines += [
            "open the test split and see the table, once they are done: the same file and options again",
            f"  {storage.complete_command(f'hpsearch run {study_file}')}",
        ]
        for line in lines:
            write_line(line)
