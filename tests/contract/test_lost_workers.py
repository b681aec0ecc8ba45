"""Workers that were lost with their machine: their trials go on at once, and it counts to none of them."""

import pytest
import sqlalchemy as sa

from hpsearch.storage.database import Database
from hpsearch.storage.lost_workers import MOST_FORGIVEN_ATTEMPTS
from hpsearch.storage.tables import leases
from hpsearch.tuning.claimed_trial import ClaimedTrial
from hpsearch.tuning.claims import TrialQueue
from hpsearch.tuning.lost_workers import free_lost_trials
from hpsearch.tuning.records import read_study_record
from hpsearch.tuning.study import Study, load_study
from tests.fault.studies import make, read
from tests.scripted import curve_point

REASON = "node b died"


def claim(study: Study, worker: str) -> ClaimedTrial:
    trial = TrialQueue(study, worker, "cpu", checkpoint_seconds=0.0).claim()
    assert isinstance(trial, ClaimedTrial)
    return trial


def change_lease(study: Study, trial: ClaimedTrial, **values: object) -> None:
    with study.database.transaction() as connection:
        row = leases.c.trial_id == trial.lease.trial_id
        connection.execute(leases.update().where(row).values(**values))


def let_expire(study: Study, trial: ClaimedTrial) -> None:
    """A lease without an end is over, and somebody sees it."""
    change_lease(study, trial, expires_at=None)
    assert TrialQueue(study, "reaper", "cpu").reap() == [trial.lease.trial_id]


def read_deaths(study: Study) -> list[int]:
    with study.database.transaction() as connection:
        query = sa.select(leases.c.deaths).where(leases.c.study_id == study.study_id).order_by(leases.c.trial_id)
        return list(connection.execute(query).scalars())


def test_what_workers_of_a_place_hold_is_given_back_and_the_others_keep_theirs(storage_url: str) -> None:
    make(storage_url, trials=4)
    with Database.open(storage_url) as database:
        study = load_study(database, "study")
        held = [claim(study, name) for name in ("host-1@a", "host-2@b", "host-3@b", "host-4@ab")]
        held[1].report(curve_point(0, 0.5), b"checkpoint")
        assert free_lost_trials(storage_url, "study", "@b", REASON) == [1, 2]
        assert free_lost_trials(storage_url, "study", "@b", REASON) == []
        states = [trial.state for trial in read_study_record(study).trials]
        assert states == ["RUNNING", "WAITING", "WAITING", "RUNNING"]
        assert read_deaths(study) == [0, 0, 0, 0]
        again = claim(study, "host-5@a")
        assert (again.number, len(again.curve)) == (1, 1)


def test_one_worker_is_named_whole(storage_url: str) -> None:
    make(storage_url, trials=2)
    with Database.open(storage_url) as database:
        study = load_study(database, "study")
        claim(study, "host-11@a")
        claim(study, "host-1@a")
        assert free_lost_trials(storage_url, "study", "host-1@a", "out of memory") == [1]


def test_a_death_that_was_counted_before_is_taken_back_once(storage_url: str) -> None:
    make(storage_url, trials=1)
    with Database.open(storage_url) as database:
        study = load_study(database, "study")
        let_expire(study, claim(study, "host-1@a"))
        let_expire(study, claim(study, "host-2@b"))
        assert read_deaths(study) == [2]
        assert free_lost_trials(storage_url, "study", "@b", REASON) == [0]
        assert free_lost_trials(storage_url, "study", "@b", REASON) == []
        assert read_deaths(study) == [1]


def test_a_trial_that_was_given_up_for_it_goes_on(storage_url: str) -> None:
    make(storage_url, trials=1)
    with Database.open(storage_url) as database:
        study = load_study(database, "study")
        for name in ("host-1@a", "host-2@a", "host-3@b"):
            let_expire(study, claim(study, name))
        assert read(storage_url).counts["FAIL"] == 1
        assert free_lost_trials(storage_url, "study", "@b", REASON) == [0]
        assert (read(storage_url).counts["WAITING"], read_deaths(study)) == (1, [2])
        trial = claim(study, "host-4@a")
        for epoch in range(3):
            trial.report(curve_point(epoch, 0.5), b"checkpoint")
        trial.complete(b"weights")
    assert read(storage_url).counts["COMPLETE"] == 1


def test_a_trial_that_no_machine_bears_ends(storage_url: str) -> None:
    make(storage_url, trials=1)
    with Database.open(storage_url) as database:
        study = load_study(database, "study")
        change_lease(study, claim(study, "host-1@a"), attempts=MOST_FORGIVEN_ATTEMPTS + 1)
        assert free_lost_trials(storage_url, "study", "@a", "out of memory") == []


@pytest.mark.parametrize("worker", ["@", "@%", "@_"])
def test_no_other_place_is_meant(storage_url: str, worker: str) -> None:
    make(storage_url, trials=1)
    with Database.open(storage_url) as database:
        claim(load_study(database, "study"), "host-1@a")
        assert free_lost_trials(storage_url, "study", worker, REASON) == []
