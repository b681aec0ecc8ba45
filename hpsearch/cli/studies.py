"""What is known of studies: `list`, `show`, `best`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated

import typer

from hpsearch.cli.options import (
    WHAT,
    JsonOption,
    StorageOption,
    StudyArgument,
    choose_storage,
    parse_number,
)
from hpsearch.cli.planned_table import show_plan_summary
from hpsearch.cli.winner import describe_winner
from hpsearch.durations import format_duration
from hpsearch.sessions.best import is_of_finalists, load_winner, require_best
from hpsearch.sessions.documents import describe_best, describe_study, describe_study_whole, describe_trial
from hpsearch.sessions.preparation import describe_beginning
from hpsearch.tuning.record_words import describe_counts, describe_rounds, describe_selection
from hpsearch.views.networks import (
    describe_device,
    draw_curve,
    draw_facts,
    draw_layers,
    list_footprint,
    list_trial_facts,
)
from hpsearch.views.screen import open_console, write_json
from hpsearch.views.search import describe_network, format_accuracy
from hpsearch.views.tables import make_table

if TYPE_CHECKING:
    from rich.console import Console

    from hpsearch.tuning.records import StudyRecord, TrialRecord
    from hpsearch.tuning.study import UnreadableStudy
    from hpsearch.tuning.summaries import StudySummary


def list_studies(context: typer.Context, storage: StorageOption = None, as_json: JsonOption = False) -> None:
    """List the studies of a database.

    Example: [bold]hpsearch list[/]
    """
    from hpsearch.storage.database import Database
    from hpsearch.tuning.summaries import read_summaries

    with Database.open(choose_storage(context, storage).url) as database:
        records, unreadable = read_summaries(database)
    if as_json:
        write_json(
            [describe_study(record) for record in records]
            + [{"name": study.name, "unreadable": study.reason} for study in unreadable]
        )
        return
    show_list(open_console(), records, unreadable)


def show_list(
    console: "Console",
    records: "Sequence[StudyRecord | StudySummary]",
    unreadable: "Sequence[UnreadableStudy]",
) -> None:
    """Write the table of the studies, and what cannot be read."""
    if not records and not unreadable:
        console.print("no studies yet; hpsearch run --budget 100k --arch cnn makes one", soft_wrap=True)
        return
    headings = ("study/", "data", "limits", "finished>", "trials", "best>", "trial>", "test>")
    table = make_table(*headings, drops=("trials", "data", "trial", "limits"))
    for record in records:
        best, spec = record.best, record.study.spec
        table.add_row(
            record.study.name,
            PurePath(spec.dataset).name,
            spec.limits.describe_briefly(),
            f"{record.finished_count} of {record.trials_wanted}",
            describe_counts(record),
            format_accuracy(best.value if best else None),
            str(best.number) if best else "-",
            format_accuracy(best.test_accuracy if best else None),
        )
    if records:
        console.print(table)
    for broken in unreadable:
        console.print(broken.reason, style="yellow", soft_wrap=True)


def show(
    context: typer.Context,
    study: StudyArgument,
    trial: Annotated[
        str | None, typer.Option("--trial", metavar="N", help="This trial alone, in full.", rich_help_panel=WHAT)
    ] = None,
    storage: StorageOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the trials of a study, the best first; or one trial layer by layer.

    Example: [bold]hpsearch show fashion-mnist-cnn-100k --trial 3[/]
    """
    number = parse_number(trial, "--trial", least=0)
    storage_choice = choose_storage(context, storage)
    with open_record(storage_choice.url, study) as record:
        chosen = record.trial(number) if number is not None else None
        if as_json:
            write_json(describe_study_whole(record) if chosen is None else describe_trial(record, chosen))
            return
        console = open_console()
        if chosen is not None:
            _show_trial(console, record, chosen)
            return
        _show_study(console, record)
        best = record.best
        command = f"hpsearch show {study} --trial {best.number}" if best is not None else None
        if record.is_finished and is_of_finalists(record):
            command = f"hpsearch best {study}"
        if command is not None:
            console.print(f"\nNext\n  {storage_choice.complete_command(command)}", soft_wrap=True)


def best(
    context: typer.Context, study: StudyArgument, storage: StorageOption = None, as_json: JsonOption = False
) -> None:
    """Show the best trial of a study: the highest validation accuracy of those that are complete.

    Of a finished study of finalists it is the winner's median replicate: what [bold]hpsearch export[/] takes.

    Example: [bold]hpsearch best fashion-mnist-cnn-100k --json[/]
    """
    with open_record(choose_storage(context, storage).url, study) as record:
        winner = load_winner(record) if record.is_finished and is_of_finalists(record) else None
        first = require_best(record) if winner is None else winner.trial
        if as_json:
            write_json(describe_best(record, first) | ({} if winner is None else {"finalist": winner.describe()}))
            return
        console = open_console()
        state = "" if record.is_finished else " so far"
        heading = f"The best trial{state} of {study} is trial {first.number}"
        console.print(heading if winner is None else describe_winner(winner), style="bold", soft_wrap=True)
        _show_trial(console, record, first)


@contextmanager
def open_record(url: str, name: str) -> "Iterator[StudyRecord]":
    """A study and its trials; its database is open as long as the block lasts."""
    from hpsearch.storage.database import Database
    from hpsearch.tuning.records import read_study_record
    from hpsearch.tuning.study import load_study

    with Database.open(url) as database:
        yield read_study_record(load_study(database, name))


def _show_study(console: "Console", record: "StudyRecord") -> None:
    spec = record.study.spec
    console.print(record.study.name, style="bold")
    plan = record.study.plan
    selection = f"sampler {spec.sampler}, {describe_selection(spec)}, "
    does, how = ("searches", selection) if plan is None else ("trains", "")
    facts = [
        (does, f"{spec.arch} of {spec.limits.describe()} on {spec.dataset}, {spec.epochs} epochs"),
        *([("rounds", rounds)] if (rounds := describe_rounds(record)) else []),
        ("search" if plan is None else "plan", f"{how}seed {spec.seed}"),
        *_describe_search(record),
        ("trials", f"{record.finished_count} of {record.trials_wanted} finished: {describe_counts(record)}"),
        *describe_beginning(record),
    ]
    console.print(draw_facts(facts))
    if plan is not None and plan.origin is not None:
        from hpsearch.tuning.plan_summary import summarize_plan

        show_plan_summary(console, summarize_plan(record))
    console.print()
    figures = ("weights>", "MACs>", "RAM int8>", "flash int8>", "epochs>", "time>")
    drops = ("MACs", "time", "RAM int8", "flash int8")
    table = make_table("trial>", "state", "validation>", "test>", *figures, "network/", drops=drops)
    for trial in _rank(record):
        table.add_row(
            str(trial.number),
            trial.state,
            format_accuracy(trial.value),
            format_accuracy(trial.test_accuracy),
            f"{trial.weights:,}" if trial.weights is not None else "-",
            f"{trial.macs:,}" if trial.macs is not None else "-",
            *list_footprint(trial),
            str(trial.epochs),
            format_duration(trial.seconds) if trial.seconds is not None else "-",
            trial.reason or _describe_network(record, trial),
            style=None if trial.state == "COMPLETE" else "dim",
        )
    console.print(table)


def _describe_search(record: "StudyRecord") -> list[tuple[str, str]]:
    """Whose finalists a study trains, and that nothing is held out where that is so."""
    facts, plan = [], record.study.plan
    if plan is not None and plan.search is not None:
        facts.append(("again", f"{', '.join(plan.labels)} of {plan.search}"))
    if not record.study.is_validated:
        facts.append(("on", f"{record.study.trains_on}, so that no validation accuracy can be known"))
    return facts


def _describe_network(record: "StudyRecord", trial: "TrialRecord") -> str:
    """Its network, and whether an earlier trial had that and the recipe, too; in a plan all do."""
    if trial.promoted_from is not None:
        return f"{trial.promoted_from} for longer: {describe_network(trial)}"
    earlier = record.replicates.get(trial.number) if record.study.plan is None else None
    return ("" if earlier is None else f"as trial {earlier}: ") + describe_network(trial)


def _rank(record: "StudyRecord") -> "list[TrialRecord]":
    """Complete trials first and by rank, then those that were stopped, by how good they were; the rest by number."""
    order = {"COMPLETE": 0, "PRUNED": 1, "RUNNING": 2, "WAITING": 3, "FAIL": 4}
    return sorted(record.trials, key=lambda trial: (order[trial.state], -(trial.value or 0.0), trial.number))


def _show_trial(console: "Console", record: "StudyRecord", trial: "TrialRecord") -> None:
    config = trial.config
    console.print()
    if config is not None:
        console.print(draw_layers(config.architecture, record.study.dataset, record.study.spec.limits))
        console.print(describe_device(config.architecture, record.study.dataset, record.study.spec.limits), style="dim")
    facts = [("state", f"{trial.state}, attempt {trial.attempts}")]
    if trial.reason:
        facts.append(("reason", trial.reason))
    facts += list_trial_facts(record, trial)
    if trial.accuracies:
        accuracies = list(trial.accuracies.values())
        if "utf" in console.encoding:
            facts.append(("curve", draw_curve(accuracies)))
        facts.append(("", " ".join(f"{100 * accuracy:.1f}" for accuracy in accuracies)))
    console.print(draw_facts(facts))
    if trial.traceback:
        console.print(f"\n{trial.traceback}", style="dim", soft_wrap=True, markup=False, highlight=False)
