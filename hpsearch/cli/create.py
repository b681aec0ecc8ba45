"""`hpsearch create`: make a study for workers elsewhere, and train nothing."""

from typing import TYPE_CHECKING

import typer

from hpsearch.cli.options import (
    ArchOption,
    BudgetOption,
    DatasetOption,
    EpochsOption,
    JsonOption,
    PrunerOption,
    SamplerOption,
    SeedOption,
    StorageOption,
    StudyFileArgument,
    StudyNameOption,
    TrialsOption,
    choose_cache_folder,
    choose_storage,
    collect_flags,
)
from hpsearch.cli.preparation import check_study, describe_left_out, open_study, read_request
from hpsearch.cli.screen import open_console, write_json, write_line
from hpsearch.cli.session import open_steps

if TYPE_CHECKING:
    from hpsearch.cli.options import StorageChoice
    from hpsearch.tuning.study import Study


def create(
    context: typer.Context,
    study_file: StudyFileArgument = None,
    budget: BudgetOption = None,
    arch: ArchOption = None,
    dataset: DatasetOption = None,
    trials: TrialsOption = None,
    epochs: EpochsOption = None,
    sampler: SamplerOption = None,
    pruner: PrunerOption = None,
    seed: SeedOption = None,
    study: StudyNameOption = None,
    storage: StorageOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a study, without working on it: [bold]hpsearch worker[/] does that, anywhere and as often as you like.

    It checks what [bold]run[/] checks and fetches the data set. A study of the same settings may exist already; one of
    other settings is refused.

    Example: [bold]hpsearch create --budget 100k --arch cnn --storage postgresql://me@host/studies[/]
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
    request = read_request(study_file, flags, device="auto", workers="auto")
    chosen, cache_folder = choose_storage(context, storage), choose_cache_folder()
    with open_steps(open_console(stderr=as_json)) as steps:
        identity, fitted = check_study(chosen.url, request, cache_folder, steps.tell)
        database, made = open_study(chosen.url, request, identity, cache_folder, steps.tell)
    with database:
        if as_json:
            write_json({"name": made.name, "created": made.is_new})
            return
        _show(made, chosen, [f"left out   {line}" for line in describe_left_out(fitted)])


def _show(study: "Study", storage: "StorageChoice", left_out: list[str]) -> None:
    from hpsearch.storage.url import is_sqlite

    spec = study.spec
    where = "on this machine" if is_sqlite(study.database.url) else "on any machine that reaches the database"
    lines = [
        f"study {study.name} {'is made' if study.is_new else 'exists already'}: {spec.trials} trials of {spec.epochs} "
        f"epochs, each a {spec.arch} of at most {spec.budget:,} weights",
        *left_out,
        "",
        f"start workers {where}, as many as you like",
        f"  {storage.complete_command(f'hpsearch worker {study.name}')}",
        "see how far they are",
        f"  {storage.complete_command(f'hpsearch status {study.name}')}",
        "get the best network, once they are done",
        f"  {storage.complete_command(f'hpsearch export {study.name}')}",
    ]
    for line in lines:
        write_line(line)
