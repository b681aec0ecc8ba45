"""Bringing a database of an older version to this one's layout."""

from dataclasses import dataclass

import sqlalchemy as sa

from hpsearch.errors import StorageError
from hpsearch.storage import tables
from hpsearch.storage.database import Database, read_clock
from hpsearch.storage.layout import read_version, upgrade_layout
from hpsearch.storage.url import parse_storage_url, show_url


@dataclass(frozen=True)
class LayoutUpgrade:
    """From which layout a database came to which; the same twice where nothing was to do."""

    before: int
    after: int


def upgrade_database(text: str) -> LayoutUpgrade:
    """Bring the tables of a database to this version's layout, in one transaction.

    Raises:
        StorageError: The database cannot be opened, its layout is a newer one, or workers of the older version are at
            work; then nothing is changed.
    """
    found: list[int | None] = []

    def upgrade(connection: sa.Connection) -> None:
        version = read_version(connection)
        found.append(version)
        if version is not None and version < tables.LAYOUT_VERSION:
            _refuse_live_workers(connection, text)
            upgrade_layout(connection)

    with Database.open(text, upgrade=upgrade):
        pass
    return LayoutUpgrade(found[0] or tables.LAYOUT_VERSION, tables.LAYOUT_VERSION)


def _refuse_live_workers(connection: sa.Connection, text: str) -> None:
    leases = tables.leases.c  # of these, only columns that every layout has
    live = leases.token.is_not(None) & (leases.expires_at > read_clock(connection))
    workers = sorted(set(connection.execute(sa.select(leases.worker).where(live)).scalars()))
    if workers:
        raise StorageError(
            f"storage {show_url(parse_storage_url(text))!r} is in use by {', '.join(workers)}: "
            "end these workers (Ctrl-C, or kill with SIGTERM), then run hpsearch upgrade again"
        )
