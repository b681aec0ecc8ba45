"""What is known of studies: `list`, `show`, `best`."""

from typing import Annotated

import typer

from hpsearch.cli.flags import choose_storage, parse_number
from hpsearch.cli.options import WHAT, JsonOption, StorageOption, StudyArgument
from hpsearch.sessions.best import is_of_finalists, load_winner, require_best
from hpsearch.sessions.documents import describe_best, describe_study, describe_study_whole, describe_trial
from hpsearch.sessions.opening import open_record, read_all
from hpsearch.views.screen import open_console, write_json
from hpsearch.views.studies import show_list, show_study, show_trial
from hpsearch.views.winner import describe_winner


def list_studies(context: typer.Context, storage: StorageOption = None, as_json: JsonOption = False) -> None:
    """List the studies of a database.

    Example: [bold]hpsearch list[/]
    """
    records, unreadable = read_all(choose_storage(context, storage).url)
    if as_json:
        write_json(
            [describe_study(record) for record in records]
            + [{"study": study.name, "unreadable": study.reason} for study in unreadable]
        )
        return
    show_list(open_console(), records, unreadable)


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
            show_trial(console, record, chosen)
            return
        show_study(console, record)
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

    Where there are rounds, those of the last one come before all others, which were trained for a fraction of its
    time. Of a finished study of finalists it is the winner's median replicate: what [bold]hpsearch export[/] takes.

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
        show_trial(console, record, first)
