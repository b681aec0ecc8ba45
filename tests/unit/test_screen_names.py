"""Names as they come: what is in them is shown, and neither a terminal nor rich obeys it."""

import io
from collections.abc import Callable

import pytest
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hpsearch.views.plain_console import PlainConsole
from hpsearch.views.screen import SpinnerSteps, open_console, write_error_line, write_line

ODD = "a[/b] [red]c \x1b[2J \u202eevil caf\udce9.npz"
SHOWN = "a[/b] [red]c \\x1b[2J \\u202eevil caf\\xe9.npz"


def draw(show: Callable[[Console], object]) -> str:
    stream = io.StringIO()
    show(
        PlainConsole(
            file=stream,
            force_terminal=True,
            markup=False,
            highlight=False,
            emoji=False,
            width=200,
            _environ={"TERM": "xterm"},
        )
    )
    return stream.getvalue()


def put_in_a_table(console: Console) -> None:
    table = Table("name")
    table.add_row(ODD)
    console.print(table)


@pytest.mark.parametrize(
    "show",
    [
        lambda console: console.print(ODD, soft_wrap=True),
        lambda console: console.print(Text(ODD)),
        put_in_a_table,
        lambda console: SpinnerSteps(console).note(ODD),
    ],
    ids=["line", "text", "table", "note"],
)
def test_what_is_in_a_name_is_written_out_on_every_screen(show: Callable[[Console], object]) -> None:
    shown = draw(show)
    assert SHOWN in shown
    assert "\x1b[2J" not in shown


def test_a_step_on_a_terminal_shows_a_path_with_brackets() -> None:
    def work(console: Console) -> None:
        with SpinnerSteps(console) as steps:
            steps.tell(ODD)

    shown = draw(work)
    assert SHOWN in shown
    assert "\x1b[2J" not in shown


def test_lines_keep_their_breaks_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    write_line(f"one\ttwo\n{ODD}")
    write_error_line(f"one\n{ODD}")
    assert isinstance(open_console(), PlainConsole)
    out, err = capsys.readouterr()
    assert (out, err) == (f"one\ttwo\n{SHOWN}\n", f"one {SHOWN}\n")
