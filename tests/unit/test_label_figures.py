"""Pictures of trainings under several seeds: what is drawn, what it is called, on which axes."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from hpsearch.epoch_result import EpochResult
from hpsearch.reporting import canvas, figures, frontier, label_figures, space_figures, trial_figures
from hpsearch.reporting.frontier import FrontierPoint
from hpsearch.reporting.plan_part import find_compared
from hpsearch.study.origin import Origin, PrintedFigures
from hpsearch.study.trial_config import TrainsOn, TrialConfig
from hpsearch.study.trial_plan import plan_replicates
from hpsearch.tuning.finalists import summarize_finalists
from hpsearch.tuning.plan_summary import LabelSummary, summarize_plan
from tests.report_studies import SEARCH, make_config, make_done, make_finalists, make_planned, plan_record

if TYPE_CHECKING:
    from matplotlib.figure import Figure

pytestmark = pytest.mark.slow  # pictures are drawn

Draw = Callable[[Callable[[], bytes]], "Figure"]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Draw:
    """Draws, and gives the figure instead of its bytes."""
    written: list[Figure] = []
    for module in (canvas, label_figures, space_figures, frontier, figures, trial_figures):
        monkeypatch.setattr(module, "write_png", lambda figure: written.append(figure) or b"", raising=False)

    def draw(picture: Callable[[], bytes]) -> "Figure":
        picture()
        return written[-1]

    return draw


def read_legend(figure: "Figure") -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def summarize(
    configs: dict[str, TrialConfig],
    *,
    replicates: int = 1,
    losses: Sequence[float] = (),
    on: TrainsOn = "train",
    **printed: PrintedFigures,
) -> tuple[LabelSummary, ...]:
    """Labels of a plan whose trainings are all complete; the losses of the first are given, the others' are 0.5."""
    plan = plan_replicates(configs, replicates, origin=Origin(printed=printed), trains_on=on)
    trials = []
    for number, planned in enumerate(plan.trials):
        trial = make_done(number, 0.9 - 0.01 * number, label=planned.label, config=planned.config)
        loss = losses[number] if number < len(losses) else 0.5
        known = (loss, 0.8) if on == "train" else (None, None)
        trial = replace(trial, curve=tuple(EpochResult(epoch, loss, *known, 0.5, 0.1) for epoch in range(3)))
        trials.append(trial if on == "train" else replace(trial, value=None, accuracies={}))
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


@pytest.mark.parametrize(
    ("losses", "scale"),
    [
        ([0.6, 0.5, 0.5], "linear"),
        ([2.3, 0.05, 0.01], "linear"),
        ([2500.0, 0.5, 0.5], "log"),
        ([2500.0, 2500.0, 0.5], "log"),
        ([2500.0, 0.5], "log"),
    ],
)
def test_trainings_that_diverge_do_not_press_the_others_onto_zero(drawn: Draw, losses: list[float], scale: str) -> None:
    labels = summarize({f"width {width}": make_config(width) for width in range(8, 8 + len(losses))}, losses=losses)
    figure = drawn(lambda: label_figures.draw_label_curves(labels))
    assert [axes.get_yscale() for axes in figure.axes] == [scale, scale, "linear"]
    figure.canvas.draw()
    assert not any("$" in label.get_text() for axes in figure.axes for label in axes.get_yticklabels())


@pytest.mark.parametrize("field", ["train_loss", "validation_loss"])
def test_the_best_trials_of_a_search_are_seen_beside_a_loss_that_jumps(drawn: Draw, field: str) -> None:
    curve = [EpochResult(epoch, 0.5, 0.5, 0.8, 0.5, 0.1) for epoch in range(4)]
    jumps: dict[str, Any] = {field: 900.0}
    trial = replace(make_done(0, 0.9), curve=(replace(curve[0], **jumps), *curve[1:]))
    assert drawn(lambda: trial_figures.draw_best_curves([trial])).axes[0].get_yscale() == "log"


def test_neither_does_one_epoch_of_a_single_training(drawn: Draw) -> None:
    curve = [EpochResult(epoch, loss, 0.5, 0.8, 0.5, 0.1) for epoch, loss in enumerate([900.0, 0.6, 0.5, 0.5])]
    upper = drawn(lambda: figures.draw_learning_curve(curve, "trial 0")).axes[0]
    assert upper.get_yscale() == "log"
    assert drawn(lambda: figures.draw_learning_curve(curve[1:], "trial 0")).axes[0].get_yscale() == "linear"


def test_of_more_than_ten_lines_the_legend_counts_the_thin_ones(drawn: Draw) -> None:
    labels = summarize({f"width {width}": make_config(width) for width in range(8, 20)})
    words = read_legend(drawn(lambda: label_figures.draw_label_curves(labels)))
    assert words == [*(f"width {width}" for width in range(8, 18)), "2 more, of lower accuracy"]


def test_where_nothing_is_held_out_nobody_speaks_of_accuracy(drawn: Draw) -> None:
    labels = summarize({f"width {width}": make_config(width) for width in range(8, 20)}, on="train+validation")
    figure = drawn(lambda: label_figures.draw_label_curves(labels))
    assert [axes.get_ylabel() for axes in figure.axes] == ["training loss\n(cross-entropy)"]
    assert read_legend(figure)[-1] == "2 more"


@pytest.mark.parametrize("label", ["_old", " ", "a" * 300])
def test_any_label_has_its_line_in_the_legend(drawn: Draw, label: str) -> None:
    labels = summarize({label: make_config()})
    (words,) = read_legend(drawn(lambda: label_figures.draw_label_curves(labels)))
    assert words.startswith(label[:20])


@pytest.mark.parametrize(
    "beginning",
    [
        "{end}, kaiming uniform initialization",
        f"widths 1000-2000-1000, {'dropout 0.2, ' * 9}{{end}}",
        f"{'wide 0123456789012345678 ' * 9}{{end}}",
    ],
)
def test_labels_that_differ_at_their_ends_are_told_apart(drawn: Draw, beginning: str) -> None:
    names = [beginning.format(end=end) for end in ("no batch norm", "batch norm")]
    labels = summarize({name: make_config(8 + index) for index, name in enumerate(names)})
    rows = drawn(lambda: label_figures.draw_beside_printed(labels)).axes[0].get_yticklabels()
    texts = [row.get_text() for row in rows]
    legend = read_legend(drawn(lambda: label_figures.draw_label_curves(labels)))
    assert len(set(texts)) == len(set(legend)) == 2
    for words in (texts, legend):
        assert [text.split()[-1] for text in words] == [name.split()[-1] for name in names]
    assert max(text.count("\n") for text in texts) <= 2
    assert not any("\n" in words for words in legend)


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


def test_a_finalist_of_one_seed_has_no_interval(drawn: Draw) -> None:
    final = summarize_finalists(SEARCH, make_finalists(SEARCH))
    assert read_legend(drawn(lambda: label_figures.draw_finalists(final))) == [
        "ours: mean and its 95% interval",
        "each seed",
        "in the search",
    ]
    alone = replace(final, finalists=tuple(replace(each, replicates=each.replicates[:1]) for each in final.finalists))
    assert read_legend(drawn(lambda: label_figures.draw_finalists(alone))) == ["ours, one seed", "in the search"]


def test_a_replicate_without_a_curve_takes_the_line_and_not_the_picture(drawn: Draw) -> None:
    (mine,) = summarize({"mine": make_config()}, replicates=2)
    torn = replace(mine, complete=(mine.complete[0], replace(mine.complete[1], curve=())))
    figure = drawn(lambda: label_figures.draw_label_curves([torn]))
    assert (read_legend(figure), [len(axes.lines) for axes in figure.axes]) == (["mine"], [0, 0, 0])


def test_a_goal_is_drawn_where_it_lies_and_is_no_printed_figure(drawn: Draw) -> None:
    record = make_planned(Origin(printed={"small": PrintedFigures(goal_test_percent=85.0)}))
    figure = drawn(lambda: label_figures.draw_beside_printed(summarize_plan(record).labels))
    assert read_legend(figure)[-1] == "what the report would have liked"
    assert 85.0 in [x for line in figure.axes[-1].lines for x in line.get_xdata()]
    assert 85.0 not in [x for line in figure.axes[0].lines for x in line.get_xdata()]


def test_a_goal_is_spoken_of_once_there_is_a_test_accuracy_to_compare(drawn: Draw) -> None:
    labels = summarize({"mine": make_config()}, mine=PrintedFigures(goal_test_percent=85.0))
    assert read_legend(drawn(lambda: label_figures.draw_beside_printed(labels))) == ["ours, one seed"]


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
    twice = {"one": make_config(), "the same": make_config()}
    assert name_compared(summarize(twice)) == {}
    grid = {f"{width}, {lr}": make_config(width, lr=lr) for width in (8, 16) for lr in (0.001, 0.01)}
    assert name_compared(summarize(grid)) == {"lr": list(grid)}
    uneven = grid | {"16, 0.1": make_config(16, lr=0.1)}
    assert name_compared(summarize(uneven)) == {"lr": ["16, 0.001", "16, 0.01", "16, 0.1"]}
    unfinished = [replace(mine, complete=()) if mine.label.endswith("0.01") else mine for mine in summarize(grid)]
    assert name_compared(tuple(unfinished)) == {}


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
