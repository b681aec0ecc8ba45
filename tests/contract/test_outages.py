"""What a worker does while the database is away, and when it does not know whether it was heard."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from hpsearch.errors import LeaseLostError, StorageUnavailableError
from hpsearch.storage import tables
from hpsearch.storage.database import Database
from hpsearch.storage.patience import HURRY_SECONDS, Patience
from hpsearch.storage.study_rows import stop_study
from hpsearch.tuning.claimed_trial import ClaimedTrial
from hpsearch.tuning.claims import NoTrial, TrialQueue
from hpsearch.tuning.records import load_trial_weights, read_study_record
from tests.contract.test_checkpoints import claim, vanish
from tests.hand_clock import HandClock
from tests.scripted import curve_point, make_study


class Cable:
    """Between a worker and its database: cut before a transaction arrives, or before its answer does."""

    def __init__(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        self.cuts_before = self.cuts_after = 0
        connect = database.transaction

        @contextmanager
        def transaction(**how: Any) -> Iterator[sa.Connection]:
            if self.cuts_before:
                self.cuts_before -= 1
                raise StorageUnavailableError("the cable is cut")
            with connect(**how) as connection:
                yield connection
            if self.cuts_after:
                self.cuts_after -= 1
                raise StorageUnavailableError("the cable is cut")

        monkeypatch.setattr(database, "transaction", transaction)


@pytest.fixture
def database(storage_url: str) -> Iterator[Database]:
    with Database.open(storage_url, create=True) as opened:
        yield opened


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def queue(database: Database, clock: HandClock) -> TrialQueue:
    return TrialQueue(make_study(database, trials=2), "one", "cpu", patience=Patience(clock=clock), clock=clock)


@pytest.fixture
def cable(queue: TrialQueue, monkeypatch: pytest.MonkeyPatch) -> Cable:
    return Cable(queue.study.database, monkeypatch)


def finish(trial: ClaimedTrial) -> None:
    for epoch in range(3):
        trial.report(curve_point(epoch, 0.5))
    trial.complete(b"weights")


def test_reports_wait_for_the_database_and_arrive_in_order(queue: TrialQueue, cable: Cable) -> None:
    trial = claim(queue)
    cable.cuts_before = 2
    assert not trial.report(curve_point(0, 0.1))
    assert not trial.report(curve_point(1, 0.2))
    assert read_study_record(queue.study).trial(0).accuracies == {}
    trial.report(curve_point(2, 0.3))
    assert read_study_record(queue.study).trial(0).accuracies == {0: 0.1, 1: 0.2, 2: 0.3}


def test_what_waits_arrives_with_the_finish(queue: TrialQueue, cable: Cable) -> None:
    trial = claim(queue)
    cable.cuts_before = 3
    for epoch in range(3):
        trial.report(curve_point(epoch, 0.1 + epoch / 10))
    trial.complete(b"weights")
    stored = read_study_record(queue.study).trial(0)
    assert (stored.state, stored.epochs, stored.accuracies[2]) == ("COMPLETE", 3, pytest.approx(0.3))


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("step", ["claim", "report", "complete", "prune", "fail", "give_back", "count_death"])
def test_every_write_whose_answer_was_lost_is_done_once(queue: TrialQueue, cable: Cable, side: str, step: str) -> None:
    def cut() -> None:
        setattr(cable, f"cuts_{side}", 1)

    if step == "claim":
        cut()
    trial = claim(queue)
    if step == "report":
        cut()
    trial.report(curve_point(0, 0.5))
    trial.report(curve_point(1, 0.6))
    if step not in ("claim", "report"):
        cut()
    ends: dict[str, Callable[[], object]] = {
        "prune": trial.prune,
        "fail": lambda: trial.fail("it did"),
        "give_back": lambda: trial.give_back("stopped"),
        "count_death": lambda: trial.count_death("out of memory"),
    }
    ends.get(step, lambda: trial.complete(b"weights"))()
    record = read_study_record(queue.study)
    assert len(record.trials) == 1
    stored = record.trial(0)
    states = {"prune": "PRUNED", "fail": "FAIL", "give_back": "WAITING", "count_death": "WAITING"}
    assert stored.state == states.get(step, "COMPLETE")
    assert stored.accuracies == {0: 0.5, 1: 0.6}
    assert stored.attempts == 1
    with queue.study.database.transaction() as connection:
        events = list(connection.execute(sa.select(tables.events.c.kind)).scalars())
        deaths = connection.execute(sa.select(tables.leases.c.deaths)).scalar_one()
    assert len(events) == 2, events
    assert deaths == (1 if step == "count_death" else 0)
    if stored.state == "COMPLETE":
        assert load_trial_weights(queue.study, stored) == b"weights"


def test_a_claim_whose_drawing_was_cut_off_is_drawn_once(queue: TrialQueue, cable: Cable) -> None:
    draws = []
    prepare = queue._prepare

    def cut_prepare(lease: object) -> ClaimedTrial:
        draws.append(lease)
        cable.cuts_after = 1 if len(draws) == 1 else 0
        return prepare(lease)  # type: ignore[arg-type]

    queue._prepare = cut_prepare  # type: ignore[method-assign]
    trial = claim(queue)
    assert len(draws) == 2
    finish(trial)
    stored = read_study_record(queue.study).trial(0)
    assert (stored.state, stored.config, stored.attempts) == ("COMPLETE", trial.config, 1)


def test_an_outage_that_does_not_end_ends_the_worker_after_its_patience(
    queue: TrialQueue, cable: Cable, clock: HandClock
) -> None:
    cable.cuts_before = 10**6
    begun = clock.time
    with pytest.raises(StorageUnavailableError):
        queue.claim()
    assert 290 <= clock.time - begun <= 300


def test_a_worker_that_was_told_to_stop_does_not_wait_for_long(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = HandClock()
    study = make_study(database)
    patience = Patience(clock=clock, is_hurried=lambda: True)
    trial = claim(TrialQueue(study, "one", "cpu", patience=patience, clock=clock))
    Cable(database, monkeypatch).cuts_before = 10**6
    with pytest.raises(StorageUnavailableError):
        trial.give_back("stopped")
    assert clock.time <= HURRY_SECONDS


def test_after_an_outage_of_its_own_a_worker_reaps_nobody_for_a_lease(
    database: Database, queue: TrialQueue, clock: HandClock
) -> None:
    held = claim(queue)
    other = claim(TrialQueue(queue.study, "two", "cpu"))
    vanish(database, other)
    clock.time += 31
    queue.beat(held)
    clock.time += 10
    queue.beat(held)
    other.extend_lease()
    vanish(database, other)
    clock.time += 21
    queue.beat(held)
    with pytest.raises(LeaseLostError):
        other.extend_lease()


def test_what_is_no_outage_is_not_tried_again(queue: TrialQueue, clock: HandClock) -> None:
    trial = claim(queue)
    trial.report(curve_point(0, 0.5))
    begun = clock.time
    vanish(queue.study.database, trial)
    claim(TrialQueue(queue.study, "two", "cpu"))
    with pytest.raises(LeaseLostError):
        trial.complete(b"late")
    assert clock.time == begun


def test_the_last_report_goes_with_the_end_unless_a_checkpoint_is_due(database: Database, clock: HandClock) -> None:
    queue = TrialQueue(make_study(database, trials=2, epochs=2), "one", "cpu", clock=clock, report_seconds=1.0)
    for seconds, stored in ((2.0, [0]), (12.0, [0, 1])):
        trial = claim(queue)
        for epoch in range(2):
            clock.time += seconds
            trial.report(curve_point(epoch, 0.5), b"after")
        assert sorted(read_study_record(queue.study).trial(trial.number).accuracies) == stored
        trial.complete(b"weights")
        assert sorted(read_study_record(queue.study).trial(trial.number).accuracies) == [0, 1]


def test_a_checkpoint_whose_answer_was_lost_is_gone_with_the_end(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = TrialQueue(make_study(database, trials=1, epochs=1), "one", "cpu", checkpoint_seconds=0.0)
    trial = claim(queue)
    Cable(database, monkeypatch).cuts_after = 1
    trial.report(curve_point(0, 0.5), b"after")
    trial.complete(b"weights")
    with database.transaction() as connection:
        assert list(connection.execute(sa.select(tables.blobs.c.kind)).scalars()) == ["weights"]


def test_a_claim_whose_answer_was_lost_is_answered_also_in_a_study_that_was_stopped_meanwhile(
    queue: TrialQueue, cable: Cable, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = queue.study

    def stop_meanwhile(seconds: float) -> None:
        clock.time += seconds
        with study.database.transaction(claims_of=study.study_id) as connection:
            stop_study(connection, study.study_id, "for lunch")

    monkeypatch.setattr(clock, "sleep", stop_meanwhile)
    cable.cuts_after = 1
    finish(claim(queue))
    assert queue.claim() is NoTrial.STOPPED
    assert read_study_record(study).counts["COMPLETE"] == 1


def test_short_epochs_are_stored_several_at_a_time_and_all_of_them_with_the_end(
    database: Database, clock: HandClock
) -> None:
    queue = TrialQueue(make_study(database, trials=2, epochs=9), "one", "cpu", clock=clock, report_seconds=1.0)
    trial = claim(queue)
    stored = []
    for epoch in range(6):
        clock.time += 0.4
        trial.report(curve_point(epoch, 0.1 + epoch / 100), b"after")
        stored.append(len(read_study_record(queue.study).trial(0).accuracies))
    assert stored == [0, 0, 3, 3, 3, 6]
    trial.report(curve_point(6, 0.5), b"after 6")
    trial.give_back("stopped")
    assert len(read_study_record(queue.study).trial(0).accuracies) == 7
    again = claim(queue)
    assert (again.checkpoint, len(again.curve)) == (b"after 6", 7)
    again.report(curve_point(7, 0.6))
    again.report(curve_point(8, 0.7))
    again.complete(b"weights")
    assert sorted(read_study_record(queue.study).trial(0).accuracies) == list(range(9))
