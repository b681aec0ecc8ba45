"""What a person sees: every screen at 80, 120 (as through a pipe) and 160 columns, as it was last looked at."""

import pytest
from rich.cells import cell_len

from tests import typed_screens
from tests.screens import FOLDER, SCREENS, WIDTHS, draw_screen, name_files

FILES = name_files()
PADDED = "run-live"
"""A picture that stays in its place, and keeps clear of what a terminal echoes."""


@pytest.mark.parametrize("file", FILES)
def test_a_screen_is_as_it_was_last_looked_at(file: str) -> None:
    name, widths = FILES[file]
    kept = (FOLDER / file).read_text(encoding="utf-8")
    for columns in widths:
        assert draw_screen(name, columns) == kept, "look at it, then: python -m tests.screens"


@pytest.mark.parametrize("name", [name for name in SCREENS if name != PADDED])
def test_no_line_has_a_blank_at_its_end_and_no_table_is_wider_than_the_terminal(name: str) -> None:
    for columns in WIDTHS:
        for line in draw_screen(name, columns).splitlines():
            assert line == line.rstrip()
            is_sentence = "  " not in line.strip()  # a sentence or a command may wrap, a row may not
            assert is_sentence or cell_len(line) <= columns, line


def test_no_screen_is_kept_that_is_not_drawn() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {*FILES, typed_screens.FILE}
