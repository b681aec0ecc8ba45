"""What is said of finalists follows from their values alone."""

import io
from dataclasses import replace
from typing import Any, get_args

import pytest
from rich.console import Console

from hpsearch.errors import InputError
from hpsearch.storage.database import Database
from hpsearch.storage.stored_rows import TestScore
from hpsearch.study.round_plan import Round, RoundPlan
from hpsearch.study.study_name import check_study_name
from hpsearch.study.trial_config import TrainsOn, TrialConfig
from hpsearch.study.trial_plan import TrialPlan, plan_replicates
from hpsearch.tuning.finalists import (
    Spread,
    choose_finalists,
    name_finalists,
    plan_finalists,
    summarize_finalists,
)
from hpsearch.tuning.records import StudyRecord, TrialRecord
from hpsearch.tuning.winner import choose_winner
from hpsearch.views.finalists import show_final
from tests.cli_runs import make_record, make_trial
from tests.tiny_training import TINY_CNN, tiny_config


def config(**recipe: Any) -> TrialConfig:
    return tiny_config(**recipe)


def complete(number: int, value: float, made: TrialConfig) -> TrialRecord:
    return make_trial(number, value=value, config_json=made.model_dump(mode="json"))


def final_record(
    search: StudyRecord, values: dict[str, list[float]], *, trains_on: TrainsOn = "train", trials: int | None = None
) -> StudyRecord:
    """A finalists' study in which label k's replicates got these values: on the test split if nothing is held out."""
    plan = plan_finalists(
        search, top=len(values), replicates=max(map(len, values.values())), trains_on=trains_on, epochs=7
    )
    made = []
    for number, planned in enumerate(plan.trials):
        if planned.replicate < len(values[planned.label]):
            figure = values[planned.label][planned.replicate]
            score = TestScore(1, None, figure, 1.0, 10)  # type: ignore[arg-type]
            fields = {"value": figure} if trains_on == "train" else {"test_scores": (score,)}
            config_json = planned.config.model_dump(mode="json")
            made.append(make_trial(number, label=planned.label, config_json=config_json, **fields))
    record = make_record(*made, trials=trials or len(made), epochs=7, name=name_finalists("tiny-fcn-2k"))
    object.__setattr__(record.study, "plan", plan)
    return record


@pytest.fixture
def search() -> StudyRecord:
    return make_record(
        complete(0, 0.90, config(lr=0.1)), complete(1, 0.92, config(lr=0.2)), complete(2, 0.91, config(lr=0.2))
    )


def test_of_equal_configurations_the_best_alone_is_a_finalist(search: StudyRecord) -> None:
    assert [trial.number for trial in choose_finalists(search, 3)] == [1, 0]
    assert [trial.number for trial in choose_finalists(search, 1)] == [1]


def test_replicates_of_different_finalists_share_their_fresh_seeds(search: StudyRecord) -> None:
    plan = plan_finalists(search, top=2, replicates=3, epochs=7)
    assert [(trial.label, trial.replicate) for trial in plan.trials[:3]] == [
        ("trial 1", 0),
        ("trial 0", 0),
        ("trial 1", 1),
    ]
    seeds = {trial.replicate: trial.config.seed for trial in plan.trials}
    assert len(set(seeds.values())) == 3
    assert all(trial.config.seed == seeds[trial.replicate] for trial in plan.trials)
    assert {trial.config.recipe.epochs for trial in plan.trials} == {7}
    assert plan == TrialPlan.model_validate_json(plan.model_dump_json())


def test_a_search_without_a_complete_trial_has_no_finalists() -> None:
    with pytest.raises(InputError, match="no complete trial"):
        plan_finalists(make_record(make_trial(0, "PRUNED")), top=3, replicates=5)


def test_the_interval_is_students() -> None:
    spread = Spread.measure([0.90, 0.91, 0.92, 0.93, 0.94])
    assert spread is not None
    assert spread.mean == pytest.approx(0.92)
    assert spread.deviation == pytest.approx(0.0158114, abs=1e-6)
    # 2.776445 is the 97.5% quantile of Student's t with 4 degrees of freedom.
    assert spread.half_width == pytest.approx(2.776445 * 0.0158114 / 5**0.5, abs=1e-6)
    assert Spread.measure([]) is None
    single = Spread.measure([0.5])
    assert single is not None
    assert (single.deviation, single.half_width) == (None, None)


def test_optimism_is_what_the_search_promised_too_much(search: StudyRecord) -> None:
    final = summarize_finalists(search, final_record(search, {"trial 1": [0.90, 0.91], "trial 0": [0.89, 0.90]}))
    first, second = final.finalists
    assert (first.label, second.label) == ("trial 1", "trial 0")
    assert first.optimism == pytest.approx(0.92 - 0.905)
    assert second.optimism == pytest.approx(0.90 - 0.895)


def test_the_retrained_mean_decides_and_not_the_search(search: StudyRecord) -> None:
    final = summarize_finalists(search, final_record(search, {"trial 1": [0.80, 0.81], "trial 0": [0.89, 0.90]}))
    assert [finalist.label for finalist in final.finalists] == ["trial 0", "trial 1"]


@pytest.mark.parametrize(
    ("first", "second", "is_distinguishable"),
    [
        ([0.93, 0.94, 0.935, 0.931, 0.938], [0.90, 0.91, 0.907, 0.902, 0.906], True),
        ([0.93, 0.90, 0.935, 0.89, 0.938], [0.92, 0.91, 0.907, 0.932, 0.906], False),
        ([0.93, 0.94], [0.92, 0.93], False),
        ([0.93], [0.92], False),
    ],
)
def test_two_finalists_differ_only_by_more_than_their_seeds_explain(
    search: StudyRecord, first: list[float], second: list[float], is_distinguishable: bool
) -> None:
    comparison = summarize_finalists(search, final_record(search, {"trial 1": first, "trial 0": second})).comparison
    assert comparison is not None
    assert comparison.pairs == len(first)
    assert comparison.is_distinguishable == is_distinguishable


def show(search: StudyRecord, values: dict[str, list[float]]) -> str:
    """What the terminal says of finalists."""
    final = final_record(search, values)
    console = Console(file=io.StringIO(), width=200)
    show_final(console, search, final, summarize_finalists(search, final), 1.0)
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def test_the_terminal_gives_the_standard_deviation_behind_the_sign_and_the_interval_in_a_column_of_its_own(
    search: StudyRecord,
) -> None:
    said = show(search, {"trial 1": [0.93, 0.94, 0.95], "trial 0": [0.90, 0.91, 0.92]})
    assert "94.00 ± 1.00" in said
    assert "91.52 to 96.48" in said
    assert "95% interval" in said
    assert "mean ± standard deviation over seeds" in said


@pytest.mark.parametrize("values", [([0.93], [0.92]), ([0.93, 0.94], [0.92, 0.93])])
def test_the_terminal_says_that_two_cannot_be_told_apart_where_seeds_allow_no_test(
    search: StudyRecord, values: tuple[list[float], list[float]]
) -> None:
    said = show(search, {"trial 1": values[0], "trial 0": values[1]})
    assert "Trial 1 cannot be told from trial 0: +1.00 points over" in said
    assert "(too few seeds, or no spread, for a test)" in said


def test_replicates_that_failed_are_counted_and_the_others_compared_in_pairs(search: StudyRecord) -> None:
    record = final_record(search, {"trial 1": [0.93, 0.94, 0.95], "trial 0": [0.90, 0.91, 0.92]})
    failed = make_trial(0, "FAIL", label="trial 1")
    record = StudyRecord(record.study, (failed, *record.trials[1:]))
    final = summarize_finalists(search, record)
    assert (final.finalists[0].failed, len(final.finalists[0].replicates)) == (1, 2)
    assert final.comparison is not None
    assert final.comparison.pairs == 2


def test_test_scores_are_summarized_where_they_were_opened(search: StudyRecord) -> None:
    record = final_record(search, {"trial 1": [0.93, 0.94], "trial 0": [0.90, 0.91]})
    scored = [
        make_trial(
            trial.number,
            value=trial.value,
            label=trial.label,
            test_scores=(TestScore(1, None, 0.9 + trial.number / 100, 1.0, 10),),  # type: ignore[arg-type]
        )
        for trial in record.trials
    ]
    final = summarize_finalists(search, StudyRecord(record.study, tuple(scored)))
    assert final.finalists[0].test is not None
    assert final.finalists[0].test.mean == pytest.approx(0.91)


def test_finalists_that_hold_nothing_out_keep_the_order_of_the_search_and_compare_on_the_test_split(
    search: StudyRecord,
) -> None:
    values = {"trial 1": [0.90, 0.91, 0.902], "trial 0": [0.95, 0.96, 0.957]}
    final = summarize_finalists(search, final_record(search, values, trains_on="train+validation"))
    assert [finalist.label for finalist in final.finalists] == ["trial 1", "trial 0"]
    assert [(finalist.validation, finalist.optimism) for finalist in final.finalists] == [(None, None)] * 2
    assert final.finalists[0].test is not None
    assert final.finalists[0].test.mean == pytest.approx(0.904)
    assert final.comparison is not None
    assert (final.comparison.split, final.comparison.pairs) == ("test", 3)
    assert final.comparison.mean_difference == pytest.approx(-0.05166667)
    assert final.comparison.is_distinguishable


def test_finalists_that_hold_nothing_out_begin_with_what_the_last_round_trained() -> None:
    plan = RoundPlan(rounds=(Round(trials=2, epochs=1), Round(trials=1, epochs=3)))
    made = [complete(number, value, config(lr=lr)) for number, value, lr in ((0, 0.92, 0.1), (1, 0.95, 0.2))]
    made.append(replace(complete(2, 0.91, config(lr=0.1)), promoted_from=0))
    search = make_record(*made, trials=None, epochs=None, round_plan=plan)
    values = {"trial 2": [0.90], "trial 1": [0.95]}
    final = summarize_finalists(search, final_record(search, values, trains_on="train+validation"))
    assert [finalist.label for finalist in final.finalists] == ["trial 2", "trial 1"]


def test_a_search_that_has_other_trials_by_now_is_not_the_finalists_own(search: StudyRecord) -> None:
    record = final_record(search, {"trial 1": [0.90]})
    other = make_record(complete(0, 0.9, config()), complete(1, 0.9, tiny_config(TINY_CNN)))
    for changed in (other, make_record(complete(0, 0.9, config()))):
        with pytest.raises(InputError, match=r"trains trial 1 of a study .* that is not the one here: hpsearch delete"):
            summarize_finalists(changed, record)


@pytest.mark.parametrize(
    ("values", "number"),
    [
        ([0.93, 0.90, 0.91], 4),
        ([0.90, 0.93, 0.92, 0.91], 6),  # of the two in the middle the lower one
        ([0.91, 0.92, 0.92, 0.92, 0.91], 2),
        ([0.93], 0),
    ],
)
def test_the_winner_is_the_highest_mean_and_its_median_replicate(
    search: StudyRecord, values: list[float], number: int
) -> None:
    second = [0.89] * (len(values) - 1) + [0.895]
    winner = choose_winner(search, final_record(search, {"trial 1": values, "trial 0": second}))
    assert (winner.finalist.label, winner.trial.number) == ("trial 1", number)
    assert winner.describe()["search_trial"] == 1
    assert winner.describe()["replicate"] == number // 2


def test_where_nothing_is_held_out_the_search_and_the_first_seed_decide_and_never_the_test_split(
    search: StudyRecord,
) -> None:
    values = {"trial 1": [0.91, 0.90, 0.99], "trial 0": [0.95, 0.96, 0.97]}
    winner = choose_winner(search, final_record(search, values, trains_on="train+validation"))
    assert (winner.finalist.label, winner.trial.number) == ("trial 1", 0)
    assert winner.describe()["selected_by"] == "search validation accuracy"
    assert winner.describe()["replicate_selected_by"] == "first seed"


@pytest.mark.parametrize("trains_on", ["train", "train+validation"])
def test_there_is_no_winner_before_all_are_trained_and_the_message_has_the_command(
    search: StudyRecord, trains_on: TrainsOn
) -> None:
    values = {"trial 1": [0.93, 0.94], "trial 0": [0.90, 0.91]}
    record = final_record(search, values, trains_on=trains_on, trials=5)
    on = "" if trains_on == "train" else r" --on train\+validation --study tiny-fcn-2k-finalists"
    command = rf"hpsearch finalists {search.study.name} --top 2 --replicates 2 --epochs 7{on}"
    with pytest.raises(
        InputError, match=rf"4 of 5 trainings of 'tiny-fcn-2k-finalists' are finished.*: {command} goes on"
    ):
        choose_winner(search, record)
    failed = tuple(make_trial(trial.number, "FAIL", label=trial.label) for trial in record.trials)
    with pytest.raises(InputError, match="no replicate of trial 1 in 'tiny-fcn-2k-finalists' is complete"):
        choose_winner(search, StudyRecord(final_record(search, values, trains_on=trains_on).study, failed))


def test_both_kinds_of_finalists_have_names_of_their_own_however_long_the_search_s_is() -> None:
    assert (name_finalists("s"), name_finalists("s", "train+validation")) == ("s-finalists", "s-finalists-all")
    names = {name_finalists("s" * 64, trains_on) for trains_on in get_args(TrainsOn)}
    assert len(names) == 2
    assert {check_study_name(name) for name in names} == names


def test_a_study_that_holds_nothing_out_has_the_training_loss_as_its_objective_and_no_accuracy(tmp_path: Any) -> None:
    from hpsearch.tuning.claimed_trial import ClaimedTrial
    from hpsearch.tuning.claims import TrialQueue
    from hpsearch.tuning.creation import StudyDiffersError, create_or_join_study
    from hpsearch.tuning.records import read_study_record
    from tests.scripted import TINY_DATASET, curve_point, make_study

    with Database.open(f"sqlite:///{tmp_path}/studies.db", create=True) as database:
        drawn = make_study(database, trials=1)
        first = TrialQueue(drawn, "w", "cpu").claim()
        assert isinstance(first, ClaimedTrial)
        plan = plan_replicates({"a": first.config}, 1, trains_on="train+validation", search="s")
        study = create_or_join_study(database, "planned", drawn.spec, TINY_DATASET, plan)
        for trains_on, name, said in (
            ("train", "s", r"\(trains_on: it has train\+validation, given train\)"),
            ("train+validation", "t", r"\(search: it has s, given t\)"),
        ):
            other = plan_replicates({"a": first.config}, 1, trains_on=trains_on, search=name)
            with pytest.raises(StudyDiffersError, match=said):
                create_or_join_study(database, "planned", drawn.spec, TINY_DATASET, other)
        unlinked = plan.model_copy(update={"search": None})  # as older versions made it
        assert create_or_join_study(database, "planned", drawn.spec, TINY_DATASET, unlinked) == study
        trial = TrialQueue(study, "w", "cpu").claim()
        assert isinstance(trial, ClaimedTrial)
        for epoch in range(2):
            point = replace(curve_point(epoch, 0.0), train_loss=0.5, validation_loss=None, validation_accuracy=None)
            assert trial.report(point, b"checkpoint") is False
        trial.complete(b"w")
        record = read_study_record(study)
        stored = database.optuna_storage.get_all_trials(study.study_id)[0]
        assert (stored.value, stored.intermediate_values) == (0.5, {0: 0.5, 1: 0.5})
        assert [each.name for each in database.optuna_storage.get_study_directions(study.study_id)] == ["MINIMIZE"]
    (read,) = record.trials
    assert (read.value, read.accuracies, read.epochs, record.best) == (None, {}, 2, None)
    assert read.lease is not None
    assert read.lease.validation_accuracy is None


def test_a_planned_study_gives_its_trials_as_they_are_planned(tmp_path: Any) -> None:
    from hpsearch.tuning.claimed_trial import ClaimedTrial
    from hpsearch.tuning.claims import NoTrial, TrialQueue
    from hpsearch.tuning.creation import StudyDiffersError, create_or_join_study
    from hpsearch.tuning.records import read_study_record
    from hpsearch.tuning.study import load_study
    from tests.scripted import TINY_DATASET, curve_point, make_study

    with Database.open(f"sqlite:///{tmp_path}/studies.db", create=True) as database:
        drawn = make_study(database, trials=1)
        first = TrialQueue(drawn, "w", "cpu").claim()
        assert isinstance(first, ClaimedTrial)
        plan = plan_replicates({"a": first.config}, 2)
        study = create_or_join_study(database, "planned", drawn.spec, TINY_DATASET, plan)
        with pytest.raises(StudyDiffersError, match=r"planned trials: it has 2 of a, given none"):
            create_or_join_study(database, "planned", drawn.spec, TINY_DATASET)
        assert load_study(database, "planned") == study
        study = load_study(database, "planned")
        queue = TrialQueue(study, "w", "cpu")
        for planned in plan.trials[: study.spec.trials]:
            trial = queue.claim()
            assert isinstance(trial, ClaimedTrial)
            assert trial.config == planned.config
            trial.report(curve_point(0, 0.5))
            trial.complete(b"w")
        assert queue.claim() is NoTrial.ALL_FINISHED
        assert [trial.label for trial in read_study_record(study).trials] == ["a"]
