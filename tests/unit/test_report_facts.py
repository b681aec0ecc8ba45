"""What a report finds out and draws: importance, confusions, wrong images, each picture."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hpsearch.reporting import canvas, search_part, trial_figures
from hpsearch.reporting.report import build_report
from hpsearch.reporting.subject import Subject
from hpsearch.reporting.validation import rank_confusions
from hpsearch.tuning import importance
from hpsearch.tuning.importance import FEWEST_TRIALS, measure_importance
from hpsearch.tuning.records import StudyRecord
from hpsearch.tuning.suggest import searched_distributions
from tests.cli_runs import make_record
from tests.report_studies import SEARCH, SPACE, look, make_done, make_finalists, make_planned


def test_importance_wants_trials_that_differ() -> None:
    def make(count: int, step: float, depth: int) -> StudyRecord:
        drawn = [make_done(number, 0.5 + number * step) for number in range(count)]
        deep = [dict(trial.parameters) | {"depth": depth + trial.number % 2} for trial in drawn]
        made = [replace(trial, parameters=each) for trial, each in zip(drawn, deep, strict=True)]
        return make_record(*made, trials=count)

    assert measure_importance(make(FEWEST_TRIALS - 1, 0.01, 2)) == {}
    assert measure_importance(make(FEWEST_TRIALS, 0.0, 2)) == {}
    shares = measure_importance(make(FEWEST_TRIALS, 0.01, 2))
    assert {"lr", "depth", "width_ratio_2", "activation"} <= set(shares) <= set(searched_distributions(SPACE))
    # Half of the networks have no third layer, and none a fourth.
    assert not {"width_ratio_3", "width_ratio_4"} & set(shares)
    assert sum(shares.values()) == pytest.approx(1)
    assert list(shares.values()) == sorted(shares.values(), reverse=True)


def test_a_search_in_rounds_shows_which_round_each_trial_is_of(monkeypatch: pytest.MonkeyPatch) -> None:
    rounds = [{"trials": 3, "epochs": 1}, {"trials": 2, "epochs": 2}, {"trials": 1, "epochs": 3}]
    trials = [make_done(number, 0.5 + number / 10, promoted_from=0 if number > 2 else None) for number in range(5)]
    record = make_record(*trials, trials=None, epochs=None, round_plan=rounds)
    table = search_part.tabulate_trials("best", record.ranking, [record.find_round(trial) for trial in record.ranking])
    assert [row[:2] for row in table.rows] == [("4", "2"), ("3", "2"), ("2", "1"), ("1", "1"), ("0", "1")]
    written: list[Any] = []
    monkeypatch.setattr(canvas, "write_png", lambda figure: written.append(figure) or b"")
    assert search_part._list_round_starts(record) == [3]
    trial_figures.draw_course(record.trials, [3])
    (axes,) = written[0].axes
    assert "where a round begins" in axes.get_legend_handles_labels()[1]


def test_confusions_are_ranked_by_their_share_of_the_class() -> None:
    ranked = rank_confusions([[8, 2, 0], [30, 170, 0], [0, 0, 0]])
    assert [(pair.label, pair.predicted, pair.images) for pair in ranked] == [(0, 1, 2), (1, 0, 30)]


def test_the_images_that_it_is_surest_of_come_first() -> None:
    outcome = look(SEARCH.trial(1))
    assert [(image.label, image.predicted) for image in outcome.wrong] == [(2, 0), (0, 1)]
    assert outcome.wrong[0].probability == pytest.approx(np.exp(5) / (np.exp(5) + 2))
    assert (outcome.images, outcome.correct) == (6, 4)


def list_rich_subjects() -> list[Subject]:
    """Every kind of picture once."""
    search = Subject(SEARCH, finals=(make_finalists(SEARCH),), outcomes=(look(SEARCH.trial(1)),))
    planned = make_planned()
    return [search, Subject(planned, outcomes=(look(planned.trial(0)),))]


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ((49_755, 201_759), ["50k", "100k", "200k"]),
        ((9_516, 96_474), ["10k", "20k", "50k"]),
        ((800, 820), ["800", "820"]),
    ],
)
def test_weights_are_read_in_round_numbers(
    weights: tuple[int, int], expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Any] = []
    monkeypatch.setattr(trial_figures, "write_png", lambda figure: written.append(figure) or b"")
    trial_figures.draw_accuracy_by_weights([trial_figures.MeasuredPoint(count, 0.9, 1.0) for count in weights])
    (axes,) = written[0].axes
    low, high = axes.get_xlim()
    ticks = zip(axes.get_xticks(), axes.get_xticklabels(), strict=True)
    shown = [label.get_text() for place, label in ticks if low <= place <= high]
    assert set(expected) <= set(shown)
    assert [label.get_text() for label in axes.get_xticklabels(minor=True)] == []
    assert not any("$" in text for text in shown)


@pytest.mark.slow
@pytest.mark.filterwarnings("error", "default::ResourceWarning")  # an earlier test's, collected here
def test_every_picture_can_be_drawn_and_twice_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canvas, "_DOTS_PER_INCH", 24)  # a fraction of the time
    monkeypatch.setattr(importance, "FEWEST_TRIALS", 4)
    first, second = (
        {picture.name: picture.draw for picture in build_report(list_rich_subjects()).list_pictures()} for _ in range(2)
    )
    assert len(first) == 19
    for name, draw in first.items():
        content = draw()
        assert content.startswith(b"\x89PNG"), name
        assert content == second[name](), name
