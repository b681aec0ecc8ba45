"""A connection that breaks while nobody uses it is replaced before it is used again."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from hpsearch.errors import StorageUnavailableError
from hpsearch.storage import idle_connections
from hpsearch.storage.database import Database
from hpsearch.storage.engines import read_clock
from tests.postgres import PostgresServer

NEVER, AT_ONCE = 1e9, 0.0
OTHERS = "datname = current_database() AND pid <> pg_backend_pid()"
CUT = f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {OTHERS}"


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    return postgres.make_database()


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    with Database.open(url, create=True) as opened:
        yield opened


def ask(database: Database) -> None:
    with database.transaction() as connection:
        read_clock(connection)


def cut_the_others(url: str) -> None:
    """Let the server end every connection but the one that asks for it."""
    engine = sa.create_engine(sa.make_url(url).set(drivername="postgresql+psycopg"))
    with engine.connect() as connection:
        assert connection.execute(sa.text(CUT)).all()
    engine.dispose()


def test_a_connection_that_broke_while_it_was_idle_is_replaced(
    database: Database, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(database)
    cut_the_others(url)
    monkeypatch.setattr(idle_connections, "IDLE_SECONDS", AT_ONCE)
    ask(database)


def test_a_connection_that_breaks_between_two_uses_costs_one_of_them(
    database: Database, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idle_connections, "IDLE_SECONDS", NEVER)
    ask(database)
    cut_the_others(url)
    with pytest.raises(StorageUnavailableError):
        ask(database)
    ask(database)


@pytest.mark.parametrize(("idle_seconds", "pings"), [(NEVER, 0), (AT_ONCE, 3)])
def test_only_a_connection_that_was_idle_is_tried(
    database: Database, monkeypatch: pytest.MonkeyPatch, idle_seconds: float, pings: int
) -> None:
    monkeypatch.setattr(idle_connections, "IDLE_SECONDS", idle_seconds)
    dialect, tried = database.engine.dialect, []
    monkeypatch.setattr(dialect, "do_ping", tried.append)
    ask(database)
    tried.clear()
    for _ in range(3):
        ask(database)
    assert len(tried) == pings
