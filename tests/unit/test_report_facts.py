"""What a report finds out and draws: importance, confusions, wrong images, each picture."""

import numpy as np
import pytest

from hpsearch.reporting import canvas
from hpsearch.reporting.report import build_report
from hpsearch.reporting.subject import Subject
from hpsearch.reporting.validation import rank_confusions
from hpsearch.tuning.importance import measure_importance
from hpsearch.tuning.suggest import searched_distributions
from tests.cli_runs import make_record
from tests.report_studies import SEARCH, SPACE, look, make_done, make_finalists, make_planned


def test_importance_wants_trials_that_differ() -> None:
    assert measure_importance(make_record(*(make_done(number, 0.5 + number / 10) for number in range(3)))) == {}
    assert measure_importance(make_record(*(make_done(number, 0.5) for number in range(6)))) == {}
    shares = measure_importance(SEARCH)
    assert set(shares) == set(searched_distributions(SPACE))
    assert sum(shares.values()) == pytest.approx(1)
    assert list(shares.values()) == sorted(shares.values(), reverse=True)


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


@pytest.mark.slow
@pytest.mark.filterwarnings("error")
def test_every_picture_can_be_drawn_and_twice_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canvas, "_DOTS_PER_INCH", 24)  # a fraction of the time
    first, second = (
        {picture.name: picture.draw for picture in build_report(list_rich_subjects()).list_pictures()} for _ in range(2)
    )
    assert len(first) == 21
    for name, draw in first.items():
        content = draw()
        assert content.startswith(b"\x89PNG"), name
        assert content == second[name](), name
