from pathlib import Path

import pytest
from typer.testing import CliRunner

from hpsearch.cli.app import build_app
from hpsearch.cli.commands import COMMANDS, Command
from hpsearch.cli.help import flow
from hpsearch.cli.reference import write_reference

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"


def test_the_page_of_the_command_line_says_what_the_commands_say() -> None:
    assert PAGE.read_text() == write_reference(), "run: python -m hpsearch.cli.reference > docs/cli.md"


def test_every_command_has_an_example_and_no_option_lacks_its_help() -> None:
    app = build_app()
    sections = write_reference().split("\n## ")[1:]
    groups = [group.typer_instance for group in app.registered_groups if group.typer_instance is not None]
    assert len(sections) == sum(len(each.registered_commands) for each in (app, *groups)) > 20
    for section in sections:
        assert "Example: `" in section, section
        rows = [line for line in section.splitlines() if line.startswith("| `")]
        assert all(row.split(" | ")[1].strip() for row in rows), section


@pytest.mark.parametrize("command", COMMANDS, ids=[command.name for command in COMMANDS])
def test_the_list_of_commands_says_what_each_says_of_itself(command: Command) -> None:
    loaded = command.load()
    text = loaded.info.help if command.is_group else flow(loaded)
    assert text.split("\n\n")[0] == command.summary


def test_the_list_of_commands_is_the_same_whether_they_are_imported_or_not() -> None:
    whole, listed = (CliRunner().invoke(build_app(lists_only=lists_only), ["--help"]) for lists_only in (False, True))
    assert "restore" in whole.output
    assert listed.output == whole.output
