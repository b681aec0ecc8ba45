"""Pictures of trainings under several seeds: what is drawn, what it is called, on which axes."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from hpsearch.epoch_result import EpochResult
from hpsearch.origin import Origin, PrintedFigures
from hpsearch.reporting import figures, frontier, label_figures, space_figures
from hpsearch.reporting.frontier import FrontierPoint
from hpsearch.reporting.plan_part import find_compared
from hpsearch.trial_config import TrialConfig
from hpsearch.trial_plan import plan_replicates
from hpsearch.tuning.plan_summary import LabelSummary, summarize_plan
from tests.report_studies import make_config, make_done, make_planned, plan_record

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Draw = Callable[[Callable[[], bytes]], "Figure"]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Draw:
    """Draws, and gives the figure instead of its bytes."""
    written: list[Figure] = []
    for module in (label_figures, space_figures, frontier, figures):
        monkeypatch.setattr(module, "write_png", lambda figure: written.append(figure) or b"")

    def draw(picture: Callable[[], bytes]) -> "Figure":
        picture()
        return written[-1]

    return draw


def read_legend(figure: "Figure") -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def summarize(
    configs: dict[str, TrialConfig], *, replicates: int = 1, loss: float = 0.5, **printed: PrintedFigures
) -> tuple[LabelSummary, ...]:
    """Labels of a plan whose trainings are all complete; the first one's loss is given, the others' are 0.5."""
    plan = plan_replicates(configs, replicates, origin=Origin(printed=printed))
    trials = []
    for number, planned in enumerate(plan.trials):
        trial = make_done(number, 0.9 - 0.01 * number, label=planned.label, config=planned.config)
        high = loss if number == 0 else 0.5
        curve = tuple(EpochResult(epoch, high, high, 0.8, 0.5, 0.1) for epoch in range(3))
        trials.append(replace(trial, curve=curve))
    return summarize_plan(plan_record("planned", plan, *trials)).labels


def test_curves_have_both_losses_and_the_accuracy(drawn: Draw) -> None:
    labels = summarize({"small": make_config(), "large": make_config(24)})
    figure = drawn(lambda: label_figures.draw_label_curves(labels))
    assert [axes.get_ylabel().replace("\n", " ") for axes in figure.axes] == [
        "training loss (cross-entropy)",
        "validation loss (cross-entropy)",
        "validation accuracy (%)",
    ]
    assert read_legend(figure) == ["small", "large"]


@pytest.mark.parametrize(("loss", "scale"), [(0.6, "linear"), (2500.0, "log")])
def test_a_training_that_diverges_does_not_press_the_others_onto_zero(drawn: Draw, loss: float, scale: str) -> None:
    labels = summarize({"one": make_config(), "two": make_config(24), "three": make_config(36)}, loss=loss)
    figure = drawn(lambda: label_figures.draw_label_curves(labels))
    assert [axes.get_yscale() for axes in figure.axes] == [scale, scale, "linear"]
    figure.canvas.draw()
    assert not any("$" in label.get_text() for axes in figure.axes for label in axes.get_yticklabels())


def test_neither_does_one_epoch_of_a_single_training(drawn: Draw) -> None:
    curve = [EpochResult(epoch, loss, 0.5, 0.8, 0.5, 0.1) for epoch, loss in enumerate([900.0, 0.6, 0.5, 0.5])]
    upper = drawn(lambda: figures.draw_learning_curve(curve, "trial 0")).axes[0]
    assert upper.get_yscale() == "log"
    assert drawn(lambda: figures.draw_learning_curve(curve[1:], "trial 0")).axes[0].get_yscale() == "linear"


def test_of_more_than_ten_lines_the_legend_counts_the_thin_ones(drawn: Draw) -> None:
    labels = summarize({f"width {width}": make_config(width) for width in range(8, 20)})
    words = read_legend(drawn(lambda: label_figures.draw_label_curves(labels)))
    assert words == [*(f"width {width}" for width in range(8, 18)), "2 more, of lower accuracy"]


def test_the_end_of_a_long_label_is_seen(drawn: Draw) -> None:
    long = "kaiming uniform initialization, widths 1000-2000-1000, no batch norm"
    labels = summarize({long: make_config(), "short": make_config(24)})
    assert read_legend(drawn(lambda: label_figures.draw_label_curves(labels)))[0] == long
    rows = drawn(lambda: label_figures.draw_beside_printed(labels[:1])).axes[0].get_yticklabels()
    assert rows[0].get_text().replace("\n", " ").startswith("kaiming uniform initialization, widths")
    names = summarize({"no batch norm, kaiming uniform initialization": make_config()})
    rows = drawn(lambda: label_figures.draw_beside_printed(names)).axes[0].get_yticklabels()
    assert rows[0].get_text() == "no batch norm, kaiming uniform\ninitialization"


def test_the_legend_has_what_is_in_the_picture(drawn: Draw) -> None:
    configs = {"mine": make_config()}
    one = summarize(configs)
    assert read_legend(drawn(lambda: label_figures.draw_beside_printed(one))) == ["ours, one seed"]
    several = summarize(configs, replicates=2, mine=PrintedFigures(validation_percent=88.0))
    assert read_legend(drawn(lambda: label_figures.draw_beside_printed(several))) == [
        "ours: mean ± standard deviation",
        "each seed",
        "printed",
    ]


def test_a_goal_is_drawn_where_it_lies_and_is_no_printed_figure(drawn: Draw) -> None:
    record = make_planned(Origin(printed={"small": PrintedFigures(goal_test_percent=85.0)}))
    figure = drawn(lambda: label_figures.draw_beside_printed(summarize_plan(record).labels))
    assert read_legend(figure)[-1] == "what the report would have liked"
    assert 85.0 in [x for line in figure.axes[-1].lines for x in line.get_xdata()]
    assert 85.0 not in [x for line in figure.axes[0].lines for x in line.get_xdata()]


def name_compared(labels: tuple[LabelSummary, ...]) -> dict[str, list[str | None]]:
    return {field: [trial.label for trial in trials] for field, trials in find_compared(labels).items()}


def test_only_what_differs_in_nothing_else_is_compared() -> None:
    chain = {
        "plain": make_config(),
        "dropout": make_config(dropout=0.2),
        "and slower": make_config(dropout=0.2, lr=0.0005),
        "and sgd": make_config(dropout=0.4, lr=0.1, optimizer="sgd"),
    }
    assert name_compared(summarize(chain)) == {"lr": ["dropout", "and slower"], "dropout": ["plain", "dropout"]}
    tied = {"adam": make_config(lr=0.001), "sgd": make_config(lr=0.01, optimizer="sgd")}
    assert name_compared(summarize(tied)) == {}


def test_a_rate_is_a_peak_only_where_it_rises_to_it(drawn: Draw) -> None:
    def read_axis(schedule: str) -> str:
        configs = {f"lr {lr}": make_config(lr=lr, schedule=schedule) for lr in (0.001, 0.01)}
        compared = find_compared(summarize(configs))
        return drawn(lambda: space_figures.draw_recipe_effects(compared)).axes[0].get_xlabel()

    assert (read_axis("constant"), read_axis("one_cycle")) == ("learning rate", "learning rate (peak)")


def test_a_cross_says_once_what_it_means(drawn: Draw) -> None:
    given: dict[str, Any] = {"macs": 900, "test_accuracy": None}
    points = [
        FrontierPoint("fcn", 100, validation_accuracy=0.9, is_on_frontier=True, **given),
        FrontierPoint("fcn", 200, validation_accuracy=0.8, is_on_frontier=False, **given),
        FrontierPoint("cnn", 300, validation_accuracy=0.8, is_on_frontier=False, **given),
    ]

    def read_crosses(count: int) -> list[str]:
        figure = drawn(lambda: frontier.draw_frontier(points[:count], "data"))
        return [words for words in read_legend(figure) if "no larger" in words]

    assert (read_crosses(3), read_crosses(1)) == (["another, no larger, is as good"], [])
