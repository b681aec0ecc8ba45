"""One table from exception to sentence and exit code."""

import re
import traceback

import typer

from hpsearch.errors import HpsearchError

# Typer brought click's exceptions under another name; through these two it does not matter which version is here.
UsageError: type[Exception] = typer.BadParameter.__bases__[0]
ShellError: type[Exception] = UsageError.__bases__[0]

INTERRUPTED_CODE = 130
_NO_COMMAND = re.compile(r"no such command '(\w+)'", re.ASCII)
_OTHER_COMMANDS = {
    **dict.fromkeys(("search", "tune", "optimize", "fit", "start"), "run"),
    **dict.fromkeys(("ls", "studies"), "list"),
    **dict.fromkeys(("rm", "remove"), "delete"),
    **dict.fromkeys(("ui", "web", "view"), "dashboard"),
    **dict.fromkeys(("eval", "test", "score"), "evaluate"),
    **dict.fromkeys(("info", "describe"), "show"),
    **dict.fromkeys(("fetch", "download"), "data fetch"),
    **dict.fromkeys(("kill", "cancel", "pause"), "stop"),
    **dict.fromkeys(("continue", "restart"), "resume"),
    **dict.fromkeys(("results", "result"), "best"),
    "help": "--help",
    "version": "--version",
}
"""What people type, and the command that does it."""
_OTHER_OPTIONS = {
    **dict.fromkeys(
        ("--params", "--parameters", "--max-params", "--weights", "--max-model-size", "--size"), "--budget"
    ),
    **dict.fromkeys(("--model", "--model-type", "--network", "--architecture", "--family"), "--arch"),
    **dict.fromkeys(("--name", "--study-name", "--experiment"), "--study"),
    **dict.fromkeys(("--data", "--data-dir", "--input"), "--dataset"),
    **dict.fromkeys(("--db", "--database", "--url", "--storage-url"), "--storage"),
    **dict.fromkeys(("--jobs", "--n-jobs", "-j", "--cores", "--threads", "--parallel", "--processes"), "--workers"),
    **dict.fromkeys(("--gpu", "--gpus", "--cuda", "--cpu"), "--device"),
    **dict.fromkeys(("--hours", "--minutes", "--duration"), "--time"),
    **dict.fromkeys(("--output", "--output-dir", "--outdir", "-o"), "--out"),
    **dict.fromkeys(("--best", "--count", "-k", "-n"), "--top"),
    **dict.fromkeys(("--silent", "-q"), "--quiet"),
    **dict.fromkeys(("--seeds", "--repeats", "--runs"), "--replicates"),
}
"""The same for options, where the command has the other one."""
_GOING_ON = ("--resume", "--continue", "--restart")
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
    """Click's sentence in our form, with the command that helps, and where what was meant can be said."""
    sentence = " ".join(str(error.format_message()).split())  # type: ignore[attr-defined]
    sentence = sentence[:1].lower() + sentence[1:]
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "hpsearch"
    help_ = f"{command} --help lists what there is"
    if (option := getattr(error, "option_name", None)) is not None and context is not None:
        return f"no such option: {option}{_find_place(option, context) or _list_nearest(error)} ({help_})"
    if (told := _tell_argument(error, sentence)) is not None:
        return f"{told} ({help_})"
    if (word := _NO_COMMAND.search(sentence)) is not None and word[1].lower() in _OTHER_COMMANDS:
        return f"no such command '{word[1]}'; hpsearch {_OTHER_COMMANDS[word[1].lower()]} does that ({help_})"
    return f"{sentence.rstrip('.')} ({help_})"


def _find_place(option: str, context: typer.Context) -> str:
    """Where an option belongs that a command does not have; nothing where it belongs nowhere."""
    from hpsearch.study.parameters import find_parameter

    if context.parent is None:
        return "; options stand behind a command, as in hpsearch run --budget 100k --arch cnn"
    there = {name for parameter in context.command.params for name in parameter.opts}
    if (other := _OTHER_OPTIONS.get(option)) in there:
        return f"; {other} does that"
    if "--budget" not in there:
        return ""
    if option in _GOING_ON:
        return "; the same command goes on where it stopped"
    if (parameter := find_parameter(option)) is not None:
        return f"; {parameter} is searched, within what a study file says below its line [space]"
    return ""


def _tell_argument(error: Exception, sentence: str) -> str | None:
    """Of an argument that is missing, what it is; None of any other error."""
    from rich.text import Text

    said = getattr(getattr(error, "param", None), "help", None)
    if not sentence.startswith("missing argument") or not said:
        return None
    text = Text.from_markup(said).plain
    return f"{sentence.rstrip('.')}: {text[:1].lower()}{text[1:].rstrip('.')}"


def _list_nearest(error: Exception) -> str:
    near = [name for name in getattr(error, "possibilities", None) or () if name != "--help"]
    return f"; did you mean {' or '.join(near)}?" if near else ""
