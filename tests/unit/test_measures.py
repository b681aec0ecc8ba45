"""An accuracy is shown with its images, its error, its baseline and its ties; a training with its steps."""

import pytest

from hpsearch.views import measures
from hpsearch.views.measures import Counted, list_measures, list_steps
from tests.cli_runs import make_record, make_trial
from tests.tiny_training import TINY_FCN, tiny_config


def test_a_confusion_matrix_in_a_few_figures() -> None:
    counted = Counted.read([[90, 0, 0], [5, 5, 0], [0, 0, 0]])
    assert (counted.images, counted.correct, counted.largest) == (100, 95, 0)
    assert (counted.largest_share, counted.balanced_accuracy) == (0.9, 0.75)
    assert counted.is_uneven
    assert counted.standard_error == pytest.approx(0.0218, abs=1e-4)


def test_a_network_that_says_always_the_same_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    trials = [make_trial(number, value=0.95) for number in range(3)]
    counted = Counted.read([[95, 0, 0], [5, 0, 0], [0, 0, 0]])
    monkeypatch.setattr(measures, "_count", lambda _record, _trial: counted)
    facts = dict(list_measures(make_record(*trials), trials[0]))
    assert "of 100 images" in facts["validation"]
    assert "standard error 2.18 points" in facts["validation"]
    assert "saying 'a', the largest class, always gives: the network is no better" in facts["baseline"]
    assert "balanced over the classes it has 50.00%" in facts["baseline"]
    assert facts["tie"] == "2 more trials have the same accuracy"
    assert "few" not in facts


def test_few_images_are_too_few_to_rank_by(monkeypatch: pytest.MonkeyPatch) -> None:
    trial = make_trial(0, value=1.0)
    monkeypatch.setattr(measures, "_count", lambda _record, _trial: Counted.read([[1, 0], [0, 1]]))
    assert (
        "2 images are too few to rank by: one is 50.0 points" in dict(list_measures(make_record(trial), trial))["few"]
    )


def test_few_steps_are_said_and_many_are_not() -> None:
    config = tiny_config(TINY_FCN)
    recipe = config.recipe.model_copy(update={"epochs": 12, "batch_size": 128})
    few = config.model_copy(
        update={"recipe": recipe, "dataset": config.dataset.model_copy(update={"train_count": 360})}
    )
    ((head, line),) = list_steps(few)
    assert head == "steps"
    assert "2 steps an epoch of 128, 24 in all" in line
    assert "--epochs, e.g. 150" in line
    many = few.model_copy(update={"dataset": config.dataset.model_copy(update={"train_count": 60_000})})
    assert list_steps(many) == []
