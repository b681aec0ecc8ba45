"""The application: its commands, and `main`, which turns what goes wrong into one line and an exit code."""

import errno
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from hpsearch import __version__
from hpsearch.cli import (
    bundles,
    copies,
    create,
    dashboard,
    data,
    finalists,
    launch,
    operations,
    plan,
    replay,
    report,
    run,
    status,
    studies,
    track,
    train,
    worker,
)
from hpsearch.cli.errors import explain_error
from hpsearch.cli.screen import write_error_line, write_line
from hpsearch.errors import InputError

PROGRAM = "hpsearch"

_UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG)
"""Error numbers of an output that takes no more."""
_PIPE_CLOSED_CODE = 141
"""What a shell shows for a program that SIGPIPE ended."""

app = typer.Typer(
    name=PROGRAM,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
    help="Finds the best fully connected or convolutional network that fits a weight budget.",
    epilog="Begin with [bold]hpsearch run --budget 100k --arch cnn[/]; [bold]hpsearch COMMAND --help[/] has examples.",
)


@app.callback(invoke_without_command=True)
def show_help_or_version(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.", is_eager=True)] = False,
) -> None:
    """Finds the best fully connected or convolutional network that fits a weight budget."""
    if version:
        write_line(f"{PROGRAM} {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        if text := context.get_help():
            write_line(text)
        raise typer.Exit


_SEARCH, _RESULTS, _PARTS = "Search", "Results", "Parts of a search"
_COURSE, _DATABASE = "A study that is under way", "Whole databases"

app.command("run", rich_help_panel=_SEARCH)(run.run)
app.command("plan", rich_help_panel=_SEARCH)(plan.plan)
app.command("list", rich_help_panel=_RESULTS)(studies.list_studies)
app.command("show", rich_help_panel=_RESULTS)(studies.show)
app.command("best", rich_help_panel=_RESULTS)(studies.best)
app.command("report", rich_help_panel=_RESULTS)(report.report)
app.command("finalists", rich_help_panel=_RESULTS)(finalists.finalists)
app.command("train", rich_help_panel=_RESULTS)(train.train)
app.command("replay", rich_help_panel=_RESULTS)(replay.replay)
app.command("export", rich_help_panel=_RESULTS)(bundles.export)
app.command("evaluate", rich_help_panel=_RESULTS)(bundles.evaluate)
app.command("predict", rich_help_panel=_RESULTS)(bundles.predict)
app.command("dashboard", rich_help_panel=_RESULTS)(dashboard.dashboard)
app.command("track", rich_help_panel=_RESULTS)(track.track)
app.command("status", rich_help_panel=_COURSE)(status.status)
app.command("stop", rich_help_panel=_COURSE)(operations.stop)
app.command("resume", rich_help_panel=_COURSE)(operations.resume)
app.command("requeue", rich_help_panel=_COURSE)(operations.requeue)
app.command("enqueue", rich_help_panel=_COURSE)(operations.enqueue)
app.command("delete", rich_help_panel=_COURSE)(operations.delete)
app.command("create", rich_help_panel=_PARTS)(create.create)
app.command("worker", rich_help_panel=_PARTS)(worker.worker)
app.command("launch", rich_help_panel=_PARTS)(launch.launch)
app.command("backup", rich_help_panel=_DATABASE)(copies.backup)
app.command("restore", rich_help_panel=_DATABASE)(copies.restore)
app.add_typer(data.app, name="data", rich_help_panel=_PARTS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line.

    Returns:
        The exit code: 0 done, 1 not done, 2 wrong input, 3 trouble with the database, 130 and 143 stopped by a signal.
    """
    typed = list(sys.argv[1:] if arguments is None else arguments)
    _show_what_can_be_shown()
    try:
        _check_current_folder()
        code = app(args=typed, prog_name=PROGRAM, standalone_mode=False, obj=tuple(typed))
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has left, as `head` does.
        _forget_output()
        return _PIPE_CLOSED_CODE
    except OSError as error:
        if error.errno not in _UNWRITABLE or error.filename is not None:
            raise
        _forget_output()
        write_error_line(f"error: cannot write the output: {error.strerror}")
        return 1
    except Exception as error:
        explained = explain_error(error)
        if explained is None:
            raise
        sentence, code = explained
        write_error_line(sentence)
    return code if isinstance(code, int) else 0


def _forget_output() -> None:
    """Python must not trip over what it still holds at its exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _check_current_folder() -> None:
    """Raises InputError where it was removed: libraries would say it in their own ways."""
    try:
        Path.cwd()
    except OSError as error:
        raise InputError(f"the current folder no longer exists ({error.strerror}): cd into another one") from error


def _show_what_can_be_shown() -> None:
    """A terminal that lacks a character shows a question mark instead of an error."""
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="replace")
