"""docs/cli.md, made from the commands' own help: `python -m hpsearch.cli.reference > docs/cli.md`."""

import re
from collections.abc import Iterator
from typing import Any

import typer

from hpsearch.cli.app import PROGRAM, build_app
from hpsearch.cli.screen import write_line

_HEAD = f"""# The command line

Made from the commands' own help by `python -m hpsearch.cli.reference > docs/cli.md`; a test compares.
`{PROGRAM} COMMAND --help` shows the same in a terminal.

Exit codes: 0 done, 1 not done (no trial is complete, a worker failed), 2 wrong input, 3 trouble with the database,
130 stopped by Ctrl-C, 143 stopped by SIGTERM. What went wrong is one line on stderr.

| variable | what it sets |
|---|---|
| `HPSEARCH_STORAGE` | the database, in place of `--storage` |
| `HPSEARCH_STORAGE_FILE` | a file whose one line is the database's URL: a secret as Docker or Kubernetes mount it |
| `HPSEARCH_CACHE` | the folder for data sets |
"""
_OF_TYPER = ("install_completion", "show_completion", "help")
_MARKUP = re.compile(r"\[/?(?:bold)?\]")


def write_reference() -> str:
    """The whole page."""
    group: Any = typer.main.get_command(build_app())
    sections = [_HEAD, *_describe_commands(group, PROGRAM)]
    return "\n".join(sections).rstrip("\n") + "\n"


def _describe_commands(group: Any, path: str) -> Iterator[str]:
    for name, command in group.commands.items():
        full = f"{path} {name}"
        if hasattr(command, "commands"):
            yield from _describe_commands(command, full)
        else:
            yield _describe_command(command, full)


def _describe_command(command: Any, path: str) -> str:
    shown = [parameter for parameter in command.params if not getattr(parameter, "hidden", False)]
    arguments = [parameter for parameter in shown if parameter.param_type_name == "argument"]
    options = [parameter for parameter in shown if parameter.param_type_name == "option"]
    usage = " ".join([path, *(_describe_argument(argument) for argument in arguments), "[OPTIONS]"])
    lines = [f"## {path}", "", f"    {usage}", ""]
    lines += [_plain(paragraph) + "\n" for paragraph in _list_paragraphs(command.help)]
    rows = [(_plain(f"`{argument.metavar}`"), argument) for argument in arguments]
    rows += [(_describe_option(option), option) for option in options if option.name not in _OF_TYPER]
    lines += ["| | what | default |", "|---|---|---|"]
    lines += [
        f"| {name} | {_plain(parameter.help or '')} | {_describe_default(parameter)} |" for name, parameter in rows
    ]
    return "\n".join(lines) + "\n"


def _list_paragraphs(text: str | None) -> list[str]:
    return [" ".join(paragraph.split()) for paragraph in (text or "").split("\n\n")]


def _describe_argument(argument: Any) -> str:
    return argument.metavar if argument.required else f"[{argument.metavar}]"


def _describe_option(option: Any) -> str:
    takes_value = not option.is_flag
    metavar = f" {option.metavar or 'VALUE'}" if takes_value else ""
    names = "`, `".join([option.opts[0], *option.secondary_opts])
    return f"`{names}{metavar}`".replace("|", r"\|")


def _describe_default(parameter: Any) -> str:
    if isinstance(parameter.show_default, str):
        return parameter.show_default
    if parameter.default in (None, False) or callable(parameter.default):
        return ""
    return str(parameter.default)


def _plain(text: str) -> str:
    """Rich's bold words are code in Markdown."""
    return _MARKUP.sub("`", text).replace("|", r"\|")


if __name__ == "__main__":
    write_line(write_reference().rstrip("\n"))
