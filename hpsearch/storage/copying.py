"""Copies of whole databases: of any kind into a new SQLite file, and of one into an empty database.

A copy is of one moment, also while workers write. Trials that run at that moment are RUNNING in it, their leases soon
over: whoever goes on with the copy takes them up as those of workers that are gone.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import sqlalchemy as sa
from optuna.storages._rdb import models
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from hpsearch.draft_folder import draft_folder
from hpsearch.durable_file import sync_file, sync_folder
from hpsearch.errors import InputError, StorageError
from hpsearch.storage import tables
from hpsearch.storage.database import Database
from hpsearch.storage.engines import make_tables
from hpsearch.storage.url import is_sqlite, show_url, sqlite_path

Tell = Callable[[int, int], None]
"""Hears how much is copied, and of how much: pages of a file, rows of a server."""

RowCounts = Mapping[str, int]
"""The number of rows of each table."""

_PAGES_AT_ONCE = 2000
_ROWS_AT_ONCE = 2000
_BLOBS_AT_ONCE = 16
_BUSY_SECONDS = 60
_SIDE_FILES = ("-journal", "-wal", "-shm")

_versions = sa.Table("alembic_version", sa.MetaData(), sa.Column("version_num", sa.String(32), primary_key=True))
_OF_LAYOUT = (_versions, models.VersionInfoModel.__table__, tables.layout)
"""What a database has as soon as its tables are made."""
_TABLES: tuple[sa.Table, ...] = (
    *models.BaseModel.metadata.sorted_tables,
    _versions,
    *tables.metadata.sorted_tables,
)
"""Every table, those that others refer to before these."""


def back_up(source: Database, path: Path, *, replaces: bool = False, tell: Tell = lambda _done, _of: None) -> RowCounts:
    """Copy a database into a new SQLite file: whole and on the disk, or not there at all.

    A SQLite source is locked for writers meanwhile (they wait), a server is not.

    Args:
        source: Any database.
        path: The new file.
        replaces: Whether a file that is there may be replaced.
        tell: Hears how far it is.

    Raises:
        InputError: The file exists, or cannot be made there.
        StorageError: The source failed, or the copy is not like it.
    """
    try:
        _check_target(source, path, replaces)
        with draft_folder(path) as folder:
            draft = folder / path.name
            if is_sqlite(source.url):
                expected = _copy_file(sqlite_path(source.url), draft, tell)
            else:
                expected = _copy_to_file(source, draft, tell)
            _check_copy(path, draft, expected)
            sync_file(draft)
            _check_target(source, path, replaces)
            draft.replace(path)
            sync_folder(path.parent)
    except (OSError, sqlite3.Error, SQLAlchemyError) as error:
        cause = " ".join(str(getattr(error, "orig", None) or error).split())
        raise StorageError(f"copying {show_url(source.url)!r} to {str(path)!r} failed: {cause}") from error
    return expected


def restore(source: Database, target: Database, *, tell: Tell = lambda _done, _of: None) -> RowCounts:
    """Copy a database into one that holds no studies yet, in one transaction.

    Raises:
        InputError: The target holds studies.
        StorageError: One of the databases failed, or the copy is not like the source.
    """
    copied = [table for table in _TABLES if table not in _OF_LAYOUT]
    with source.transaction() as reader, target.lock_creation(), target.transaction() as writer:
        filled = [table.name for table in copied if _count(writer, table)]
        if filled:
            raise InputError(
                f"storage {show_url(target.url)!r} is not empty (it has {', '.join(filled[:3])}): "
                "name an empty database with --storage"
            )
        expected = {table.name: _count(reader, table) for table in copied}
        _copy_rows(reader, writer, copied, sum(expected.values()), tell)
        _check_counts(show_url(target.url), expected, {table.name: _count(writer, table) for table in copied})
        if writer.dialect.name == "postgresql":
            for table in copied:
                _set_sequence(writer, table)
    return expected


def _check_target(source: Database, path: Path, replaces: bool) -> None:
    if not path.parent.is_dir():
        raise InputError(f"--out {str(path)!r}: there is no folder {str(path.parent)!r}; make it first")
    if path.is_dir():
        raise InputError(f"--out {str(path)!r} is a folder: give the name of a file in it, such as studies.db")
    if path.exists() and is_sqlite(source.url) and path.samefile(sqlite_path(source.url)):
        raise InputError(f"--out {str(path)!r} is the database itself: give another file")
    if path.exists() and not replaces:
        raise InputError(f"--out {str(path)!r} exists: give another name, or --force to replace it")
    # SQLite would take what another database left there for the copy's own.
    for left in (path.with_name(path.name + ending) for ending in _SIDE_FILES):
        if left.exists():
            raise InputError(f"--out {str(path)!r}: {left.name!r} lies beside it, of a database in use; give another")


def _copy_file(source: Path, draft: Path, tell: Tell) -> RowCounts:
    """SQLite's own online copy, under a read lock: without it, a busy database would make it begin anew for ever."""
    uri = f"{source.absolute().as_uri()}?mode=rw"
    with (
        closing(sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)) as reader,
        closing(sqlite3.connect(draft)) as writer,
    ):
        reader.execute("BEGIN")
        expected = _count_rows(reader)
        reader.backup(writer, pages=_PAGES_AT_ONCE, progress=lambda _status, left, pages: tell(pages - left, pages))
    return expected


def _copy_to_file(source: Database, draft: Path, tell: Tell) -> RowCounts:
    url = URL.create("sqlite", database=str(draft))
    make_tables(url)
    engine = sa.create_engine(url)
    try:
        with source.errors(), _read_one_moment(source) as reader, engine.connect() as writer:
            writer.exec_driver_sql("PRAGMA synchronous = OFF")  # the draft is synced as a whole
            expected = {table.name: _count(reader, table) for table in _TABLES}
            for table in _OF_LAYOUT:
                writer.execute(table.delete())
            _copy_rows(reader, writer, _TABLES, sum(expected.values()), tell)
            with _name_place(writer):
                writer.commit()
    finally:
        engine.dispose()
    return expected


@contextmanager
def _read_one_moment(database: Database) -> Iterator[sa.Connection]:
    with database.engine.connect() as connection:
        connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with connection.begin():
            yield connection


def _copy_rows(
    reader: sa.Connection, writer: sa.Connection, copied: list[sa.Table] | tuple[sa.Table, ...], total: int, tell: Tell
) -> None:
    done = 0
    for table in copied:
        size = _BLOBS_AT_ONCE if table is tables.blobs else _ROWS_AT_ONCE
        for rows in _read_chunks(reader, table, size):
            with _name_place(writer):
                writer.execute(table.insert(), rows)
            done += len(rows)
            tell(done, total)


def _read_chunks(reader: sa.Connection, table: sa.Table, size: int) -> Iterator[list[dict[str, object]]]:
    query = sa.select(table).order_by(*table.primary_key.columns)
    result = reader.execute(query, execution_options={"stream_results": True, "yield_per": size})
    for partition in result.mappings().partitions():
        yield [dict(row) for row in partition]


@contextmanager
def _name_place(writer: sa.Connection) -> Iterator[None]:
    """What goes wrong while writing is said of the place that is written, not of the source."""
    try:
        yield
    except SQLAlchemyError as error:
        cause = " ".join(str(getattr(error, "orig", None) or error).split())
        raise StorageError(f"storage {show_url(writer.engine.url)!r} cannot take the copy: {cause}") from error


def _check_copy(path: Path, draft: Path, expected: RowCounts) -> None:
    with closing(sqlite3.connect(draft)) as connection:
        found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise StorageError(
                f"the copy {str(path)!r} came out damaged ({' '.join(found.split())}): is the disk sound?"
            )
        _check_counts(str(path), expected, _count_rows(connection))


def _check_counts(place: str, expected: RowCounts, found: RowCounts) -> None:
    if dict(expected) != dict(found):
        differing = [name for name in expected if expected[name] != found.get(name)]
        raise StorageError(f"the copy {place!r} is not like its source in {', '.join(differing)}: try again")


def _count_rows(connection: sqlite3.Connection) -> RowCounts:
    names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    quoted = {name: '"' + name.replace('"', '""') + '"' for name in names}
    return {
        name: connection.execute(f"SELECT count(*) FROM {quoted[name]}").fetchone()[0]  # noqa: S608 - names of tables
        for name in names
    }


def _count(connection: sa.Connection, table: sa.Table) -> int:
    count: int = connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
    return count


def _set_sequence(writer: sa.Connection, table: sa.Table) -> None:
    """The rows came with their ids, of which PostgreSQL's counter heard nothing."""
    column = table.autoincrement_column
    if column is None:
        return
    sequence = sa.func.pg_get_serial_sequence(table.name, column.name)
    highest = sa.select(sa.func.max(column)).scalar_subquery()
    writer.execute(sa.select(sa.func.setval(sequence, highest)).where(highest.is_not(None)))
