"""Database URLs as a person gives them: checked, completed with the driver, shown without the password."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from hpsearch.errors import StorageError
from hpsearch.home import expand_home
from hpsearch.storable_text import find_storage_fault, write_out
from hpsearch.storage.hosted import OptionError, translate_options

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

DEFAULT_STORAGE_URL = "sqlite:///hpsearch.db"

URL_HINT = "give FILE.db, sqlite:///FILE.db or postgresql://USER@HOST/DATABASE"
_POSTGRESQL = "postgresql+psycopg"
_DRIVERS = {
    "sqlite": "sqlite",
    **dict.fromkeys(
        (
            *("postgresql", "postgres", "postgresql+psycopg", "postgresql+psycopg2"),
            *("postgresql+asyncpg", "postgresql+pg8000", "postgres+psycopg", "pgsql"),
        ),
        _POSTGRESQL,
    ),
}
"""By what people write, and hosts hand out, in small letters."""
_FILE = re.compile(r"sqlite:///(?P<path>[^?]+)", re.ASCII)
_BARE_FILE = re.compile(r"[^:?]*[^:?/]\.(db|sqlite|sqlite3)", re.ASCII)
_NO_FILE = ":memory:"
_QUOTES = "\"'`\u201c\u201d\u2018\u2019"


def find_file(text: str) -> Path | None:
    """The file of a SQLite URL, without SQLAlchemy, which takes half a second to be imported; None of any other text.

    Raises:
        StorageError: It is no URL, or of a database that hpsearch does not keep studies in.
    """
    match = _FILE.fullmatch(_complete(text))
    if match is not None and match["path"] != _NO_FILE:
        return expand_home(match["path"])
    url = parse_storage_url(text)
    return sqlite_path(url) if is_sqlite(url) else None


def parse_storage_url(text: str) -> "URL":
    """Read a database URL, or the name of a SQLite file (`studies.db`), and name its driver.

    Raises:
        StorageError: It is no URL, or of a database that hpsearch does not keep studies in.
    """
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    text = _complete(text)
    if fault := find_storage_fault(text):
        raise StorageError(f"storage {write_out(_hide_crudely(text))!r} {fault}: {URL_HINT}")
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise StorageError(f"storage {_hide_crudely(text)!r} is no database URL: {URL_HINT}") from error
    if "@" in (url.host or "") or ("@" in (url.database or "") and not url.drivername.startswith("sqlite")):
        raise StorageError(f"storage {_hide_crudely(text)!r} has a @ too many: write %40 for one in a password")
    if url.drivername.lower() not in _DRIVERS:
        raise StorageError(f"storage {show_url(url)!r} is of a kind that is not supported: {URL_HINT}")
    url = url.set(drivername=_DRIVERS[url.drivername.lower()])
    if is_sqlite(url) and (url.host or not url.database or url.database == _NO_FILE):
        raise StorageError(f"storage {show_url(url)!r} names no file (a path needs three slashes): {URL_HINT}")
    if is_sqlite(url) and url.query:
        raise StorageError(
            f"storage {show_url(url)!r} has options behind a question mark, which a file cannot take: {URL_HINT}"
        )
    if is_sqlite(url):
        return url.set(database=str(expand_home(url.database or "")))
    try:
        return url.set(query=translate_options(url.query))
    except OptionError as error:
        raise StorageError(f"storage {show_url(url)!r} has an option that is not understood, {error}") from error


def _complete(text: str) -> str:
    """A file's name alone, as people type it, as the URL that it stands for."""
    return f"sqlite:///{text}" if _BARE_FILE.fullmatch(text) else text


def unwrap(text: str) -> str:
    """An address without the blanks and quotation marks around it that files of variables keep."""
    bare = text.strip()
    while len(bare) > 1 and bare[0] in _QUOTES and bare[-1] in _QUOTES:
        bare = bare[1:-1].strip()
    return bare


def is_postgresql(scheme: str) -> bool:
    """Whether what stands before `://` is one of PostgreSQL's names."""
    return _DRIVERS.get(scheme.lower()) == _POSTGRESQL


def is_sqlite(url: "URL") -> bool:
    """Whether the database is a SQLite file."""
    return url.drivername == "sqlite"


def sqlite_path(url: "URL") -> Path:
    """The file of a SQLite URL."""
    return Path(url.database or "")


def show_url(url: "URL") -> str:
    """The URL as it may be shown anywhere: without its password and without its query, which may hold one."""
    return url.set(query={}).render_as_string(hide_password=True)


def _hide_crudely(text: str) -> str:
    """Text that is no URL may hold a password all the same: what stands before its last @ is left out."""
    head, at, tail = text.rpartition("@")
    return f"...@{tail}" if at else head + tail
