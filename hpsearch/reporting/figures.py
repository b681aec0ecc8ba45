"""Figures of a trial as PNG files: its learning curve and its confusion matrix.

The same figures give the same bytes on every run of the same Matplotlib: no dates, no versions, no state shared with
other figures of the process.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hpsearch.epoch_result import EpochResult
from hpsearch.errors import InputError
from hpsearch.reporting.canvas import Drawing, make_figure
from hpsearch.reporting.lines import fit_loss_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TITLE_CHARACTERS = 76
_NAME_CHARACTERS = 14
_MOST_CLASSES_WITH_COUNTS = 24
_MOST_CLASSES_WITH_NAMES = 60
_DARK_SHADE = 0.5
"""Of black to white; on anything darker a count is white."""

_TRAIN, _VALIDATION, _ACCURACY = "#6b6b6b", "#0b5394", "#000000"


@Drawing
def draw_learning_curve(curve: Sequence[EpochResult], title: str) -> "Figure":
    """The losses of a trial by epoch, and its validation accuracy below; without validation the training loss alone.

    Args:
        curve: An epoch's result each; at least one.
        title: What stands above it.

    Returns:
        A PNG file; `make` gives the figure.

    Raises:
        InputError: The curve is empty.
    """
    if not curve:
        raise InputError("a learning curve needs at least one epoch")
    epochs = [point.epoch + 1 for point in curve]
    accuracies = [100 * point.validation_accuracy for point in curve if point.validation_accuracy is not None]
    validation_losses = [point.validation_loss for point in curve if point.validation_loss is not None]
    figure = make_figure(7.0, 5.2 if accuracies else 3.0)
    upper, *below = figure.subplots(2 if accuracies else 1, 1, sharex=True, squeeze=False)[:, 0]
    figure.suptitle(_cut(title, _TITLE_CHARACTERS), fontsize=10)
    line = {"markersize": 3.5, "linewidth": 1.5}
    train_losses = [point.train_loss for point in curve]
    upper.plot(epochs, train_losses, label="train, as optimized", color=_TRAIN, linestyle="--", marker="s", **line)
    if validation_losses:
        upper.plot(epochs, validation_losses, label="validation", color=_VALIDATION, marker="o", **line)
    upper.set_ylabel("loss (cross-entropy)")
    upper.legend(frameon=False)
    for lower in below:
        lower.plot(epochs, accuracies, color=_ACCURACY, marker="o", **line)
        lower.set_ylabel("validation accuracy (%)")
        _mark_best(lower, epochs, accuracies)
    (upper, *below)[-1].set_xlabel("epoch")
    for axes in (upper, *below):
        _finish_curve(axes, len(curve))
    fit_loss_axis(upper, train_losses + validation_losses)
    return figure


@Drawing
def draw_confusion_matrix(counts: Sequence[Sequence[int]], class_names: Sequence[str], title: str) -> "Figure":
    """Which classes are taken for which: a row a true class, shaded by the share of its images.

    Args:
        counts: Images by true class (row) and predicted class (column).
        class_names: A name a class.
        title: What stands above it.

    Returns:
        A PNG file; `make` gives the figure.

    Raises:
        InputError: The counts are no square of as many rows as there are names.
    """
    size = len(class_names)
    if size == 0 or len(counts) != size or any(len(row) != size for row in counts):
        raise InputError(f"a confusion matrix of {size} classes needs {size} rows of {size} counts")
    from matplotlib.colors import PowerNorm

    table = np.asarray(counts, dtype=np.int64)
    rows = table.sum(axis=1, keepdims=True)
    percent = 100 * np.divide(table, rows, out=np.zeros(table.shape), where=rows > 0)
    shows_counts = size <= _MOST_CLASSES_WITH_COUNTS
    side = float(np.clip(2.6 + 0.52 * size, 4.2, 12.0))
    figure = make_figure(side + 1.4, side)
    axes = figure.subplots()
    cells = axes.pcolormesh(
        percent,
        cmap="Greys",
        norm=PowerNorm(0.5, vmin=0, vmax=100),  # a few per cent taken for another class shall show
        linewidth=0.5 if shows_counts else 0.0,
        edgecolor="#e5e5e5",
    )
    axes.set_aspect("equal")
    axes.invert_yaxis()
    figure.colorbar(cells, ax=axes, label="share of the true class (%)", shrink=0.8)
    if shows_counts:
        _write_counts(axes, table, cells.to_rgba(percent))
    middles = np.arange(size) + 0.5
    axes.set_xticks(middles, _label_classes(class_names), rotation=0 if _are_short(class_names) else 90)
    axes.set_yticks(middles, _label_classes(class_names))
    axes.tick_params(length=0)
    if size > _MOST_CLASSES_WITH_COUNTS:
        axes.tick_params(labelsize=6.5)
    axes.spines[:].set_visible(True)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    correct, total = int(np.trace(table)), int(table.sum())
    share = f": {100 * correct / total:.2f}%" if total else ""
    axes.set_title(f"{_cut(title, _TITLE_CHARACTERS)}\n{correct:,} of {total:,} right{share}", fontsize=9.5, pad=10)
    return figure


def _finish_curve(axes: "Axes", epochs: int) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(nbins=min(12, max(epochs, 2)), integer=True, min_n_ticks=1))
    axes.margins(x=0.03, y=0.12)
    axes.grid(visible=True)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _mark_best(axes: "Axes", epochs: Sequence[int], accuracies: Sequence[float]) -> None:
    """A line at the highest accuracy, and the accuracy that counts: the last one."""
    best = max(range(len(epochs)), key=lambda index: accuracies[index])
    axes.axhline(accuracies[best], color="#999999", linewidth=0.8, linestyle=":")
    words = f"last {accuracies[-1]:.2f}%, best {accuracies[best]:.2f}% at epoch {epochs[best]}"
    axes.text(0.99, 0.06, words, transform=axes.transAxes, ha="right", va="bottom")


def _write_counts(axes: "Axes", table: "np.ndarray[tuple[int, ...], np.dtype[np.int64]]", shades: Any) -> None:
    """Counts, white on dark cells; of nothing, nothing."""
    for row, column in zip(*np.nonzero(table), strict=True):
        color = "white" if np.mean(shades[row, column][:3]) < _DARK_SHADE else "black"
        size = 8.0 if len(table) <= 12 else 6.0
        words = str(table[row, column])
        axes.text(column + 0.5, row + 0.5, words, ha="center", va="center", color=color, fontsize=size)


def _label_classes(names: Sequence[str]) -> list[str]:
    """Every name, or every so many where they would lie over each other."""
    step = 1 if len(names) <= _MOST_CLASSES_WITH_NAMES else -(-len(names) // 50)
    return [_shorten(name) if index % step == 0 else "" for index, name in enumerate(names)]


def _are_short(names: Sequence[str]) -> bool:
    return max(map(len, names)) <= (3 if len(names) <= _MOST_CLASSES_WITH_COUNTS else 2)


def _shorten(name: str) -> str:
    """Names that begin alike often end in a number."""
    plain = _make_plain(name)
    half = _NAME_CHARACTERS // 2
    return plain if len(plain) <= _NAME_CHARACTERS else f"{plain[:half]}…{plain[1 - half :]}"


def _make_plain(text: str) -> str:
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def _cut(text: str, longest: int) -> str:
    plain = _make_plain(text)
    return plain if len(plain) <= longest else f"{plain[: longest - 1]}…"
