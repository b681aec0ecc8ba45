"""The last block of a run: the best network, its figures, and what to type next."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hpsearch.durations import format_duration
from hpsearch.reporting.measured import describe_measure
from hpsearch.reporting.record_words import describe_counts, list_failures
from hpsearch.sessions.documents import describe_best, describe_standing
from hpsearch.sessions.stopping import Ending
from hpsearch.tuning.attributes import FROM_PORTFOLIO
from hpsearch.views.networks import describe_device, draw_facts, draw_layers, list_trial_facts
from hpsearch.views.search import format_accuracy

if TYPE_CHECKING:
    from rich.console import Console

    from hpsearch.tuning.records import StudyRecord


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
    return (
        describe_best(record)
        | describe_standing(record)
        | {
            "ending": outcome.ending,
            "failures": list_failures(record),
            "run_seconds": outcome.seconds,
        }
    )


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
        console.print(draw_layers(best.config.architecture, record.study.dataset, spec.limits))
        console.print(describe_device(best.config.architecture, record.study.dataset, spec.limits), style="dim")
    facts = list_trial_facts(record, best)
    facts += [("won", story)] if (story := tell_story(record)) else []
    facts += [("trials", describe_counts(record)), ("time", _describe_time(outcome))]
    console.print(draw_facts(facts + [("failed", failure) for failure in list_failures(record)]))
    if outcome.ending == "time-up":
        console.print("\nThe time is up and the study is not finished; the same command goes on:")
        console.print(f"  {outcome.command}", style="bold cyan", soft_wrap=True)
    console.print("\nNext")
    _show_commands(console, _list_next(outcome, name, best.number))


def tell_story(record: "StudyRecord") -> str | None:
    """Whether a configuration that was given won, or one that was drawn; None where there were not both."""
    if record.best is None or record.study.plan is not None or not record.study.is_validated:
        return None
    ranked = [(record.find_first(trial), trial) for trial in record.ranking]
    first, best = ranked[0]
    drawn = {origin.number for origin, _trial in ranked if origin.given_by is None}
    given = [trial for origin, trial in ranked if origin.given_by is not None]
    if not given:
        return None
    if first.given_by is None:
        if record.find_round(given[0]) != record.find_round(best):
            return f"a drawn configuration; no given one went on so far (the best of them: trial {given[0].number})"
        points = 100 * ((best.value or 0.0) - (given[0].value or 0.0))
        return f"a drawn configuration, {points:.2f} points above the best given one (trial {given[0].number})"
    is_shipped = first.given_by.startswith(FROM_PORTFOLIO)
    kind = "shipped configuration" if is_shipped else f"given configuration ({first.given_by})"
    if not drawn:
        return f"a {kind}; no network was drawn beside those that were given"
    beaten = "the one that was drawn did not beat it" if len(drawn) == 1 else f"none of {len(drawn)} drawn ones beat it"
    return f"a {kind}; {beaten}"


def _list_next(outcome: Outcome, name: str, number: int) -> list[tuple[str, str]]:
    """Commands to type, and what each is for."""
    story = tell_story(outcome.record)
    commands = [
        (f"hpsearch show {name}", "every trial"),
        (f"hpsearch finalists {name}", "how good the best really are"),
        (f"hpsearch report {name}", "a page with curves and pictures"),
        (f"hpsearch export {name}", "the network as files"),
    ]
    if story is not None and not story.startswith("a drawn") and outcome.record.is_finished:
        plan = outcome.record.study.spec.round_plan
        added, what = (50, "draw more networks") if plan is None else (plan.trials, "the same rounds of drawn networks")
        commands.insert(0, (f"hpsearch resume {name} --trials +{added}", what))
    rows = [(outcome.complete_command(command), what) for command, what in commands]
    return [
        *rows,
        (f"hpsearch predict exports/{name}-trial-{number} IMAGE", "what is on a picture"),
        (outcome.complete_command("hpsearch dashboard"), "all studies in a browser"),
    ]


def _show_commands(console: "Console", rows: list[tuple[str, str]]) -> None:
    """One a line, with what it is for where that fits beside all of them."""
    room = max(len(command) for command, _what in rows)
    fits = room + max(len(what) for _command, what in rows) + 6 <= console.width
    for command, what in rows:
        remark = f"{'':{room - len(command)}}  # {what}" if fits else ""
        console.print(f"  {command}{remark}", style="cyan", soft_wrap=True)


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
        if (measure := describe_measure(record, best)) is not None:
            console.print(measure, style="dim", soft_wrap=True)
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
