"""Where MLflow keeps its runs: a server, or a database that MLflow itself opens; checked before MLflow waits for it.

Left to itself, MLflow tries a database that does not answer for over a minute and a half.
"""

import os
import socket
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from hpsearch.errors import HpsearchError, InputError, StorageError
from hpsearch.storage.url import is_postgresql, is_sqlite, parse_storage_url, show_url, sqlite_path
from hpsearch.wording import quote as quote_value

ALLOWED = "http(s)://HOST:PORT of a server, sqlite:///FILE.db or postgresql://USER@HOST/DATABASE"

_CONNECT_SECONDS = 5
_OF_MLFLOW = "experiments"
"""A table that every database of MLflow has."""
_LONGEST = 300


class TrackerError(HpsearchError):
    """A tracker that cannot be reached, or refuses what it is sent."""

    exit_code = 3


@dataclass(frozen=True)
class MlflowAddress:
    """An address that MLflow takes."""

    uri: str
    """With its password."""
    shown: str
    """Without it."""
    path: Path | None = None
    """The file, if it is one."""

    @property
    def is_server(self) -> bool:
        """Whether it is MLflow's own server and not a database."""
        return self.uri.startswith("http")

    def explain(self, error: BaseException) -> TrackerError:
        """What went wrong there, on one line without its password."""
        cause = _find_cause(error)
        if isinstance(cause, ConnectionError | TimeoutError | socket.gaierror):
            reason = cause.strerror or "it took too long"
            return TrackerError(f"MLflow at {self.shown} does not answer ({reason}): is it running, and there?")
        words = " ".join(str(error).split())
        if password := urlsplit(self.uri).password:
            words = words.replace(password, "***").replace(unquote(password), "***")
        return TrackerError(f"MLflow at {self.shown}: {words[:_LONGEST]}")

    def probe(self) -> None:
        """Connect to a database, and see that it is MLflow's or empty; a server is asked by MLflow.

        Raises:
            InputError: It holds something else.
            TrackerError: It does not answer.
        """
        if self.is_server:
            return
        try:
            tables = _read_tables_of_file(self.path) if self.path else _read_tables_of_server(self.uri)
        except (OSError, sqlite3.Error) as error:
            raise self.explain(error) from error
        if tables and _OF_MLFLOW not in tables:
            raise InputError(f"{self.shown} holds something other than MLflow's runs: give another --mlflow")


def parse_mlflow_uri(text: str) -> MlflowAddress:
    """Read an address.

    Raises:
        InputError: It is none, or one of a kind that is not supported.
    """
    scheme = text.partition(":")[0].lower()
    if scheme in ("http", "https"):
        return _parse_server(text)
    if scheme == "sqlite" or is_postgresql(scheme):
        try:
            url = parse_storage_url(text)
        except StorageError as error:
            raise InputError(str(error).replace("storage", "--mlflow", 1)) from error
        path = sqlite_path(url).absolute() if is_sqlite(url) else None
        whole = url if path is None else url.set(database=str(path))
        return MlflowAddress(whole.render_as_string(hide_password=False), show_url(url), path)
    shown = quote_value(text if "@" not in text else "..." + text[text.rindex("@") :])
    folders = "; MLflow itself takes folders no more" if scheme == "file" or "://" not in text else ""
    raise InputError(f"--mlflow {shown} is not allowed: give {ALLOWED}{folders}")


def _parse_server(text: str) -> MlflowAddress:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or text != text.strip():
        raise InputError(f"--mlflow names no server: give {ALLOWED}")
    user = f"{parts.username}:***@" if parts.password else ""
    name = f"[{host}]" if ":" in host else host
    return MlflowAddress(text.rstrip("/"), f"{parts.scheme}://{user}{name}{f':{port}' if port else ''}{parts.path}")


def _find_cause(error: BaseException) -> BaseException:
    """The innermost of the errors of which this one tells."""
    cause = error
    while inner := cause.__cause__ or cause.__context__:
        cause = inner
    return cause


def _read_tables_of_file(path: Path) -> list[str]:
    """The tables of a SQLite file that can be written; none of one that can be made. Raises OSError, sqlite3.Error."""
    if not path.exists():
        if not path.parent.is_dir():
            raise FileNotFoundError(f"there is no folder {str(path.parent)!r}")
        if not os.access(path.parent, os.W_OK):
            raise PermissionError(f"the folder {str(path.parent)!r} cannot be written")
        return []
    uri = f"file:{quote(str(path))}?mode=rw"
    with closing(sqlite3.connect(uri, uri=True, timeout=_CONNECT_SECONDS, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        connection.execute("ROLLBACK")
    return names


def _read_tables_of_server(uri: str) -> list[str]:
    """The tables of a PostgreSQL database. Raises OSError."""
    import psycopg

    query = "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
    try:
        conninfo = uri.replace("postgresql+psycopg://", "postgresql://", 1)
        with psycopg.connect(conninfo, connect_timeout=_CONNECT_SECONDS) as connection:
            return [name for (name,) in connection.execute(query)]
    except psycopg.Error as error:
        raise OSError(str(error)) from error
