"""A claim need not wait for the disk: one that a crash of the server takes back was nobody's yet."""

from collections.abc import Iterator
from typing import Any

import pytest

from hpsearch.storage.database import Database
from hpsearch.storage.leases import Lease
from hpsearch.tuning.claims import TrialQueue
from hpsearch.tuning.records import read_study_record
from tests.contract.test_checkpoints import claim
from tests.postgres import OwnPostgresServer
from tests.scripted import curve_point, make_study


@pytest.fixture
def lazy_postgres(own_postgres: OwnPostgresServer) -> Iterator[OwnPostgresServer]:
    """A server that writes its log seldom, unless somebody waits for that."""
    own_postgres.execute("ALTER SYSTEM SET wal_writer_delay = '10s'")
    own_postgres.execute("SELECT pg_reload_conf()")
    yield own_postgres
    own_postgres.execute("ALTER SYSTEM RESET wal_writer_delay")
    own_postgres.execute("SELECT pg_reload_conf()")


def test_a_claim_that_a_crash_of_the_server_took_back_is_made_again(
    lazy_postgres: OwnPostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Database.open(lazy_postgres.make_database(), create=True) as database:
        queue = TrialQueue(make_study(database, trials=2), "one", "cpu")
        prepared: list[Lease] = []
        prepare = queue._prepare

        def crash_first(lease: Lease) -> Any:
            prepared.append(lease)
            if len(prepared) == 1:
                lazy_postgres.stop_at_once()
                lazy_postgres.start_again()
            return prepare(lease)

        monkeypatch.setattr(queue, "_prepare", crash_first)
        trial = claim(queue)
        tokens = [lease.token for lease in dict.fromkeys(prepared)]
        assert len(tokens) == 2, "the crash took nothing back, so this test shows nothing"
        assert trial.lease.token == tokens[1]
        for epoch in range(trial.config.recipe.epochs):
            trial.report(curve_point(epoch, 0.5))
        trial.complete(b"weights")
        record = read_study_record(queue.study)
        assert [(each.number, each.state) for each in record.trials] == [(0, "COMPLETE")]


def test_a_claim_that_was_handed_out_survives_a_crash_of_the_server(lazy_postgres: OwnPostgresServer) -> None:
    with Database.open(lazy_postgres.make_database(), create=True) as database:
        queue = TrialQueue(make_study(database, trials=2), "one", "cpu")
        trial = claim(queue)
        lazy_postgres.stop_at_once()
        lazy_postgres.start_again()
        trial.report(curve_point(0, 0.5))
        trial.give_back("the end of the test")
        record = read_study_record(queue.study)
        assert [(each.number, each.state, each.accuracies) for each in record.trials] == [(0, "WAITING", {0: 0.5})]
