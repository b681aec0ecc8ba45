"""The application: its commands, and `main`, which turns what goes wrong into one line and an exit code."""

import errno
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from hpsearch.cli.commands import COMMANDS, Command, asks_for_none, choose_commands
from hpsearch.cli.errors import explain_error
from hpsearch.cli.help import HelpedCommand, HelpedGroup, flow
from hpsearch.cli.streams import forget_output, prepare_streams
from hpsearch.errors import InputError
from hpsearch.home import expand_home
from hpsearch.version import __version__
from hpsearch.views.screen import write_error_line, write_line

PROGRAM = "hpsearch"

_UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG)
"""Error numbers of an output that takes no more."""
_COMPLETION = f"_{PROGRAM.upper()}_COMPLETE"
"""The environment variable by which a shell asks what TAB completes."""
_PIPE_CLOSED_CODE = 141
"""What a shell shows for a program that SIGPIPE ended."""


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


def build_app(commands: Sequence[Command] = COMMANDS, *, lists_only: bool = False) -> typer.Typer:
    """The application with these commands.

    Args:
        commands: In the order of help.
        lists_only: Whether their names and summaries are enough; then none of them is imported.
    """
    app = typer.Typer(
        name=PROGRAM,
        cls=HelpedGroup,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["--help", "-h"]},
        help="Finds the best fully connected or convolutional network that fits a weight budget.",
        epilog="Begin with [bold]hpsearch run --budget 100k --arch cnn[/]; "
        "[bold]hpsearch COMMAND --help[/] has examples.",
    )
    app.callback(invoke_without_command=True)(show_help_or_version)
    for command in commands:
        if lists_only:
            app.command(command.name, help=command.summary, rich_help_panel=command.panel)(_stand_in)
        elif command.is_group:
            app.add_typer(command.load(), name=command.name, rich_help_panel=command.panel)
        else:
            function = command.load()
            app.command(command.name, cls=HelpedCommand, help=flow(function), rich_help_panel=command.panel)(function)
    return app


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line.

    Returns:
        The exit code: 0 done, 1 not done, 2 wrong input, 3 trouble with the database, 130 and 143 stopped by a signal.
    """
    typed = [_expand_home(argument) for argument in (sys.argv[1:] if arguments is None else arguments)]
    os.environ["MPLBACKEND"] = "agg"  # nothing is shown in a window, whatever a notebook's terminal has left there
    prepare_streams()
    try:
        _check_current_folder()
        app = build_app(choose_commands(typed), lists_only=asks_for_none(typed) and _COMPLETION not in os.environ)
        code = app(args=typed, prog_name=PROGRAM, standalone_mode=False, obj=tuple(typed))
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit) as error:
        # Whoever read our output has left, as `head` does; Typer turns most of that into an exit.
        if isinstance(error, SystemExit) and not isinstance(error.__context__, BrokenPipeError):
            raise
        forget_output()
        return _PIPE_CLOSED_CODE
    except OSError as error:
        if error.errno not in _UNWRITABLE or error.filename is not None:
            raise
        forget_output()
        write_error_line(f"error: cannot write the output: {error.strerror}")
        return 1
    except Exception as error:
        explained = explain_error(error)
        if explained is None:
            raise
        sentence, code = explained
        write_error_line(sentence)
    return code if isinstance(code, int) else 0


def _expand_home(argument: str) -> str:
    """`~/` as the home folder, where no shell does it: behind the = of an option, and in quotation marks."""
    option, equals, value = argument.partition("=") if argument.startswith("-") else ("", "", argument)
    return option + equals + str(expand_home(value)) if value.startswith("~/") else argument


def _stand_in() -> None:
    """Of a command that is only listed."""
    raise AssertionError("a command that is typed is imported")


def _check_current_folder() -> None:
    """Raises InputError where it was removed: libraries would say it in their own ways."""
    try:
        Path.cwd()
    except OSError as error:
        raise InputError(f"the current folder no longer exists ({error.strerror}): cd into another one") from error
