from pathlib import Path

from hpsearch.cli.app import build_app
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
