"""What a worker's sampler and pruner know of the other trials, whatever the database."""

from collections.abc import Iterator
from typing import Any

import pytest
from optuna.trial import TrialState

from hpsearch.errors import StorageUnavailableError
from hpsearch.storage import optuna_rows
from hpsearch.storage.database import Database
from hpsearch.storage.leases import Holder, Lease
from hpsearch.tuning import history as history_module
from hpsearch.tuning.claimed_trial import ClaimedTrial
from hpsearch.tuning.claims import TrialQueue
from hpsearch.tuning.history import History
from tests.contract.test_checkpoints import claim
from tests.scripted import curve_point, make_study


@pytest.fixture
def database(storage_url: str) -> Iterator[Database]:
    with Database.open(storage_url, create=True) as opened:
        yield opened


def refresh(history: History, database: Database) -> None:
    with database.transaction() as connection:
        history.refresh(connection)


def finish(trial: ClaimedTrial, accuracy: float) -> None:
    for epoch in range(3):
        trial.report(curve_point(epoch, accuracy))
    trial.complete(b"weights")


def test_a_history_holds_what_optuna_itself_reads(database: Database) -> None:
    study = make_study(database, trials=6)
    queue, history = TrialQueue(study, "one", "cpu"), History(study)
    finish(claim(queue), 0.5)
    refresh(history, database)
    pruned = claim(queue)
    pruned.report(curve_point(0, 0.25))
    pruned.prune()
    claim(queue).fail("it did")
    running = claim(queue)
    running.report(curve_point(0, 0.75))
    refresh(history, database)
    theirs = {
        trial.number: trial
        for trial in database.optuna_storage.get_all_trials(study.study_id)
        if trial.state != TrialState.FAIL
    }
    ours = history.list_trials()
    assert [trial.number for trial in ours] == sorted(theirs) == [0, 1, 3]
    for trial in ours:
        other = theirs[trial.number]
        assert (trial.state, trial.value, trial.params) == (other.state, other.value, other.params)
        assert (trial.distributions, trial.intermediate_values) == (other.distributions, other.intermediate_values)
        assert trial._trial_id == other._trial_id


def test_a_trial_that_was_put_back_after_it_failed_is_known_when_it_is_complete(database: Database) -> None:
    study = make_study(database, trials=1)
    queue, history = TrialQueue(study, "one", "cpu"), History(study)
    claim(queue).fail("it did")
    refresh(history, database)
    with database.transaction() as connection:
        connection.exec_driver_sql("UPDATE trials SET state = 'WAITING', datetime_complete = NULL")
    finish(claim(queue), 0.5)
    refresh(history, database)
    assert [trial.value for trial in history.list_trials((TrialState.COMPLETE,))] == [0.5]


def test_a_long_study_shows_its_sampler_the_best_and_the_newest_trials(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_module, "BEST_TRIALS", 2)
    monkeypatch.setattr(history_module, "NEWEST_TRIALS", 3)
    study = make_study(database, trials=9)
    queue, history = TrialQueue(study, "one", "cpu"), History(study)
    for accuracy in (0.1, 0.9, 0.2, 0.8, 0.3, 0.4, 0.5, 0.6):
        finish(claim(queue), accuracy)
    claim(queue)
    refresh(history, database)
    states = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING)
    assert [trial.number for trial in history.select_trials(states)] == [1, 3, 5, 6, 7, 8]
    assert len(history.list_trials()) == 9


def test_a_pruner_that_notes_rungs_goes_on_with_them_in_the_next_attempt(database: Database) -> None:
    study = make_study(database, trials=4, epochs=9, pruner="asha")
    queue = TrialQueue(study, "one", "cpu")
    trial = claim(queue)
    epochs = 0
    while not trial.report(curve_point(epochs, 0.9), b"after") and epochs < 4:
        epochs += 1
    assert trial.rungs
    trial.give_back("stopped")
    assert claim(queue).rungs == trial.rungs


def test_a_pruner_of_a_worker_that_lost_its_trial_notes_nothing(database: Database) -> None:
    study = make_study(database, trials=1, epochs=9, pruner="asha")
    zombie = claim(TrialQueue(study, "one", "cpu"))
    zombie.report(curve_point(0, 0.9))
    noted = database.optuna_storage.get_trial(zombie.lease.trial_id).system_attrs
    zombie.give_back("stopped")
    with pytest.raises(Exception, match="lease"):
        zombie.report(curve_point(1, 0.9))
    assert database.optuna_storage.get_trial(zombie.lease.trial_id).system_attrs == noted


def test_a_trial_that_ends_between_two_questions_is_known_once_and_whole(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL each query of a transaction sees what others have committed by then."""
    if database.engine.dialect.name == "sqlite":
        pytest.skip("a transaction excludes every other on SQLite")
    study = make_study(database, trials=2)
    history = History(study)
    running = claim(TrialQueue(study, "one", "cpu"))
    read_trials = optuna_rows.read_trials

    def end_it_first(*arguments: Any) -> Any:
        if running.curve == []:
            finish(running, 0.5)
        return read_trials(*arguments)

    monkeypatch.setattr(optuna_rows, "read_trials", end_it_first)
    refresh(history, database)
    refresh(history, database)
    assert [(trial.state, trial.value) for trial in history.list_trials()] == [(TrialState.COMPLETE, 0.5)]
    select = optuna_rows.select_of
    late = claim(TrialQueue(study, "two", "cpu"))

    def end_it_before_its_steps_are_asked_for(connection: Any, table: Any, *rest: Any) -> Any:
        if late.curve == [] and table is optuna_rows._intermediate_values:
            finish(late, 0.75)
        return select(connection, table, *rest)

    monkeypatch.setattr(optuna_rows, "select_of", end_it_before_its_steps_are_asked_for)
    refresh(history, database)
    assert all(trial.value is not None for trial in history.list_trials((TrialState.COMPLETE,)))
    refresh(history, database)
    assert [trial.value for trial in history.list_trials()] == [0.5, 0.75]


@pytest.mark.parametrize("call", range(3))
def test_a_reading_that_was_cut_off_is_made_good_by_the_next(
    database: Database, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    study = make_study(database, trials=2)
    queue, history = TrialQueue(study, "one", "cpu"), History(study)
    finish(claim(queue), 0.5)
    claim(queue)
    select, calls = optuna_rows.select_of, []

    def cut(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == call + 1:
            raise StorageUnavailableError("the cable is cut")
        return select(*arguments)

    monkeypatch.setattr(optuna_rows, "select_of", cut)
    with pytest.raises(StorageUnavailableError):
        refresh(history, database)
    refresh(history, database)
    states = [(trial.number, trial.state) for trial in history.list_trials()]
    assert states == [(0, TrialState.COMPLETE), (1, TrialState.RUNNING)]


def test_what_a_trial_was_drawn_is_known_once_it_is_drawn_and_read_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = make_study(database, trials=2)
    queue, history = TrialQueue(study, "one", "cpu"), History(study)
    select, asked = optuna_rows.select_of, []

    def note(connection: Any, table: Any, ids: list[int], *columns: str) -> Any:
        if table is optuna_rows._parameters:
            asked.append(len(ids))
        return select(connection, table, ids, *columns)

    lease = queue._take(Holder("one", "cpu", "token", 30.0))
    assert isinstance(lease, Lease)
    monkeypatch.setattr(optuna_rows, "select_of", note)
    refresh(history, database)
    trial = queue._prepare(lease)
    asked.clear()
    refresh(history, database)
    refresh(history, database)
    finish(trial, 0.5)
    refresh(history, database)
    assert asked == [1, 0, 0]
    (known,) = history.list_trials()
    assert known.state == TrialState.COMPLETE
    assert known.params == database.optuna_storage.get_trial(lease.trial_id).params
    assert known.params.keys() == history.distributions.keys()
