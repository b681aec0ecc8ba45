"""A SQLite file through connections that cannot write it.

Each transaction reads one state of the file. A writer that is killed leaves a journal, which only a connection that may
write rolls back: then one is opened for that alone.
"""

import sqlite3
from pathlib import Path

import sqlalchemy as sa


def connect_read_only(path: Path, busy_seconds: float) -> sqlite3.Connection:
    """A connection that SQLite lets read, and nothing else; threads hand it on."""
    uri = f"{path.absolute().as_uri()}?mode=ro"
    return sqlite3.connect(uri, uri=True, timeout=busy_seconds, isolation_level=None, check_same_thread=False)


def begin_transactions_by_reading(engine: sa.Engine, path: Path, busy_seconds: float) -> None:
    """Let every transaction of an engine of such connections begin with a look at the file."""

    def begin(connection: sa.Connection) -> None:
        raw = connection.connection.dbapi_connection
        assert isinstance(raw, sqlite3.Connection)
        if not _can_read(raw):
            _roll_back_journal(path, busy_seconds)
        connection.exec_driver_sql("BEGIN")

    sa.event.listen(engine, "begin", begin)


def _can_read(connection: sqlite3.Connection) -> bool:
    """Whether no journal is in the way; any other trouble shows when something is read."""
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        return error.sqlite_errorname != "SQLITE_READONLY_ROLLBACK"
    except sqlite3.DatabaseError:
        return True
    return True


def _roll_back_journal(path: Path, busy_seconds: float) -> None:
    """What SQLite does by itself where it may write."""
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=busy_seconds)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.DatabaseError:
        return  # who reads next learns of it
    finally:
        connection.close()
