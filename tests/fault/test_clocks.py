"""Clocks that are wrong: a worker's own decides nothing about leases, the database's does."""

from collections.abc import Iterator

import pytest

from hpsearch.storage.database import Database
from hpsearch.tuning.claims import TrialQueue
from hpsearch.tuning.records import read_study_record
from hpsearch.tuning.study import Study
from tests.contract.test_claims import age_lease, claim, finish
from tests.hand_clock import HandClock
from tests.scripted import make_study

pytestmark = [pytest.mark.fault]

YEAR = 365 * 24 * 3600.0


@pytest.fixture
def study(storage_url: str) -> Iterator[Study]:
    with Database.open(storage_url, create=True) as database:
        yield make_study(database, trials=2)


@pytest.mark.parametrize("years", [0.0, 100.0])
def test_workers_whose_clocks_are_off_by_decades_agree_on_who_holds_what(study: Study, years: float) -> None:
    right = TrialQueue(study, "right", "cpu")
    wrong = TrialQueue(study, "wrong", "cpu", clock=HandClock(years * YEAR))
    mine, theirs = claim(right), claim(wrong)
    assert (right.reap(), wrong.reap()) == ([], [])
    age_lease(study.database, theirs)
    assert right.reap() == [theirs.lease.trial_id]
    age_lease(study.database, mine)
    assert wrong.reap() == [mine.lease.trial_id]
    finish(claim(wrong))
    finish(claim(right))
    assert read_study_record(study).counts["COMPLETE"] == 2


def test_a_clock_that_jumps_makes_a_worker_wait_with_reaping_and_nothing_worse(study: Study) -> None:
    clock = HandClock(50 * YEAR)
    jumping = TrialQueue(study, "jumping", "cpu", clock=clock)
    dead = claim(TrialQueue(study, "dead", "cpu"))
    held = claim(jumping)
    age_lease(study.database, dead)
    for jump in (YEAR, -YEAR):
        clock.time += jump
        assert jumping.beat(held) is False
        assert read_study_record(study).counts["RUNNING"] == 2
        for _ in range(2):
            clock.time += 10
            jumping.beat(held)
        assert read_study_record(study).counts["RUNNING"] == 2
    clock.time += 11
    jumping.beat(held)
    assert read_study_record(study).counts["WAITING"] == 1
    finish(held)
    finish(claim(jumping))
    assert read_study_record(study).counts["COMPLETE"] == 2
