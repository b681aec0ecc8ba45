"""What operators may rely on when they stop, resume, requeue, enqueue and delete, whatever the database."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from optuna.storages._rdb import models

from hpsearch.errors import HpsearchError, InputError, LeaseLostError, StorageError
from hpsearch.storage import tables
from hpsearch.storage.blobs import read_blob, write_blobs
from hpsearch.storage.database import Database
from hpsearch.storage.leases import MAXIMUM_DEATHS
from hpsearch.storage.stored_blobs import CHECKPOINT
from hpsearch.tuning.claims import MAXIMUM_FAILURES_IN_A_ROW, ClaimedTrial, NoTrial, StudyBrokenError, TrialQueue
from hpsearch.tuning.operations import (
    check_parameters,
    delete_study,
    enqueue_trial,
    requeue_trials,
    resume_study,
    stop_study,
)
from hpsearch.tuning.records import StudyRecord, read_study_record, store_test_score
from hpsearch.tuning.status import read_status
from hpsearch.tuning.study import Study, UnknownStudyError, load_study
from tests.cli_runs import make_record
from tests.contract.test_claims import age_lease, claim, finish, on_sqlite_alone
from tests.scripted import curve_point, make_study


@pytest.fixture
def database(storage_url: str) -> Iterator[Database]:
    with Database.open(storage_url, create=True) as opened:
        yield opened


def fail(trial: ClaimedTrial, reason: str = "diverged at epoch 1") -> None:
    trial.report(curve_point(0, 0.5))
    trial.fail(reason, "Traceback ...")


def counts(study: Study) -> dict[str, int]:
    return {state: count for state, count in read_study_record(study).counts.items() if count}


# Stop


def test_stopping_again_keeps_the_reason_and_the_moment_and_may_only_become_more_urgent(database: Database) -> None:
    study = make_study(database)
    first = stop_study(study)
    again = stop_study(study)
    assert again.was_stopped
    assert again.course == first.course
    assert stop_study(study, gives_back=True).course.gives_back
    assert stop_study(study).course.gives_back


@on_sqlite_alone
def test_a_study_that_failures_stopped_keeps_their_reason_when_it_is_stopped_by_hand(database: Database) -> None:
    study = make_study(database, trials=20)
    queue = TrialQueue(study, "one", "cpu")
    for _ in range(MAXIMUM_FAILURES_IN_A_ROW):
        fail(claim(queue), "no such kernel")
    with pytest.raises(StudyBrokenError):
        queue.claim()
    assert "no such kernel" in str(stop_study(study, gives_back=True).course.stop_reason)


def test_a_trial_whose_worker_is_gone_is_not_said_to_run(database: Database) -> None:
    study = make_study(database)
    age_lease(database, claim(TrialQueue(study, "gone", "cpu")))
    assert stop_study(study).held == ()


# Resume


def test_a_study_may_ask_for_fewer_but_never_for_fewer_than_it_has(database: Database) -> None:
    study = make_study(database, trials=8)
    queue = TrialQueue(study, "one", "cpu")
    for _ in range(3):
        finish(claim(queue))
    with pytest.raises(InputError, match=r"has 3 trials already, so it cannot ask for 2: give --trials 3 or more"):
        resume_study(study, trials=2)
    resume_study(study, trials=3)
    assert queue.claim() is NoTrial.ALL_FINISHED


@on_sqlite_alone
def test_a_study_that_is_refused_to_grow_stays_stopped(database: Database) -> None:
    study = make_study(database)
    stop_study(study)
    with pytest.raises(InputError, match="1,000,000"):
        resume_study(study, trials=1_000_001)
    course = read_study_record(study).course
    assert (course.is_stopped, course.trials, course.resumed_at) == (True, None, None)


def make_grid(database: Database) -> Study:
    """A study of a grid of 4 points."""
    open_study = make_study(database, "all")
    only = {name: _first_value(distribution) for name, distribution in open_study.space.distributions.items()}
    space = only | {"optimizer": ["adam", "sgd"], "batch_size": [32, 64]}
    return make_study(database, "grid", trials=3, sampler="grid", space=space)


def _first_value(distribution: Any) -> Any:
    return distribution.values[0] if hasattr(distribution, "values") else distribution.low


@on_sqlite_alone
def test_a_study_of_a_grid_grows_no_further_than_its_grid(database: Database) -> None:
    study = make_grid(database)
    assert resume_study(study, added=1).trials == 4
    with pytest.raises(
        InputError, match=r"a grid of 4 points, so it cannot ask for 5 trials: give --trials 4 or fewer"
    ):
        resume_study(study, added=1)


def test_a_study_that_broke_is_forgiven_and_may_fail_as_often_again(database: Database) -> None:
    study = make_study(database, trials=20)
    queue = TrialQueue(study, "one", "cpu")
    for _ in range(2):
        for _ in range(MAXIMUM_FAILURES_IN_A_ROW):
            fail(claim(queue))
        with pytest.raises(StudyBrokenError):
            queue.claim()
        assert queue.claim() is NoTrial.STOPPED
        resume_study(study)
    assert claim(queue).number == 2 * MAXIMUM_FAILURES_IN_A_ROW


# Requeue


def test_a_failed_trial_put_back_is_the_same_trial_without_its_past(database: Database) -> None:
    study = make_study(database, trials=2)
    queue = TrialQueue(study, "one", "cpu")
    failed = claim(queue)
    fail(failed)
    with database.transaction() as connection:
        write_blobs(connection, study.study_id, failed.lease.trial_id, {CHECKPOINT: b"the state of then"})
    assert requeue_trials(study, [0]) == [0]
    stored = read_study_record(study).trial(0)
    assert (stored.state, stored.reason, stored.value, stored.seconds) == ("WAITING", None, None, None)
    assert (stored.epochs, stored.curve, stored.finished_at) == (0, (), None)
    assert "traceback" not in database.optuna_storage.get_trial(stored.trial_id).user_attrs
    with database.transaction() as connection:
        assert read_blob(connection, stored.trial_id, CHECKPOINT) is None
    again = claim(queue)
    assert (again.number, again.config, again.curve, again.checkpoint) == (0, failed.config, [], None)
    finish(again)
    stored = read_study_record(study).trial(0)
    assert (stored.state, stored.value, stored.reason) == ("COMPLETE", 0.5, None)


def test_the_deaths_of_a_trial_put_back_are_forgotten(database: Database) -> None:
    study = make_study(database, trials=1)
    for _ in range(MAXIMUM_DEATHS):
        age_lease(database, claim(TrialQueue(study, "one", "cpu")))
    queue = TrialQueue(study, "two", "cpu")
    assert queue.claim() is NoTrial.ALL_FINISHED
    assert "gave up" in str(read_study_record(study).trial(0).reason)
    requeue_trials(study, [0])
    for _ in range(MAXIMUM_DEATHS - 1):
        age_lease(database, claim(queue))
    finish(claim(queue))
    assert counts(study) == {"COMPLETE": 1}


def test_a_trial_whose_worker_is_gone_can_be_put_back_and_its_worker_writes_nothing_more(database: Database) -> None:
    study = make_study(database)
    gone = claim(TrialQueue(study, "gone", "cpu"))
    age_lease(database, gone)
    requeue_trials(study, [0])
    assert counts(study) == {"WAITING": 1}
    with pytest.raises(LeaseLostError):
        gone.report(curve_point(0, 0.5))


def test_a_running_trial_without_a_lease_can_be_put_back(database: Database) -> None:
    study = make_study(database)
    database.optuna_storage.create_new_trial(study.study_id)
    requeue_trials(study, [0])
    assert counts(study) == {"WAITING": 1}


def test_only_trials_that_failed_or_are_nobody_s_are_put_back_and_all_or_none(database: Database) -> None:
    study = make_study(database, trials=6)
    queue = TrialQueue(study, "one", "cpu")
    fail(claim(queue))
    finish(claim(queue))
    pruned = claim(queue)
    pruned.report(curve_point(0, 0.1))
    pruned.prune()
    returned = claim(queue)
    claim(TrialQueue(study, "alive", "cpu"))
    returned.give_back("stopped")
    refusals = {
        1: "trial 1 of 'study' is COMPLETE",
        2: "trial 2 of 'study' is PRUNED",
        3: "trial 3 of 'study' waits already",
        4: r"trial 4 of 'study' is held by alive, which is alive: hpsearch stop study --now",
        9: "study 'study' has no trial 9: it has 0 to 4",
    }
    for number, message in refusals.items():
        with pytest.raises(InputError, match=message):
            requeue_trials(study, [0, number])
    assert counts(study) == {"COMPLETE": 1, "PRUNED": 1, "FAIL": 1, "RUNNING": 1, "WAITING": 1}
    assert requeue_trials(study, [0, 0]) == [0]


@on_sqlite_alone
def test_a_study_without_trials_has_none_to_put_back(database: Database) -> None:
    with pytest.raises(InputError, match="has no trial 0: it has no trials yet"):
        requeue_trials(make_study(database), [0])


def test_whoever_has_the_study_open_sees_that_a_finished_trial_went_back(storage_url: str) -> None:
    """Optuna keeps finished trials in each process, and believes that they never change."""
    with Database.open(storage_url, create=True) as mine, Database.open(storage_url) as another:
        study = make_study(mine, trials=1)
        fail(claim(TrialQueue(study, "one", "cpu")), "the first time")
        watching = load_study(another, "study")
        assert read_study_record(watching).counts["FAIL"] == 1
        requeue_trials(study, [0])
        assert read_study_record(watching).counts == read_study_record(study).counts
        assert read_study_record(watching).counts["WAITING"] == 1
        theirs = claim(TrialQueue(watching, "two", "cpu"))
        finish(theirs)
        for view in (study, watching):
            assert read_study_record(view).trial(0).state == "COMPLETE"
            assert read_study_record(view).best is not None


def test_whoever_has_the_study_open_sees_why_a_trial_failed_the_second_time(storage_url: str) -> None:
    with Database.open(storage_url, create=True) as mine, Database.open(storage_url) as another:
        study = make_study(mine, trials=1)
        queue = TrialQueue(study, "one", "cpu")
        fail(claim(queue), "the first time")
        watching = load_study(another, "study")
        assert read_study_record(watching).trial(0).reason == "the first time"
        requeue_trials(study, [0])
        fail(claim(queue), "the second time")
        assert read_study_record(watching).trial(0).reason == "the second time"


def test_what_operators_did_is_written_down(database: Database) -> None:
    study = make_study(database, trials=2)
    fail(claim(TrialQueue(study, "one", "cpu")))
    stop_study(study)
    requeue_trials(study, [0])
    enqueue_trial(study, {"lr": 0.01})
    resume_study(study, added=1)
    with database.transaction() as connection:
        query = sa.select(tables.events.c.kind).order_by(tables.events.c.id)
        kinds = list(connection.execute(query).scalars())
    assert kinds == ["claimed", "fail", "stopped", "requeued", "enqueued", "extended", "resumed"]


# Enqueue


def test_an_enqueued_trial_comes_next_with_what_it_was_given_and_the_rest_drawn(database: Database) -> None:
    study = make_study(database, trials=3, space={"optimizer": ["adam", "adamw"]})
    queue = TrialQueue(study, "one", "cpu")
    finish(claim(queue))
    assert enqueue_trial(study, {"lr": 0.0123, "initialization": "xavier_uniform"}) == 1
    assert counts(study) == {"COMPLETE": 1, "WAITING": 1}
    trial = claim(queue)
    assert (trial.number, trial.config.recipe.lr, trial.config.recipe.initialization) == (1, 0.0123, "xavier_uniform")
    stored = read_study_record(study).trial(1)
    assert (stored.parameters["lr"], stored.parameters["initialization"]) == (0.0123, "xavier_uniform")
    assert stored.parameters.keys() == read_study_record(study).trial(0).parameters.keys()
    finish(trial)
    finish(claim(queue))
    assert queue.claim() is NoTrial.ALL_FINISHED
    assert counts(study) == {"COMPLETE": 3}


@on_sqlite_alone
def test_a_trial_s_whole_draw_makes_the_same_network_again(database: Database) -> None:
    study = make_study(database)
    queue = TrialQueue(study, "one", "cpu")
    first = claim(queue)
    finish(first)
    enqueue_trial(study, read_study_record(study).trial(0).parameters)
    again = claim(queue)
    assert (again.number, again.config.architecture) == (1, first.config.architecture)
    assert again.config.recipe == first.config.recipe


def test_a_study_that_has_all_its_trials_takes_no_more(database: Database) -> None:
    study = make_study(database, trials=1)
    claim(TrialQueue(study, "one", "cpu"))
    with pytest.raises(InputError, match=r"all the 1 trials .* hpsearch resume study --trials \+1"):
        enqueue_trial(study, {"lr": 0.01})
    resume_study(study, added=1)
    assert enqueue_trial(study, {"lr": 0.01}) == 1


def test_two_who_enqueue_at_once_get_a_slot_each_or_none(storage_url: str) -> None:
    def enqueue(_index: int) -> int | None:
        with Database.open(storage_url, check=False) as own:
            try:
                return enqueue_trial(load_study(own, "study"), {"lr": 0.01})
            except InputError:
                return None

    with Database.open(storage_url, create=True) as database:
        study = make_study(database, trials=3)
        with ThreadPoolExecutor(4) as pool:
            numbers = list(pool.map(enqueue, range(6)))
        assert sorted(number for number in numbers if number is not None) == [0, 1, 2]
        assert [trial.number for trial in read_study_record(study).trials] == [0, 1, 2]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"lr": "fast"}, r"lr = 'fast' is not searched"),
        ({"lr": float("nan")}, "lr = nan is not searched"),
        ({"lr": True}, "lr = True is not searched"),
        ({"optimizer": "adamm"}, r"optimizer = 'adamm' .* it takes .*adam"),
        ({"optimizer": ["adam"]}, r"optimizer = \['adam'\]"),
        ({"depth": 2.5}, r"depth = 2\.5 is not searched"),
    ],
)
def test_a_value_that_the_study_does_not_search_is_refused_with_what_it_takes(
    parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        check_parameters(make_record().study, parameters)


@on_sqlite_alone
def test_what_the_study_holds_fixed_may_be_given_as_it_is_and_not_otherwise(database: Database) -> None:
    study = make_study(database, space={"optimizer": "sgd"})
    enqueue_trial(study, {"optimizer": "sgd", "lr": 0.01})
    with pytest.raises(InputError, match=r"optimizer = 'adam' .* it takes sgd"):
        enqueue_trial(study, {"optimizer": "adam"})
    assert "optimizer" not in claim_parameters(study)


def claim_parameters(study: Study) -> dict[str, Any]:
    trial = claim(TrialQueue(study, "one", "cpu"))
    return dict(read_study_record(study).trial(trial.number).parameters)


@on_sqlite_alone
def test_a_whole_number_for_a_real_one_is_taken(database: Database) -> None:
    study = make_study(database, space={"lr": {"low": 0.5, "high": 2.0}})
    enqueue_trial(study, {"lr": 1})
    assert claim_parameters(study)["lr"] == 1.0


@on_sqlite_alone
def test_a_study_of_a_grid_takes_no_trial_from_outside(database: Database) -> None:
    study = make_grid(database)
    with pytest.raises(InputError, match="walks a grid"):
        enqueue_trial(study, {"optimizer": "adam"})


# Delete


def count_rows(database: Database) -> dict[str, int]:
    with database.transaction() as connection:
        known = [*models.BaseModel.metadata.sorted_tables, *tables.metadata.sorted_tables]
        counted = {
            table.name: connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in known
        }
    return {name: count for name, count in counted.items() if count}


def fill(study: Study) -> StudyRecord:
    """Something in every table."""
    queue = TrialQueue(study, "one", "cpu")
    finish(claim(queue))
    fail(claim(queue))
    enqueue_trial(study, {"lr": 0.01})
    resume_study(study, added=2)
    record = read_study_record(study)
    store_test_score(study, record.trial(0), accuracy=0.5, loss=1.0, images=20)
    study.database.optuna_storage.set_study_system_attr(study.study_id, "key", "value")
    return record


def test_a_deleted_study_leaves_no_row_and_the_others_lose_none(database: Database) -> None:
    other = make_study(database, "other")
    fill(other)
    before = count_rows(database)
    study = make_study(database, "study")
    fill(study)
    assert all(count > before.get(name, 0) for name, count in count_rows(database).items() if name not in ONCE)
    delete_study(study)
    assert count_rows(database) == before
    with pytest.raises(UnknownStudyError, match="'study'"):
        load_study(database, "study")
    assert read_study_record(other).counts["COMPLETE"] == 1


ONCE = ("version_info", "hpsearch_layout")
"""Tables with one row however many studies there are."""


def test_a_new_study_of_a_deleted_one_s_name_begins_with_nothing(database: Database) -> None:
    study = make_study(database, trials=3)
    fill(study)
    stop_study(study)
    delete_study(study)
    again = make_study(database, trials=3)
    record = read_study_record(again)
    assert (record.trials, record.trials_wanted, record.course.is_stopped) == ((), 3, False)
    held = claim(TrialQueue(again, "one", "cpu"))
    assert (held.number, held.lease.attempt, held.checkpoint) == (0, 1, None)
    assert read_study_record(again).test_openings == 0


def test_a_study_that_is_worked_on_is_not_deleted(database: Database) -> None:
    study = make_study(database)
    held = claim(TrialQueue(study, "host-1", "cpu"))
    with pytest.raises(InputError, match=r"at work: host-1 \(trial 0\).* hpsearch stop study --now"):
        delete_study(study)
    age_lease(database, held)
    delete_study(study)
    with pytest.raises(LeaseLostError):
        held.report(curve_point(0, 0.5))
    assert count_rows(database).keys() <= set(ONCE)


def test_a_worker_between_two_trials_of_a_deleted_study_makes_none(database: Database) -> None:
    study = make_study(database)
    queue = TrialQueue(study, "one", "cpu")
    finish(claim(queue))
    delete_study(study)
    with pytest.raises(StorageError, match="deleted"):
        queue.claim()
    assert count_rows(database).keys() <= set(ONCE)


# Together


def test_operations_while_workers_claim_lose_and_double_nothing(storage_url: str) -> None:
    def work(name: str) -> list[int]:
        numbers: list[int] = []
        with Database.open(storage_url, check=False) as own:
            queue = TrialQueue(load_study(own, "study"), name, "cpu")
            while not isinstance(trial := queue.claim(), NoTrial):
                finish(trial)
                numbers.append(trial.number)
        return numbers

    def operate() -> None:
        with Database.open(storage_url, check=False) as own:
            study = load_study(own, "study")
            for _ in range(6):
                resume_study(study, added=1)
                with_room = resume_study(study, added=1)
                assert with_room.trials > with_room.trials_before
                try:
                    enqueue_trial(study, {"lr": 0.01})
                except HpsearchError as error:
                    assert "has all the" in str(error)  # noqa: PT017 - a worker may have been faster

    with Database.open(storage_url, create=True) as database:
        study = make_study(database, trials=12)
        with ThreadPoolExecutor(4) as pool:
            working = [pool.submit(work, f"worker {index}") for index in range(3)]
            pool.submit(operate).result()
            numbers = [number for future in working for number in future.result()]
        numbers += work("the last")
        record = read_study_record(study)
        assert record.trials_wanted == 24
        assert sorted(numbers) == list(range(24))
        assert record.counts["COMPLETE"] == 24


# Status


def test_a_status_has_a_row_for_each_trial_that_runs_and_what_was_lost(database: Database) -> None:
    study = make_study(database, trials=6)
    finish(claim(TrialQueue(study, "one", "cpu")), 0.75)
    claim(TrialQueue(study, "two", "cuda:1")).give_back("stopped")
    age_lease(database, claim(TrialQueue(study, "three", "cpu")))
    again = claim(TrialQueue(study, "four", "cpu"))
    again.report(curve_point(0, 0.25))
    age_lease(database, claim(TrialQueue(study, "gone", "cpu")), seconds=1)
    found = read_status(study)
    alive, gone = found.held
    assert (alive.worker, alive.device, alive.number, alive.attempt) == ("four", "cpu", 1, 3)
    assert (alive.epochs, alive.validation_accuracy, alive.is_live) == (1, 0.25, True)
    assert alive.lease_seconds is not None
    assert 0 < alive.lease_seconds <= 30
    assert alive.silent_seconds is not None
    assert 0 <= alive.silent_seconds < 30
    assert (gone.worker, gone.number, gone.is_live) == ("gone", 2, False)
    assert gone.lease_seconds is not None
    assert gone.lease_seconds < 0
    assert (found.deaths, found.returns, found.live_workers) == (1, 1, 1)
    assert found.pace is not None
    assert found.pace.trials_per_hour == pytest.approx(3600 / found.pace.seconds)
    assert found.pace.epochs_per_hour == pytest.approx(3 * 3600 / found.pace.seconds)
