"""Opening a database: Optuna's storage and hpsearch's tables behind one engine, with the settings that keep it safe.

On SQLite every writing transaction begins with BEGIN IMMEDIATE (Python's driver would read first and lock later, and
two workers would take the same trial), waits up to a minute for the lock, and keeps the rollback journal.
"""

import functools
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa
from filelock import FileLock, Timeout
from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage, RDBStorage, get_storage
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from hpsearch.errors import StorageError, StorageUnavailableError
from hpsearch.storage import layout, tables
from hpsearch.storage.file_system import refuse_network_file_system
from hpsearch.storage.idle_connections import try_idle_connections
from hpsearch.storage.read_only import begin_transactions_by_reading, connect_read_only
from hpsearch.storage.url import is_sqlite, parse_storage_url, show_url, sqlite_path

_BUSY_SECONDS = 60
_LOCK_SECONDS = 300
_SESSION_OPTIONS = "-c timezone=UTC -c statement_timeout=60s -c lock_timeout=60s"
_READ_ONLY_OPTION = "-c default_transaction_read_only=on"
_SQLITE_HEADER = b"SQLite format 3\x00"

# The first key of the advisory locks on PostgreSQL ("hps"); the second is a study's id, from 1, or one of these.
_ADVISORY_KEY = 0x687073
_OPENING, _CREATION = 0, -1
_POOLER_SIGNS = ("unsupported startup parameter", "prepared statement")
"""What servers say that hand a session's connection to others between two transactions."""
_CLAIM_LOCK = sa.text("SELECT pg_advisory_xact_lock(:key, :study_id)")


class Database:
    """A database that holds studies. Close it, or use it as a context; give no open one to another process."""

    def __init__(self, url: URL, storage: RDBStorage) -> None:
        self.url = url
        self.engine = storage.engine
        self._storage = storage
        self.optuna_storage: BaseStorage = get_storage(storage)
        """Optuna's own view of it, which caches finished trials."""

    def forget_finished_trials(self) -> None:
        """Let Optuna's view read every trial anew."""
        self.optuna_storage = get_storage(self._storage)

    @classmethod
    def open(cls, text: str, *, create: bool = False, check: bool = True) -> Self:
        """Open the database at a URL.

        Args:
            text: The URL as a person gave it.
            create: Make the file and the tables where there are none.
            check: Read a SQLite file through for damage first.

        Raises:
            StorageError: It cannot be opened or made, is no database of hpsearch's, or is damaged.
        """
        url = parse_storage_url(text)
        with _storage_errors(url):
            if not is_sqlite(url):
                return cls._open_locked(url, create=create)
            path = sqlite_path(url)
            if not create:
                _check_exists(path)
            refuse_network_file_system(path)
            if not path.parent.is_dir():
                raise StorageError(f"storage {str(path)!r}: there is no folder {str(path.parent)!r}; make it first")
            if not create:
                _check_file(path, thoroughly=check)
                return cls._open_locked(url, create=False)
            # The first opening makes tables in several steps, which two processes must not do at once.
            with _file_lock(path):
                if path.exists():
                    _check_file(path, thoroughly=check)
                else:
                    _make_file(url, path)
                return cls._open_locked(url, create=True)

    @classmethod
    def open_read_only(cls, text: str) -> Self:
        """Open the database at a URL so that the database itself refuses every write.

        SQLite is opened with `mode=ro`; PostgreSQL with read-only transactions, where a role that may only select does.

        Raises:
            StorageError: It cannot be opened, is no database of hpsearch's, or is damaged.
        """
        url = parse_storage_url(text)
        with _storage_errors(url):
            if is_sqlite(url):
                _check_exists(sqlite_path(url))
                _check_file(sqlite_path(url), thoroughly=True)
            _check_is_ours(url)
            database = cls(url, _open_optuna_storage(url, read_only=True))
            database._check_layout()
            return database

    @classmethod
    def _open_locked(cls, url: URL, *, create: bool) -> Self:
        probe = sa.create_engine(url, **_engine_arguments(url))
        try:
            # Nobody may hold one connection and wait for another: a pooler may have few for many.
            with probe.connect() as connection:
                is_made = not is_sqlite(url) and sa.inspect(connection).has_table(tables.layout.name)
            if is_made:
                database = cls(url, _open_optuna_storage(url))
                database._check_layout()
                return database
            with probe.connect() as connection:
                if not is_sqlite(url):
                    # Of this transaction and not of the session: a pooler would keep that one for somebody else.
                    connection.execute(_CLAIM_LOCK, {"key": _ADVISORY_KEY, "study_id": _OPENING})
                is_ours = sa.inspect(connection).has_table(tables.layout.name)
                if not is_ours and not create:
                    raise StorageError(
                        f"storage {show_url(url)!r} holds no studies of hpsearch: name another --storage"
                    )
                if not is_sqlite(url) and not is_ours:
                    make_tables(url)
                database = cls(url, _open_optuna_storage(url))
                database._check_layout()
                return database
        finally:
            probe.dispose()

    def _check_layout(self) -> None:
        with self.engine.begin() as connection:
            found = layout.read_version(connection)
        layout.check_version(show_url(self.url), found)

    def close(self) -> None:
        """Close every connection."""
        self.optuna_storage.remove_session()
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @contextmanager
    def transaction(self, *, claims_of: int | None = None) -> Iterator[sa.Connection]:
        """A connection in a transaction of hpsearch's own; database trouble comes out as a StorageError.

        Args:
            claims_of: Hold the claim lock of the study with this id until the transaction ends: nobody else claims
                or reaps a trial of it meanwhile. (On SQLite every transaction here excludes every other.)
        """
        with _storage_errors(self.url), self.engine.begin() as connection:
            if claims_of is not None and not is_sqlite(self.url):
                connection.execute(_CLAIM_LOCK, {"key": _ADVISORY_KEY, "study_id": claims_of})
            yield connection

    @contextmanager
    def lock_creation(self) -> Iterator[None]:
        """Let nobody else make a study meanwhile.

        Raises:
            StorageError: Somebody has been making one for minutes.
        """
        if is_sqlite(self.url):
            with _file_lock(sqlite_path(self.url)):
                yield
            return
        with self.transaction(claims_of=_CREATION):
            yield

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Turn what SQLAlchemy and Optuna raise about the database into a StorageError."""
        with _storage_errors(self.url):
            yield


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


def _engine_arguments(url: URL) -> dict[str, Any]:
    if is_sqlite(url):
        return {"connect_args": {"timeout": _BUSY_SECONDS}}
    given = url.query.get("options", "")
    options = " ".join([_SESSION_OPTIONS, *([given] if isinstance(given, str) else given)])
    # A pooler that hands each transaction another connection of the server knows no prepared statements.
    prepares = {"prepare_threshold": None} if url.query.get("prepare_threshold") == "none" else {}
    return {
        "pool_size": 3,
        "max_overflow": 2,
        "pool_use_lifo": True,
        "pool_recycle": 1800,
        "connect_args": {
            "connect_timeout": 10,
            "keepalives": 1,
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
            "tcp_user_timeout": 30_000,
            "application_name": "hpsearch",
            "options": options.strip(),
            **prepares,
        },
    }


def _read_only_arguments(url: URL) -> dict[str, Any]:
    if is_sqlite(url):
        path = sqlite_path(url)
        return {"creator": lambda: connect_read_only(path, _BUSY_SECONDS)}
    arguments = _engine_arguments(url)
    arguments["connect_args"]["options"] += f" {_READ_ONLY_OPTION}"
    return arguments | {"pool_size": 8}


def _make_file(url: URL, path: Path) -> None:
    """Make a new SQLite database beside its place, then rename it: whole or absent, whenever the process dies."""
    draft = path.with_name(f".{path.name}.draft")
    draft.unlink(missing_ok=True)
    make_tables(url.set(database=str(draft)))
    draft.replace(path)


def make_tables(url: URL) -> None:
    """Make Optuna's tables and hpsearch's in a database that has none."""
    storage = RDBStorage(_optuna_url(url), engine_kwargs=_engine_arguments(url))
    try:
        with storage.engine.begin() as connection:
            tables.metadata.create_all(connection)
            connection.execute(tables.layout.insert().values(version=tables.LAYOUT_VERSION))
    finally:
        storage.remove_session()
        storage.engine.dispose()


def _open_optuna_storage(url: URL, *, read_only: bool = False) -> RDBStorage:
    arguments = _read_only_arguments(url) if read_only else _engine_arguments(url)
    try:
        storage = RDBStorage(_optuna_url(url), engine_kwargs=arguments, skip_table_creation=True)
    except RuntimeError as error:  # a layout of Optuna's own that this Optuna does not know
        raise StorageError(f"storage {show_url(url)!r}: {error}") from error
    if is_sqlite(url) and read_only:
        begin_transactions_by_reading(storage.engine, sqlite_path(url), _BUSY_SECONDS)
    elif is_sqlite(url):
        sa.event.listen(storage.engine, "connect", _stop_implicit_begin)
        sa.event.listen(storage.engine, "begin", _begin_immediate)
        storage.engine.dispose()  # the constructor pooled a connection that has no hooks
    else:
        try_idle_connections(storage.engine)
    return storage


def _optuna_url(url: URL) -> str:
    """The URL as Optuna takes it: it fills "{...}" in with str.format, which would trip over such a password."""
    return url.render_as_string(hide_password=False).replace("{", "{{").replace("}", "}}")


def _stop_implicit_begin(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None


def _begin_immediate(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _check_exists(path: Path) -> None:
    if not path.exists():
        raise StorageError(f"there is no database {str(path)!r} yet: hpsearch run makes it, --storage names another")


def _check_is_ours(url: URL) -> None:
    probe = sa.create_engine(url, **_read_only_arguments(url))
    try:
        with probe.connect() as connection:
            if not sa.inspect(connection).has_table(tables.layout.name):
                raise StorageError(f"storage {show_url(url)!r} holds no studies of hpsearch: name another --storage")
    finally:
        probe.dispose()


def _check_file(path: Path, *, thoroughly: bool) -> None:
    """Find a damaged file before anybody believes that it holds no trials.

    All but the first bytes is read under SQLite's own lock, through a connection that may write: a writer that was
    killed leaves a journal behind, which only such a one rolls back.
    """
    hint = "restore it from a copy, or name another --storage"
    with path.open("rb") as file:
        header = file.read(len(_SQLITE_HEADER))
    if header != _SQLITE_HEADER:
        what = "is empty" if not header else "is no SQLite database"
        raise StorageError(f"storage {str(path)!r} {what}: {hint}")
    uri = f"{path.absolute().as_uri()}?mode=rw"
    connection = sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)
    try:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        pages, page_bytes = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
        # SQLite itself overlooks a missing end while nothing lies there.
        found = "its end is missing" if path.stat().st_size < pages * page_bytes else "ok"
        if found == "ok" and thoroughly:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # its message quotes what it found
        raise StorageError(f"storage {str(path)!r} is damaged ({error}): {hint}") from error
    finally:
        connection.close()
    if found != "ok":
        raise StorageError(f"storage {str(path)!r} is damaged ({' '.join(found.split())}): {hint}")


@contextmanager
def _file_lock(database_path: Path) -> Iterator[None]:
    path = database_path.with_name(database_path.name + ".lock")
    path.open("ab").close()  # where no file can be made, FileLock would go on trying for its whole time
    lock = FileLock(path, timeout=_LOCK_SECONDS)
    try:
        with lock:
            yield
    except Timeout as error:
        raise StorageError(
            f"storage {str(database_path)!r} has been locked for {_LOCK_SECONDS} s by another process: is one hanging?"
        ) from error


@contextmanager
def _storage_errors(url: URL) -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, StorageInternalError, OSError, ImportError, UnicodeDecodeError) as error:
        kind = StorageUnavailableError if _may_pass(url, error) else StorageError
        raise kind(f"storage {show_url(url)!r}: {_explain(error)}") from error


def _may_pass(url: URL, error: BaseException) -> bool:
    """Whether it is trouble that waiting may mend: a broken connection, a server that starts, a lock."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, TimeoutError | sa.exc.TimeoutError):
            return True
        if isinstance(cause, sa.exc.DBAPIError):
            if is_sqlite(url):
                return getattr(cause.orig, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))
            return cause.connection_invalidated or isinstance(cause, sa.exc.OperationalError | sa.exc.InterfaceError)
        cause = cause.__cause__
    return False


def _explain(error: BaseException) -> str:
    cause: BaseException = error
    while isinstance(cause.__cause__, Exception):
        cause = cause.__cause__
    original = getattr(cause, "orig", None)
    text = " ".join(str(original or cause).split())
    if any(sign in text for sign in _POOLER_SIGNS):
        text = (
            f"{text[:200]}; this is a connection pooler, it seems: give the direct (unpooled) address of the database"
        )
    return text[:300] or type(cause).__name__
