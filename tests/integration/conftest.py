"""A room to type commands in, and a server that asks for passwords."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli_runs import CommandRoom
from tests.password_postgres import PasswordServer, run_password_postgres


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandRoom:
    """An empty folder, where this process and those it starts stand, with a cache of their own and no storage named."""
    environment = {"HPSEARCH_CACHE": str(tmp_path / "cache"), "HPSEARCH_STORAGE": "", "HPSEARCH_STORAGE_FILE": ""}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return CommandRoom(tmp_path, capsys, environment)


@pytest.fixture(scope="session")
def password_server() -> Iterator[PasswordServer]:
    """A PostgreSQL server of this test process on a port of its own."""
    with run_password_postgres() as server:
        yield server
