"""How a study begins: with the best of another one, with the portfolio, or with what its sampler draws; always once."""

from collections.abc import Callable, Iterator
from typing import Any

import optuna
import pytest

from hpsearch.errors import InputError, StorageError
from hpsearch.network.architecture import CnnArchitecture
from hpsearch.storage import optuna_rows, study_rows
from hpsearch.storage.database import Database
from hpsearch.study.portfolio import PORTFOLIO
from hpsearch.study.trial_plan import plan_replicates
from hpsearch.tuning.claimed_trial import ClaimedTrial
from hpsearch.tuning.claims import NoTrial, TrialQueue
from hpsearch.tuning.creation import StudyDiffersError, create_or_join_study
from hpsearch.tuning.operations import delete_study, enqueue_trial
from hpsearch.tuning.records import StudyRecord, TrialRecord, read_study_record
from hpsearch.tuning.study import Study, list_study_names, load_study
from hpsearch.tuning.warm_start import BEST_OF_RUNG, BEST_OF_STUDY, Predecessor
from tests.scripted import TINY_DATASET, finish_trials, make_study

TPE: dict[str, Any] = {"sampler": "tpe", "portfolio": None}
"""What a study of a default `run` says of its beginning: nothing."""


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    path = tmp_path_factory.mktemp("warm-start") / "studies.db"
    with Database.open(f"sqlite:///{path}", create=True) as database:
        yield database


@pytest.fixture
def database(opened: Database) -> Iterator[Database]:
    """One file for all tests, without any study."""
    yield opened
    left = [study._study_id for study in opened.optuna_storage.get_all_studies()]
    with opened.transaction() as connection:
        for study_id in left:
            study_rows.delete_study(connection, study_id)
    opened.forget_finished_trials()


def make_source(database: Database, *accuracies: float, name: str = "source", **fields: Any) -> Study:
    """A study with a finished trial of each of these accuracies."""
    study = make_study(database, name, trials=max(1, len(accuracies)), **fields)
    finish_trials(study, *accuracies)
    return study


def begin_with(study: Study, *, is_asked: bool = True) -> Predecessor:
    return Predecessor(study.name, lambda: read_study_record(study), is_asked)


def list_given(study: Study) -> list[TrialRecord]:
    """Its trials, none of which anybody has taken yet."""
    trials = read_study_record(study).trials
    assert all(trial.state == "WAITING" for trial in trials)
    return list(trials)


def claim(study: Study, count: int = 1) -> list[ClaimedTrial]:
    queue = TrialQueue(study, "worker", "cpu")
    claimed = [queue.claim() for _ in range(count)]
    assert all(isinstance(trial, ClaimedTrial) for trial in claimed)
    return claimed  # type: ignore[return-value]


# The portfolio


@pytest.mark.parametrize(
    ("fields", "sees"),
    [
        ({"epochs": 24}, ("shift", 0.25)),  # TINY_DATASET is nobody's whose images keep their class when mirrored
        ({"epochs": 40}, ("shift", 0.5)),
        ({"epochs": 24, "space": {"augmentation": "flip+shift"}}, ("flip+shift", 0.5)),  # whoever says it has it
    ],
)
def test_a_training_sees_its_images_changed_as_its_epochs_bear(
    database: Database, fields: dict[str, Any], sees: tuple[str, float]
) -> None:
    study = make_study(database, arch="cnn", budget="50k", trials=1, **fields)
    trial = TrialQueue(study, "worker", "cpu").claim()
    assert isinstance(trial, ClaimedTrial)
    assert (trial.config.recipe.augmentation, trial.config.recipe.augmentation_strength) == sees


def test_the_portfolio_comes_first_and_leaves_half_of_the_trials_to_the_sampler(database: Database) -> None:
    for trials, expected in ((1, 0), (2, 1), (5, 2), (100, len(PORTFOLIO["fcn"]))):
        study = make_study(database, f"of-{trials}", trials=trials, budget="4k", **TPE)
        given = list_given(study)
        assert len(given) == expected
        names = [entry.name for entry in PORTFOLIO["fcn"]]
        assert [trial.given_by for trial in given] == [f"portfolio, {name}" for name in names[:expected]]
        assert study.spec.portfolio is True
    (first,) = claim(load_study(database, "of-100"))
    entry = PORTFOLIO["fcn"][0].parameters
    recipe = first.config.recipe
    assert (recipe.optimizer, recipe.lr, recipe.dropout) == (entry["optimizer"], entry["lr"], entry["dropout"])
    assert first.config.count_weights() <= 4_000


def test_the_portfolio_s_trials_are_among_those_that_the_study_asks_for(database: Database) -> None:
    study = make_study(database, trials=4, budget="4k", **TPE)
    finish_trials(study, 0.5, 0.6, 0.7, 0.8)
    assert TrialQueue(study, "worker", "cpu").claim() is NoTrial.ALL_FINISHED
    assert [trial.given_by is not None for trial in read_study_record(study).trials] == [True, True, False, False]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, True),
        ({"sampler": "gp"}, True),
        ({"sampler": "random"}, False),
        ({"sampler": "qmc"}, False),
        ({"sampler": "random", "portfolio": True}, True),
        ({"portfolio": False}, False),
    ],
    ids=str,
)
def test_a_sampler_that_learns_has_the_portfolio_and_a_baseline_has_not_unless_told(
    database: Database, fields: dict[str, Any], expected: bool
) -> None:
    study = make_study(database, budget="4k", **TPE | fields)
    assert study.spec.portfolio is expected
    assert bool(list_given(study)) is expected
    assert load_study(database, "study").spec == study.spec


def test_an_entry_outside_of_the_study_s_space_is_left_out(database: Database) -> None:
    assert list_given(make_study(database, "none", budget="4k", space={"optimizer": "sgd"}, **TPE)) == []
    one = PORTFOLIO["fcn"][1].parameters
    space = {name: one[name] for name in ("lr", "dropout")}
    given = list_given(make_study(database, "one", budget="4k", space=space, **TPE))
    assert [trial.given_by for trial in given] == [f"portfolio, {PORTFOLIO['fcn'][1].name}"]


def test_a_study_is_joined_as_it_was_made_by_who_does_not_speak_of_the_portfolio(database: Database) -> None:
    with_it = make_study(database, "with", budget="4k", **TPE)
    without = make_study(database, "without", budget="4k", **TPE | {"portfolio": False})
    for study in (with_it, without):
        assert make_study(database, study.name, budget="4k", **TPE) == study
    with pytest.raises(StudyDiffersError, match="portfolio: it has True, given False"):
        make_study(database, "with", budget="4k", **TPE | {"portfolio": False})
    with pytest.raises(StudyDiffersError, match="portfolio: it has False, given True"):
        make_study(database, "without", budget="4k", **TPE | {"portfolio": True})


def test_a_study_from_before_there_was_a_portfolio_has_none_and_goes_on(database: Database) -> None:
    study = make_study(database, budget="4k", **TPE | {"portfolio": False})
    spec = study.spec.model_dump(mode="json", exclude={"portfolio"})
    with database.transaction() as connection:
        optuna_rows.write_study_attributes(connection, study.study_id, {"hpsearch:spec": spec}, {})
    joined = make_study(database, budget="4k", **TPE)
    assert joined.spec.portfolio is False
    assert not joined.is_new
    assert list_given(joined) == []


# Another study


def test_the_three_best_distinct_configurations_begin_another_budget_with_its_widths(database: Database) -> None:
    source = make_source(database, 0.5, 0.8, 0.6, 0.7)
    study = make_study(database, budget="4k", predecessor=begin_with(source), **TPE)
    assert study.warm_start is not None
    assert (study.warm_start.study, study.warm_start.trials) == ("source", (1, 3, 2))
    assert study.warm_start.describe() == "source (a fcn of at most 2,000 weights on tiny), its trials 1, 3 and 2"
    assert [trial.given_by for trial in list_given(study)] == [f"source, trial {number}" for number in (1, 3, 2)]
    assert load_study(database, "study") == study
    record = read_study_record(source)
    for trial, number in zip(claim(study, 3), study.warm_start.trials, strict=True):
        before = record.trial(number).config
        assert before is not None
        assert trial.config.recipe == before.recipe
        assert 3_960 <= trial.config.count_weights() <= 4_000


def test_a_replicate_is_taken_once_also_where_it_differs_in_what_it_does_not_use(database: Database) -> None:
    source = make_study(database, "source", trials=3, space={"depth": [2, 3]})
    enqueue_trial(source, {"depth": 2})
    finish_trials(source, 0.5)
    drawn = dict(read_study_record(source).trial(0).parameters)
    enqueue_trial(source, drawn)
    enqueue_trial(source, drawn | {"width_ratio_3": 0.77})
    finish_trials(source, 0.6, 0.7)
    study = make_study(database, predecessor=begin_with(source))
    assert study.warm_start is not None
    assert study.warm_start.trials == (2,)


def test_two_that_become_one_are_taken_once(database: Database) -> None:
    fixed = {name: value.values[0] if hasattr(value, "values") else value.low for name, value in _fcn_space()}
    source = make_study(database, "source", trials=2, space=fixed | {"lr": [0.02, 0.03], "depth": 2})
    for lr in (0.02, 0.03):
        enqueue_trial(source, {"lr": lr})
    finish_trials(source, 0.5, 0.6)
    study = make_study(database, space={"lr": {"low": 0.001, "high": 0.01}}, predecessor=begin_with(source))
    assert study.warm_start is not None
    assert (study.warm_start.trials, study.warm_start.changes) == ((1,), ("lr 0.03 becomes 0.01 (trial 1)",))


def test_who_names_a_study_may_fill_all_trials_and_a_ladder_leaves_half(database: Database) -> None:
    source = make_source(database, 0.5, 0.8, 0.6, 0.7)
    assert len(list_given(make_study(database, "asked", trials=3, predecessor=begin_with(source)))) == 3
    assert len(list_given(make_study(database, "few", trials=2, predecessor=begin_with(source)))) == 2
    ladder = begin_with(source, is_asked=False)
    assert len(list_given(make_study(database, "rung", trials=3, predecessor=ladder))) == 1
    assert len(list_given(make_study(database, "long-rung", trials=30, predecessor=ladder))) == 2


def test_the_portfolio_comes_behind_another_study_s_best_and_only_where_it_is_asked_for(database: Database) -> None:
    source = make_source(database, 0.5)
    alone = make_study(database, "alone", budget="4k", predecessor=begin_with(source), **TPE)
    assert [trial.given_by for trial in list_given(alone)] == ["source, trial 0"]
    both = make_study(
        database, "both", trials=6, budget="4k", predecessor=begin_with(source), **TPE | {"portfolio": True}
    )
    given = [trial.given_by for trial in list_given(both)]
    assert given[0] == "source, trial 0"
    assert [str(name).startswith("portfolio, ") for name in given] == [False, True, True]


def test_what_the_new_space_has_not_is_put_to_the_nearest_or_drawn_anew_and_said(database: Database) -> None:
    wide = {"lr": [0.02, 0.03], "depth": 4, "activation": "silu", "optimizer": "sgd", "dropout": 0.25}
    source = make_source(database, 0.6, 0.5, space=wide)
    narrow = {
        "lr": {"low": 1e-3, "high": 1e-2, "log": True},
        "depth": {"low": 1, "high": 3},
        "activation": ["relu", "gelu"],
        "optimizer": "adamw",
    }
    study = make_study(database, space=narrow, predecessor=begin_with(source))
    assert study.warm_start is not None
    record = read_study_record(source)
    assert study.warm_start.changes == tuple(
        f"{change} (trial {number})"
        for number in (0, 1)
        for change in (
            "depth 4 becomes 3",
            "activation silu is drawn anew",
            "optimizer sgd becomes adamw",
            f"lr {record.trial(number).parameters['lr']} becomes 0.01",
        )
    )
    (trial,) = claim(study)
    assert (len(trial.config.architecture.describe().split()[0].split("-")), trial.config.recipe.lr) == (3, 0.01)
    assert (trial.config.recipe.optimizer, trial.config.recipe.dropout) == ("adamw", 0.25)


def test_another_family_gets_the_recipe_and_draws_the_network(database: Database) -> None:
    source = make_source(database, 0.5, 0.6, space={"lr": {"low": 0.005, "high": 0.02}, "activation": "leaky_relu"})
    study = make_study(database, arch="cnn", space={"optimizer": "adamw"}, predecessor=begin_with(source))
    assert study.warm_start is not None
    assert study.warm_start.changes[0] == "only the recipe is taken: the network of a cnn is drawn"
    assert not any("activation" in change for change in study.warm_start.changes)
    (trial,) = claim(study)
    before = read_study_record(source).trial(1).config
    assert before is not None
    assert (trial.config.recipe.lr, trial.config.recipe.optimizer) == (before.recipe.lr, before.recipe.optimizer)
    assert trial.config.architecture.arch == "cnn"


def test_a_network_of_an_older_space_is_begun_with_as_it_was(database: Database) -> None:
    """There every stage behind the stem had `blocks` blocks; here the last stage is searched for itself."""
    space = {"blocks": 2, "blocks_last": "same", "block": ["plain", "residual"]}
    source = make_source(database, 0.5, arch="cnn", budget="5k", space=space)
    study = make_study(database, arch="cnn", budget="5k", predecessor=begin_with(source))
    assert study.warm_start is not None
    assert study.warm_start.changes == ()
    (trial,) = claim(study)
    assert isinstance(trial.config.architecture, CnnArchitecture)
    assert [len(stage.channels) for stage in trial.config.architecture.stages] == [1, 2, 2]


def _plan(database: Database) -> Study:
    config = claim(make_study(database, "searched"))[0].config
    plan = plan_replicates({"a": config}, 2, search="searched")
    return create_or_join_study(database, "source", make_study(database, "searched").spec, TINY_DATASET, plan)


@pytest.mark.parametrize(
    ("make", "fields", "message"),
    [
        (lambda database: make_source(database), {}, "study 'source' has no complete trial to begin with: "),
        (
            _plan,
            {},
            "the trials of study 'source' were planned, not drawn: give --from searched, whose trials they are",
        ),
        (lambda database: make_source(database, 0.5), {"sampler": "grid"}, "sampler grid .* --from is not allowed"),
        (
            lambda database: make_source(database, 0.5, arch="cnn"),
            {"arch": "fcn", "space": "fixed"},
            "nothing of the best of study 'source' is searched by the new one",
        ),
    ],
    ids=["nothing complete", "planned", "grid", "nothing in common"],
)
def test_a_study_that_has_nothing_to_give_is_refused_and_no_study_is_made(
    database: Database, make: Callable[[Database], Study], fields: dict[str, Any], message: str
) -> None:
    source = make(database)
    before = list_study_names(database)
    if fields.get("sampler") == "grid" or fields.get("space") == "fixed":
        space = {name: value.values[0] if hasattr(value, "values") else value.low for name, value in _fcn_space()}
        fields = fields | {"space": space | {"depth": [2, 3]}}
    with pytest.raises(InputError, match=message):
        make_study(database, predecessor=begin_with(source), **fields)
    assert list_study_names(database) == before
    assert len(database.optuna_storage.get_all_studies()) == len(before)


def _fcn_space() -> Any:
    from hpsearch.study.default_spaces import default_space

    return default_space("fcn").distributions.items()


def test_the_same_again_adds_nothing_and_does_not_need_the_other_study(database: Database) -> None:
    source = make_source(database, 0.5, 0.6)
    study = make_study(database, predecessor=begin_with(source))
    finish_trials(study, 0.5)
    before = read_study_record(study).trials
    delete_study(source)
    again = make_study(database, predecessor=Predecessor("source", lambda: pytest.fail("it is read")))
    assert (again, again.is_new) == (study, False)
    assert read_study_record(again).trials == before
    assert make_study(database) == study


def test_another_study_to_begin_with_is_refused_by_name(database: Database) -> None:
    source, other = make_source(database, 0.5), make_source(database, 0.5, name="other")
    make_study(database, predecessor=begin_with(source))
    with pytest.raises(StudyDiffersError, match="from: it has source, given other"):
        make_study(database, predecessor=begin_with(other))
    make_study(database, "drawn")
    with pytest.raises(StudyDiffersError, match="from: it has no other study, given other"):
        make_study(database, "drawn", predecessor=begin_with(other))


# Whoever dies


class Died(BaseException):
    """As a process that is killed."""


@pytest.mark.slow
@pytest.mark.parametrize("is_ladder", [False, True], ids=["asked", "ladder"])
@pytest.mark.parametrize(("write", "call"), [("write_study_attributes", 1), ("insert_trial", 2), ("record_event", 2)])
def test_a_maker_that_died_anywhere_leaves_a_name_that_the_same_command_makes_whole(
    database: Database, monkeypatch: pytest.MonkeyPatch, write: str, call: int, is_ladder: bool
) -> None:
    from hpsearch.storage import leases, optuna_rows

    source = make_source(database, 0.5, 0.6, 0.7)
    owner: Any = {"write_study_attributes": optuna_rows}.get(write, leases)
    original, calls = getattr(owner, write), []

    def die(*arguments: Any, **keywords: Any) -> Any:
        calls.append(write)
        if len(calls) == call:
            raise Died
        return original(*arguments, **keywords)

    predecessor = begin_with(source, is_asked=not is_ladder)
    with monkeypatch.context() as patch:
        patch.setattr(owner, write, die)
        with pytest.raises(Died):
            make_study(database, predecessor=predecessor)
    assert list_study_names(database) == ["source"]
    with pytest.raises(StorageError):  # and no worker takes what is half there
        load_study(database, "study")
    for is_new in (True, False):
        study = make_study(database, predecessor=predecessor)
        assert study.is_new is is_new
        assert len(list_given(study)) == (2 if is_ladder else 3)


def test_a_name_that_a_maker_of_an_older_version_left_half_made_is_made_whole(database: Database) -> None:
    other = make_study(database, "other", **TPE)
    study_id = database.optuna_storage.create_new_study([optuna.study.StudyDirection.MAXIMIZE], "study")
    database.optuna_storage.set_study_user_attr(study_id, "hpsearch:spec", other.spec.model_dump(mode="json"))
    made = make_study(database, budget="4k", **TPE)
    assert made.is_new
    assert len(list_given(made)) == len(PORTFOLIO["fcn"])


# The same configuration again


def list_configurations(record: StudyRecord) -> list[tuple[str, str]]:
    configs = [trial.config for trial in record.trials]
    return [(config.architecture.describe(), config.recipe.describe()) for config in configs if config is not None]


def test_a_configuration_given_twice_is_a_replicate_under_another_seed_and_counts(database: Database) -> None:
    study = make_study(database, trials=3)
    finish_trials(study, 0.5)
    enqueue_trial(study, read_study_record(study).trial(0).parameters)
    finish_trials(study, 0.7, 0.6)
    record = read_study_record(study)
    assert record.is_finished
    assert record.replicates == {1: 0}
    assert [trial.number for trial in record.ranking] == [1, 2, 0]
    assert [trial.number for trial in record.distinct_ranking] == [1, 2]
    first, again, other = list_configurations(record)
    assert first == again != other
    assert len({trial.config.seed for trial in record.trials if trial.config}) == 3


@pytest.mark.parametrize("sampler", ["tpe", "random", "grid"])
def test_a_sampler_that_draws_a_point_again_gives_a_trial_with_a_seed_of_its_own(
    database: Database, sampler: str
) -> None:
    fixed = {name: value.values[0] if hasattr(value, "values") else value.low for name, value in _fcn_space()}
    study = make_study(database, sampler=sampler, space=fixed | {"depth": [2, 3]}, trials=6)
    finish_trials(study, *(0.5 + index / 100 for index in range(6)))
    record = read_study_record(study)
    assert len(set(list_configurations(record))) <= 2
    assert len(record.replicates) >= 4
    assert len(record.distinct_ranking) == len(set(list_configurations(record)))
    assert len({trial.config.seed for trial in record.trials if trial.config}) == 6
    assert record.counts["COMPLETE"] == 6


def test_the_help_says_how_many_are_taken() -> None:
    from hpsearch.cli.reference import write_reference

    page = write_reference()
    assert f"Begin with the {BEST_OF_STUDY} best distinct configurations" in page
    assert f"the {BEST_OF_RUNG} best of one begin the next" in page
