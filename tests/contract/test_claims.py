"""What a study's queue of trials promises, whatever the database."""

import math
from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa

from hpsearch.errors import LeaseLostError, StorageError
from hpsearch.storage import tables
from hpsearch.storage.database import Database
from hpsearch.storage.engines import read_clock
from hpsearch.storage.leases import MAXIMUM_DEATHS
from hpsearch.storage.study_rows import extend_study, resume_study, stop_study
from hpsearch.tuning import claims
from hpsearch.tuning.claimed_trial import ClaimedTrial
from hpsearch.tuning.claims import (
    MAXIMUM_FAILURES_IN_A_ROW,
    NoTrial,
    StudyBrokenError,
    TrialQueue,
)
from hpsearch.tuning.operations import delete_study
from hpsearch.tuning.records import load_trial_weights, read_study_record
from tests.scripted import curve_point, make_study

on_sqlite_alone = pytest.mark.parametrize("storage_url", ["sqlite"], indirect=True)
"""What is promised does not depend on the database."""


@pytest.fixture
def database(storage_url: str) -> Iterator[Database]:
    with Database.open(storage_url, create=True) as opened:
        yield opened


def claim(queue: TrialQueue) -> ClaimedTrial:
    claimed = queue.claim()
    assert isinstance(claimed, ClaimedTrial), claimed
    return claimed


def finish(trial: ClaimedTrial, accuracy: float = 0.5) -> None:
    for epoch in range(trial.config.recipe.epochs):
        trial.report(curve_point(epoch, accuracy))
    trial.complete(b"weights")


def age_lease(database: Database, trial: ClaimedTrial, seconds: float = 3600) -> None:
    """Let a lease run out without waiting for it."""
    with database.transaction() as connection:
        row = tables.leases.c.trial_id == trial.lease.trial_id
        moment = read_clock(connection) - timedelta(seconds=seconds)
        connection.execute(tables.leases.update().where(row).values(expires_at=moment))


def test_a_worker_waits_while_others_hold_the_last_trials(database: Database) -> None:
    study = make_study(database, trials=1)
    held = claim(TrialQueue(study, "one", "cpu"))
    other = TrialQueue(study, "two", "cpu")
    assert other.claim() is NoTrial.ALL_TAKEN
    finish(held)
    assert other.claim() is NoTrial.ALL_FINISHED


def test_a_finished_trial_keeps_its_figures(database: Database) -> None:
    study = make_study(database)
    trial = claim(TrialQueue(study, "one", "cpu"))
    for epoch, accuracy in enumerate((0.25, 0.5, 0.75)):
        trial.report(curve_point(epoch, accuracy))
    trial.complete(b"the weights")
    stored = read_study_record(study).trial(0)
    assert (stored.state, stored.value, stored.epochs, stored.attempts) == ("COMPLETE", 0.75, 3, 1)
    assert [point.validation_accuracy for point in stored.curve] == [0.25, 0.5, 0.75]
    assert stored.seconds == pytest.approx(0.75)
    assert stored.config == trial.config
    assert stored.weights == trial.config.count_weights()
    assert stored.weights is not None
    assert stored.weights <= study.spec.budget
    assert stored.macs == trial.config.count_macs()
    assert load_trial_weights(study, stored) == b"the weights"


def test_a_trial_given_back_is_the_next_one_claimed_and_is_the_same_trial(database: Database) -> None:
    study = make_study(database)
    queue = TrialQueue(study, "one", "cpu")
    first = claim(queue)
    first.report(curve_point(0, 0.5))
    first.give_back("stopped")
    assert read_study_record(study).counts["WAITING"] == 1
    again = claim(TrialQueue(study, "two", "cpu"))
    assert again.number == first.number
    assert again.config == first.config
    finish(again)
    stored = read_study_record(study).trial(0)
    assert (stored.state, stored.attempts, stored.epochs) == ("COMPLETE", 2, 3)


def test_a_trial_whose_worker_vanished_is_claimed_again_by_another(database: Database) -> None:
    study = make_study(database)
    dead = claim(TrialQueue(study, "one", "cpu"))
    age_lease(database, dead)
    again = claim(TrialQueue(study, "two", "cpu"))
    assert again.number == dead.number
    assert again.lease.attempt == 2


def test_a_live_lease_is_never_reaped(database: Database) -> None:
    study = make_study(database)
    held = claim(TrialQueue(study, "one", "cpu"))
    other = TrialQueue(study, "two", "cpu")
    assert other.reap() == []
    assert claim(other).number != held.number


def test_a_running_trial_without_a_lease_is_freed(database: Database) -> None:
    """Its worker died between the claim and the lease: the trial is RUNNING and has no row."""
    study = make_study(database, trials=1)
    trial_id = database.optuna_storage.create_new_trial(study.study_id)
    queue = TrialQueue(study, "two", "cpu")
    assert queue.reap() == [trial_id]
    finish(claim(queue))
    assert read_study_record(study).counts["COMPLETE"] == 1


def test_a_worker_that_lost_its_lease_writes_nothing_more(database: Database) -> None:
    study = make_study(database)
    zombie = claim(TrialQueue(study, "one", "cpu"))
    age_lease(database, zombie)
    successor = claim(TrialQueue(study, "two", "cpu"))
    for write in (
        zombie.extend_lease,
        lambda: zombie.report(curve_point(0, 0.1)),
        lambda: zombie.complete(b"stale"),
        zombie.prune,
        lambda: zombie.fail("stale"),
        lambda: zombie.give_back("stale"),
    ):
        with pytest.raises(LeaseLostError):
            write()
    stored = read_study_record(study).trial(zombie.number)
    assert (stored.state, stored.epochs) == ("RUNNING", 0)
    finish(successor, 0.75)
    stored = read_study_record(study).trial(zombie.number)
    assert stored.value == 0.75
    assert load_trial_weights(study, stored) == b"weights"


def test_a_lease_lasts_from_each_sign_of_life_as_long_as_it_was_asked_for(database: Database) -> None:
    trial = claim(TrialQueue(make_study(database), "one", "cpu", lease_seconds=7.25))
    for give_a_sign in (trial.extend_lease, lambda: trial.report(curve_point(0, 0.5))):
        age_lease(database, trial)
        give_a_sign()
        with database.transaction() as connection:
            row = connection.execute(sa.select(tables.leases)).one()
            now = read_clock(connection)
        assert row.expires_at - row.seen_at == pytest.approx(timedelta(seconds=7.25), abs=timedelta(milliseconds=1))
        assert timedelta(0) <= now - row.seen_at < timedelta(seconds=120)


def test_a_worker_that_slept_past_its_lease_keeps_a_trial_that_nobody_took(database: Database) -> None:
    study = make_study(database)
    trial = claim(TrialQueue(study, "one", "cpu"))
    age_lease(database, trial)
    trial.extend_lease()
    assert TrialQueue(study, "two", "cpu").reap() == []
    finish(trial)
    assert read_study_record(study).trial(0).attempts == 1


def test_a_second_attempt_keeps_nothing_of_what_the_first_reported(database: Database) -> None:
    study = make_study(database)
    queue = TrialQueue(study, "one", "cpu")
    first = claim(queue)
    first.report(curve_point(0, 0.1))
    first.report(curve_point(1, 0.2))
    first.give_back("stopped")
    second = claim(queue)
    assert read_study_record(study).trial(0).accuracies == {}
    second.report(curve_point(0, 0.5))
    second.prune()
    stored = read_study_record(study).trial(0)
    assert (stored.value, stored.accuracies, stored.epochs) == (0.5, {0: 0.5}, 1)


@on_sqlite_alone
def test_a_draw_that_cannot_be_built_fails_its_trial_and_not_the_worker(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = make_study(database, trials=2)
    queue = TrialQueue(study, "one", "cpu")
    choose = claims.choose_candidate
    monkeypatch.setattr(
        claims,
        "choose_candidate",
        lambda study, history, frozen: 1 / 0 if frozen.number == 0 else choose(study, history, frozen),
    )
    assert claim(queue).number == 1
    stored = read_study_record(study).trial(0)
    assert (stored.state, stored.reason) == ("FAIL", "ZeroDivisionError: division by zero")


def test_a_trial_over_which_three_workers_died_fails_with_that_reason(database: Database) -> None:
    study = make_study(database, trials=1)
    for _ in range(MAXIMUM_DEATHS):
        age_lease(database, claim(TrialQueue(study, "doomed", "cpu")))
    assert TrialQueue(study, "last", "cpu").claim() is NoTrial.ALL_FINISHED
    stored = read_study_record(study).trial(0)
    assert (stored.state, stored.attempts) == ("FAIL", MAXIMUM_DEATHS)
    assert stored.reason == f"gave up after {MAXIMUM_DEATHS} workers died"


def test_giving_back_does_not_count_as_a_death(database: Database) -> None:
    study = make_study(database, trials=1)
    queue = TrialQueue(study, "one", "cpu")
    for _ in range(2 * MAXIMUM_DEATHS):
        claim(queue).give_back("stopped")
    finish(claim(queue))
    assert read_study_record(study).counts["COMPLETE"] == 1


def test_trial_after_trial_failing_stops_the_study_with_the_last_reason(database: Database) -> None:
    study = make_study(database, trials=20)
    queue = TrialQueue(study, "one", "cpu")
    for _ in range(MAXIMUM_FAILURES_IN_A_ROW - 1):
        claim(queue).fail("not in a row of so many")
    finish(claim(queue))
    for index in range(MAXIMUM_FAILURES_IN_A_ROW):
        claim(queue).fail(f"reason {index}")
    with pytest.raises(StudyBrokenError, match="reason 4"):
        queue.claim()
    # The others hear of it, and whoever comes again, until somebody resumes the study with a clean count.
    assert TrialQueue(study, "two", "cpu").claim() is NoTrial.STOPPED
    assert "reason 4" in (read_study_record(study).course.stop_reason or "")
    with database.transaction(claims_of=study.study_id) as connection:
        resume_study(connection, study.study_id)
    finish(claim(queue))


def test_a_stopped_study_gives_no_trial_until_it_is_resumed(database: Database) -> None:
    study = make_study(database, trials=2)
    queue = TrialQueue(study, "one", "cpu")
    held = claim(queue)
    with database.transaction(claims_of=study.study_id) as connection:
        stop_study(connection, study.study_id, "for lunch")
    assert queue.claim() is NoTrial.STOPPED
    assert not queue.beat(held)
    finish(held)
    with database.transaction(claims_of=study.study_id) as connection:
        resume_study(connection, study.study_id)
    finish(claim(queue))


def test_a_study_that_is_stopped_now_asks_for_the_trials_that_are_held(database: Database) -> None:
    study = make_study(database)
    queue = TrialQueue(study, "one", "cpu")
    held = claim(queue)
    assert not queue.beat(held)
    with database.transaction(claims_of=study.study_id) as connection:
        stop_study(connection, study.study_id, "for lunch", gives_back=True)
    assert queue.beat(held)


def test_an_extended_study_gives_as_many_trials_as_it_asks_for_now(database: Database) -> None:
    study = make_study(database, trials=1)
    queue = TrialQueue(study, "one", "cpu")
    finish(claim(queue))
    assert queue.claim() is NoTrial.ALL_FINISHED
    with database.transaction(claims_of=study.study_id) as connection:
        extend_study(connection, study.study_id, 3)
    assert not read_study_record(study).is_finished
    for _ in range(2):
        finish(claim(queue))
    assert queue.claim() is NoTrial.ALL_FINISHED
    record = read_study_record(study)
    assert (record.is_finished, record.trials_wanted) == (True, 3)


def test_a_trial_too_large_for_its_workers_goes_back_and_fails_in_the_end(database: Database) -> None:
    study = make_study(database, trials=1)
    queue = TrialQueue(study, "one", "cpu")
    assert [claim(queue).count_death("out of memory") for _ in range(MAXIMUM_DEATHS - 1)] == [None, None]
    assert claim(queue).count_death("out of memory") == "gave up after 3 attempts: out of memory"
    assert queue.claim() is NoTrial.ALL_FINISHED
    stored = read_study_record(study).trial(0)
    assert (stored.state, stored.reason) == ("FAIL", "gave up after 3 attempts: out of memory")


@on_sqlite_alone
def test_the_same_trial_draws_the_same_whoever_claims_it(database: Database) -> None:
    one = TrialQueue(make_study(database, "a", trials=4), "one", "cpu")
    two = make_study(database, "b", trials=4)
    for index in range(4):
        mine, theirs = claim(one), claim(TrialQueue(two, f"worker {index}", "cpu"))
        assert mine.config == theirs.config
        finish(mine)
        finish(theirs)


@on_sqlite_alone
def test_the_draws_of_a_study_differ_from_trial_to_trial_and_from_seed_to_seed(database: Database) -> None:
    one = TrialQueue(make_study(database, "a", seed=0), "one", "cpu")
    two = TrialQueue(make_study(database, "b", seed=1), "one", "cpu")
    seen = {claim(queue).config.model_dump_json() for queue in (one, two) for _ in range(4)}
    assert len(seen) == 8


@on_sqlite_alone
@pytest.mark.parametrize(
    ("sampler", "pruner"),
    [("random", "median"), ("qmc", "median"), ("gp", "median"), *(("tpe", p) for p in ("asha", "hyperband", "none"))],
)
def test_every_sampler_and_pruner_finishes_a_study_within_budget(database: Database, sampler: str, pruner: str) -> None:
    study = make_study(database, trials=6, epochs=4, sampler=sampler, pruner=pruner)
    queue = TrialQueue(study, "one", "cpu")
    while isinstance(trial := queue.claim(), ClaimedTrial):
        for epoch in range(4):
            if trial.report(curve_point(epoch, 1 / (2 + trial.number))):
                trial.prune()
                break
        else:
            trial.complete(b"w")
    record = read_study_record(study)
    assert record.finished_count == 6
    assert all(trial.weights is not None and trial.weights <= study.spec.budget for trial in record.trials)
    if pruner == "none":
        assert record.counts["PRUNED"] == 0


@on_sqlite_alone
def test_the_median_pruner_stops_a_hopeless_trial_but_never_in_its_last_epoch(database: Database) -> None:
    study = make_study(database, trials=8, epochs=4, pruner="median")
    queue = TrialQueue(study, "one", "cpu")
    for _ in range(4):
        finish(claim(queue), 0.9)
    hopeless = claim(queue)
    answers = [hopeless.report(curve_point(epoch, 0.1)) for epoch in range(4)]
    assert answers == [False, True, True, False]


@on_sqlite_alone
def test_a_grid_visits_every_point_once(database: Database) -> None:
    fields = dict.fromkeys(("width_ratio_2", "width_ratio_3", "width_ratio_4"), 1.0)
    fields |= dict.fromkeys(("weight_decay", "label_smoothing", "dropout", "input_dropout"), 0.0)
    space = fields | {"depth": 2, "lr": [0.1, 0.01, 0.001], "optimizer": ["sgd", "adam"], "activation": "relu"}
    space |= {"batch_norm": False, "batch_size": 16, "initialization": "default", "augmentation": "none"}
    study = make_study(database, trials=6, sampler="grid", space=space)
    queue = TrialQueue(study, "one", "cpu")
    points = set()
    while isinstance(trial := queue.claim(), ClaimedTrial):
        points.add((trial.config.recipe.lr, trial.config.recipe.optimizer))
        finish(trial)
    assert len(points) == 6


def test_a_value_that_is_not_finite_never_becomes_the_best(database: Database) -> None:
    study = make_study(database, trials=2)
    queue = TrialQueue(study, "one", "cpu")
    claim(queue).fail("diverged at epoch 1")
    finish(claim(queue), 0.25)
    record = read_study_record(study)
    assert record.best is not None
    assert (record.best.number, record.best.value) == (1, 0.25)
    assert all(trial.value is None or math.isfinite(trial.value) for trial in record.trials)


def test_a_worker_whose_study_was_deleted_makes_no_trial_of_it(database: Database) -> None:
    study = make_study(database)
    make_study(database, "another")
    queue = TrialQueue(study, "one", "cpu")
    delete_study(study)
    with pytest.raises(StorageError, match="the study was deleted while it was worked on: hpsearch list"):
        queue.claim()
    with database.transaction() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM trials").scalar_one() == 0


def test_what_happened_to_a_trial_is_written_down_in_order(database: Database) -> None:
    study = make_study(database, trials=1)
    queue = TrialQueue(study, "one", "cpu")
    claim(queue).give_back("stopped")
    age_lease(database, claim(queue))
    finish(claim(queue))
    with database.transaction() as connection:
        kinds = connection.execute(sa.select(tables.events.c.kind).order_by(tables.events.c.id)).scalars().all()
    assert kinds == ["claimed", "returned", "claimed", "reaped", "claimed", "complete"]
