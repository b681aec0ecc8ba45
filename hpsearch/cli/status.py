"""`hpsearch status`: how a study is getting on, once or until it ends."""

from typing import Annotated

import typer

from hpsearch.cli.flags import choose_storage
from hpsearch.cli.options import OUTPUT, JsonOption, StorageOption, StudyArgument
from hpsearch.cli.signals import Interrupts
from hpsearch.clock import SystemClock
from hpsearch.errors import InputError
from hpsearch.sessions.opening import open_status
from hpsearch.views.screen import open_console, write_json
from hpsearch.views.status import Lines, LivePicture, describe_status, draw_status, watch_study


def status(
    context: typer.Context,
    study: StudyArgument,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on until the study ends, or Ctrl-C.", rich_help_panel=OUTPUT)
    ] = False,
    storage: StorageOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how a study is getting on: its workers, how fast it goes, how long it will take, the best so far.

    Example: [bold]hpsearch status fashion-mnist-cnn-100k --watch[/]
    """
    if watch and as_json:
        raise InputError("--watch and --json exclude each other: call status --json as often as you like")
    chosen = choose_storage(context, storage)
    with Interrupts():
        with open_status(chosen.url, study) as read:
            if watch:
                console = open_console()
                view = LivePicture(console, chosen.complete_command) if console.is_terminal else Lines(console)
                watch_study(read, view, SystemClock())
                return
            found = read()
        if as_json:
            write_json(describe_status(found))
        else:
            open_console().print(draw_status(found, chosen.complete_command))
