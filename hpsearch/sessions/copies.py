"""Whole databases: backing one up into a file, and filling a server from it."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from hpsearch.errors import InputError

if TYPE_CHECKING:
    from hpsearch.storage.copying import RowCounts as RowCounts

Tell = Callable[[int, int], None]
"""Hears how many rows are copied, of how many."""


def back_up(url: str, file: Path, *, replaces: bool, tell: Tell) -> "RowCounts":
    """Copy a database into a new SQLite file, also while workers work; what was copied.

    Raises:
        InputError: The file is there already, and is not to be replaced.
        StorageError: There is no such database, or something failed; then no file is left.
    """
    from hpsearch.sessions.opening import open_database
    from hpsearch.storage import copying

    with open_database(url) as source:
        return copying.back_up(source, file, replaces=replaces, tell=tell)


def restore(file: Path, url: str, *, tell: Tell) -> "RowCounts":
    """Copy a backup into an empty database of a server; what was copied.

    Raises:
        InputError: The URL is of a file, or there is no such backup.
        StorageError: A database cannot be opened, is not empty, or failed.
    """
    from hpsearch.sessions.opening import open_database
    from hpsearch.storage import copying
    from hpsearch.storage.database import Database
    from hpsearch.storage.url import is_sqlite, parse_storage_url, show_url

    if is_sqlite(parsed := parse_storage_url(url)):
        raise InputError(
            f"--storage {show_url(parsed)!r} is a file: a backup is such a database already, copy it there; "
            "restore fills a server, --storage postgresql://USER@HOST/DATABASE"
        )
    if not file.is_file():
        raise InputError(f"there is no file {str(file)!r}: give what hpsearch backup wrote")
    with open_database(f"sqlite:///{file}") as source, Database.open(url, create=True) as target:
        return copying.restore(source, target, tell=tell)
