"""How many connections a PostgreSQL server bears, and how many are taken."""

from dataclasses import dataclass

import sqlalchemy as sa

from hpsearch.storage.database import Database


@dataclass(frozen=True)
class ConnectionRoom:
    """What is there for workers."""

    maximum: int
    """Connections of ordinary roles."""
    taken: int

    @property
    def free(self) -> int:
        """How many more there may be."""
        return max(0, self.maximum - self.taken)


def read_connection_room(database: Database) -> ConnectionRoom | None:
    """What the server says; None for a file.

    Raises:
        StorageError: The database failed.
    """
    if database.engine.dialect.name != "postgresql":
        return None
    setting = sa.func.current_setting
    maximum = sa.cast(setting("max_connections"), sa.Integer)
    reserved = sa.cast(setting("superuser_reserved_connections"), sa.Integer)
    taken = sa.select(sa.func.sum(sa.column("numbackends"))).select_from(sa.text("pg_stat_database")).scalar_subquery()
    with database.transaction() as connection:
        row = connection.execute(sa.select(maximum - reserved, taken)).one()
    return ConnectionRoom(int(row[0]), int(row[1] or 0))
