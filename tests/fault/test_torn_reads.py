"""PostgreSQL shows each statement what is committed by then: a trial may finish while another worker reads it."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from optuna.trial import TrialState

from hpsearch.storage.database import Database
from hpsearch.tuning.claimed_trial import ClaimedTrial
from hpsearch.tuning.claims import TrialQueue
from hpsearch.tuning.history import History
from hpsearch.tuning.study import load_study
from tests.contract.test_claims import claim
from tests.postgres import PostgresServer
from tests.scripted import curve_point, make_study

pytestmark = [pytest.mark.slow, pytest.mark.fault]

TABLES = ("trials", "trial_params", "trial_intermediate_values", "trial_system_attributes")
ENDS = {"complete": TrialState.COMPLETE, "give_back": None}


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[Database]:
    with Database.open(postgres.make_database(), create=True) as opened:
        yield opened


def finish(trial: ClaimedTrial, how: str) -> None:
    for epoch in range(3):
        trial.report(curve_point(epoch, 0.5 + epoch / 10))
    if how == "complete":
        trial.complete(b"weights")
    else:
        trial.give_back("stopped")


def refresh(history: History, database: Database) -> None:
    with database.transaction() as connection:
        history.refresh(connection)


@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("occasion", range(len(TABLES)))
def test_a_trial_that_ends_between_two_statements_of_a_reader_is_known_whole_and_once(
    database: Database, occasion: int, how: str
) -> None:
    held = claim(TrialQueue(make_study(database, trials=2, sampler="tpe"), "one", "cpu"))
    with Database.open(database.url.render_as_string(hide_password=False)) as reader:
        history, statements = History(load_study(reader, "study")), 0

        def end_meanwhile(_connection: sa.Connection, _cursor: Any, text: str, *_rest: Any) -> None:
            nonlocal statements
            if text.startswith("SELECT trial"):
                statements += 1
                if statements == occasion + 1:
                    finish(held, how)

        sa.event.listen(reader.engine, "before_cursor_execute", end_meanwhile)
        refresh(history, reader)
        assert statements > occasion
        known = history.list_trials()
        assert all(trial.value is not None for trial in known if trial.state == TrialState.COMPLETE)
        assert all(len(trial.intermediate_values) == 3 for trial in known if trial.state == TrialState.COMPLETE)
        refresh(history, reader)
        expected = [] if ENDS[how] is None else [(0, TrialState.COMPLETE, 0.7)]
        assert [(trial.number, trial.state, trial.value) for trial in history.list_trials()] == expected
