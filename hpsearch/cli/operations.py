"""What an operator does to a study: `stop`, `resume`, `requeue`, `enqueue`, `delete`."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hpsearch.cli.flags import StorageChoice, choose_storage, parse_number
from hpsearch.cli.options import WHAT, JsonOption, StorageOption, StudyArgument
from hpsearch.errors import InputError
from hpsearch.reporting.record_words import describe_counts
from hpsearch.sessions import operations
from hpsearch.views.screen import open_console, write_json, write_line
from hpsearch.views.studies import list_losses
from hpsearch.wording import count_of

if TYPE_CHECKING:
    from hpsearch.sessions.operations import Resumption, Stop

_ADDED = re.compile(r"\+(\d{1,9})", re.ASCII)


def stop(
    context: typer.Context,
    study: StudyArgument,
    now: Annotated[
        bool,
        typer.Option("--now", help="Have the trials that run given back, not finished.", rich_help_panel=WHAT),
    ] = False,
    storage: StorageOption = None,
) -> None:
    """Stop a study: no worker takes another trial, those that run are finished. Nothing is lost.

    Example: [bold]hpsearch stop fashion-mnist-cnn-100k --now[/]
    """
    chosen = choose_storage(context, storage)
    found = operations.stop(chosen.url, study, now=now)
    if found is None:
        write_line(f"study {study} is finished: there is nothing to stop")
        return
    write_line(_describe_stop(study, found))
    write_line(f"  {chosen.complete_command(f'hpsearch resume {study}')} lets it go on")


def _describe_stop(study: str, found: "Stop") -> str:
    again = "was stopped already" if found.was_stopped else "is stopped"
    reason = f" ({found.course.stop_reason})" if found.was_stopped else ""
    if not found.held:
        return f"study {study} {again}{reason}; no trial is running"
    running = ", ".join(f"{trial.number} on {trial.worker}" for trial in found.held)
    what = "given back within seconds" if found.course.gives_back else "finished first"
    count = len(found.held)
    return f"study {study} {again}{reason}; {count} running trial{'s are' if count > 1 else ' is'} {what}: {running}"


def resume(
    context: typer.Context,
    study: StudyArgument,
    trials: Annotated[
        str | None,
        typer.Option(
            "--trials",
            metavar="N|+N",
            help="Ask for N trials from now on, or for N more; of a study in rounds, as many as fill them.",
            rich_help_panel=WHAT,
        ),
    ] = None,
    storage: StorageOption = None,
) -> None:
    """Let a stopped study go on, or let one grow; trials that failed are forgiven.

    Example: [bold]hpsearch resume fashion-mnist-cnn-100k --trials +50[/]
    """
    total, added = _parse_trials(trials)
    chosen = choose_storage(context, storage)
    found = operations.resume(chosen.url, study, trials=total, added=added)
    write_line(_describe_resumption(study, found))
    if found.open_trials:
        write_line("start workers, on any machine that reaches the database")
        write_line(f"  {chosen.complete_command(f'hpsearch worker {study}')}")
    else:
        more = f"hpsearch resume {study} --trials +{found.together if found.together > 1 else 10}"
        write_line(f"  {chosen.complete_command(more)} asks for more")


def _describe_resumption(study: str, found: "Resumption") -> str:
    state = "goes on" if found.was_stopped else "was not stopped"
    if found.trials != found.trials_before:
        asks = f"asks for {count_of(found.trials, 'trial')} now ({found.trials_before} before)"
    else:
        asks = f"asks for {count_of(found.trials, 'trial')}"
    verb = "is" if found.open_trials == 1 else "are"
    left = f"{found.open_trials} of them {verb} open" if found.open_trials else "all of them are finished"
    rounds = f", in rounds of {found.together} together" if found.together > 1 else ""
    return f"study {study} {state} and {asks}{rounds}; {left}"


def _parse_trials(text: str | None) -> tuple[int | None, int | None]:
    """A total, or how many more."""
    if text is not None and (match := _ADDED.fullmatch(text.strip())):
        added = int(match[1])
        if added:
            return None, added
    try:
        return parse_number(text, "--trials", least=1), None
    except InputError as error:
        raise InputError(f"{error}; or +N for N more") from error


def requeue(
    context: typer.Context,
    study: StudyArgument,
    trial: Annotated[
        list[str] | None,
        typer.Option("--trial", metavar="N", help="This trial; give it as often as needed.", rich_help_panel=WHAT),
    ] = None,
    storage: StorageOption = None,
) -> None:
    """Put trials that failed back into the queue: the same networks, trained anew.

    Example: [bold]hpsearch requeue fashion-mnist-cnn-100k --trial 3 --trial 7[/]
    """
    if not trial:
        raise InputError(f"no --trial is given: hpsearch show {study} has the numbers of those that failed")
    numbers = [number for text in trial if (number := parse_number(text, "--trial", least=0)) is not None]
    chosen = choose_storage(context, storage)
    queued = operations.requeue(chosen.url, study, numbers)
    count = len(queued.numbers)
    named = f"trial{'s' * (count > 1)} {', '.join(str(number) for number in queued.numbers)}"
    write_line(f"{named} of {study} wait{'s' * (count == 1)} for a worker, with nothing held against it")
    _say_what_is_next(chosen, study, queued.is_stopped)


def enqueue(
    context: typer.Context,
    study: StudyArgument,
    config: Annotated[
        Path,
        typer.Argument(
            metavar="CONFIG",
            help="The folder of an exported trial, or a TOML or JSON file with a table [bold]parameters[/].",
            show_default=False,
        ),
    ],
    storage: StorageOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a known configuration into a study, before those that are still to be drawn.

    What it leaves open the sampler draws. The network's widths are solved for the study's own budget.

    Example: [bold]hpsearch enqueue fashion-mnist-cnn-100k exports/mnist-cnn-100k-trial-3[/]
    """
    chosen = choose_storage(context, storage)
    queued = operations.enqueue(chosen.url, study, config)
    (number,) = queued.numbers
    if as_json:
        write_json({"study": study, "trial": number})
        return
    write_line(f"trial {number} of {study} waits for a worker, with {queued.parameters} parameters given")
    _say_what_is_next(chosen, study, queued.is_stopped)


def _say_what_is_next(storage: StorageChoice, study: str, is_stopped: bool) -> None:
    if is_stopped:
        write_line(f"the study is stopped: {storage.complete_command(f'hpsearch resume {study}')} lets it go on")
    else:
        write_line(f"  {storage.complete_command(f'hpsearch worker {study}')} takes it, where no worker is left")


def delete(
    context: typer.Context,
    study: StudyArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.", rich_help_panel=WHAT)] = False,
    storage: StorageOption = None,
) -> None:
    """Delete a study with all its trials, weights and scores.

    Example: [bold]hpsearch delete fashion-mnist-cnn-100k[/]
    """
    record = operations.delete(
        choose_storage(context, storage).url, study, lambda lost: None if yes else _ask(study, list_losses(lost))
    )
    if record is None:
        write_line(f"study {study} is deleted, which could not be read")
    else:
        write_line(f"study {study} is deleted ({describe_counts(record)})")


def _ask(name: str, lost: Sequence[str]) -> None:
    """Have the study's name typed by whoever sits at a terminal.

    Raises:
        InputError: Nobody does, or another name was typed.
    """
    if not sys.stdin.isatty():
        raise InputError(f"deleting study {name!r} loses {', '.join(lost)}: give --yes if that is meant")
    console = open_console(stderr=True)
    console.print(f"deleting study {name} loses {', '.join(lost)}; nothing brings them back", soft_wrap=True)
    typed = console.input("type the study's name to delete it: ")
    if typed.strip() != name:
        raise InputError(f"that is not {name!r}: nothing is deleted")
