"""Insert or overwrite in one statement: once more is as good as once, whoever asks again."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

_INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
"""What each database has of its own: an INSERT that knows ON CONFLICT."""


def upsert(connection: sa.Connection, table: Any, key: tuple[str, ...], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows that have the same columns, each in place of one with the same key."""
    if rows:
        connection.execute(_build_upsert(connection.dialect.name, table, key, tuple(rows[0])), list(rows))


@functools.cache
def _build_upsert(database: str, table: Any, key: tuple[str, ...], columns: tuple[str, ...]) -> sa.Insert:
    insert = build_insert(database, table)
    changed = {name: insert.excluded[name] for name in columns if name not in key}
    statement: sa.Insert = insert.on_conflict_do_update(index_elements=key, set_=changed)
    return statement


def build_insert(database: str, table: Any) -> Any:
    """An INSERT that knows ON CONFLICT, for a dialect of SQLAlchemy's."""
    return _INSERTS[database](table)
