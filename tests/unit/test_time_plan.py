"""From a time to rounds: what is measured, what follows from it."""

from typing import Any

import pytest

from hpsearch.errors import InputError
from hpsearch.network.limits import Limits
from hpsearch.study.feasibility import fit_space
from hpsearch.study.file import parse_study_spec
from hpsearch.study.length import DEFAULT_TIME
from hpsearch.study.portfolio import list_fitting_entries
from hpsearch.study.round_plan import ENOUGH_EPOCHS, TIMED_START_SECONDS, Cost, Round, RoundPlan, Speed
from hpsearch.study.spec import StudySpec
from hpsearch.study.trial_config import TrialConfig
from hpsearch.tuning.promotion import choose_first_epochs
from hpsearch.tuning.time_plan import build_reference, fit_speed, plan_time
from tests.scripted import TINY_DATASET


def make_spec(**fields: object) -> StudySpec:
    return parse_study_spec({"dataset": "tiny", "arch": "fcn", "budget": "5k"} | fields)[1]


def test_two_networks_tell_what_operations_and_values_cost() -> None:
    costs = (Cost(macs=9_000_000, values=50_000), Cost(macs=2_000_000, values=25_000))
    speed = fit_speed([(cost, 3e-6 * cost.macs + 2e-4 * cost.values) for cost in costs])
    assert speed.seconds_per_mac == pytest.approx(3e-6)
    assert speed.seconds_per_value == pytest.approx(2e-4)


@pytest.mark.parametrize(
    ("second", "seconds"),
    [
        (Cost(100, 10), 5.0),  # the same network
        (Cost(50, 10), 9.0),  # half the operations take longer
        (Cost(50, 5), 1.0),  # in proportion: nothing tells one from the other
        (Cost(50, 9), 0.1),
    ],
)
def test_a_measurement_that_makes_no_sense_still_gives_the_first_networks_time(second: Cost, seconds: float) -> None:
    first = Cost(macs=100, values=10)
    speed = fit_speed([(first, 4.0), (second, seconds)])
    assert speed.estimate(first) == pytest.approx(4.0)
    assert min(speed.seconds_per_mac, speed.seconds_per_value) >= 0


def test_a_time_is_planned_from_the_first_network_of_the_portfolio() -> None:
    spec = make_spec(time="2m")
    space = fit_space("fcn", spec.space, spec.budget, TINY_DATASET.input_shape, TINY_DATASET.class_count).space
    measured: list[TrialConfig] = []

    def measure(config: TrialConfig, _threads: int) -> float:
        measured.append(config)
        return 1.0

    plan = plan_time(spec, space, TINY_DATASET, 2, measure)
    assert measured == [build_reference(spec, space, TINY_DATASET, Limits(budget)) for budget in (5000, 1666)]
    assert plan.epoch_seconds == pytest.approx(1.0)
    assert plan.seconds == 120 - TIMED_START_SECONDS
    settled = spec.settle_rounds(plan)
    assert (settled.trials, settled.epochs) == (plan.trials, plan.rounds[-1].epochs)
    assert settled.describe_length().endswith(", about 2m 00s")
    with pytest.raises(InputError, match="too short for a single epoch"):
        plan_time(spec, space, TINY_DATASET, 2, lambda _config, _threads: 86.0)


def test_what_is_known_to_be_trained_is_measured_itself() -> None:
    """A network of fewer operations can take as long, by its channels: then it has as many epochs and no more."""
    spec = make_spec(time="15m", arch="cnn", budget="50k")
    first, second = (entry.name for entry in list_fitting_entries("cnn", spec.space, spec.budget)[:2])
    assert (first, second) == ("two residual blocks, then one", "one residual block each, wide")
    plan = plan_time(spec, spec.space, TINY_DATASET, 2, lambda _config, _threads: 30.0)
    assert plan.rounds == (Round(trials=2, epochs=28),)
    assert plan.speed is not None
    (wide,) = plan.speed.measured
    cost = Cost(wide.macs, wide.values)
    assert choose_first_epochs(plan, 1, cost) == 28
    assert choose_first_epochs(plan.model_copy(update={"speed": make_speed(plan)}), 1, cost) > 28
    assert RoundPlan.model_validate_json(plan.model_dump_json()) == plan
    # What is drawn, or goes on by what it took, is not.
    drawn = plan_time(
        make_spec(time="15m", arch="cnn", budget="50k", portfolio=False),
        spec.space,
        TINY_DATASET,
        2,
        lambda _config, _threads: 30.0,
    )
    assert drawn.speed is not None
    assert drawn.speed.measured == ()


def make_speed(plan: RoundPlan) -> Speed:
    """Without what was measured of single networks."""
    assert plan.speed is not None
    return plan.speed.model_copy(update={"measured": ()})


def test_who_pins_nothing_gets_a_time_and_who_pins_anything_none() -> None:
    assert make_spec().time == DEFAULT_TIME["fcn"]
    assert make_spec(arch="cnn").time == DEFAULT_TIME["cnn"]
    assert make_spec().pruner == "none"
    for pinned in ({"trials": 3}, {"epochs": 3}, {"pruner": "asha"}, {"pruner": "none"}):
        assert make_spec(**pinned).time is None
    assert make_spec(trials=3).pruner == "median"
    rounds = make_spec(round_plan=[{"trials": 4, "epochs": 1}, {"trials": 1, "epochs": 6}])
    assert (rounds.time, rounds.trials, rounds.epochs, rounds.pruner) == (None, 5, 6, "none")


@pytest.mark.parametrize("more", [{"trials": 3}, {"epochs": 3}, {"time": "15m"}])
def test_rounds_and_another_length_are_refused(more: dict[str, object]) -> None:
    (name,) = more
    with pytest.raises(InputError, match=rf"round_plan says how long a search is, and so does {name}: leave one out"):
        make_spec(round_plan=[{"trials": 4, "epochs": 1}], **more)


def test_the_same_time_is_the_same_study_whatever_was_planned_for_it() -> None:
    open_spec = make_spec(time="2m")
    settled = open_spec.settle_rounds(
        plan_time(open_spec, open_spec.space, TINY_DATASET, 2, lambda _config, _threads: 1.0)
    )
    assert settled.find_differences(open_spec) == {}
    assert settled.find_differences(make_spec(time="1h")) == {"time": ("2m 00s", "1h 00m")}
    assert set(settled.find_differences(make_spec(trials=3))) == {"time", "pruner", "trials", "epochs", "round_plan"}
    assert StudySpec.model_validate_json(settled.model_dump_json()) == settled


def plan_with(
    speedups: dict[int, float], *, time: str, workers: int, share_cores: bool = True, **fields: Any
) -> RoundPlan:
    """With epochs of ten seconds on a core, and so many times as fast on several."""
    spec = make_spec(time=time, **fields)

    def measure(_config: TrialConfig, threads: int) -> float:
        return 10.0 / ({1: 1.0} | speedups)[threads]

    return plan_time(spec, spec.space, TINY_DATASET, workers, measure, share_cores=share_cores)


def test_where_epochs_are_few_cores_train_one_network_together() -> None:
    plan = plan_with({2: 1.8}, time="115s", workers=2)
    assert (plan.threads, plan.speedup, plan.rounds) == (2, 1.8, (Round(trials=1, epochs=14),))
    assert plan.describe() == "1 at 14 epochs on 2 cores"
    assert plan.forecast_seconds() == pytest.approx(115, abs=3)
    assert [plan.count_threads(number) for number in range(2)] == [2, 2]


def test_only_the_last_round_is_trained_together_and_by_no_more_cores_than_its_epochs_need() -> None:
    plan = plan_with({2: 1.8, 4: 3.4}, time="10m", workers=4, portfolio=False)
    assert (plan.threads, plan.speedup) == (2, 1.8)
    assert plan.rounds[-1] == Round(trials=2, epochs=plan.rounds[-1].epochs)
    assert plan.rounds[-1].epochs >= ENOUGH_EPOCHS
    assert plan.describe().endswith(f"2 at {plan.rounds[-1].epochs} on 2 cores each")
    assert [plan.count_threads(number) for number in (0, plan.drawn - 1, plan.trials - 1)] == [1, 1, 2]
    assert plan_with({2: 1.8, 4: 3.4}, time="1m", workers=4).threads == 4
    assert plan_with({2: 1.8, 4: 3.4}, time="6m", workers=4).rounds == (Round(trials=1, epochs=110),)
    assert plan_with({2: 1.2}, time="6m", workers=4).rounds == (Round(trials=4, epochs=32),)  # all are known


@pytest.mark.parametrize(
    ("speedups", "fields"),
    [
        ({2: 1.2}, {"time": "2m", "workers": 2}),  # together they are little faster than one
        ({2: 1.8}, {"time": "20m", "workers": 2}),  # there is time for many epochs
        ({2: 1.8}, {"time": "2m", "workers": 1}),
        ({2: 1.8}, {"time": "2m", "workers": 2, "share_cores": False}),  # not of one machine, or on a GPU
    ],
)
def test_elsewhere_each_core_trains_its_own(speedups: dict[int, float], fields: dict[str, Any]) -> None:
    plan = plan_with(speedups, **fields)
    assert (plan.threads, plan.speedup, plan.rounds[-1].trials) == (1, 1.0, fields["workers"])
    assert not {"threads", "speedup"} & plan.model_dump().keys()


def test_a_measurement_that_was_disturbed_makes_cores_no_faster_than_they_are() -> None:
    assert plan_with({2: 5.0}, time="2m", workers=2).speedup == 2


@pytest.mark.parametrize(
    ("alone", "together", "speedup"),
    [
        ([10.0, 6.0, 10.0], [6.0, 6.0, 6.0], 10 / 6),  # in one of three turns the one core was thought too fast
        ([6.0, 10.0, 10.0], [6.0, 6.0, 6.0], 10 / 6),
        ([10.0, 10.0, 10.0], [12.0, 6.0, 6.0], 10 / 6),  # or both too slow
        ([10.0, 10.0, 6.0], [9.0, 9.0, 3.0], None),
    ],
)
def test_one_moment_in_which_something_else_ran_does_not_decide(
    alone: list[float], together: list[float], speedup: float | None
) -> None:
    spec = make_spec(time="115s")
    reference = build_reference(spec, spec.space, TINY_DATASET, spec.limits)
    turns = {1: iter(alone), 2: iter(together)}

    def measure(config: TrialConfig, threads: int) -> float:
        return next(turns[threads]) if config == reference else 4.0

    plan = plan_time(spec, spec.space, TINY_DATASET, 2, measure, share_cores=True)
    assert (plan.threads, plan.speedup) == ((1, 1.0) if speedup is None else (2, pytest.approx(speedup)))
    assert plan.epoch_seconds == pytest.approx(10.0)


def test_what_measuring_takes_beyond_what_is_counted_is_missing_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("hpsearch.tuning.time_plan.monotonic", lambda: clock[0])

    def measure(_config: TrialConfig, threads: int) -> float:
        clock[0] += 7.0
        return 10.0 / threads

    def plan_for(time: str) -> RoundPlan:
        spec = make_spec(time=time, arch="cnn", budget="50k")
        return plan_time(spec, spec.space, TINY_DATASET, 2, measure, share_cores=True)

    plan = plan_for("5m")
    assert plan.threads == 2
    assert plan.seconds == 300 - TIMED_START_SECONDS - (7 * 7 - 15)
    assert plan_for("50s").rounds == (Round(trials=1, epochs=2),)  # as short as one epoch was long enough
    with pytest.raises(InputError, match="time 44 s is too short for a single epoch"):
        plan_for("44s")
