"""The last block of a run: the best network, its figures, and what to type next."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from hpsearch.cli.networks import draw_facts, draw_layers, list_trial_facts
from hpsearch.cli.views import format_accuracy
from hpsearch.durations import format_duration
from hpsearch.sessions.documents import describe_best
from hpsearch.tuning.record_words import describe_counts, list_failures

if TYPE_CHECKING:
    from rich.console import Console

    from hpsearch.tuning.records import StudyRecord

Ending = Literal["finished", "time-up", "interrupted", "study-stopped"]


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    ending: Ending
    record: "StudyRecord"
    seconds: float
    """That this run took."""
    command: str
    """The command that was typed, to go on with."""
    complete_command: Callable[[str], str]
    """Makes a command to type next refer to the same database."""


def show_outcome(console: "Console", outcome: Outcome) -> None:
    """Write the block."""
    record = outcome.record
    if outcome.ending in ("interrupted", "study-stopped"):
        _show_interruption(console, outcome)
    elif record.best is None:
        _show_nothing_complete(console, outcome)
    else:
        _show_best(console, outcome)


def describe_outcome(outcome: Outcome) -> dict[str, Any]:
    """The same as a JSON document: what `hpsearch best --json` has, and how the run ended."""
    record = outcome.record
    return describe_best(record) | {
        "ending": outcome.ending,
        "is_finished": record.is_finished,
        "counts": record.counts,
        "trials_wanted": record.trials_wanted,
        "failures": list_failures(record),
        "run_seconds": outcome.seconds,
    }


def _show_best(console: "Console", outcome: Outcome) -> None:
    record = outcome.record
    best = record.best
    if best is None:
        return
    name, spec = record.study.name, record.study.spec
    console.print()
    console.print(_describe_heading(outcome), style="bold", soft_wrap=True)
    if best.config is not None:
        console.print()
        console.print(draw_layers(best.config.architecture, record.study.dataset, spec.budget))
    facts = [*list_trial_facts(record, best), ("trials", describe_counts(record)), ("time", _describe_time(outcome))]
    console.print(draw_facts(facts + [("failed", failure) for failure in list_failures(record)]))
    commands = [
        f"hpsearch show {name}",
        f"hpsearch show {name} --trial {best.number}",
        f"hpsearch export {name} --top 1",
    ]
    if outcome.ending == "time-up":
        console.print("\nThe time is up and the study is not finished; the same command goes on:")
        console.print(f"  {outcome.command}", style="bold cyan", soft_wrap=True)
    console.print("\nNext")
    for command in commands:
        console.print(f"  {outcome.complete_command(command)}", style="cyan", soft_wrap=True)


def _describe_heading(outcome: Outcome) -> str:
    record = outcome.record
    best = record.best
    number = best.number if best else ""
    if record.is_finished:
        return f"The best of {record.trials_wanted} trials of {record.study.name} is trial {number}"
    return f"The best so far, of {record.finished_count} finished trials of {record.study.name}, is trial {number}"


def _describe_time(outcome: Outcome) -> str:
    trained = sum(trial.seconds or 0.0 for trial in outcome.record.trials)
    return f"{format_duration(outcome.seconds)} for this run; {format_duration(trained)} of training in all trials"


def _show_interruption(console: "Console", outcome: Outcome) -> None:
    record = outcome.record
    best = record.best
    console.print()
    console.print(
        f"Stopped: {record.finished_count} of {record.trials_wanted} trials of {record.study.name} are finished "
        f"({describe_counts(record)})",
        style="bold",
        soft_wrap=True,
    )
    if best is not None:
        console.print(
            f"best so far: {format_accuracy(best.value)} validation, {best.weights:,} weights, trial {best.number}, "
            f"{best.network}",
            soft_wrap=True,
        )
    if outcome.ending == "study-stopped":
        console.print(f"\nThe study was stopped ({record.course.stop_reason}); to go on:")
        resume = outcome.complete_command(f"hpsearch resume {record.study.name}")
        console.print(f"  {resume}", style="bold cyan", soft_wrap=True)
    else:
        console.print("\nThe same command goes on where this stopped:")
    console.print(f"  {outcome.command}", style="bold cyan", soft_wrap=True)


def _show_nothing_complete(console: "Console", outcome: Outcome) -> None:
    record = outcome.record
    console.print()
    console.print(
        f"No trial of {record.study.name} is complete ({describe_counts(record)})", style="bold red", soft_wrap=True
    )
    for failure in list_failures(record):
        console.print(f"  {failure}", soft_wrap=True)
    if not record.is_finished:
        console.print("\nThe same command goes on; give it more time:")
        console.print(f"  {outcome.command}", style="bold cyan", soft_wrap=True)
        return
    console.print("\nMend the cause, then search under another name:")
    console.print(f"  {outcome.command} --study {record.study.name}-2", style="bold cyan", soft_wrap=True)
