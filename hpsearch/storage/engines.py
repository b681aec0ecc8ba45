"""Engines: Optuna's storage and hpsearch's tables behind one, with the settings that keep a database safe.

On SQLite every writing transaction begins with BEGIN IMMEDIATE (Python's driver would read first and lock later, and
two workers would take the same trial), waits up to a minute for the lock, and keeps the rollback journal.
"""

import functools
import sqlite3
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy as sa
from optuna.storages import RDBStorage
from sqlalchemy.engine import URL

from hpsearch.errors import StorageError
from hpsearch.storage import tables
from hpsearch.storage.hosted import read_prepare_threshold
from hpsearch.storage.idle_connections import try_idle_connections
from hpsearch.storage.layout import LAYOUT_VERSION
from hpsearch.storage.reader import connect_to_file
from hpsearch.storage.url import is_sqlite, show_url, sqlite_path

optuna.logging.set_verbosity(optuna.logging.ERROR)

BUSY_SECONDS = 60
_SESSION_OPTIONS = "-c timezone=UTC -c statement_timeout=60s -c lock_timeout=60s"
_CONNECTION = {
    "connect_timeout": 10,
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
    "application_name": "hpsearch",
}
"""What a connection to a server has unless its address says otherwise."""
_READ_ONLY_OPTION = "-c default_transaction_read_only=on"


@functools.cache
def build_clock_of(database: str, seconds: float = 0.0) -> sa.ColumnElement[datetime]:
    """A database's own clock, so many seconds from now, for a statement: it alone decides when a lease ends.

    Args:
        database: The name of SQLAlchemy's dialect.
        seconds: From now.
    """
    if database == "sqlite":
        # With the six digits of what SQLAlchemy writes and reads, so that both compare as texts.
        return sa.func.strftime("%Y-%m-%d %H:%M:%f000", "now", f"{seconds} seconds", type_=tables.UtcDateTime())
    return sa.type_coerce(sa.func.clock_timestamp() + timedelta(seconds=seconds), tables.UtcDateTime())


def read_clock(connection: sa.Connection) -> datetime:
    """The database's own clock, aware and in UTC."""
    now: datetime = connection.execute(sa.select(build_clock_of(connection.dialect.name))).scalar_one()
    return now


def engine_arguments(url: URL) -> dict[str, Any]:
    """How SQLAlchemy is to make an engine for it."""
    if is_sqlite(url):
        return {"connect_args": {"timeout": BUSY_SECONDS}}
    given = url.query.get("options", "")
    options = " ".join([_SESSION_OPTIONS, *([given] if isinstance(given, str) else given)])
    ours = {name: value for name, value in _CONNECTION.items() if name not in url.query}  # an address's own stay
    return {
        "pool_size": 3,
        "max_overflow": 2,
        "pool_use_lifo": True,
        "pool_recycle": 1800,
        # A pooler that hands each transaction another connection of the server knows no prepared statements.
        "connect_args": {**ours, "options": options.strip(), **read_prepare_threshold(url.query)},
    }


def read_only_arguments(url: URL) -> dict[str, Any]:
    """The same for one that reads alone."""
    if is_sqlite(url):
        path = sqlite_path(url)
        return {"creator": lambda: _connect_to_read(path)}
    arguments = engine_arguments(url)
    arguments["connect_args"]["options"] += f" {_READ_ONLY_OPTION}"
    # And each transaction for itself: a pooler may pass over the options of a session.
    return arguments | {"pool_size": 8, "execution_options": {"postgresql_readonly": True}}


def make_tables(url: URL) -> None:
    """Make Optuna's tables and hpsearch's in a database that has none."""
    storage = RDBStorage(_optuna_url(url), engine_kwargs=engine_arguments(url))
    try:
        with storage.engine.begin() as connection:
            tables.metadata.create_all(connection)
            connection.execute(tables.layout.insert().values(version=LAYOUT_VERSION))
    finally:
        storage.remove_session()
        storage.engine.dispose()


def open_optuna_storage(url: URL, *, read_only: bool = False, is_known: bool = False) -> RDBStorage:
    """Optuna's storage on an engine with every setting; its tables are there.

    Args:
        url: The database's.
        read_only: Whether the database is to refuse every write.
        is_known: Whether the tables are known to be of this Optuna, which then need not look.

    Raises:
        StorageError: They are of a layout that this Optuna does not know.
    """
    arguments = read_only_arguments(url) if read_only else engine_arguments(url)
    try:
        storage = RDBStorage(
            _optuna_url(url), engine_kwargs=arguments, skip_compatibility_check=is_known, skip_table_creation=True
        )
    except RuntimeError as error:  # a layout of Optuna's own that this Optuna does not know
        raise StorageError(f"storage {show_url(url)!r}: {error}") from error
    if is_sqlite(url) and read_only:
        sa.event.listen(storage.engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    elif is_sqlite(url):
        sa.event.listen(storage.engine, "connect", _stop_implicit_begin)
        sa.event.listen(storage.engine, "begin", _begin_immediate)
        storage.engine.dispose()  # the constructor pooled a connection that has no hooks
    else:
        try_idle_connections(storage.engine)
    return storage


def _connect_to_read(path: Path) -> sqlite3.Connection:
    """A connection that refuses statements that write; threads hand it on.

    It may write all the same: what a killed writer left half done, SQLite rolls back by itself.
    """
    connection = connect_to_file(path, BUSY_SECONDS, check_same_thread=False)
    connection.execute("PRAGMA query_only = ON")
    return connection


def _optuna_url(url: URL) -> str:
    """The URL as Optuna takes it: it fills "{...}" in with str.format, which would trip over such a password."""
    return url.render_as_string(hide_password=False).replace("{", "{{").replace("}", "}}")


def _stop_implicit_begin(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None


def _begin_immediate(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
