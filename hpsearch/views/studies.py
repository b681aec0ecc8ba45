"""Studies as a person reads them: all of a database in a table, one with its trials, one trial layer by layer."""

from collections.abc import Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING

from hpsearch.durations import format_duration
from hpsearch.errors import UnreadableStudyError
from hpsearch.reporting.measured import describe_example
from hpsearch.reporting.record_words import describe_counts, describe_rounds, describe_selection
from hpsearch.sessions.preparation import describe_beginning
from hpsearch.views.networks import (
    describe_device,
    draw_curve,
    draw_facts,
    draw_layers,
    list_footprint,
    list_trial_facts,
)
from hpsearch.views.planned_table import show_plan_summary
from hpsearch.views.search import describe_network, format_accuracy
from hpsearch.views.tables import make_table
from hpsearch.wording import count_of

if TYPE_CHECKING:
    from rich.console import Console

    from hpsearch.tuning.records import StudyRecord, TrialRecord
    from hpsearch.tuning.study import UnreadableStudy
    from hpsearch.tuning.summaries import StudySummary


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


def list_losses(lost: "StudyRecord | UnreadableStudyError") -> list[str]:
    """What is gone with a study."""
    if isinstance(lost, UnreadableStudyError):
        return [f"all its trials, though it cannot be read ({lost})"]
    words = [f"{count_of(len(lost.trials), 'trial')} ({describe_counts(lost)})", "their weights and curves"]
    if (best := lost.best) is not None:
        words.append(f"the best with {format_accuracy(best.value)}")
    if lost.test_openings:
        words.append("the record of its test scores")
    return words


def show_study(console: "Console", record: "StudyRecord") -> None:
    """Write what a study is, and its trials, the best first."""
    spec = record.study.spec
    console.print(record.study.name, style="bold")
    plan = record.study.plan
    selection = f"sampler {spec.sampler}, {describe_selection(spec)}, "
    does, how = ("searches", selection) if plan is None else ("trains", "")
    facts = [
        (does, f"{spec.arch} of {spec.limits.describe()} on {spec.dataset}, {count_of(spec.epochs, 'epoch')}"),
        *([("rounds", rounds)] if (rounds := describe_rounds(record)) else []),
        ("search" if plan is None else "plan", f"{how}seed {spec.seed}"),
        *_describe_search(record),
        ("trials", f"{record.finished_count} of {record.trials_wanted} finished: {describe_counts(record)}"),
        *describe_beginning(record),
        *([("measure", measure)] if plan is None and (measure := describe_example(record)) is not None else []),
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
    ranked = record.ranking
    rank = {trial.number: index for index, trial in enumerate(ranked)}
    order = {"COMPLETE": 0, "PRUNED": 1, "RUNNING": 2, "WAITING": 3, "FAIL": 4}
    return sorted(
        record.trials,
        key=lambda each: (order[each.state], rank.get(each.number, len(ranked)), -(each.value or 0.0), each.number),
    )


def show_trial(console: "Console", record: "StudyRecord", trial: "TrialRecord") -> None:
    """Write a trial layer by layer, with its figures."""
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
