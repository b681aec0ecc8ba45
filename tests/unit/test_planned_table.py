"""The table of a planned study: ours, what was printed, the difference."""

import io
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from hpsearch.epoch_result import EpochResult
from hpsearch.network.architecture import FcnArchitecture
from hpsearch.storage.stored_rows import TestScore
from hpsearch.study.origin import Origin, PrintedFigures, Source
from hpsearch.study.recipe import Recipe
from hpsearch.study.trial_config import TrialConfig
from hpsearch.study.trial_plan import plan_replicates
from hpsearch.tuning.plan_summary import PlanSummary, summarize_plan
from hpsearch.tuning.records import TrialRecord
from hpsearch.views.planned_table import describe_plan_summary, show_plan_summary
from tests.cli_runs import make_record, make_trial
from tests.scripted import TINY_DATASET

ORIGIN = Origin(
    title="Which of the two?",
    source=Source(report="004.txt", place="table 1"),
    printed={
        "small": PrintedFigures(
            weights=900, validation_percent=80.0, test_percent=78.5, test_spread_percent=2.1, note="printed so"
        ),
        "large": PrintedFigures(test_percent=90.0, training_seconds=62),
    },
)


def make_config(width: int) -> TrialConfig:
    architecture = FcnArchitecture(widths=(width,), batch_norm=False)
    return TrialConfig(architecture=architecture, recipe=Recipe(epochs=2), dataset=TINY_DATASET, seed=1)


def make_done(number: int, label: str, value: float, test: float | None) -> TrialRecord:
    curve = tuple(
        EpochResult(epoch, 0.5 - epoch / 10, 1.0, accuracy, 15.0, 0.1)
        for epoch, accuracy in ((0, value + 0.02), (1, value))
    )
    scores = [] if test is None else [TestScore(number + 1, datetime(2026, 1, 1, tzinfo=UTC), test, 1.0, 20)]
    fields: dict[str, Any] = {"accuracies": {0: value + 0.02, 1: value}, "epochs": 2}
    return make_trial(number, label=label, value=value, curve=curve, seconds=30.0, test_scores=tuple(scores), **fields)


def summarize(*trials: TrialRecord, origin: Origin = ORIGIN) -> PlanSummary:
    plan = plan_replicates({"small": make_config(12), "large": make_config(24)}, 3, origin=origin)
    record = make_record(*trials, trials=6)
    return summarize_plan(replace(record, study=replace(record.study, plan=plan)))


TRIALS = (
    make_done(0, "small", 0.80, 0.79),
    make_done(1, "large", 0.90, 0.89),
    make_done(2, "small", 0.84, 0.81),
    make_trial(3, "FAIL", label="large", reason="diverged"),
)


def show(summary: PlanSummary, width: int = 160) -> str:
    console = Console(file=io.StringIO(), width=width, markup=False)
    show_plan_summary(console, summary, 65.0)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_table_has_spreads_over_seeds_beside_the_printed_figures_and_the_difference() -> None:
    lines = show(summarize(*TRIALS)).splitlines()
    headings, small, large = (
        next(" ".join(line.split()) for line in lines if line.strip().startswith(head))
        for head in ("seeds ", "small ", "large ")
    )
    assert headings == (
        "seeds weights printed validation (%) printed differs test (%) printed differs an epoch a training printed"
    )
    assert small == "small 2 of 3 819 900 82.00 ± 2.83 80.00 +2.00 80.00 ± 1.41 78.50 ± 2.10 +1.50 15 s 30 s"
    assert large == "large 1 of 3 (1 failed) 1,635 90.00 89.00 90.00 -1.00 15 s 30 s 1m 02s"
    text = "\n".join(lines)
    for expected in (
        "Which of the two?\nprinted in 004.txt, table 1\n",
        "mean ± standard deviation over seeds; differences in percentage points; a printed ± is the report's own",
        "small: printed so",
        "failed: trial 3: diverged",
        "the test split was opened 3 times after all trainings, once a network",
        "time 1m 05s",
    ):
        assert expected in text


def test_a_narrow_terminal_gets_a_table_below_the_other_with_nothing_cut() -> None:
    text = show(summarize(*TRIALS), width=60)
    assert "…" not in text
    assert max(len(line) for line in text.splitlines() if "±" in line and "small" in line) <= 60
    for expected in ("82.00 ± 2.83", "78.50 ± 2.10", "+1.50", "1m 02s"):
        assert expected in text


def test_what_nobody_printed_has_no_column() -> None:
    text = show(summarize(*TRIALS, origin=Origin(source=Source(report="004.txt"))))
    assert "differs" not in text
    assert "best epoch" not in text
    assert "after 004.txt\n" in text
    assert text.lstrip().startswith("tiny-fcn-2k\n")


def test_a_study_without_a_complete_training_has_a_table_all_the_same() -> None:
    text = show(summarize())
    assert "0 of 3" in text
    assert "opened" not in text


def test_the_best_epoch_and_the_time_of_an_epoch_are_shown_where_they_are_printed() -> None:
    figures = {"first_validation_percent": 70.0, "highest_validation_percent": 81.0, "lowest_train_loss": 0.3}
    printed = {"small": PrintedFigures(**figures, highest_validation_epoch=12, epoch_seconds=16)}
    summary = summarize(*TRIALS, origin=Origin(printed=printed))
    text = show(summary)
    for expected in ("first epoch", "70.00", "best epoch", "84.00 ± 2.83", "+3.00", "an epoch", "15 s", "16 s"):
        assert expected in text
    (label, _) = describe_plan_summary(summary)["labels"]
    assert label["highest_validation"]["mean"] == pytest.approx(0.84)
    assert label["lowest_train_loss"]["mean"] == pytest.approx(0.4)
    assert (label["highest_validation_epochs"], label["lowest_train_loss_epochs"]) == ([1, 1], [2, 2])
    assert label["difference"] == {
        "validation": None,
        "first_validation": pytest.approx(0.14),
        "highest_validation": pytest.approx(0.03),
        "test": None,
    }


def test_one_opening_of_the_test_split_is_once() -> None:
    assert "the test split was opened once, after all trainings\n" in show(summarize(TRIALS[0]))


def test_a_goal_is_no_result_and_says_how_much_it_is_exceeded() -> None:
    summary = summarize(*TRIALS, origin=Origin(printed={"large": PrintedFigures(goal_test_percent=88.0)}))
    large = next(line.split() for line in show(summary).splitlines() if line.startswith("large "))
    assert large[-7:] == ["over", "88", "+1.00", "15", "s", "30", "s"]


def test_json_has_fractions_of_ours_and_the_printed_figures_as_they_are_printed() -> None:
    document = describe_plan_summary(summarize(*TRIALS))
    assert document["title"] == "Which of the two?"
    assert document["source"] == {"report": "004.txt", "place": "table 1"}
    assert (document["is_finished"], document["test_openings"], len(document["failures"])) == (False, 3, 1)
    small = document["labels"][0]
    assert (small["label"], small["weights"], small["seeds"], small["seeds_wanted"]) == ("small", 819, 2, 3)
    assert small["validation"]["mean"] == pytest.approx(0.82)
    assert small["printed"]["test_percent"] == 78.5
    assert small["difference"]["test"] == pytest.approx(0.015)
    assert [trial["trial"] for trial in small["trials"]] == [0, 2]
