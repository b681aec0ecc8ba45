"""The layout of hpsearch's own tables: which version a database has; no other than this one's is read or written."""

import sqlalchemy as sa

from hpsearch.errors import StorageError
from hpsearch.storage.tables import LAYOUT_VERSION, layout


def check_version(place: str, found: int | None) -> None:
    """Refuse a layout that is not this version's.

    Args:
        place: The database as it may be shown.
        found: Its layout; None where none is written down.

    Raises:
        StorageError: It is older or newer; the message says what to type.
    """
    if found != LAYOUT_VERSION:
        raise StorageError(
            f"storage {place!r} has layout {found}, this hpsearch reads and writes {LAYOUT_VERSION} alone: "
            "pip install the hpsearch that made it, or name another --storage"
        )


def read_version(connection: sa.Connection) -> int | None:
    """The layout that the database says it has."""
    version: int | None = connection.execute(sa.select(layout.c.version)).scalar_one_or_none()
    return version
