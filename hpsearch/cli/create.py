"""`hpsearch create`: make a study for workers elsewhere, and train nothing."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from hpsearch.cli.options import (
    ArchOption,
    BudgetOption,
    DatasetOption,
    DeviceOption,
    EpochsOption,
    JsonOption,
    PortfolioOption,
    PredecessorOption,
    PrunerOption,
    ReplicatesOption,
    SamplerOption,
    SeedOption,
    StorageOption,
    StudyFileArgument,
    StudyNameOption,
    TeacherOption,
    TimeOption,
    TrialsOption,
    WorkersOption,
    choose_cache_folder,
    choose_storage,
    collect_flags,
)
from hpsearch.cli.planned_session import open_planned_study, read_planned_study
from hpsearch.cli.screen import open_console, write_json, write_line
from hpsearch.cli.session import open_steps
from hpsearch.sessions.preparation import (
    check_study,
    choose_hardware_for,
    describe_beginning,
    describe_left_out,
    open_study,
    plan_request_time,
    read_request,
)

if TYPE_CHECKING:
    from hpsearch.cli.options import StorageChoice
    from hpsearch.study.planned import PlannedStudy
    from hpsearch.tuning.study import Study


def create(
    context: typer.Context,
    study_file: StudyFileArgument = None,
    budget: BudgetOption = None,
    arch: ArchOption = None,
    dataset: DatasetOption = None,
    trials: TrialsOption = None,
    epochs: EpochsOption = None,
    time: TimeOption = None,
    sampler: SamplerOption = None,
    pruner: PrunerOption = None,
    seed: SeedOption = None,
    predecessor: PredecessorOption = None,
    portfolio: PortfolioOption = None,
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
    flags = collect_flags(
        budget=budget,
        arch=arch,
        dataset=dataset,
        trials=trials,
        epochs=epochs,
        time=time,
        sampler=sampler,
        pruner=pruner,
        seed=seed,
        portfolio=portfolio,
        study=study,
        teacher=teacher,
    )
    if (planned := read_planned_study(study_file, flags | {"from": predecessor}, replicates)) is not None:
        _create_planned(planned, choose_storage(context, storage), study_file, as_json=as_json)
        return
    request = read_request(study_file, flags, device, workers, predecessor=predecessor)
    chosen, cache_folder = choose_storage(context, storage), choose_cache_folder()
    with open_steps(open_console(stderr=as_json)) as steps:
        identity, fitted = check_study(chosen.url, request, cache_folder, steps.tell, steps.note)
        hardware = choose_hardware_for(request)
        request = plan_request_time(chosen.url, request, identity, fitted, hardware, steps.tell)
        database, made = open_study(chosen.url, request, identity, cache_folder, steps.tell)
    with database:
        if as_json:
            write_json({"name": made.name, "created": made.is_new})
            return
        from hpsearch.tuning.records import read_study_record

        facts = [("left out", line) for line in describe_left_out(fitted)]
        facts += describe_beginning(read_study_record(made))
        _show(made, chosen, [f"{what:<10} {line}" for what, line in facts])


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
        lines = _list_commands(made, storage, heading)
        lines += [
            "open the test split and see the table, once they are done: the same file and options again",
            f"  {storage.complete_command(f'hpsearch run {study_file}')}",
        ]
        for line in lines:
            write_line(line)


def _show(study: "Study", storage: "StorageChoice", facts: list[str]) -> None:
    spec = study.spec
    heading = f"{spec.describe_length()}; each a {spec.arch} of at most {spec.budget:,} weights"
    lines = [
        *_list_commands(study, storage, heading, facts),
        "get the best network, once they are done",
        f"  {storage.complete_command(f'hpsearch export {study.name}')}",
    ]
    for line in lines:
        write_line(line)


def _list_commands(study: "Study", storage: "StorageChoice", heading: str, facts: Sequence[str] = ()) -> list[str]:
    """What was made, and how workers come to it."""
    where = "on this machine" if study.database.path is not None else "on any machine that reaches the database"
    return [
        f"study {study.name} {'is made' if study.is_new else 'exists already'}: {heading}",
        *facts,
        "",
        f"start workers {where}, as many as you like",
        f"  {storage.complete_command(f'hpsearch worker {study.name}')}",
        "see how far they are",
        f"  {storage.complete_command(f'hpsearch status {study.name}')}",
    ]
