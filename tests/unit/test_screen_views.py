import io

import pytest
from rich.console import Console, RenderableType

from hpsearch.sessions.how_far import HowFar, measure_progress
from hpsearch.tuning.records import LeaseRecord
from hpsearch.views.search import LineView, describe_end, describe_running, draw_study
from tests.cli_runs import make_record, make_trial

LEASE = LeaseRecord(worker="host-7", device="cpu", attempts=1, epoch=4, validation_accuracy=0.5, is_live=True)


def render(drawn: RenderableType, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width, markup=False)
    console.print(drawn)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_picture_shows_counts_the_best_so_far_every_worker_and_the_time_to_go() -> None:
    record = make_record(
        make_trial(0, value=0.8125, seconds=30.0),
        make_trial(1, "PRUNED", value=0.4, seconds=10.0),
        make_trial(2, "RUNNING", network="12-9 gelu", lease=LEASE),
    )
    text = render(draw_study(record, measure_progress(record, workers=1), elapsed_seconds=65.0))
    for expected in (
        "2 of 4 trials",
        *("1 complete", "1 pruned", "0 failed", "1 running"),
        "1m 05s so far, about 30 s to go",
        "81.25% validation   1,990 weights   trial 0   20-16 relu",
        *("host-7", "12-9 gelu", "5/10", "50.00%"),
    ):
        assert expected in text


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_the_picture_keeps_clear_of_the_last_columns_where_a_terminal_echoes_ctrl_c(width: int) -> None:
    running = make_trial(2, "RUNNING", network="plain 3x3 [32, 32] /2, max pool 2; " * 5, lease=LEASE)
    record = make_record(make_trial(0, value=0.8125, seconds=30.0), running)
    lines = render(draw_study(record, measure_progress(record, workers=1), 65.0), width).splitlines()
    assert max(len(line.rstrip()) for line in lines) <= width - 3


def test_a_worker_that_is_gone_is_shown_as_gone() -> None:
    gone = LeaseRecord(worker="host-7", device="cpu", attempts=1, epoch=4, validation_accuracy=0.5, is_live=False)
    record = make_record(make_trial(0, "RUNNING", lease=gone))
    text = render(draw_study(record, measure_progress(record, workers=1), 1.0))
    assert "(gone)" in text
    assert "host-7" not in text


def test_a_log_gets_one_line_for_each_trial_when_it_finishes() -> None:
    console = Console(file=io.StringIO(), width=120, markup=False)
    old = make_trial(0, value=0.5, seconds=2.0)
    view = LineView(console, already_finished=frozenset([0]))
    view.show(make_record(old, make_trial(1, "RUNNING", lease=LEASE)), measure_progress(make_record(old), 1), 1.0)
    done = make_record(old, make_trial(1, value=0.8125, seconds=30.0))
    for elapsed in (31.0, 32.0):
        view.show(done, measure_progress(done, 1), elapsed)
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().splitlines() == [
        "[31 s] trial 1 complete: 81.25%, 1,990 weights, 20-16 relu, 30 s; 2 of 4 finished, best 81.25% (trial 1)"
    ]


def test_a_log_says_every_minute_how_far_a_search_is_in_which_no_trial_finishes() -> None:
    console = Console(file=io.StringIO(), width=120, markup=False)
    record = make_record(make_trial(0, "RUNNING", lease=LEASE), make_trial(1, "RUNNING"))
    view = LineView(console, already_finished=frozenset())
    for elapsed in (1.0, 59.0, 60.5, 61.5, 119.0, 121.0):
        view.show(record, HowFar(2, 0, 0.5, 700.0), elapsed)
    assert isinstance(console.file, io.StringIO)
    words = "trial 0 at epoch 5 of 10, 50.00%; about 11m 40s to go"
    assert console.file.getvalue().splitlines() == [f"[1m 00s] {words}", f"[2m 01s] {words}"]


def test_a_log_counts_the_trials_under_way_where_they_are_many_and_leaves_out_those_without_a_worker() -> None:
    gone = LeaseRecord(worker="host-7", device="cpu", attempts=1, epoch=4, validation_accuracy=0.5, is_live=False)
    live = [make_trial(number, "RUNNING", lease=LEASE) for number in range(5)]
    record = make_record(*live, make_trial(5, "RUNNING", lease=gone))
    assert describe_running(record, HowFar(20, 3, 4.0, None)) == "5 trials under way, 3 of 20 finished"
    assert describe_running(make_record(make_trial(0, "RUNNING", lease=gone)), HowFar(2, 0, 0.0, None)) == ""


def test_the_end_of_a_trial_is_said_in_words() -> None:
    pruned = make_trial(3, "PRUNED", value=0.4, seconds=10.0, accuracies={0: 0.2, 1: 0.4})
    assert describe_end(pruned) == "trial 3 pruned after 2 epochs: 40.00%, 1,990 weights, 20-16 relu, 10 s"
    assert describe_end(make_trial(4, "FAIL", reason="diverged at epoch 2")) == "trial 4 failed: diverged at epoch 2"
