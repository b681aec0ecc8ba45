"""Connections that break while nobody uses them: a server that was started anew, a network that forgets."""

import math
import time

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

IDLE_SECONDS = 2.0
"""After so long a connection is tried before it is used again; one that breaks sooner fails a statement."""


def try_idle_connections(engine: sa.Engine) -> None:
    """Try a connection that was idle before it is used again, and replace it where it is broken.

    SQLAlchemy's own `pool_pre_ping` asks the server before each transaction.
    """

    def note_use(_connection: object, entry: ConnectionPoolEntry) -> None:
        entry.info["used_at"] = time.monotonic()

    def try_connection(connection: DBAPIConnection, entry: ConnectionPoolEntry, _proxy: object) -> None:
        if time.monotonic() - entry.info.get("used_at", math.inf) < IDLE_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise sa.exc.InvalidatePoolError from error  # which has SQLAlchemy connect anew

    sa.event.listen(engine, "checkin", note_use)
    sa.event.listen(engine, "checkout", try_connection)
