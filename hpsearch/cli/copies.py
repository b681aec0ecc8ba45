"""Whole databases: `backup`, `restore`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hpsearch.cli.flags import choose_storage, hide_password
from hpsearch.cli.options import OUTPUT, StorageOption
from hpsearch.sessions import copies
from hpsearch.views.screen import open_console, write_line
from hpsearch.wording import count_of

if TYPE_CHECKING:
    from hpsearch.sessions.copies import RowCounts, Tell


def backup(
    context: typer.Context,
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE.db", help="The new file.", rich_help_panel=OUTPUT, show_default=False)
    ],
    force: Annotated[
        bool, typer.Option("--force", help="Replace a file that is there.", rich_help_panel=OUTPUT)
    ] = False,
    storage: StorageOption = None,
) -> None:
    """Copy a whole database, also of a server, into a new SQLite file, also while workers work.

    The file is a database as any other: [bold]--storage sqlite:///FILE.db[/] opens it.

    Example: [bold]hpsearch backup --out studies-monday.db[/]
    """
    with _show_progress("copying") as tell:
        rows = copies.back_up(choose_storage(context, storage).url, out, replaces=force, tell=tell)
    write_line(f"{out}: {_describe(rows)}, {out.stat().st_size / 1e6:.1f} MB")
    write_line("  trials that were running are in it as such: whoever goes on with the copy takes them up again")


def restore(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE.db", help="What [bold]hpsearch backup[/] wrote.", show_default=False)
    ],
    storage: StorageOption = None,
) -> None:
    """Copy a backup into an empty database of a server: so studies move from a laptop to a room of machines.

    Example: [bold]hpsearch restore studies.db --storage postgresql://me@host/studies[/]
    """
    chosen = choose_storage(context, storage)
    with _show_progress("copying") as tell:
        rows = copies.restore(file, chosen.url, tell=tell)
    write_line(f"{hide_password(chosen.url)}: {_describe(rows)}")
    write_line(f"  {chosen.complete_command('hpsearch list')} has them")


def _describe(rows: "RowCounts") -> str:
    return f"{count_of(rows['studies'], 'study', 'studies')}, {count_of(rows['trials'], 'trial')}"


@contextmanager
def _show_progress(what: str) -> "Iterator[Tell]":
    """A bar on stderr while a terminal looks; it is gone at the end."""
    from rich.progress import Progress

    console = open_console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, of: progress.update(task, completed=done, total=of)
