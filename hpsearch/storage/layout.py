"""The layout of hpsearch's own tables: which version a database has, and the way from each version to the next."""

from collections.abc import Callable

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations

from hpsearch.errors import StorageError
from hpsearch.storage.tables import LAYOUT_VERSION, UtcDateTime, layout, leases, studies


def check_version(place: str, found: int | None) -> None:
    """Refuse a layout that is not this version's.

    Args:
        place: The database as it may be shown.
        found: Its layout; None where none is written down.

    Raises:
        StorageError: It is older or newer; the message says what to type.
    """
    if found == LAYOUT_VERSION:
        return
    has = f"storage {place!r} has layout {found}, this hpsearch writes {LAYOUT_VERSION}"
    if found is not None and found < LAYOUT_VERSION:
        raise StorageError(f"{has}: end the workers of older versions, then run hpsearch upgrade --storage {place}")
    raise StorageError(f"{has}: pip install --upgrade hpsearch brings the newer version, or name another --storage")


def read_version(connection: sa.Connection) -> int | None:
    """The layout that the database says it has."""
    version: int | None = connection.execute(sa.select(layout.c.version)).scalar_one_or_none()
    return version


def upgrade_layout(connection: sa.Connection) -> list[int]:
    """Bring older tables to this version's layout, in the caller's transaction.

    Returns:
        The versions that it came through; empty where nothing was to do.
    """
    passed = []
    while (version := read_version(connection)) in _STEPS:
        assert version is not None
        _STEPS[version](connection)
        connection.execute(layout.update().values(version=version + 1))
        passed.append(version + 1)
    return passed


def _to_2(connection: sa.Connection) -> None:
    """Studies that can be stopped and extended; who ended a trial; room for the names of artifacts."""
    studies.create(connection)
    operations = Operations(MigrationContext.configure(connection))
    operations.add_column(leases.name, sa.Column("accepted_token", sa.String(32)))
    operations.add_column(leases.name, sa.Column("seen_at", UtcDateTime))
    if connection.dialect.name != "sqlite":  # which keeps no lengths
        operations.alter_column("hpsearch_blobs", "kind", type_=sa.String(64))


_STEPS: dict[int, Callable[[sa.Connection], None]] = {1: _to_2}
