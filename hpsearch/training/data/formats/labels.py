"""Labels as people write them: numbers or names, and the classes that they make."""

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hpsearch.errors import DataError
from hpsearch.storable_text import find_name_fault, write_out
from hpsearch.training.data.byte_arrays import IntegerArray
from hpsearch.training.data.image_reading import show_path

_WHOLE = re.compile(r"[+-]?\d{1,15}(\.0*)?", re.ASCII)
_MOST_CLASSES = 10_000


def number_labels(path: Path, labels: Sequence[str]) -> tuple[tuple[str, ...], IntegerArray]:
    """The classes of labels (n,), in order - numbers by their size, names by the alphabet - and each one's number.

    Raises:
        DataError: A label is empty or cannot be a name, or there are as many classes as images.
    """
    texts = [_clean(label) for label in labels]
    names = sorted(set(texts), key=order_label)
    for name in names:
        if fault := find_name_fault(name):
            where = texts.index(name) + 1
            as_many = f", and {more:,} more like it" if (more := texts.count(name) - 1) else ""
            raise DataError(
                f"the label '{write_out(name)[:40]}' of image {where:,} in {show_path(path)} {fault}{as_many}: write "
                "another, or take those rows away"
            )
    if len(names) > _MOST_CLASSES or (len(names) > 20 and len(names) == len(texts)):
        raise DataError(
            f"{show_path(path)} has {len(names):,} different labels for {len(texts):,} images: is the label column one "
            "of names or numbers of single images?"
        )
    numbers = {name: number for number, name in enumerate(names)}
    return tuple(names), np.array([numbers[text] for text in texts], dtype=np.int64)


def _clean(label: str) -> str:
    text = unicodedata.normalize("NFC", label.strip())
    return str(int(float(text))) if _WHOLE.fullmatch(text) else text


def order_label(name: str) -> tuple[int, int, str]:
    """What puts labels in order: numbers first, by their size, then names by the alphabet."""
    return (0, int(name), "") if _WHOLE.fullmatch(name) else (1, 0, name)
