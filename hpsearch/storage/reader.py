"""Reading a database with statements as they are, in one transaction.

SQLite is read through Python's own driver: `hpsearch list` is there at once, without the second that SQLAlchemy and
Optuna take to be imported. A server is read through the engine.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import sqlalchemy as sa


class Reader(Protocol):
    """A database at one moment."""

    clock: str
    """The expression for the time that leases go by."""

    def query(self, statement: str, **values: int | str) -> Sequence[Any]:
        """The rows of a statement, whose values stand in it as `:name`."""


class FileReader:
    """A SQLite file."""

    clock = "strftime('%Y-%m-%d %H:%M:%f000', 'now')"

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def query(self, statement: str, **values: int | str) -> Sequence[Any]:
        """The rows."""
        return self._connection.execute(statement, values).fetchall()


class EngineReader:
    """A database through an engine's connection in a transaction."""

    clock = "clock_timestamp()"

    def __init__(self, connection: "sa.Connection") -> None:
        self._connection = connection

    def query(self, statement: str, **values: int | str) -> Sequence[Any]:
        """The rows."""
        import sqlalchemy as sa

        return self._connection.execute(sa.text(statement), values).all()


@contextmanager
def read_file(path: Path, busy_seconds: float) -> Iterator[FileReader]:
    """A SQLite file at one moment, through a connection that could write: a killed writer's journal needs one."""
    with closing(connect_to_file(path, busy_seconds)) as connection:
        connection.execute("BEGIN")
        yield FileReader(connection)


def connect_to_file(path: Path, busy_seconds: float, *, check_same_thread: bool = True) -> sqlite3.Connection:
    """A connection to a file that is there, without transactions of Python's own."""
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=busy_seconds,
        isolation_level=None,
        check_same_thread=check_same_thread,
    )


def read_moment(stored: datetime | str | None) -> datetime | None:
    """A moment as a table has it, made aware and UTC: SQLite has texts, and Optuna's columns have no zone."""
    if stored is None:
        return None
    moment = datetime.fromisoformat(stored) if isinstance(stored, str) else stored
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
