"""The documents' commands: each is one that there is, with options that it has."""

import re
import shlex
from pathlib import Path

import pytest
import typer.main

from hpsearch.cli.app import build_app

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted(page for page in (ROOT / "docs").glob("*.md") if page.name != "cli.md")]
_LINE = re.compile(r"^(?:    )?(?:[A-Z_]+=\S+ )?hpsearch ([^`\n]+)$", re.MULTILINE)
_INLINE = re.compile(r"`hpsearch ((?:[a-z]+ )+[^`]*)`")


def list_commands(text: str) -> list[str]:
    """What is typed after `hpsearch` on lines of their own, and in the middle of sentences."""
    return [command.strip() for command in (*_LINE.findall(text), *_INLINE.findall(text))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_a_page_is_one(page: Path) -> None:
    group = typer.main.get_command(build_app())
    for command in list_commands(page.read_text()):
        typed = re.split(r" [>|] |   +", command)[0]  # not what a shell does with it, nor a remark behind it
        words = shlex.split(typed, comments=True)
        context = group.make_context("hpsearch", words)
        name, found, rest = group.resolve_command(context, words)  # type: ignore[attr-defined]
        assert found is not None, command
        found.make_context(name, rest, parent=context, resilient_parsing="COMMAND" in command)


def test_commands_are_found_where_there_are_some() -> None:
    found = [command for page in PAGES for command in list_commands(page.read_text())]
    assert len(found) > 60
    assert "plan --budget 10k --arch fcn" in found
