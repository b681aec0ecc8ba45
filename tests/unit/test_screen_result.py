import io
import json
from datetime import UTC, datetime

import pytest
from rich.console import Console

from hpsearch.network.architecture import FcnArchitecture
from hpsearch.sessions.stopping import Ending
from hpsearch.storage.stored_rows import TestScore
from hpsearch.study.recipe import Recipe
from hpsearch.study.round_plan import Round, RoundPlan
from hpsearch.study.trial_config import TrialConfig
from hpsearch.tuning.records import StudyRecord
from hpsearch.views.networks import draw_curve
from hpsearch.views.result import Outcome, describe_outcome, show_outcome, tell_story
from hpsearch.views.screen import write_json
from tests.cli_runs import make_record, make_trial
from tests.scripted import TINY_DATASET

CONFIG = TrialConfig(
    architecture=FcnArchitecture(widths=(24, 16), batch_norm=False),
    recipe=Recipe(epochs=10),
    dataset=TINY_DATASET,
    seed=1,
)
SCORE = TestScore(trial_id=1, opened_at=datetime(2026, 1, 1, tzinfo=UTC), accuracy=0.75, loss=1.0, images=20)


def best_trial(number: int = 0, **fields: object) -> object:
    return make_trial(number, value=0.8125, seconds=30.0, config_json=CONFIG.model_dump(mode="json"), **fields)


def outcome(record: StudyRecord, ending: Ending = "finished") -> Outcome:
    return Outcome(
        ending, record, 65.0, "hpsearch run --budget 2k --arch fcn", lambda command: f"{command} --storage X"
    )


def show(given: Outcome) -> str:
    console = Console(file=io.StringIO(), width=160, markup=False)
    show_outcome(console, given)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_last_block_has_the_network_layer_by_layer_its_accuracies_and_the_next_commands() -> None:
    trials = [best_trial(test_scores=(SCORE,)), *(make_trial(number, "PRUNED", value=0.1) for number in (1, 2, 3))]
    text = show(outcome(make_record(*trials)))
    for expected in (
        "The best of 4 trials of tiny-fcn-2k is trial 0",
        "dense 64 -> 24",
        f"{CONFIG.count_weights():,}",
        "adamw lr 0.003 one_cycle",
        "81.25% of the images held out",
        "75.00% of 20 test images, standard error 9.68 points; the test split was opened once, after selection",
        "1 complete, 3 pruned",
        "1m 05s for this run; 30 s of training in all trials",
        "hpsearch show tiny-fcn-2k --storage X",
        "hpsearch finalists tiny-fcn-2k --storage X",
        "hpsearch report tiny-fcn-2k --storage X",
        "hpsearch export tiny-fcn-2k --storage X",
        "hpsearch predict exports/tiny-fcn-2k-trial-0 IMAGE",
        "hpsearch dashboard --storage X",
    ):
        assert expected in text


def test_every_opening_of_the_test_split_is_said() -> None:
    record = make_record(best_trial(0, test_scores=(SCORE,)), best_trial(1, test_scores=(SCORE,)), trials=2)
    assert "the test split was opened 2 times for this study, for trials 0, 1" in show(outcome(record))


def test_sixty_trials_with_a_test_score_are_a_range_and_not_a_list() -> None:
    record = make_record(*(best_trial(number, test_scores=(SCORE,)) for number in range(60)), trials=60)
    assert "opened 60 times for this study, for trials 0 to 59" in show(outcome(record))


def test_at_the_end_of_the_time_the_command_to_go_on_is_shown_beside_the_best_so_far() -> None:
    text = show(outcome(make_record(best_trial(test_scores=(SCORE,))), "time-up"))
    assert "The best so far, of 1 finished trials" in text
    assert "the same command goes on:\n  hpsearch run --budget 2k --arch fcn\n" in text


def test_an_interruption_says_what_is_finished_the_best_so_far_and_how_to_go_on() -> None:
    text = show(outcome(make_record(best_trial()), "interrupted"))
    assert "Stopped: 1 of 4 trials of tiny-fcn-2k are finished (1 complete)" in text
    assert "best so far: 81.25% validation" in text
    assert "  hpsearch run --budget 2k --arch fcn\n" in text
    assert "test" not in text


def test_a_search_without_a_complete_trial_says_why_and_what_to_do() -> None:
    record = make_record(*(make_trial(number, "FAIL", reason="diverged at epoch 0") for number in range(4)))
    text = show(outcome(record))
    assert "No trial of tiny-fcn-2k is complete (4 failed)" in text
    assert "trials 0 to 3: diverged at epoch 0" in text
    assert "--study tiny-fcn-2k-2" in text


def test_failed_trials_beside_complete_ones_are_named_with_their_reason() -> None:
    record = make_record(best_trial(), make_trial(1, "FAIL", reason="out of memory"), trials=2)
    assert "trial 1: out of memory" in show(outcome(record))


def test_the_json_of_a_run_has_what_best_has_and_how_it_ended() -> None:
    document = describe_outcome(outcome(make_record(best_trial()), "interrupted"))
    assert {"number", "weights", "macs", "validation_accuracy", "test_accuracy", "config"} <= document.keys()
    assert (document["ending"], document["is_finished"], document["test_accuracy"]) == ("interrupted", False, None)


def test_json_is_valid_whatever_the_figures(capsys: pytest.CaptureFixture[str]) -> None:
    write_json({"value": float("nan"), "curve": [{"loss": float("inf")}, 1.5]})
    document = json.loads(capsys.readouterr().out, parse_constant=lambda name: pytest.fail(name))
    assert document == {"value": None, "curve": [{"loss": None}, 1.5]}


def test_a_curve_is_drawn_from_its_lowest_to_its_highest_value() -> None:
    assert draw_curve([0.1, 0.45, 0.8]) == "▁▄█" or draw_curve([0.1, 0.45, 0.8]) == "▁▅█"
    assert draw_curve([0.5, 0.5]) == "▁▁"
    assert draw_curve([]) == ""


SHIPPED = "portfolio, fcn-wide"


@pytest.mark.parametrize(
    ("trials", "expected"),
    [
        ([(0.9, SHIPPED), (0.8, None), (0.7, None)], "a shipped configuration; none of 2 drawn ones beat it"),
        ([(0.9, SHIPPED), (0.8, None)], "a shipped configuration; the one that was drawn did not beat it"),
        ([(0.9, SHIPPED), (0.8, SHIPPED)], "a shipped configuration; no network was drawn"),
        ([(0.9, None), (0.875, SHIPPED)], "a drawn configuration, 2.50 points above the best given one (trial 1)"),
        ([(0.9, None), (0.8, None)], None),
    ],
)
def test_the_result_says_whether_a_given_configuration_won_or_a_drawn_one(
    trials: list[tuple[float, str | None]], expected: str | None
) -> None:
    made = [make_trial(number, value=value, given_by=given) for number, (value, given) in enumerate(trials)]
    record = make_record(*made, trials=len(made))
    story = tell_story(record)
    assert (story or "").startswith(expected or "")
    assert (story is None) is (expected is None)
    goes_on = "hpsearch resume tiny-fcn-2k --trials +50" in show(outcome(record))
    assert goes_on is (expected or "").startswith("a shipped")


def test_a_given_configuration_that_stayed_in_an_earlier_round_is_not_compared_by_points() -> None:
    plan = RoundPlan(rounds=(Round(trials=2, epochs=1), Round(trials=1, epochs=3)))
    made = [
        make_trial(0, value=0.9, given_by=SHIPPED),
        make_trial(1, value=0.91),
        make_trial(2, value=0.89, promoted_from=1),
    ]
    story = tell_story(make_record(*made, trials=None, epochs=None, round_plan=plan))
    assert story == "a drawn configuration; no given one went on so far (the best of them: trial 0)"


def test_the_way_on_of_a_search_in_rounds_is_one_that_it_takes() -> None:
    plan = RoundPlan(rounds=(Round(trials=4, epochs=1), Round(trials=2, epochs=3)))
    made = [make_trial(number, value=0.8, given_by="portfolio, small") for number in range(plan.trials)]
    record = make_record(*made, trials=None, epochs=None, round_plan=plan)
    assert "hpsearch resume tiny-fcn-2k --trials +6" in show(outcome(record))
