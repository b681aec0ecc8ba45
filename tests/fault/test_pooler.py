"""A pooler between the workers and PostgreSQL: fewer connections than workers, another one for each transaction."""

import os
from pathlib import Path

import pytest
import sqlalchemy as sa

from hpsearch.errors import StorageError
from hpsearch.storage import tables
from hpsearch.storage.database import Database
from tests.fault.studies import make, read
from tests.history import check_history
from tests.pgbouncer import find_pgbouncer, run_pgbouncer
from tests.postgres import OwnPostgresServer
from tests.worker_processes import run_workers

pytestmark = [pytest.mark.slow, pytest.mark.fault, pytest.mark.exhaustive]

REQUIRED = "HPSEARCH_REQUIRE_PGBOUNCER"


@pytest.fixture(autouse=True)
def _needs_pgbouncer() -> None:
    if find_pgbouncer() is None:
        if os.environ.get(REQUIRED):
            pytest.fail("there is no PgBouncer (Debian: pgbouncer)")
        pytest.skip("there is no PgBouncer (Debian: pgbouncer)")


def test_workers_share_fewer_connections_than_they_would_open(own_postgres: OwnPostgresServer, tmp_path: Path) -> None:
    """Six that begin in the same moment behind two: none holds one connection while it waits for a second."""
    storage = own_postgres.make_database()
    make(storage, trials=24, epochs=3)
    with run_pgbouncer(sa.make_url(storage), mode="transaction", pool_size=2) as url:
        pooled = url.update_query_dict({"prepare_threshold": "none"}).render_as_string(hide_password=False)
        with run_workers(pooled, tmp_path) as crew:
            for index in range(6):
                crew.start(f"worker-{index}")
            crew.wait_all()
    assert read(storage).counts["COMPLETE"] == 24
    assert check_history(tmp_path, storage, "study", slots=24) == []


def test_a_reader_cannot_write_through_a_pooler_that_passes_over_the_options_of_a_session(
    own_postgres: OwnPostgresServer,
) -> None:
    storage = own_postgres.make_database()
    make(storage, trials=1, epochs=1)
    with run_pgbouncer(sa.make_url(storage), mode="transaction", pool_size=2) as url:
        pooled = url.update_query_dict({"pgbouncer": "true"}).render_as_string(hide_password=False)
        with Database.open_read_only(pooled) as read_only:
            with read_only.transaction() as connection:
                assert connection.execute(sa.text("SHOW transaction_read_only")).scalar_one() == "on"
            with pytest.raises(StorageError, match="read-only"), read_only.transaction() as connection:
                connection.execute(sa.delete(tables.leases))
        with Database.open(pooled) as database, database.transaction() as connection:
            assert connection.execute(sa.text("SHOW transaction_read_only")).scalar_one() == "off"


def test_a_pooler_that_is_not_set_up_for_is_said_to_be_one_and_keeps_no_lock(own_postgres: OwnPostgresServer) -> None:
    storage = own_postgres.make_database()
    make(storage, trials=1, epochs=1)
    with run_pgbouncer(sa.make_url(storage), mode="transaction", pool_size=1) as url:
        pooled = url.render_as_string(hide_password=False)
        with pytest.raises(StorageError, match=r"connection pooler, .* give the direct \(unpooled\) address"):
            read_again_and_again(pooled)
        with Database.open(storage) as direct, direct.transaction() as connection:
            locks = connection.execute(sa.text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"))
            assert locks.scalar_one() == 0
    assert not read(storage).is_finished


def read_again_and_again(storage: str) -> None:
    """Three connections, each of which prepares statements under the names that the one before gave its own."""
    for _ in range(3):
        with Database.open(storage) as database:
            for _ in range(10):
                with database.transaction() as connection:
                    connection.execute(sa.select(tables.leases))
