"""One table from exception to sentence and exit code."""

import traceback

import typer

from hpsearch.errors import HpsearchError

# Typer brought click's exceptions under another name; through these two it does not matter which version is here.
UsageError: type[Exception] = typer.BadParameter.__bases__[0]
ShellError: type[Exception] = UsageError.__bases__[0]

INTERRUPTED_CODE = 130
_OURS = __name__.partition(".")[0]


def explain_error(error: BaseException) -> tuple[str, int] | None:
    """The sentence for stderr and the exit code; None for a bug, which keeps its traceback."""
    match error:
        case HpsearchError():
            return f"error: {error}", _find_exit_code(error)
        case typer.Abort() | KeyboardInterrupt():
            return "stopped", INTERRUPTED_CODE
    if isinstance(error, ShellError):
        return f"error: {_explain_usage(error)}", getattr(error, "exit_code", 2)
    if isinstance(error, Exception) and (package := _find_broken_package(error)) is not None:
        what = f"{type(error).__name__}: {' '.join(str(error).split())}".removesuffix(": ")
        again = f'python -c "import {package}" shows all of it, and pip install --force-reinstall {package} may mend it'
        return f"error: {package} cannot be loaded: {what} ({again})", 1
    return None


def _find_broken_package(error: Exception) -> str | None:
    """The package of others that an error was raised in while it was imported; None of any other error."""
    frames = [frame for frame, _line in traceback.walk_tb(error.__traceback__)]
    names = [str(frame.f_globals.get("__name__", "")).partition(".")[0] for frame in frames]
    first = next((index + 1 for index in reversed(range(len(names))) if names[index] == _OURS), 0)
    if any(frame.f_code.co_name == "<module>" for frame in frames[first:]):
        return names[first]
    if first == len(names) and isinstance(error, ModuleNotFoundError) and error.name is not None:
        return None if (name := error.name.partition(".")[0]) == _OURS else name
    return None


def _find_exit_code(error: HpsearchError) -> int:
    """A worker's own code where one ended with an error of its own; no import, as only a search has workers."""
    code = getattr(error, "code", None)
    return code if isinstance(code, int) and 0 < code < 128 else error.exit_code


def _explain_usage(error: Exception) -> str:
    """Click's sentence in our form, with the command that helps."""
    sentence = " ".join(str(error.format_message()).split())  # type: ignore[attr-defined]
    sentence = sentence[:1].lower() + sentence[1:]
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "hpsearch"
    return f"{sentence.rstrip('.')} ({command} --help lists what there is)"
