"""What a trained network does with the validation images: whom it takes for whom, and which images it gets wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hpsearch.reporting.canvas import make_figure, styled, write_png
from hpsearch.tuning.records import TrialRecord

Numbers = npt.NDArray[Any]

SHOWN_IMAGES = 24
"""Images that are shown of those that it gets wrong."""
_PER_ROW = 8


@dataclass(frozen=True, eq=False)
class WrongImage:
    """An image that is taken for another class."""

    pixels: Numbers
    """(channels, height, width), as bytes."""
    label: int
    predicted: int
    probability: float
    """That the network gives to what it takes it for."""


@dataclass(frozen=True)
class Confusion:
    """Two classes of which one is taken for the other."""

    label: int
    predicted: int
    images: int
    share: float
    """Of the images of that class."""


@dataclass(frozen=True, eq=False)
class ValidationOutcome:
    """A trial's network on its validation split."""

    trial: TrialRecord
    counts: tuple[tuple[int, ...], ...]
    """counts[label][predicted]: how many images."""
    wrong: tuple[WrongImage, ...]
    """A few of those that it gets wrong: those that it is surest of."""

    @property
    def images(self) -> int:
        """How many images the split has."""
        return sum(map(sum, self.counts))

    @property
    def correct(self) -> int:
        """How many are taken for what they are."""
        return sum(row[label] for label, row in enumerate(self.counts))


@dataclass(frozen=True)
class NoOutcome:
    """Why nothing can be said of a trial's network."""

    trial: TrialRecord
    reason: str
    """A sentence."""
    picture: bytes | None = None
    """The confusion matrix that was drawn when it was trained, as a PNG file."""


def judge(trial: TrialRecord, logits: Numbers, images: Numbers, labels: Numbers) -> ValidationOutcome:
    """Count what the network says.

    Args:
        trial: Whose network it is.
        logits: (n, classes).
        images: (n, channels, height, width), as bytes.
        labels: (n,).
    """
    class_count = logits.shape[1]
    predicted = logits.argmax(1)
    counts = np.bincount(labels * class_count + predicted, minlength=class_count**2).reshape(class_count, class_count)
    wide = logits.astype(np.float64)
    shares = np.exp(wide - wide.max(1, keepdims=True))
    surest = shares.max(1) / shares.sum(1)
    wrong = np.flatnonzero(predicted != labels)
    # Rounded, so that the last bits of a sum decide nothing.
    ranked = sorted(wrong.tolist(), key=lambda index: (-round(float(surest[index]), 4), index))
    return ValidationOutcome(
        trial=trial,
        counts=tuple(tuple(row) for row in counts.tolist()),
        wrong=tuple(
            WrongImage(images[index], int(labels[index]), int(predicted[index]), float(surest[index]))
            for index in ranked[:SHOWN_IMAGES]
        ),
    )


def rank_confusions(counts: Sequence[Sequence[int]]) -> list[Confusion]:
    """Every pair of which images are confused, the largest share first; of equals, the more images, then in order."""
    pairs = [
        Confusion(label, predicted, images, images / sum(row))
        for label, row in enumerate(counts)
        for predicted, images in enumerate(row)
        if predicted != label and images
    ]
    return sorted(pairs, key=lambda pair: (-pair.share, -pair.images, pair.label, pair.predicted))


def draw_wrong_images(outcome: ValidationOutcome, class_names: Sequence[str]) -> bytes:
    """The images, each under its true class and what it is taken for; at least one."""
    wrong = outcome.wrong
    columns = min(_PER_ROW, len(wrong))
    rows = -(-len(wrong) // columns)
    with styled():
        figure = make_figure(max(1.02 * columns, 2.0), 1.5 * rows)
        figure.subplots(rows, columns)
        for axes, image in zip(figure.axes, wrong, strict=False):
            pixels = image.pixels.transpose(1, 2, 0)
            if pixels.shape[2] == 1:
                axes.imshow(pixels[:, :, 0], cmap="gray", vmin=0, vmax=255, interpolation="nearest")
            elif pixels.shape[2] == 3:
                axes.imshow(pixels, interpolation="nearest")
            else:  # no colours that a screen knows
                axes.imshow(pixels.mean(2), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
            names = [_cut(class_names[label]) for label in (image.label, image.predicted)]
            axes.set_title(f"{names[0]}\n→ {names[1]}\n{image.probability:.0%} sure", fontsize=7, pad=3)
        for axes in figure.axes:
            axes.set_axis_off()
        return write_png(figure)


def _cut(name: str) -> str:
    plain = " ".join(name.split())
    return plain if len(plain) <= 14 else f"{plain[:13]}…"
