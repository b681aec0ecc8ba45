"""What is told of each label of a planned study: ours, what is printed and, for accuracies, the difference."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from hpsearch.reporting.words import NOTHING, write_epochs, write_points, write_spread
from hpsearch.tuning.plan_summary import LabelSummary, PlanSummary, has_several_seeds

Cell = Callable[[LabelSummary], str]
"""One cell: a label's figure, empty where there is none."""


@dataclass(frozen=True)
class PlanMeasure:
    """A column of ours and, where the report prints any of it, one of the printed figures and one of the difference."""

    heading: str
    ours: Cell
    printed: Cell
    difference: Callable[[LabelSummary], float | None] | None = None
    is_always_shown: bool = True
    """Whether it has a column even if nothing of it is printed."""
    has_epochs: bool = False
    """Whether it says in brackets which epoch it is of."""

    def is_shown(self, summary: PlanSummary) -> bool:
        """Whether a table of this study has it."""
        return self.is_always_shown or self._is_printed(summary)

    def list_columns(self, summary: PlanSummary) -> Iterator[tuple[str, Cell]]:
        """Its columns in a table of this study: what stands over them, and their cells."""
        if not self.is_shown(summary):
            return
        yield self.heading, self.ours
        if self._is_printed(summary):
            yield "printed", self.printed
            if self.difference is not None:
                yield "differs", partial(_write_difference, self.difference)

    def _is_printed(self, summary: PlanSummary) -> bool:
        return any(self.printed(mine) for mine in summary.labels)


def list_measures(write_time: Callable[[float], str], time_unit: str = "") -> tuple[PlanMeasure, ...]:
    """All measures, in the order of a table's columns.

    Args:
        write_time: How the table writes seconds.
        time_unit: What stands behind the headings of times, if it does not stand behind each of them.
    """

    def write_ours(seconds: float | None) -> str:
        return NOTHING if seconds is None else write_time(seconds)

    def write_printed(seconds: float | None) -> str:
        return "" if seconds is None else write_time(seconds)

    return (
        PlanMeasure("weights", lambda mine: f"{mine.weights:,}", lambda mine: _write(mine.printed.weights, "{:,}")),
        *_RESULTS,
        PlanMeasure(
            f"an epoch{time_unit}",
            lambda mine: write_ours(mine.epoch_seconds),
            lambda mine: write_printed(mine.printed.epoch_seconds),
        ),
        PlanMeasure(
            f"a training{time_unit}",
            lambda mine: write_ours(mine.seconds),
            lambda mine: write_printed(mine.printed.training_seconds),
        ),
    )


def write_seeds(mine: LabelSummary) -> str:
    """How many seeds are complete, of how many, and how many failed: `4 of 5 (1 failed)`."""
    count = str(len(mine.complete)) if len(mine.complete) == mine.wanted else f"{len(mine.complete)} of {mine.wanted}"
    return f"{count} ({mine.failed} failed)" if mine.failed else count


def explain_measures(summary: PlanSummary, measures: Sequence[PlanMeasure]) -> str:
    """What a reader of a table of these measures has to know."""
    text = "mean ± standard deviation over seeds" if has_several_seeds(summary.labels) else "of one seed each"
    text += "; differences in percentage points"
    if any(measure.has_epochs and measure.is_shown(summary) for measure in measures):
        text += "; which epoch in brackets"
    if any(mine.printed.test_spread_percent is not None for mine in summary.labels):
        text += "; a printed ± is the report's own"
    return text


def _write_difference(measure: Callable[[LabelSummary], float | None], mine: LabelSummary) -> str:
    difference = measure(mine)
    return "" if difference is None else write_points(difference)


def _write(figure: float | None, pattern: str) -> str:
    return "" if figure is None else pattern.format(figure)


def _write_loss(mine: LabelSummary) -> str:
    return NOTHING if mine.lowest_train_loss is None else f"{mine.lowest_train_loss.mean:.3g}"


def _add_epochs(figure: str, epochs: Sequence[int] | int | None) -> str:
    """A figure with the epochs that it is of."""
    which = write_epochs([epochs] if isinstance(epochs, int) else epochs or ())
    return f"{figure} {which}" if figure and which else figure


def _write_printed_test(mine: LabelSummary) -> str:
    printed = mine.printed
    if printed.test_percent is None:
        return "" if printed.goal_test_percent is None else f"over {printed.goal_test_percent:g}"
    spread = "" if printed.test_spread_percent is None else f" ± {printed.test_spread_percent:.2f}"
    goal = "" if printed.goal_test_percent is None else f" (wanted: over {printed.goal_test_percent:g})"
    return f"{printed.test_percent:.2f}{spread}{goal}"


_RESULTS = (
    PlanMeasure(
        "validation (%)",
        lambda mine: write_spread(mine.validation),
        lambda mine: _write(mine.printed.validation_percent, "{:.2f}"),
        difference=lambda mine: mine.validation_difference,
    ),
    PlanMeasure(
        "validation, first epoch (%)",
        lambda mine: write_spread(mine.first_validation),
        lambda mine: _write(mine.printed.first_validation_percent, "{:.2f}"),
        difference=lambda mine: mine.first_validation_difference,
        is_always_shown=False,
    ),
    PlanMeasure(
        "validation, best epoch (%)",
        lambda mine: _add_epochs(write_spread(mine.highest_validation), mine.highest_validation_epochs),
        lambda mine: _add_epochs(
            _write(mine.printed.highest_validation_percent, "{:.2f}"), mine.printed.highest_validation_epoch
        ),
        difference=lambda mine: mine.highest_validation_difference,
        is_always_shown=False,
        has_epochs=True,
    ),
    PlanMeasure(
        "lowest training loss",
        lambda mine: _add_epochs(_write_loss(mine), mine.lowest_train_loss_epochs),
        lambda mine: _add_epochs(_write(mine.printed.lowest_train_loss, "{:g}"), mine.printed.lowest_train_loss_epoch),
        is_always_shown=False,
        has_epochs=True,
    ),
    PlanMeasure(
        "test (%)",
        lambda mine: write_spread(mine.test),
        _write_printed_test,
        difference=lambda mine: mine.test_difference,
    ),
)
"""What the trainings came to, whatever the table writes times in."""
