"""What a study in rounds promises, whatever the database: the same trials whoever works on it and however often."""

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from hpsearch.errors import InputError
from hpsearch.storage.database import Database
from hpsearch.study.round_plan import TRIAL_SECONDS
from hpsearch.tuning.claimed_trial import ClaimedTrial
from hpsearch.tuning.claims import NoTrial, TrialQueue
from hpsearch.tuning.operations import enqueue_trial, resume_study
from hpsearch.tuning.records import read_study_record
from hpsearch.tuning.study import Study, load_study
from tests.contract.test_claims import age_lease, claim
from tests.hand_clock import HandClock
from tests.scripted import curve_point, make_study

ROUNDS = {"rounds": [{"trials": 4, "epochs": 1}, {"trials": 2, "epochs": 2}, {"trials": 1, "epochs": 5}]}
ACCURACIES = (0.3, 0.6, 0.5, 0.4, 0.61, 0.62, 0.7)


@pytest.fixture
def database(storage_url: str) -> Iterator[Database]:
    with Database.open(storage_url, create=True) as opened:
        yield opened


def make_round_study(database: Database, **fields: Any) -> Study:
    return make_study(database, trials=None, epochs=None, **({"round_plan": ROUNDS} | fields))  # type: ignore[arg-type]


def finish_with(trial: ClaimedTrial, accuracy: float) -> None:
    for epoch in range(len(trial.curve), trial.config.recipe.epochs):
        trial.report(curve_point(epoch, accuracy), b"checkpoint")
    trial.complete(b"weights")


def finish_round(queue: TrialQueue, count: int) -> None:
    for _ in range(count):
        trial = claim(queue)
        finish_with(trial, ACCURACIES[trial.number % len(ACCURACIES)])


def test_each_round_trains_the_best_of_the_one_before_for_longer(database: Database) -> None:
    study = make_round_study(database)
    finish_round(TrialQueue(study, "one", "cpu"), 7)
    record = read_study_record(study)
    assert TrialQueue(study, "one", "cpu").claim() is NoTrial.ALL_FINISHED
    assert [trial.epochs for trial in record.trials] == [1, 1, 1, 1, 2, 2, 5]
    assert [trial.promoted_from for trial in record.trials] == [None] * 4 + [1, 2, 5]
    assert [record.find_round(trial) for trial in record.trials] == [1, 1, 1, 1, 2, 2, 3]
    for trial in record.trials[4:]:
        first = record.find_first(trial)
        assert trial.parameters == first.parameters
        assert trial.config is not None
        assert first.config is not None
        assert trial.config.architecture == first.config.architecture
        assert trial.config.seed != first.config.seed
    assert record.is_finished
    assert record.best is record.trials[6]
    assert [trial.number for trial in record.distinct_ranking] == [6, 4, 3, 0]


def test_each_kind_of_network_goes_on_before_one_goes_on_again(database: Database) -> None:
    queue = TrialQueue(make_round_study(database), "one", "cpu")
    trials = [claim(queue) for _ in range(4)]
    depths = [len(trial.config.architecture.widths) for trial in trials]
    most = max(depths, key=depths.count)
    assert 2 <= depths.count(most) < 4, "the draws make the test"
    for trial, depth in zip(trials, depths, strict=True):
        finish_with(trial, 0.9 if depth == most else 0.1)
    first, second = claim(queue).config.architecture, claim(queue).config.architecture
    assert (len(first.widths) == most, len(second.widths) == most) == (True, False)


def test_what_was_given_first_goes_on_to_the_last_round_though_others_learn_faster(database: Database) -> None:
    study = make_round_study(database)
    enqueue_trial(study, {"lr": 0.004})
    queue = TrialQueue(study, "one", "cpu")
    for accuracy in (0.88, 0.9, 0.89, 0.7, 0.91, 0.92, 0.93):
        finish_with(claim(queue), accuracy)
    promoted = [trial.promoted_from for trial in read_study_record(study).trials]
    assert (promoted[4], promoted[6]) == (0, 4)


def test_a_load_that_is_gone_takes_nothing_from_the_last_round(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two trials have half of a core, two a whole one: the last round takes the time that a whole one leaves."""
    clock, cpu_seconds = HandClock(), 0.0
    monkeypatch.setattr(time, "process_time", lambda: cpu_seconds)
    plan = {
        "rounds": [{"trials": 4, "epochs": 1}, {"trials": 1, "epochs": 10}],
        "seconds": 1000.0,
        "epoch_seconds": 10.0,
        "speed": {"seconds_per_mac": 1.0, "seconds_per_value": 0.0},
    }
    queue = TrialQueue(make_round_study(database, round_plan=plan), "one", "cpu", clock=clock)
    for cores in (0.5, 0.5, 1.0, 1.0):
        trial = claim(queue)
        clock.sleep(10 / cores)
        cpu_seconds += 10
        trial.report(replace(curve_point(0, 0.9 - trial.number / 100), seconds=10 / cores), b"checkpoint")
        trial.complete(b"weights")
    assert claim(queue).config.recipe.epochs == int((1000 - 60 - 5 * TRIAL_SECONDS) / 10)


def test_a_round_waits_for_the_trials_of_the_one_before(database: Database) -> None:
    study = make_round_study(database)
    one, two = TrialQueue(study, "one", "cpu"), TrialQueue(study, "two", "cpu")
    finish_round(one, 3)
    held = claim(one)
    assert two.claim() is NoTrial.ROUND_TAKEN
    finish_with(held, ACCURACIES[held.number])
    first, second = claim(two), claim(one)
    assert (first.number, second.number) == (4, 5)
    assert two.claim() is NoTrial.ROUND_TAKEN
    finish_with(first, 0.61)
    finish_with(second, 0.62)
    last = claim(two)
    assert one.claim() is NoTrial.ALL_TAKEN
    finish_with(last, 0.7)
    assert one.claim() is NoTrial.ALL_FINISHED


def test_who_dies_in_a_round_changes_nothing_of_what_comes_of_it(database: Database) -> None:
    whole, killed = make_round_study(database), make_round_study(database, name="killed")
    finish_round(TrialQueue(whole, "one", "cpu"), 7)
    deaths = 0
    for step in range(20):
        queue = TrialQueue(load_study(database, "killed"), f"worker {step}", "cpu")
        trial = queue.claim()
        if not isinstance(trial, ClaimedTrial):
            break
        if step % 2 == 0:
            deaths += 1
            age_lease(database, trial)
            continue
        finish_with(trial, ACCURACIES[trial.number])
    expected, found = (read_study_record(study) for study in (whole, killed))
    assert deaths == 7
    assert found.is_finished
    assert [trial.config for trial in found.trials] == [trial.config for trial in expected.trials]
    assert [trial.promoted_from for trial in found.trials] == [trial.promoted_from for trial in expected.trials]


@pytest.mark.parametrize(("added", "asked"), [(1, 14), (7, 14), (8, 21), (50, 63)])
def test_so_many_more_are_as_many_as_fill_the_rounds(database: Database, added: int, asked: int) -> None:
    study = make_round_study(database)
    resumed = resume_study(study, added=added)
    assert (resumed.trials_before, resumed.trials, resumed.together) == (7, asked, 7)
    assert read_study_record(study).trials_wanted == asked


def test_a_failed_trial_is_never_promoted(database: Database) -> None:
    study = make_round_study(database)
    queue = TrialQueue(study, "one", "cpu")
    claim(queue).fail("it did")
    finish_round(queue, 3)
    numbers = []
    for _ in range(2):
        trial = claim(queue)
        numbers.append(read_study_record(study).trial(trial.number).promoted_from)
        finish_with(trial, 0.5)
    assert numbers == [1, 2]


def test_a_sampler_learns_from_the_trials_that_were_drawn(database: Database) -> None:
    study = make_round_study(database, sampler="tpe")
    queue = TrialQueue(study, "one", "cpu")
    finish_round(queue, 7)
    resume_study(study, added=7)
    claim(queue)
    shown = queue._history.open_for_sampling().get_trials()
    assert [trial.number for trial in shown] == [0, 1, 2, 3, 7]


def test_more_trials_are_whole_rounds_that_begin_anew(database: Database) -> None:
    study = make_round_study(database)
    finish_round(TrialQueue(study, "one", "cpu"), 7)
    with pytest.raises(InputError, match=r"rounds of 7 trials together, so it cannot ask for 8: give --trials \+7"):
        resume_study(study, trials=8)
    assert resume_study(study, added=7).trials == 14
    finish_round(TrialQueue(study, "one", "cpu"), 7)
    record = read_study_record(study)
    assert record.is_finished
    # The best two of the first pass went on then: now the best that it left over, and the best of the new ones.
    assert [trial.promoted_from for trial in record.trials[11:13]] == [8, 9]
    assert len(record.rounds) == 6


def test_a_configuration_of_ones_own_is_one_of_the_first_round_or_refused(database: Database) -> None:
    study = make_round_study(database)
    queue = TrialQueue(study, "one", "cpu")
    finish_round(queue, 2)
    assert enqueue_trial(study, {"lr": 0.002}) == 2
    assert claim(queue).config.recipe.lr == 0.002
    assert enqueue_trial(study, {}) == 3
    with pytest.raises(InputError, match=r"has begun all the trials that it draws.*--trials \+7"):
        enqueue_trial(study, {})
