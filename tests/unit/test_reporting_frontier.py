"""The picture of a ladder."""

import pytest

from hpsearch.errors import InputError
from hpsearch.reporting.frontier import FrontierPoint, draw_frontier

pytestmark = pytest.mark.slow  # pictures are drawn

POINTS = [
    FrontierPoint("cnn", 9_990, 700_000, 0.88, 0.87, True),
    FrontierPoint("cnn", 99_900, 9_000_000, 0.93, 0.92, True),
    FrontierPoint("fcn", 99_950, 99_900, 0.90, None, False),
]


def test_the_same_points_give_the_same_png() -> None:
    first = draw_frontier(POINTS, "FashionMNIST")
    assert first.startswith(b"\x89PNG")
    assert first == draw_frontier(POINTS, "FashionMNIST")
    assert first != draw_frontier(POINTS[:2], "FashionMNIST")


def test_one_point_is_enough_and_none_is_not() -> None:
    assert draw_frontier(POINTS[:1], "one").startswith(b"\x89PNG")
    with pytest.raises(InputError, match="at least one point"):
        draw_frontier([], "none")
