"""The layout of hpsearch's own tables: which version a database has; no other than this one's is read or written."""

from hpsearch.errors import StorageError
from hpsearch.storage.reader import Reader

LAYOUT_VERSION = 2
"""Rises with every change of hpsearch's tables; databases of any other are refused."""
TABLE = "hpsearch_layout"
"""Where it is written down."""

_OPTUNA_LAYOUT = "v3.2.0.a"
"""Of Optuna's tables, which are read and written as they are."""


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


def read_version(reader: Reader) -> int | None:
    """The layout that the database says it has."""
    rows = reader.query(f"SELECT version FROM {TABLE}")  # noqa: S608 - a constant
    return rows[0][0] if rows else None


def is_of_known_optuna(reader: Reader) -> bool:
    """Whether Optuna's own tables are as this version of Optuna makes them."""
    return [row[0] for row in reader.query("SELECT version_num FROM alembic_version")] == [_OPTUNA_LAYOUT]
