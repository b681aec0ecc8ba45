from typing import Any

import pytest

from hpsearch.reporting.record_words import describe_counts, list_failures, name_trials
from hpsearch.sessions.how_far import measure_progress
from hpsearch.tuning.records import LeaseRecord
from tests.cli_runs import make_record, make_trial


def lease(**fields: Any) -> LeaseRecord:
    given = {"worker": "w", "device": "cpu", "attempts": 1, "epoch": None, "validation_accuracy": None, "is_live": True}
    return LeaseRecord(**given | fields)


def test_the_rest_is_forecast_from_what_a_finished_trial_cost_pruned_ones_included() -> None:
    record = make_record(make_trial(0, value=0.8, seconds=30.0), make_trial(1, "PRUNED", value=0.4, seconds=10.0))
    progress = measure_progress(record, workers=2)
    assert (progress.finished, progress.wanted) == (2, 4)
    assert progress.remaining_seconds == pytest.approx(20.0 * 2 / 2)


def test_a_running_trial_counts_by_the_epochs_that_its_attempt_has_trained() -> None:
    # An earlier attempt had come to epoch 7: those values are still there, the lease says what is true now.
    running = make_trial(1, "RUNNING", accuracies=dict.fromkeys(range(8), 0.5), lease=lease(epoch=4))
    progress = measure_progress(make_record(make_trial(0, value=0.8, seconds=30.0), running), workers=1)
    assert progress.trials_done == pytest.approx(1.5)
    assert progress.remaining_seconds == pytest.approx(30.0 * 2.5)


def test_nothing_is_forecast_before_a_trial_has_ended() -> None:
    assert measure_progress(make_record(make_trial(0, "RUNNING", lease=lease())), workers=2).remaining_seconds is None


def test_failed_trials_do_not_make_the_rest_look_cheap() -> None:
    record = make_record(make_trial(0, value=0.8, seconds=30.0), make_trial(1, "FAIL", seconds=0.0))
    assert measure_progress(record, workers=1).remaining_seconds == pytest.approx(60.0)


def test_more_workers_than_trials_left_do_not_help() -> None:
    record = make_record(*(make_trial(number, value=0.8, seconds=30.0) for number in range(3)))
    assert measure_progress(record, workers=8).remaining_seconds == pytest.approx(30.0)


def test_an_odd_trial_takes_as_long_as_two_side_by_side() -> None:
    record = make_record(make_trial(0, value=0.8, seconds=30.0))  # of 4: three left, on two workers
    assert measure_progress(record, workers=2).remaining_seconds == pytest.approx(60.0)


def test_whole_waves_come_before_what_is_left_over() -> None:
    trials = make_trial(0, value=0.8, seconds=30.0), make_trial(1, "RUNNING", lease=lease(epoch=4))
    record = make_record(*trials, trials=9)  # half of one runs, 7 wait: three waves of two and one more
    assert measure_progress(record, workers=2).remaining_seconds == pytest.approx(3 * 30.0 + 30.0)


def test_counts_are_said_without_what_there_is_none_of() -> None:
    record = make_record(make_trial(0, value=0.8), make_trial(1, "FAIL"), make_trial(2, "FAIL"))
    assert describe_counts(record) == "1 complete, 2 failed"
    assert describe_counts(make_record()) == "none yet"


def test_each_reason_of_failure_is_said_once_with_its_trials() -> None:
    record = make_record(
        make_trial(0, "FAIL", reason="diverged"), make_trial(1, value=0.5), make_trial(2, "FAIL", reason="diverged")
    )
    assert list_failures(record) == ["trials 0, 2: diverged"]


def test_the_most_frequent_reason_of_failure_is_the_first() -> None:
    record = make_record(
        make_trial(0, "FAIL", reason="out of memory"), *(make_trial(n, "FAIL", reason="diverged") for n in range(1, 5))
    )
    assert list_failures(record) == ["trials 1 to 4: diverged", "trial 0: out of memory"]


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([3], "trial 3"),
        ([0, 1], "trials 0, 1"),
        ([0, 2, 5, 6, 7, 9, 10], "trials 0, 2, 5 to 7, 9, 10"),
        ([4, 5, 6], "trials 4 to 6"),
        (list(range(0, 2000, 2)), f"trials {', '.join(str(number) for number in range(0, 40, 2))} and 980 more"),
    ],
)
def test_numbers_in_a_row_are_a_range(numbers: list[int], expected: str) -> None:
    assert name_trials(numbers) == expected
