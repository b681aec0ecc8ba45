"""How a report writes its figures: accuracies in percent, differences in points, times in seconds."""

from collections.abc import Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING

from hpsearch.dataset import DatasetIdentity

if TYPE_CHECKING:
    from hpsearch.tuning.finalists import Spread
    from hpsearch.tuning.records import StudyRecord

NOTHING = "–"
"""Where there is no figure."""

KINDS = {"fcn": "fully connected", "cnn": "convolutional"}


def write_percent(fraction: float | None) -> str:
    """A fraction in percent, without the sign: `90.63`."""
    return NOTHING if fraction is None else f"{100 * fraction:.2f}"


def write_spread(spread: "Spread | None") -> str:
    """In percent: the mean and, of several, the standard deviation."""
    if spread is None:
        return NOTHING
    return f"{100 * spread.mean:.2f}" + ("" if spread.deviation is None else f" ± {100 * spread.deviation:.2f}")


def write_points(difference: float | None) -> str:
    """A difference of fractions in percentage points, with its sign."""
    return NOTHING if difference is None else f"{round(100 * difference, 2) + 0.0:+.2f}"  # there is no -0.00


def write_count(count: int | None) -> str:
    """A whole number: `99,913`."""
    return NOTHING if count is None else f"{count:,}"


def write_seconds(seconds: float | None) -> str:
    """To three digits or whole: `0.042`, `8.13`, `57`, `7,812`."""
    if seconds is None:
        return NOTHING
    return f"{seconds:,.0f}" if seconds >= 99.5 else f"{seconds:.3g}"


def write_value(value: object) -> str:
    """A parameter's value: real numbers to four digits."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}".replace("e-0", "e-") if isinstance(value, float) else str(value)


def write_times(count: int) -> str:
    """`once`, `3 times`."""
    return "once" if count == 1 else f"{count:,} times"


def describe_openings(record: "StudyRecord") -> str:
    """`10 times after all trainings, once a network`: what is on record of the test split, opened at least once."""
    if record.test_openings == 1:
        return "once, after all trainings"
    is_once_each = all(len(trial.test_scores) <= 1 for trial in record.trials)
    return f"{write_times(record.test_openings)} after all trainings{', once a network' if is_once_each else ''}"


def write_epochs(epochs: Sequence[int]) -> str:
    """Where they lie, in brackets: `(12)`, `(12 to 17)`; nothing of none."""
    if not epochs:
        return ""
    first, last = min(epochs), max(epochs)
    return f"({first})" if first == last else f"({first} to {last})"


def join_words(words: Sequence[str], last: str = "and") -> str:
    """`a, b and c`."""
    *others, final = words
    return f"{', '.join(others)} {last} {final}" if others else final


def join_some(words: Sequence[str], most: int = 4) -> str:
    """`a, b, c, d and 8 more`."""
    shown = list(words[:most])
    return join_words(shown if len(words) <= most else [*shown, f"{len(words) - most} more"])


def name_dataset(dataset: DatasetIdentity) -> str:
    """Somebody's own data by the last part of their path alone: the rest tells of their machine."""
    return PurePath(dataset.name).name or dataset.name


def find_held_out_fraction(record: "StudyRecord") -> float | None:
    """The share of the training images that is held out for validation; None for nothing."""
    plan = record.study.plan
    return record.study.spec.validation_fraction if plan is None else plan.trials[0].config.held_out_fraction
