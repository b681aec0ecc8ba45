"""Data sets of single images, as PyTorch, torchvision and Hugging Face have them: a length, and items with labels."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hpsearch.errors import DataError

_IMAGE_KEYS = ("image", "img", "pixel_values", "images")
_LABEL_KEYS = ("label", "labels", "target", "fine_label")
_MODES = {"1": "L", "P": "RGB"}
"""Modes of Pillow whose numbers are no brightness, and what they are read as."""
_READ = ("L", "RGB")

Array = npt.NDArray[Any]


def is_items(given: Any) -> bool:
    """Whether it is such a data set: PyTorch's, torchvision's, Hugging Face's, or a list of (image, label)."""
    if isinstance(given, str | bytes | Mapping) or hasattr(given, "ndim"):
        return False
    if not (hasattr(given, "__len__") and hasattr(given, "__getitem__")) or not len(given):
        return False
    try:
        return _find_pair(given[0]) is not None
    except (LookupError, TypeError, ValueError):
        return False


def stack_items(given: Any) -> tuple[Array, list[Any], tuple[str, ...] | None]:
    """Images (n, ...) and labels (n,) of such a data set, and the names of its classes where it has them.

    Raises:
        DataError: An item is no image with a label, images differ in size, or are not the same when they are read anew.
    """
    images: list[Array] = []
    labels: list[Any] = []
    for index in range(len(given)):
        pair = _find_pair(given[index])
        if pair is None:
            raise DataError(f"item {index:,} of the given data set is no (image, label), as the first one is")
        image = _read_image(pair[0], index)
        if images and image.shape != images[0].shape:
            raise DataError(
                f"image {index:,} of the given data set is {image.shape}, and the first one {images[0].shape}: bring "
                "them to one size, or give the folder of the files and image_size"
            )
        images.append(image)
        labels.append(_read_label(pair[1]))
    again = _find_pair(given[0])
    if again is None or not np.array_equal(_read_image(again[0], 0), images[0]):
        raise DataError(
            "the given data set changes its images at random: leave random transforms out, for a search augments itself"
        )
    return np.stack(images), labels, _find_class_names(given)


def _find_pair(item: Any) -> tuple[Any, Any] | None:
    """The image and the label of an item; None where it has another form."""
    if isinstance(item, Mapping):
        image = next((item[key] for key in _IMAGE_KEYS if key in item), None)
        label = next((item[key] for key in _LABEL_KEYS if key in item), None)
    elif isinstance(item, Sequence) and not isinstance(item, str) and len(item) == 2:
        image, label = item
    else:
        return None
    is_scalar = isinstance(label, int | float | str) or getattr(label, "ndim", None) == 0
    return (image, label) if is_scalar and image is not None else None


def _read_label(label: Any) -> Any:
    return label.item() if hasattr(label, "item") else label


def _read_image(image: Any, index: int) -> Array:
    if hasattr(image, "convert") and hasattr(image, "mode"):  # Pillow's
        image = image.convert(_MODES[image.mode]) if image.mode in _MODES else image
        if image.mode not in _READ:
            raise DataError(
                f"image {index:,} of the given data set is of Pillow's mode {image.mode}: give it as L or RGB, by "
                "image.convert"
            )
    detach = getattr(image, "detach", None)  # of a tensor
    array: Array = np.asarray(image if detach is None else detach().cpu().numpy())
    if array.dtype.hasobject or array.ndim not in (2, 3):
        raise DataError(
            f"image {index:,} of the given data set is {array.dtype} {array.shape}: give (h, w) or (h, w, 3)"
        )
    return array


def _find_class_names(given: Any) -> tuple[str, ...] | None:
    names = getattr(given, "classes", None)
    if names is None:
        features = getattr(given, "features", None)
        feature = next((features[key] for key in _LABEL_KEYS if key in features), None) if features else None
        names = getattr(feature, "names", None)
    if isinstance(names, Sequence) and not isinstance(names, str) and all(isinstance(name, str) for name in names):
        return tuple(names) or None
    return None
