"""An accuracy is shown with its images, its error, its baseline and its ties; a training with its steps."""

import io
from collections.abc import Callable

import pytest
from rich.console import Console

from hpsearch.export.model_card import write_card
from hpsearch.reporting.measured import Counted
from hpsearch.reporting.report import build_report
from hpsearch.reporting.search_part import write_search_part
from hpsearch.reporting.subject import Subject
from hpsearch.sessions.documents import describe_best
from hpsearch.sessions.ladder import Rung
from hpsearch.tuning import records
from hpsearch.tuning.finalists import summarize_finalists
from hpsearch.tuning.plan_summary import summarize_plan
from hpsearch.tuning.records import StudyRecord
from hpsearch.views import measures
from hpsearch.views.finalists import show_final
from hpsearch.views.ladder import show_rungs
from hpsearch.views.measures import list_measures, list_steps
from hpsearch.views.planned_table import show_plan_summary
from hpsearch.views.result import Outcome, show_outcome
from hpsearch.views.studies import show_study
from hpsearch.views.trained import show_trainings
from hpsearch.wording import describe_error
from tests.cli_runs import make_record, make_trial
from tests.report_studies import SEARCH, make_finalists, make_planned
from tests.tiny_training import TINY_FCN, tiny_config
from tests.unit.test_export_model_card import make_facts


def test_a_confusion_matrix_in_a_few_figures() -> None:
    counted = Counted.read([[90, 0, 0], [5, 5, 0], [0, 0, 0]])
    assert (counted.images, counted.correct, counted.largest) == (100, 95, 0)
    assert (counted.largest_share, counted.balanced_accuracy) == (0.9, 0.75)
    assert counted.is_uneven
    assert counted.standard_error == pytest.approx(0.0218, abs=1e-4)


def test_a_network_that_says_always_the_same_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    trials = [make_trial(number, value=0.95) for number in range(3)]
    counted = Counted.read([[95, 0, 0], [5, 0, 0], [0, 0, 0]])
    monkeypatch.setattr(measures, "count_validation", lambda _record, _trial: counted)
    facts = dict(list_measures(make_record(*trials), trials[0]))
    assert "of 100 images" in facts["validation"]
    assert "standard error 2.18 points" in facts["validation"]
    assert "saying 'a', the largest class, always gives: the network is no better" in facts["baseline"]
    assert "balanced over the classes it has 50.00%" in facts["baseline"]
    assert facts["tie"] == "2 more trials have the same accuracy"
    assert "few" not in facts


def test_few_images_are_too_few_to_rank_by(monkeypatch: pytest.MonkeyPatch) -> None:
    trial = make_trial(0, value=1.0)
    monkeypatch.setattr(measures, "count_validation", lambda _record, _trial: Counted.read([[1, 0], [0, 1]]))
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
    assert "8 steps an epoch of 41, 96 in all" in line
    assert "--epochs, e.g. 38" in line
    many = few.model_copy(update={"dataset": config.dataset.model_copy(update={"train_count": 60_000})})
    assert list_steps(many) == []


def write_run(record: StudyRecord) -> str:
    outcome = Outcome("interrupted", record, 65.0, "hpsearch run", str)
    return draw(lambda console: show_outcome(console, outcome))


def write_json_document(record: StudyRecord) -> str:
    measure = describe_best(record)["validation_measure"]
    return f"on {measure['images']} images, {100 * measure['standard_error']:.2f} {measure['largest_class_share']:.2%}"


def test_a_study_without_a_best_trial_has_the_same_words_and_no_figures() -> None:
    nothing = describe_best(make_record())
    assert list(nothing) == list(describe_best(make_record(make_trial(0))))
    assert (nothing["weights"], nothing["curve"], nothing["validation_measure"]) == (None, None, None)


def write_report(record: StudyRecord) -> str:
    return str(write_search_part(Subject(record)))


def write_planned_report(_record: StudyRecord) -> str:
    return str(build_report([Subject(make_planned())]))


def write_finalists(record: StudyRecord) -> str:
    final = make_finalists(SEARCH)
    summary = summarize_finalists(SEARCH, final)
    return draw(lambda console: show_final(console, record, final, summary, 1.0))


def write_show(record: StudyRecord) -> str:
    return draw(lambda console: show_study(console, record))


def write_ladder(record: StudyRecord) -> str:
    return draw(lambda console: show_rungs(console, [Rung(record, "finished", 1.0), Rung(record, "finished", 1.0)]))


def write_plan(_record: StudyRecord) -> str:
    return draw(lambda console: show_plan_summary(console, summarize_plan(make_planned())))


def write_training(record: StudyRecord) -> str:
    return draw(lambda console: show_trainings(console, record, "hpsearch export"))


def draw(show: Callable[[Console], None]) -> str:
    console = Console(file=io.StringIO(), width=300, markup=False)
    show(console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(
    "write",
    [
        *(write_run, write_json_document, write_report, write_planned_report),
        *(write_finalists, write_plan, write_training, write_show, write_ladder),
    ],
)
def test_an_accuracy_that_stands_alone_has_its_images_its_error_and_its_baseline(
    write: Callable[[StudyRecord], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "load_confusion", lambda _study, _trial: [[90, 5, 0], [5, 0, 0], [0, 0, 0]])
    said = write(make_record(make_trial(0, value=0.9), make_trial(1, value=0.8)))
    for words in ("on 100 images", "3.00", "95.00%"):
        assert words in said
    assert said.count("on 100 images") == 1


def test_a_card_has_them_of_the_test_split_as_well() -> None:
    config = tiny_config(TINY_FCN)
    config = config.model_copy(update={"dataset": config.dataset.model_copy(update={"test_count": 25})})
    card = write_card(make_facts(config, test_accuracy=0.5, study_test_openings=1))
    assert "**50.00%** of 25 test images, standard error 10.00 points; the test split was opened once" in card


@pytest.mark.parametrize(
    ("accuracy", "images", "words"),
    [
        (1.0, 71, "none is wrong, and up to 4.23% of others may be"),
        (0.0, 2, "none is right, and up to 100% of others may be"),
        (0.5, 25, "standard error 10.00 points"),
    ],
)
def test_no_error_in_few_images_is_not_an_error_of_zero(accuracy: float, images: int, words: str) -> None:
    assert describe_error(accuracy, images) == words
