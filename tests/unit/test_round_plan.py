"""What a plan of rounds promises: its trials, who goes on, how long each trains, what it takes."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hpsearch.errors import InputError
from hpsearch.study.parameters import name_kind
from hpsearch.study.round_plan import (
    LONGEST_EPOCHS,
    TIMED_START_SECONDS,
    Cost,
    Round,
    RoundPlan,
    Speed,
    plan_rounds,
)
from hpsearch.tuning.promotion import (
    FinishedTrial,
    Promotion,
    choose_first_epochs,
    choose_promotion,
    measure_makespan,
)

SPEED = Speed(seconds_per_mac=1e-6, seconds_per_value=1e-5)
COST = Cost(macs=1_000_000, values=100_000)
"""Two seconds an epoch."""


def make_plan(*rounds: tuple[int, int], **settings: Any) -> RoundPlan:
    return RoundPlan(rounds=tuple(Round(trials=trials, epochs=epochs) for trials, epochs in rounds), **settings)


def finished(*accuracies: float | None, first: int = 0, seconds: float = 10.0, epochs: int = 2) -> list[FinishedTrial]:
    return [FinishedTrial(first + index, accuracy, seconds, epochs) for index, accuracy in enumerate(accuracies)]


@given(seconds=st.floats(2.0, 1000), workers=st.integers(1, 64))
def test_rounds_fill_the_time_and_keep_it(seconds: float, workers: int) -> None:
    plan = plan_rounds(TIMED_START_SECONDS + seconds, workers, SPEED, COST)
    assert plan.rounds[-1].trials == workers
    lengths = [part.epochs for part in plan.rounds]
    assert lengths == sorted(lengths)
    assert all(later.trials <= earlier.trials for earlier, later in zip(plan.rounds, plan.rounds[1:], strict=False))
    assert plan.forecast_seconds() <= TIMED_START_SECONDS + seconds + 2.0
    unused = 2.0 + 1.5 if plan.rounds[-1].epochs < LONGEST_EPOCHS else 0.02 * seconds
    assert plan.forecast_seconds() > TIMED_START_SECONDS + seconds - unused


@given(epoch_seconds=st.floats(1e-4, 0.1), seconds=st.floats(60, 40_000), workers=st.integers(1, 64))
def test_a_small_data_set_is_screened_widely_and_no_trial_trained_for_ever(
    epoch_seconds: float, seconds: float, workers: int
) -> None:
    speed = Speed(seconds_per_mac=epoch_seconds, seconds_per_value=0)
    plan = plan_rounds(TIMED_START_SECONDS + seconds, workers, speed, Cost(macs=1, values=1))
    assert plan.rounds[-1].epochs <= LONGEST_EPOCHS
    assert plan.forecast_seconds() <= TIMED_START_SECONDS + 1.05 * seconds + 2
    parent = FinishedTrial(0, 0.5, epoch_seconds, 1)
    assert choose_first_epochs(plan, 0, Cost(macs=1, values=1)) <= LONGEST_EPOCHS
    promotion = choose_promotion(plan, plan.trials - 1, [parent])
    assert promotion is None or promotion.epochs <= LONGEST_EPOCHS


def test_more_time_screens_more_and_gives_the_last_round_most_of_it() -> None:
    quarter, hour = (plan_rounds(TIMED_START_SECONDS + seconds, 2, SPEED, COST) for seconds in (120, 480))
    assert (len(quarter.rounds), len(hour.rounds)) == (2, 3)
    assert quarter.describe() == "4 screened at 3 epochs, 2 at 53"
    assert hour.describe() == "10 screened at 5 epochs, 4 at 12, 2 at 189"
    assert hour.rounds[-1].epochs * 2.0 > 0.75 * 480


@pytest.mark.parametrize("seconds", [1, TIMED_START_SECONDS, TIMED_START_SECONDS + 1.9])
def test_a_time_too_short_for_an_epoch_names_the_shortest_that_works(seconds: float) -> None:
    with pytest.raises(InputError, match=r"too short for a single epoch.*give --time 38s or more"):
        plan_rounds(seconds, 2, SPEED, COST)
    assert plan_rounds(38, 2, SPEED, COST).trials == 2


def test_a_trial_stands_in_one_round_and_beyond_the_plan_the_rounds_begin_anew() -> None:
    plan = make_plan((4, 1), (2, 3), (1, 9))
    assert [plan.locate(number).round for number in range(9)] == [0, 0, 0, 0, 1, 1, 2, 0, 0]
    assert [plan.locate(number).block for number in (6, 7, 14)] == [0, 1, 2]
    assert [plan.locate(number).first for number in (3, 5, 6, 8)] == [0, 4, 6, 7]


@pytest.mark.parametrize(
    ("existing", "done", "may_exist"),
    [(0, 0, 4), (3, 0, 4), (4, 3, 4), (4, 4, 6), (5, 4, 6), (6, 5, 6), (6, 6, 7), (7, 6, 7), (7, 7, 11)],
)
def test_a_round_begins_when_the_one_before_is_finished(existing: int, done: int, may_exist: int) -> None:
    assert make_plan((4, 1), (2, 3), (1, 9)).count_open(existing, done) == may_exist


def test_the_best_of_a_round_go_on_in_their_order() -> None:
    plan = make_plan((4, 1), (2, 3), (1, 9))
    done = finished(0.7, 0.9, None, 0.8)
    assert choose_promotion(plan, 4, done) == Promotion(parent=1, epochs=3)
    assert choose_promotion(plan, 5, done) == Promotion(parent=3, epochs=3)
    done += finished(0.91, 0.95, first=4)
    assert choose_promotion(plan, 6, done) == Promotion(parent=5, epochs=9)


def test_each_kind_of_network_goes_on_once_before_one_goes_on_again() -> None:
    plan = make_plan((5, 1), (3, 3), (2, 9))
    kinds = ("plain", "plain", "plain", "residual", "deep")
    done = [
        FinishedTrial(number, accuracy, 10.0, 1, kind)
        for number, (accuracy, kind) in enumerate(zip((0.9, 0.89, 0.88, 0.7, 0.6), kinds, strict=True))
    ]
    assert [choose_promotion(plan, number, done) for number in (5, 6, 7)] == [
        Promotion(parent=0, epochs=3),
        Promotion(parent=3, epochs=3),
        Promotion(parent=4, epochs=3),
    ]
    wider = make_plan((5, 1), (4, 3), (2, 9))
    assert choose_promotion(wider, 8, done) == Promotion(parent=1, epochs=3)


def test_a_kind_is_what_layers_and_blocks_make_whatever_their_widths_and_recipe() -> None:
    plain = {"block": "plain", "blocks": 1, "blocks_last": 2, "channel_ratio_2": 1.5, "lr": 0.01}
    assert name_kind("cnn", plain) == name_kind("cnn", plain | {"channel_ratio_2": 2.5, "lr": 0.001})
    assert name_kind("cnn", plain) != name_kind("cnn", plain | {"block": "residual"})
    assert name_kind("fcn", {"depth": 2, "activation": "silu"}) == name_kind("fcn", {"depth": 2, "activation": "gelu"})
    assert name_kind("fcn", {"lr": 0.01}) == ""


def test_what_was_given_first_goes_on_before_what_learnt_faster_and_leaves_its_kind_s_turn() -> None:
    plan = make_plan((4, 3), (3, 9), (2, 30))
    kinds = ("deep", "plain", "deep", "wide")
    done = [
        FinishedTrial(number, accuracy, 10.0, 3, kind, is_first=number == 0)
        for number, (accuracy, kind) in enumerate(zip((0.88, 0.9, 0.89, 0.7), kinds, strict=True))
    ]
    assert [choose_promotion(plan, number, done) for number in (4, 5, 6)] == [
        Promotion(parent=0, epochs=9),
        Promotion(parent=1, epochs=9),
        Promotion(parent=3, epochs=9),
    ]
    later = [FinishedTrial(4, 0.91, 30.0, 9, "deep", is_first=True), *finished(0.92, 0.925, first=5)]
    assert choose_promotion(plan, 7, done + later) == Promotion(parent=4, epochs=30)
    assert choose_promotion(plan, 8, done + later) == Promotion(parent=6, epochs=30)


def test_what_was_given_first_stays_behind_where_it_errs_a_quarter_more_often_or_came_to_nothing() -> None:
    plan = make_plan((3, 3), (1, 9))
    for accuracy, parent in ((0.876, 0), (0.874, 1), (None, 1)):
        first = FinishedTrial(0, accuracy, 10.0, 3, "deep", is_first=True)
        done = [first, *finished(0.9, 0.89, first=1)]
        assert choose_promotion(plan, 3, done) == Promotion(parent=parent, epochs=9)


def test_of_equal_trials_the_earliest_goes_on() -> None:
    assert choose_promotion(make_plan((3, 1), (1, 3)), 3, finished(0.8, 0.9, 0.9)) == Promotion(1, 3)


def test_a_round_with_too_few_complete_trials_takes_one_again_and_with_none_the_round_before() -> None:
    plan = make_plan((4, 1), (2, 3), (1, 9))
    only = finished(None, 0.5, None, None)
    assert [choose_promotion(plan, number, only) for number in (4, 5)] == [Promotion(1, 3), Promotion(1, 3)]
    assert choose_promotion(plan, 6, only + finished(None, None, first=4)) == Promotion(1, 9)
    assert choose_promotion(plan, 4, finished(None, None)) is None


def test_a_second_pass_takes_also_what_the_first_left_over() -> None:
    plan = make_plan((3, 1), (1, 5))
    done = finished(0.9, 0.8, 0.1) + finished(0.95, first=3) + finished(0.2, 0.7, 0.3, first=4)
    assert choose_promotion(plan, 7, done) == Promotion(1, 5)


def test_a_network_that_costs_more_has_fewer_epochs_and_at_least_one() -> None:
    plan = plan_rounds(TIMED_START_SECONDS + 400, 2, SPEED, COST)
    screened = plan.rounds[0].epochs
    assert screened == 5
    assert choose_first_epochs(plan, 0, COST) == screened
    assert choose_first_epochs(plan, 0, Cost(macs=COST.macs // 2, values=COST.values // 2)) == 2 * screened
    assert choose_first_epochs(plan, 0, Cost(macs=100 * COST.macs, values=0)) == 1
    assert choose_first_epochs(make_plan((3, 2), (1, 5)), 0, COST) == 2


@pytest.mark.parametrize("slowness", [0.5, 1.0, 2.0])
def test_the_last_round_takes_the_time_that_is_left_however_fast_the_others_were(slowness: float) -> None:
    plan = plan_rounds(TIMED_START_SECONDS + 400, 2, SPEED, COST)
    screened, middle, last = plan.rounds
    seconds = 2.0 * slowness * screened.epochs
    known = [FinishedTrial(number, number / 100, seconds, screened.epochs) for number in range(screened.trials)]
    for number in range(screened.trials, screened.trials + middle.trials):
        promotion = choose_promotion(plan, number, known)
        assert promotion is not None
        known.append(FinishedTrial(number, 0.5, 2.0 * slowness * promotion.epochs, promotion.epochs))
    promotion = choose_promotion(plan, plan.trials - 1, known)
    assert promotion is not None
    spent = sum(trial.seconds for trial in known) / 2
    assert spent + promotion.epochs * 2.0 * slowness == pytest.approx(400, rel=0.1)
    assert (promotion.epochs > 1.1 * last.epochs) is (slowness < 1)
    assert (promotion.epochs < 0.9 * last.epochs) is (slowness > 1)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(0.5, 1.0, id="the load is gone"),
        pytest.param(1.0, 0.5, id="the load has come"),
    ],
)
def test_the_last_round_goes_by_the_cores_that_there_are_now(before: float, after: float) -> None:
    """Beside a load an epoch takes longer, whatever the network: the share of a core says so."""
    plan = make_plan((4, 3), (2, 180), workers=2, seconds=400.0, epoch_seconds=2.0, speed=SPEED)
    known = [
        FinishedTrial(number, 0.9 - number / 100, 6.0 / cores, 3, cores=cores)
        for number, cores in enumerate([before, before, after, after])
    ]
    spent = 6.0 / before + 6.0 / after
    promotion = choose_promotion(plan, 4, known)
    assert promotion is not None
    assert spent + promotion.epochs * 2.0 / after == pytest.approx(400, rel=0.05)
    uncounted = choose_promotion(plan, 4, [replace(trial, cores=None) for trial in known])
    assert uncounted is not None
    assert uncounted.epochs == pytest.approx((400 - spent) / (2.0 / before), rel=0.05)


def test_a_round_that_cores_train_together_has_the_epochs_of_their_speed() -> None:
    apart = plan_rounds(TIMED_START_SECONDS + 330, 2, SPEED, COST)
    plan = plan_rounds(TIMED_START_SECONDS + 330, 2, SPEED, COST, threads=2, speedup=1.6)
    assert (apart.rounds[-1].trials, plan.rounds[-1].trials) == (2, 1)
    assert plan.rounds[-1].epochs == pytest.approx(1.6 * apart.rounds[-1].epochs, abs=2)
    screened, middle, last = plan.rounds
    known = [FinishedTrial(number, 0.5, 2.0 * screened.epochs, screened.epochs) for number in range(screened.trials)]
    longer = range(screened.trials, screened.trials + middle.trials)
    known += [FinishedTrial(number, 0.6, 2.0 * middle.epochs, middle.epochs) for number in longer]
    promotion = choose_promotion(plan, plan.trials - 1, known)
    assert promotion is not None
    assert promotion.epochs == pytest.approx(last.epochs, abs=1)
    assert RoundPlan.model_validate_json(plan.model_dump_json()) == plan


def test_little_time_goes_whole_into_what_is_known_to_be_good() -> None:
    """Forty epochs a worker: to screen draws is worth six of them, to screen what is known is not."""
    drawn, known = (plan_rounds(TIMED_START_SECONDS + 80, 2, SPEED, COST, known=count) for count in (1, 2))
    assert [part.trials for part in drawn.rounds] == [4, 2]
    assert known.rounds == (Round(trials=2, epochs=40),)
    assert len(plan_rounds(TIMED_START_SECONDS + 110, 2, SPEED, COST, known=2).rounds) > 1
    assert len(plan_rounds(TIMED_START_SECONDS + 50, 2, SPEED, COST).rounds) == 1


def test_a_later_round_never_trains_for_less_than_the_one_before() -> None:
    plan = plan_rounds(TIMED_START_SECONDS + 400, 2, SPEED, COST)
    late = [FinishedTrial(number, 0.5, 500.0, 5) for number in range(plan.drawn)]
    promotion = choose_promotion(plan, plan.drawn, late)
    assert promotion is not None
    assert promotion.epochs == 5


def test_a_makespan_is_what_workers_take_that_take_turns() -> None:
    assert measure_makespan([3, 1, 1, 1], 2) == 3
    assert measure_makespan([3, 3, 3], 2) == 6
    assert measure_makespan([], 2) == 0


def test_a_plan_keeps_a_time_with_all_that_takes_or_none() -> None:
    with pytest.raises(ValidationError, match="all of them or none"):
        RoundPlan(rounds=(Round(trials=1, epochs=1),), seconds=3.0)
    with pytest.raises(ValidationError, match="threads divide the workers"):
        RoundPlan(rounds=(Round(trials=1, epochs=1),), threads=2)
    with pytest.raises(ValueError, match="does not know its time"):
        make_plan((2, 1)).forecast_seconds()
    plan = plan_rounds(100, 2, SPEED, COST)
    assert RoundPlan.model_validate_json(plan.model_dump_json()) == plan
