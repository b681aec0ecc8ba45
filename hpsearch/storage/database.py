"""A database that holds studies: opened with care, read at once, written through an engine.

The engine is made when it is needed: SQLAlchemy and Optuna take over a second to be imported, and of a SQLite file
nobody needs them to read. A server is opened with it.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from hpsearch.errors import HpsearchError, StorageError, StorageUnavailableError
from hpsearch.storage import layout
from hpsearch.storage.file_system import refuse_network_file_system
from hpsearch.storage.reader import EngineReader, Reader, connect_to_file, read_file
from hpsearch.storage.stored_trials import KnownTrials
from hpsearch.storage.url import find_file

if TYPE_CHECKING:
    import sqlalchemy as sa
    from optuna.storages import BaseStorage, RDBStorage
    from sqlalchemy.engine import URL

_BUSY_SECONDS = 60
_LOCK_SECONDS = 300
_SQLITE_HEADER = b"SQLite format 3\x00"

# The first key of the advisory locks on PostgreSQL ("hps"); the second is a study's id, from 1, or one of these.
_ADVISORY_KEY = 0x687073
_OPENING, _CREATION = 0, -1
_FIRST_SCORING = -2
"""In the place of a study's id, which is 1 or more: less the id of the study of which trials are scored."""
_CLAIM_LOCK = "SELECT pg_advisory_xact_lock(:key, :study_id)"


class Database:
    """A database that holds studies. Close it, or use it as a context; give no open one to another process."""

    def __init__(self, text: str, storage: "RDBStorage | None" = None) -> None:
        self._text = text
        self.path = find_file(text)
        """The file; None of a server."""
        self._storage = storage
        self._shown: BaseStorage | None = None
        self._making = threading.Lock()
        self.known_trials: KnownTrials = {}
        """Finished trials that were read, which need not be read again."""

    @cached_property
    def url(self) -> "URL":
        """As SQLAlchemy has it."""
        from hpsearch.storage.url import parse_storage_url

        return parse_storage_url(self._text)

    @property
    def shown(self) -> str:
        """The URL without its password."""
        from hpsearch.storage.url import show_url

        return show_url(self.url) if self.path is None else self._text

    @property
    def engine(self) -> "sa.Engine":
        """Of hpsearch's own statements."""
        return self._open_storage().engine

    @property
    def optuna_storage(self) -> "BaseStorage":
        """Optuna's own view of it, which caches finished trials."""
        from optuna.storages import get_storage

        if self._shown is None:
            self._shown = get_storage(self._open_storage())
        return self._shown

    def forget_finished_trials(self) -> None:
        """Let Optuna's view read every trial anew."""
        self._shown = None

    def _open_storage(self) -> "RDBStorage":
        with self._making:
            if self._storage is None:
                from hpsearch.storage.engines import open_optuna_storage

                with self.errors():
                    self._storage = open_optuna_storage(self.url)
            return self._storage

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
        database = cls(text)
        path = database.path
        with database.errors():
            if path is None:
                return cls._open_server(text, create=create)
            if not create:
                _check_exists(path)
            refuse_network_file_system(path)
            if not path.parent.is_dir():
                raise StorageError(f"storage {str(path)!r}: there is no folder {str(path.parent)!r}; make it first")
            if not create:
                database._check_file(path, thoroughly=check)
                return database
            # The first opening makes tables in several steps, which two processes must not do at once.
            with _file_lock(path):
                if not path.exists():
                    _make_file(database.url, path)
                database._check_file(path, thoroughly=check)
                return database

    @classmethod
    def open_read_only(cls, text: str) -> Self:
        """Open the database at a URL so that the database itself refuses every write.

        SQLite by `PRAGMA query_only`; PostgreSQL with read-only transactions, where a role that may only select does.

        Raises:
            StorageError: It cannot be opened, is no database of hpsearch's, or is damaged.
        """
        from hpsearch.storage.engines import open_optuna_storage

        database = cls(text)
        with database.errors():
            if database.path is not None:
                _check_exists(database.path)
                database._check_file(database.path, thoroughly=True)
            else:
                _check_server_is_ours(database.url)
            database._storage = open_optuna_storage(database.url, read_only=True)
            if database.path is None:
                with database.reading() as reader:
                    database._check_layout(reader)
            return database

    @classmethod
    def _open_server(cls, text: str, *, create: bool) -> Self:
        import sqlalchemy as sa

        from hpsearch.storage.engines import engine_arguments, make_tables

        database = cls(text)
        probe = sa.create_engine(database.url, **engine_arguments(database.url))
        try:
            # Nobody holds one connection and waits for another: a pooler may have few for many.
            with probe.connect() as connection:
                is_made = sa.inspect(connection).has_table(layout.TABLE)
                is_known = is_made and layout.is_of_known_optuna(EngineReader(connection))
            if is_made:
                probe.dispose()
                return database._open_ours(is_known=is_known)
            with probe.connect() as connection:
                # Of this transaction and not of the session: a pooler would keep that one for somebody else.
                connection.execute(sa.text(_CLAIM_LOCK), {"key": _ADVISORY_KEY, "study_id": _OPENING})
                is_ours = sa.inspect(connection).has_table(layout.TABLE)
                if not is_ours and not create:
                    raise StorageError(
                        f"storage {database.shown!r} holds no studies of hpsearch: name another --storage"
                    )
                if not is_ours:
                    make_tables(database.url)
                return database._open_ours()
        finally:
            probe.dispose()

    def _open_ours(self, *, is_known: bool = False) -> Self:
        """Open a server's database.

        Args:
            is_known: Whether Optuna's tables were looked at; Optuna itself takes two connections at once for that.
        """
        from hpsearch.storage.engines import open_optuna_storage

        self._storage = open_optuna_storage(self.url, is_known=is_known)
        with self.reading() as reader:
            self._check_layout(reader)
        return self

    def _check_file(self, path: Path, *, thoroughly: bool) -> None:
        """Find a damaged file, or somebody else's, before anybody believes that it holds no trials."""
        check_file(path, thoroughly=thoroughly)
        with self.reading() as reader:
            tables = {name for (name,) in reader.query("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if layout.TABLE not in tables:
                raise _not_ours(self.shown)
            self._check_layout(reader)
            is_known = layout.is_of_known_optuna(reader)
        if not is_known:
            self._open_storage()  # which says what is wrong with it

    def _check_layout(self, reader: Reader) -> None:
        layout.check_version(self.shown, layout.read_version(reader))

    def close(self) -> None:
        """Close every connection."""
        if self._storage is not None:
            self._storage.remove_session()
            self._storage.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @contextmanager
    def reading(self) -> Iterator[Reader]:
        """The database at one moment, or at one after the other on a server; trouble comes out as a StorageError."""
        with self.errors():
            if self.path is not None:
                with read_file(self.path, _BUSY_SECONDS) as reader:
                    yield reader
                return
            with self.engine.begin() as connection:
                yield EngineReader(connection)

    @contextmanager
    def transaction(self, *, claims_of: int | None = None) -> "Iterator[sa.Connection]":
        """A connection in a transaction of hpsearch's own; database trouble comes out as a StorageError.

        Args:
            claims_of: Hold the claim lock of the study with this id until the transaction ends: nobody else claims
                or reaps a trial of it meanwhile. (On SQLite every transaction here excludes every other.)
        """
        import sqlalchemy as sa

        with self.errors(), self.engine.begin() as connection:
            if claims_of is not None and self.path is None:
                connection.execute(sa.text(_CLAIM_LOCK), {"key": _ADVISORY_KEY, "study_id": claims_of})
            yield connection

    @contextmanager
    def lock_creation(self) -> Iterator[None]:
        """Let nobody else make a study meanwhile.

        Raises:
            StorageError: Somebody has been making one for minutes.
        """
        if self.path is not None:
            with _file_lock(self.path):
                yield
            return
        with self.transaction(claims_of=_CREATION):
            yield

    @contextmanager
    def lock_scoring(self, study_id: int) -> Iterator[None]:
        """Let nobody else open the test split for the study with this id meanwhile.

        Raises:
            StorageError: Somebody has been at it for minutes.
        """
        if self.path is not None:
            with _file_lock(self.path):
                yield
            return
        with self.transaction(claims_of=_FIRST_SCORING - study_id):
            yield

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Turn what the drivers, SQLAlchemy and Optuna raise about the database into a StorageError."""
        try:
            yield
        except HpsearchError:
            raise
        except Exception as error:
            from hpsearch.storage.trouble import explain, is_of_database, may_pass

            if not is_of_database(error):
                raise
            kind = StorageUnavailableError if may_pass(error, is_file=self.path is not None) else StorageError
            raise kind(f"storage {self.shown!r}: {explain(error)}") from error


def _make_file(url: "URL", path: Path) -> None:
    """Make a new SQLite database beside its place, then rename it: whole or absent, whenever the process dies."""
    from hpsearch.storage.engines import make_tables

    draft = path.with_name(f".{path.name}.draft")
    draft.unlink(missing_ok=True)
    make_tables(url.set(database=str(draft)))
    draft.replace(path)


def _check_exists(path: Path) -> None:
    if not path.exists():
        raise StorageError(f"there is no database {str(path)!r} yet: hpsearch run makes it, --storage names another")


def _not_ours(shown: str) -> StorageError:
    return StorageError(f"storage {shown!r} holds no studies of hpsearch: name another --storage")


def _check_server_is_ours(url: "URL") -> None:
    import sqlalchemy as sa

    from hpsearch.storage.engines import read_only_arguments
    from hpsearch.storage.url import show_url

    probe = sa.create_engine(url, **read_only_arguments(url))
    try:
        with probe.connect() as connection:
            if not sa.inspect(connection).has_table(layout.TABLE):
                raise _not_ours(show_url(url))
    finally:
        probe.dispose()


def check_file(path: Path, *, thoroughly: bool) -> None:
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
    connection = connect_to_file(path, _BUSY_SECONDS)
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
    from filelock import FileLock, Timeout

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
