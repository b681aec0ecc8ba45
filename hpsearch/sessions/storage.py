"""Where studies are kept: which database is meant, and whether it can be one."""

import os
import tempfile

from hpsearch.errors import StorageError

_MANY_ON_SQLITE = 8


def check_storage(url: str) -> bool:
    """Whether there is a database at a URL already; creates no file.

    Raises:
        StorageError: It cannot be opened or made, is no database, or is damaged.
    """
    from hpsearch.storage.database import Database
    from hpsearch.storage.url import is_sqlite, parse_storage_url, sqlite_path

    parsed = parse_storage_url(url)
    if not is_sqlite(parsed):
        Database.open(url, create=True).close()
        return True
    path = sqlite_path(parsed)
    if os.path.lexists(path):
        Database.open(url).close()
        return True
    folder = path.parent
    if not folder.is_dir():
        raise StorageError(f"storage {str(path)!r}: there is no folder {str(folder)!r}; make it first")
    try:
        tempfile.TemporaryFile(dir=folder).close()  # asking for rights does not tell root, nor a read-only disk
    except OSError as error:
        raise StorageError(
            f"storage {str(path)!r}: nothing can be written into {str(folder)!r} ({error.strerror or error}); "
            "name another --storage"
        ) from error
    return False


def warn_of_many_workers(url: str, workers: int) -> str | None:
    """What to say where one SQLite file gets many workers."""
    from hpsearch.storage.url import is_sqlite, parse_storage_url

    if workers <= _MANY_ON_SQLITE or not is_sqlite(parse_storage_url(url)):
        return None
    return (
        f"{workers} workers wait for each other on one SQLite file: "
        "PostgreSQL (--storage postgresql://USER@HOST/DATABASE) bears more"
    )
