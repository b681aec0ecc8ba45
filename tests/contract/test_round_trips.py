"""What a trial asks of the database: sixteen workers with trials of a second each have little time for it."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from hpsearch.storage.database import Database
from hpsearch.tuning.claimed_trial import ClaimedTrial
from hpsearch.tuning.claims import TrialQueue
from hpsearch.worker.protocols import REPORT_SECONDS
from tests.hand_clock import HandClock
from tests.scripted import curve_point, make_study

STATEMENTS = {"postgresql": 22, "sqlite": 29}
"""SQLite's with its BEGIN, and without the claim lock; ids that are used again cost it four."""
TRANSACTIONS = 4


@pytest.fixture
def database(storage_url: str) -> Iterator[Database]:
    with Database.open(storage_url, create=True) as opened:
        yield opened


@pytest.mark.parametrize("epochs", [1, 12])
def test_a_short_trial_asks_little_of_the_database(database: Database, epochs: int) -> None:
    clock, asked = HandClock(), {"statements": 0, "transactions": 0}
    study = make_study(database, trials=4, epochs=epochs, sampler="tpe", pruner="median")
    queue = TrialQueue(study, "one", "cpu", clock=clock, report_seconds=REPORT_SECONDS)

    def work() -> None:
        trial = queue.claim()
        assert isinstance(trial, ClaimedTrial)
        for epoch in range(epochs):
            clock.time += 1 / epochs
            trial.report(curve_point(epoch, 0.5), b"after")
        trial.complete(b"weights", confusion=[[1]])

    def count(what: str) -> Any:
        def note(*_event: Any) -> None:
            asked[what] += 1

        return note

    work()
    sa.event.listen(database.engine, "before_cursor_execute", count("statements"))
    sa.event.listen(database.engine, "begin", count("transactions"))
    work()
    assert asked == {"statements": STATEMENTS[database.engine.dialect.name], "transactions": TRANSACTIONS}
