"""A real PgBouncer of Debian's package before a server of the tests, where it is installed."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from tests.worker_processes import wait_until


def find_pgbouncer() -> str | None:
    """Its program, or None."""
    return shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


@contextmanager
def run_pgbouncer(server: sa.URL, *, mode: str, pool_size: int) -> Iterator[sa.URL]:
    """Start one, and give the URL of the server through it.

    Args:
        server: The server's URL, over a socket; its user may log in without a password.
        mode: `session` or `transaction`.
        pool_size: Connections to the server, for each database.
    """
    program = find_pgbouncer()
    assert program is not None
    folder = Path(tempfile.mkdtemp(prefix="bouncer-"))
    folder.chmod(0o777)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    host = str(server.query.get("host") or server.host)
    owner = Path(host).stat().st_uid if host.startswith("/") else None  # alone enters the folder of the socket
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        f"""[databases]
* = host={host} port={server.port or 5432} user={server.username}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = {pool_size}
max_client_conn = 4000
ignore_startup_parameters = options,extra_float_digits
logfile = {folder}/log
pidfile = {folder}/pid
"""
    )
    command = [program, "-q", str(settings)]
    process = subprocess.Popen(command, user=owner if os.geteuid() == 0 else None, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: _answers(port), "PgBouncer listens", seconds=120)
        yield sa.URL.create("postgresql", server.username, None, "127.0.0.1", port, server.database)
    finally:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(60)
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
