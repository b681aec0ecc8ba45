"""A ladder's rungs, and which of its networks no other one beats."""

from pathlib import Path

import pytest

from hpsearch.errors import InputError
from hpsearch.sessions.climb import hand_up
from hpsearch.sessions.ladder import Rung, is_unbeaten, read_listed_limits, read_rungs
from hpsearch.storage.database import Database
from hpsearch.tuning.claimed_trial import ClaimedTrial
from hpsearch.tuning.claims import TrialQueue
from hpsearch.tuning.records import read_study_record
from tests.cli_runs import make_record, make_trial
from tests.scripted import finish_trials, make_study


def test_one_budget_is_no_ladder() -> None:
    flags = {"budget": "100k", "arch": "cnn", "name": None}
    assert read_rungs(flags) == [flags]
    assert read_rungs({"budget": None, "arch": None}) == [{"budget": None, "arch": None}]
    assert read_rungs({"budget": "abc", "arch": "x"}) == [{"budget": "abc", "arch": "x"}]


def test_every_family_climbs_from_the_smallest_budget() -> None:
    rungs = read_rungs({"budget": "50k, 10_000,20k", "arch": "fcn,cnn", "name": "mine", "seed": 3})
    assert [(rung["arch"], rung["budget"]) for rung in rungs] == [
        (arch, budget) for arch in ("fcn", "cnn") for budget in ("10k", "20k", "50k")
    ]
    assert [rung["name"] for rung in rungs][:2] == ["mine-fcn-10k", "mine-fcn-20k"]
    assert {rung["seed"] for rung in rungs} == {3}
    assert [rung["name"] for rung in read_rungs({"budget": "10k,20k", "arch": "cnn", "name": "m"})] == [
        "m-10k",
        "m-20k",
    ]


def test_a_study_file_may_list_the_budgets_and_the_flag_goes_above_it(tmp_path: Path) -> None:
    path = tmp_path / "ladder.toml"
    path.write_text('name = "mine"\narch = "cnn"\nbudget = ["20k", 10_000]\n')
    flags = {"budget": None, "arch": None, "name": None}
    rungs = read_rungs(flags | read_listed_limits(path, flags))
    assert [(rung["budget"], rung["name"]) for rung in rungs] == [("10k", "mine-10k"), ("20k", "mine-20k")]
    assert read_listed_limits(path, flags | {"name": "yours"})["name"] == "yours"
    assert read_listed_limits(path, flags | {"budget": "5k"}) == read_listed_limits(None, flags) == {}
    path.write_text('arch = "cnn"\nbudget = "20k"\n')
    assert read_listed_limits(path, flags) == {}


@pytest.mark.parametrize(
    ("budget", "arch", "said"),
    [
        ("10k,10_000", "cnn", "the same twice"),
        ("100,000", "cnn", "budget '100,000' divides thousands by a comma.* give 100_000"),
        ("10k,20k", "cnn,cnn", "the same twice"),
        ("10k,abc", "cnn", "abc"),
        ("10k,", "cnn", "budget"),
        (",".join(f"{index}k" for index in range(5, 30)), "fcn,cnn", "50 studies at once are too many"),
    ],
)
def test_a_ladder_that_makes_no_sense_is_refused(budget: str, arch: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_rungs({"budget": budget, "arch": arch})


def test_the_frontier_is_what_nothing_smaller_beats() -> None:
    def rung(weights: int, value: float) -> Rung:
        return Rung(make_record(make_trial(0, value=value, weights=weights)), "finished", 1.0)

    rungs = [rung(1000, 0.8), rung(2000, 0.9), rung(3000, 0.85), rung(1500, 0.8)]
    assert [is_unbeaten(each, rungs) for each in rungs] == [True, True, False, False]
    twins = [rung(1000, 0.8), rung(1000, 0.8), rung(1001, 0.8)]
    assert [is_unbeaten(each, twins) for each in twins] == [True, True, False]
    nothing = Rung(make_record(make_trial(0, "FAIL")), "finished", 1.0)
    assert not is_unbeaten(nothing, [nothing])


def test_the_best_of_a_rung_begin_the_next_with_its_widths(tmp_path: Path) -> None:
    with Database.open(f"sqlite:///{tmp_path}/studies.db", create=True) as database:
        small = make_study(database, "small", trials=3)
        finish_trials(small, 0.5, 0.7, 0.6)
        below = read_study_record(small)
        large = make_study(database, "large", trials=4, budget="4k", predecessor=hand_up(below))
        assert large.warm_start is not None
        assert large.warm_start.trials == (1, 2)
        climbing = TrialQueue(large, "w", "cpu")
        for number in (1, 2):
            trial = climbing.claim()
            assert isinstance(trial, ClaimedTrial)
            before = below.trial(number).config
            assert before is not None
            assert trial.config.recipe == before.recipe
            assert 3_960 <= trial.config.count_weights() <= 4_000
        tiny = make_study(database, "tiny", trials=1, predecessor=hand_up(below))
        assert read_study_record(tiny).trials == ()


def test_a_rung_goes_on_as_it_was_made_and_takes_nothing_from_a_rung_that_has_nothing(tmp_path: Path) -> None:
    with Database.open(f"sqlite:///{tmp_path}/studies.db", create=True) as database:
        below = read_study_record(make_study(database, "small"))
        made = make_study(database, "large", budget="4k", sampler="tpe", portfolio=None, predecessor=hand_up(below))
        assert (made.warm_start, made.spec.portfolio) == (None, True)
        finish_trials(below.study, 0.5)
        later = read_study_record(below.study)
        joined = make_study(database, "large", budget="4k", sampler="tpe", portfolio=None, predecessor=hand_up(later))
        assert joined == made
        above = make_study(database, "larger", budget="8k", sampler="tpe", portfolio=None, predecessor=hand_up(later))
        assert above.warm_start is not None
        assert above.spec.portfolio is False
