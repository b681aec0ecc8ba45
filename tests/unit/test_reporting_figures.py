"""Figures of trials: what they are made of, not how they look."""

import io
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hpsearch.epoch_result import EpochResult
from hpsearch.errors import InputError
from hpsearch.reporting import canvas
from hpsearch.reporting.canvas import make_figure, write_png
from hpsearch.reporting.figures import draw_confusion_matrix, draw_learning_curve

pytestmark = pytest.mark.slow  # pictures are drawn

COUNTS = [[8, 2, 0], [1, 9, 0], [0, 0, 0]]


def make_curve(epochs: int) -> list[EpochResult]:
    return [
        EpochResult(epoch, 2 / (epoch + 1), 1 / (epoch + 1), 1 - 0.5 / (epoch + 1), 1.0, 0.1) for epoch in range(epochs)
    ]


def open_png(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.load()
    assert image.format == "PNG"
    return image


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The figures that are written, before they are pixels."""
    seen: list[Any] = []
    write: Callable[[Any], bytes] = canvas.write_png
    monkeypatch.setattr(canvas, "write_png", lambda figure: seen.append(figure) or write(figure))
    return seen


@pytest.mark.parametrize("epochs", [1, 2, 12, 200])
def test_a_learning_curve_is_a_picture_for_any_number_of_epochs(epochs: int, drawn: list[Any]) -> None:
    image = open_png(draw_learning_curve(make_curve(epochs), "trial 3: 20-16 relu"))
    assert image.size == (840, 624)
    upper, lower = drawn[0].axes
    assert [line.get_label() for line in upper.get_lines()] == ["train, as optimized", "validation"]
    assert upper.get_ylabel() == "loss (cross-entropy)"
    assert (lower.get_xlabel(), lower.get_ylabel()) == ("epoch", "validation accuracy (%)")
    assert list(lower.get_lines()[0].get_xdata()) == list(range(1, epochs + 1))
    assert lower.get_lines()[0].get_ydata()[-1] == pytest.approx(100 - 50 / epochs)


def test_without_validation_the_curve_is_the_training_loss_alone(drawn: list[Any]) -> None:
    curve = [replace(point, validation_loss=None, validation_accuracy=None) for point in make_curve(5)]
    image = open_png(draw_learning_curve(curve, "trial 3: 20-16 relu"))
    assert image.size == (840, 360)
    (axes,) = drawn[0].axes
    assert [line.get_label() for line in axes.get_lines()] == ["train, as optimized"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("epoch", "loss (cross-entropy)")


def test_a_learning_curve_can_be_read_without_colours(drawn: list[Any]) -> None:
    draw_learning_curve(make_curve(5), "trial 3")
    train, validation = drawn[0].axes[0].get_lines()
    assert train.get_linestyle() != validation.get_linestyle()
    assert train.get_marker() != validation.get_marker()


@pytest.mark.parametrize(
    "size", [2, 10, pytest.param(26, marks=pytest.mark.slow), pytest.param(100, marks=pytest.mark.slow)]
)
def test_a_confusion_matrix_is_a_picture_for_any_number_of_classes(size: int) -> None:
    counts = (np.eye(size, dtype=int) * 50 + 1).tolist()
    image = open_png(draw_confusion_matrix(counts, [f"class number {index}" for index in range(size)], "trial 3"))
    assert max(image.size) < 2000


def test_a_confusion_matrix_shows_counts_and_shades_shares_of_the_true_class(drawn: list[Any]) -> None:
    draw_confusion_matrix(COUNTS, ["cat", "dog", "bird"], "trial 3")
    axes = drawn[0].axes[0]
    assert [text.get_text() for text in axes.texts] == ["8", "2", "1", "9"]
    shades = axes.collections[0].get_array().reshape(3, 3)
    assert shades.tolist() == [[80, 20, 0], [10, 90, 0], [0, 0, 0]]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["cat", "dog", "bird"]
    assert "17 of 20 right: 85.00%" in axes.get_title()


@pytest.mark.slow
def test_the_same_figures_give_the_same_bytes_in_any_process() -> None:
    code = (
        "import hashlib; from hpsearch.reporting.figures import *; from tests.unit.test_reporting_figures import *;"
        "draw = lambda: draw_learning_curve(make_curve(3), 't') + draw_confusion_matrix(COUNTS, 'abc', 't');"
        "first = draw(); assert first == draw(); print(hashlib.sha256(first).hexdigest())"
    )
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(2)]
    assert runs[0].stdout == runs[1].stdout
    assert len(runs[0].stdout) == 65


def test_a_figure_holds_no_date_and_no_version() -> None:
    for content in (draw_learning_curve(make_curve(3), "t"), draw_confusion_matrix(COUNTS, "abc", "t")):
        assert set(open_png(content).info) <= {"dpi"}


def read_pixels(png: bytes) -> Any:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), np.int16)


def test_a_picture_has_a_palette_unless_its_colours_would_suffer() -> None:
    plain = draw_confusion_matrix(np.eye(3, dtype=int).tolist(), ["a", "b", "c"], "plain")
    assert Image.open(io.BytesIO(plain)).mode == "P"
    figure = make_figure(3.0, 3.0)
    red, green = np.meshgrid(np.linspace(0, 1, 60), np.linspace(0, 1, 60))
    blue = np.random.default_rng(0).uniform(size=red.shape)
    axes = figure.subplots()
    axes.imshow(np.stack([red, green, blue], axis=-1), interpolation="nearest")
    axes.set_axis_off()
    figure.canvas.draw()
    exact = np.asarray(figure.canvas.buffer_rgba(), np.int16)[..., :3]  # type: ignore[attr-defined]
    assert np.array_equal(read_pixels(write_png(figure)), exact)


def test_drawing_leaves_no_figure_and_no_setting_behind() -> None:
    import matplotlib as mpl
    from matplotlib import pyplot

    before = dict(mpl.rcParams)
    draw_learning_curve(make_curve(3), "t")
    draw_confusion_matrix(COUNTS, "abc", "t")
    assert pyplot.get_fignums() == []
    assert dict(mpl.rcParams) == before


@pytest.mark.filterwarnings("error", "default::ResourceWarning")  # an earlier test's, collected here
@pytest.mark.parametrize("title", ["", "a" * 500, "$x_1$ \\frac{", "line\nbreak\x00", "数 ß"])
def test_any_title_and_any_name_can_be_drawn(title: str) -> None:
    open_png(draw_learning_curve(make_curve(2), title))
    open_png(draw_confusion_matrix([[1, 0], [0, 1]], [title, "b"], title))


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(InputError, match="at least one epoch"):
        draw_learning_curve([], "t")
    for counts, names in (([], []), ([[1, 2]], ["a", "b"]), ([[1], [2]], ["a", "b"]), ([[1, 2], [3, 4]], ["a"])):
        with pytest.raises(InputError, match="needs"):
            draw_confusion_matrix(counts, names, "t")
