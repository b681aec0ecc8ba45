"""A study's name stands for one spec: the same settings join, others are refused by name."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hpsearch.network.solver import BudgetTooSmallError
from hpsearch.storage.database import Database
from hpsearch.study.origin import Origin
from hpsearch.study.search_space import Choices
from hpsearch.study.trial_plan import plan_replicates
from hpsearch.tuning.creation import StudyDiffersError, create_or_join_study, store_origin
from hpsearch.tuning.study import list_study_names, load_study
from tests.report_studies import make_config
from tests.scripted import TINY_DATASET, make_study


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database.open(f"sqlite:///{tmp_path}/studies.db", create=True) as opened:
        yield opened


def test_the_same_settings_join(database: Database) -> None:
    assert make_study(database) == make_study(database)
    assert list_study_names(database) == ["study"]


def test_a_study_read_back_is_the_one_that_was_made(database: Database) -> None:
    made = make_study(database, space={"lr": [0.1, 0.2], "depth": 2})
    assert load_study(database, "study") == made


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"trials": 9}, "trials: it has 8, given 9"),
        ({"budget": "3k"}, "budget: it has 2k, given 3k"),
        ({"seed": 1}, "seed: it has 0, given 1"),
        ({"space": {"lr": 0.5}}, r"space\.lr: it has .*, given 0\.5"),
    ],
)
def test_other_settings_are_refused_and_each_field_that_differs_is_named(
    database: Database, changes: dict[str, object], named: str
) -> None:
    make_study(database, trials=8)
    with pytest.raises(StudyDiffersError, match=named):
        make_study(database, **changes)


def test_who_joins_a_planned_study_refreshes_its_figures_and_not_the_command_that_made_it(database: Database) -> None:
    def store(command: str, title: str) -> Origin:
        store_origin(load_study(database, "planned"), Origin(title=title, command=command))
        plan = load_study(database, "planned").plan
        assert plan is not None
        assert plan.origin is not None
        return plan.origin

    spec = make_study(database).spec
    plan = plan_replicates({"small": make_config()}, spec.trials, origin=Origin(title="Which?"))
    create_or_join_study(database, "planned", spec, TINY_DATASET, plan)
    first, second = store("hpsearch run a.toml", "Which?"), store("hpsearch run b/a.toml", "Which one?")
    assert (first.command, first.title) == ("hpsearch run a.toml", "Which?")
    assert (second.command, second.title) == ("hpsearch run a.toml", "Which one?")


def test_a_planned_study_is_joined_whatever_the_default_space_has_become_since(database: Database) -> None:
    spec = make_study(database).spec
    plan = plan_replicates({"small": make_config()}, spec.trials)
    made = create_or_join_study(database, "planned", spec, TINY_DATASET, plan)
    since = spec.model_copy(update={"space": spec.space.replace({"lr": Choices(values=(0.5,))})})
    assert create_or_join_study(database, "planned", since, TINY_DATASET, plan) == made


def test_other_images_under_the_same_name_are_refused(database: Database) -> None:
    study = make_study(database)
    other = TINY_DATASET.model_copy(update={"sha256": "1" * 64})
    with pytest.raises(StudyDiffersError, match="dataset content"):
        create_or_join_study(database, "study", study.spec, other)


def test_a_budget_that_nothing_fits_makes_no_study(database: Database) -> None:
    with pytest.raises(BudgetTooSmallError, match="the smallest that works is"):
        make_study(database, budget="3")
    assert list_study_names(database) == []


def test_what_cannot_fit_is_left_out_of_the_stored_space(database: Database) -> None:
    study = make_study(database, arch="cnn", budget="1k", space={"stages": [1, 2, 5], "kernel": [3, 7]})
    assert study.spec.space.choices("stages") == (1, 2, 5)
    assert 5 not in study.space.choices("stages")


def test_a_maker_that_died_before_the_spec_was_stored_does_not_block_the_name(database: Database) -> None:
    import optuna

    optuna.create_study(study_name="study", storage=database.optuna_storage, direction="maximize")
    assert make_study(database).name == "study"
    assert list_study_names(database) == ["study"]


def test_the_same_images_by_another_path_join(database: Database) -> None:
    """TINY_DATASET's hash stays the same whatever the path."""
    made = make_study(database, dataset="/here/tiny.npz")
    assert make_study(database, dataset="/there/tiny.npz") == made
