"""Where studies are kept: which database is meant, and whether it can be one."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from hpsearch.errors import InputError, StorageError
from hpsearch.home import expand_home
from hpsearch.storable_text import decode_line

STORAGE_VARIABLE, STORAGE_FILE_VARIABLE = "HPSEARCH_STORAGE", "HPSEARCH_STORAGE_FILE"
DEFAULT_STORAGE = "sqlite:///hpsearch.db"
"""As `hpsearch.storage.url` has it, which is too heavy to import for a help text; a test compares them."""

_MOST_URL_BYTES = 4096
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


def find_storage(given: str | os.PathLike[str] | None, environment: Mapping[str, str]) -> str:
    """The URL of the database that is meant; of a SQLite file with its whole path, wherever one goes later.

    Args:
        given: A URL, the path of a SQLite file, or None for what the environment says, else the default.
        environment: Where HPSEARCH_STORAGE and HPSEARCH_STORAGE_FILE are looked up.

    Raises:
        InputError: Both variables are set.
        StorageError: It is no database URL, or the file that should hold one does not.
    """
    from hpsearch.storage.url import DEFAULT_STORAGE_URL, is_sqlite, parse_storage_url, sqlite_path, unwrap

    if isinstance(given, os.PathLike):
        return f"sqlite:///{expand_home(given).absolute()}"
    url, file = unwrap(given or environment.get(STORAGE_VARIABLE) or ""), environment.get(STORAGE_FILE_VARIABLE)
    if file and not given:
        if url:
            raise InputError(
                f"{STORAGE_VARIABLE} and {STORAGE_FILE_VARIABLE} are both set: unset one of them, or give --storage"
            )
        url = read_storage_file(Path(file))
    parsed = parse_storage_url(url or DEFAULT_STORAGE_URL)
    if is_sqlite(parsed):
        return f"sqlite:///{sqlite_path(parsed).absolute()}"
    return url or DEFAULT_STORAGE_URL


def read_storage_file(path: Path) -> str:
    """The URL that is all of a file, as a secret is mounted; nothing of it comes into a message.

    Raises:
        StorageError: It cannot be read, or holds no database URL.
    """
    from hpsearch.storage.url import URL_HINT, unwrap

    named = f"the file {str(path)!r} that {STORAGE_FILE_VARIABLE} names"
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_URL_BYTES + 1)
    except (OSError, ValueError) as error:
        raise StorageError(f"{named} cannot be read ({getattr(error, 'strerror', None) or error})") from error
    text = unwrap(decode_line(content))
    if not text:
        raise StorageError(f"{named} is empty: {URL_HINT}, in one line")
    if len(content) > _MOST_URL_BYTES or len(text.splitlines()) > 1 or not _is_storage_url(text):
        raise StorageError(f"{named} holds no database URL: {URL_HINT}, in one line")
    return text


def _is_storage_url(text: str) -> bool:
    """Whether it is one; the message that says why not would quote it."""
    from hpsearch.storage.url import parse_storage_url

    try:
        parse_storage_url(text)
    except StorageError:
        return False
    return True


def show_storage(url: str) -> str:
    """A database's URL without its password.

    Raises:
        StorageError: It is none.
    """
    from hpsearch.storage.url import parse_storage_url, show_url

    return show_url(parse_storage_url(url))


def find_cache_folder(environment: Mapping[str, str]) -> Path:
    """Where data sets are kept.

    Raises:
        DataError: This user has no home folder, and nothing else is said.
    """
    from hpsearch.training.data.cache import default_cache_folder

    return default_cache_folder(environment)
