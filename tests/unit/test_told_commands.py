"""What a message tells a person to type is a command that there is, with options that it has."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import typer.main

import hpsearch
from hpsearch.cli.app import build_app

_TOLD = re.compile(r"\bhpsearch ([a-z][a-z-]+)((?: (?!or |and |, )[^\s,;:()`'\"]+)*)")
"""A command, and the words up to what ends a part of a sentence."""
NO_COMMANDS = {
    "and",
    "as",
    "can",
    "has",
    "is",
    "itself",
    "knows",
    "made",
    "needs",
    "on",
    "reads",
    "study",
    "that",
    "trains",
    "writes",
}
"""Words behind the program's name in sentences about it."""


def list_texts(tree: ast.AST) -> Iterator[str]:
    """Every text of a module that is said at run time, with a word where a value stands."""
    nodes = list(ast.walk(tree))
    documents = {
        id(node.body[0].value)
        for node in nodes
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in nodes:
        if isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else "VALUE" for part in node.values)  # type: ignore[misc]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documents:
            yield node.value


def list_told() -> dict[tuple[str, str], str]:
    """Commands with their options, and the file that says them."""
    found = {}
    folder = Path(hpsearch.__file__).parent
    for path in sorted(folder.rglob("*.py")):
        for text in list_texts(ast.parse(path.read_text())):
            for command, rest in _TOLD.findall(text):
                if command not in NO_COMMANDS:
                    found[command, rest.strip()] = path.relative_to(folder).as_posix()
    return found


def test_what_is_told_to_be_typed_exists() -> None:
    group = typer.main.get_command(build_app())
    context = group.make_context("hpsearch", ["--help"], resilient_parsing=True)
    told = list_told()
    wrong = []
    for (command, rest), path in told.items():
        found = group.get_command(context, command)  # type: ignore[attr-defined]
        words = rest.split()
        if found is not None and words and words[0] in getattr(found, "commands", {}):
            found = found.commands[words[0]]
        options = [name for each in (found.params if found else ()) for name in (*each.opts, *each.secondary_opts)]
        given = {word.partition("=")[0] for word in words if re.match("--[a-z]", word)}
        if found is None or not given <= {*options, "--help"}:
            wrong.append((path, command, rest))
    assert wrong == []
    assert len({command for command, _rest in told}) > 15
