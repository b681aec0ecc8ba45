"""The values of a person's arrays: what they may be, and for what is nearly so the line that mends it."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from hpsearch.dataset import InputShape
from hpsearch.errors import DataError
from hpsearch.training.data.array_file import ArrayHeader, describe_array
from hpsearch.training.data.byte_arrays import ByteArray, IntegerArray
from hpsearch.training.data.image_reading import show_path

_HAIR = 1e-6
"""How far beside 0 or 1 a float may lie: what rounding of single precision leaves."""
_COUNTED = "np.unique({key}, return_inverse=True)[1]"
_UNLABELLED = ", or leave out the images that -1 marks as without a label, as {key} >= 0 says"


class SplitKeys(Protocol):
    """The names of one split's two arrays."""

    @property
    def images(self) -> str:
        """Of the images."""

    @property
    def labels(self) -> str:
        """Of the labels."""


def check_image_header(path: Path, keys: SplitKeys, headers: Mapping[str, ArrayHeader]) -> InputShape:
    """The shape of one image, where type, axes and counts are right. Raises DataError where they are not."""
    key, header = keys.images, headers[keys.images]
    shape = header.shape
    if len(shape) not in (3, 4) or 0 in shape or (len(shape) == 4 and shape[3] not in (1, 3)):
        mend = _write_reshape(key, shape, headers[keys.labels].shape[:1])
        raise DataError(f"{key} in {show_path(path)} is {header}; images are (n, h, w) or (n, h, w, 1 or 3){mend}")
    if header.dtype.kind not in "fiub" and not header.dtype.hasobject:
        raise DataError(f"{key} in {show_path(path)} is {header}; images are uint8, or floats in [0, 1]")
    if header.dtype != np.uint8 and header.dtype.kind != "f":
        raise DataError(
            f"{key} in {show_path(path)} is {header}; images are uint8, or floats in [0, 1]: save "
            f"{_write_cast(key, header.dtype)}"
        )
    label_count = headers[keys.labels].shape[:1]
    if label_count != shape[:1]:
        mend = _write_reshape(key, shape, label_count) if label_count == shape[-1:] else ""
        raise DataError(
            f"{show_path(path)} has {shape[0]} images in {key} and labels {label_count} in {keys.labels}: each image "
            f"has one{mend}"
        )
    return InputShape(shape[3] if len(shape) == 4 else 1, shape[1], shape[2])


def _write_reshape(key: str, shape: tuple[int, ...], label_count: tuple[int, ...]) -> str:
    """What brings images of another shape to the right one; nothing where that is not known."""
    if 0 in shape:
        return "; there is none here"
    if len(shape) in (3, 4) and shape[-1:] == label_count:
        return f"; the images are counted along the last axis: np.moveaxis({key}, -1, 0)"
    if len(shape) == 4 and shape[1] in (1, 3):
        return f"; move the channels last: {key}.transpose(0, 2, 3, 1)"
    if len(shape) == 4 and shape[3] in (2, 4):
        return f"; the last channel may be transparency: leave it out, {key}[..., :{shape[3] - 1}]"
    if len(shape) != 2:
        return ""
    side, rest = math.isqrt(shape[1]), shape[1] - math.isqrt(shape[1]) ** 2
    if rest == 0:
        return f"; give the pixels their rows and columns: {key}.reshape(-1, {side}, {side})"
    if rest == 1:
        return f"; {shape[1]} may be a label and {side}x{side} pixels: {key}[:, 1:].reshape(-1, {side}, {side})"
    return f"; {shape[1]} pixels make no square: {key}.reshape(-1, height, width)"


def _write_cast(key: str, dtype: "np.dtype[Any]") -> str:
    if dtype.kind == "b":
        return f"{key}.astype(np.uint8) * 255"
    if dtype.hasobject:
        return f"np.stack({key}).astype(np.uint8), for only plain arrays are read"
    if dtype.itemsize == 1:
        return f"{key}.astype(np.uint8), once it runs from 0 to 255"
    return f"{key}.astype(np.uint8) if it runs from 0 to 255, ({key} // 257).astype(np.uint8) if from 0 to 65535"


def bring_to_bytes(path: Path, key: str, array: npt.NDArray[Any]) -> ByteArray:
    """Images as bytes (n, c, h, w); floats in [0, 1] are brought to 0..255. Raises DataError."""
    if array.dtype != np.uint8:
        lowest, highest = float(array.min()), float(array.max())
        if not (lowest >= -_HAIR and highest <= 1 + _HAIR):  # not: a NaN compares false
            mend = ""
            if (unknown := int(np.isnan(array).sum())) > 0:
                raise DataError(
                    f"{key} in {show_path(path)} holds {unknown:,} values that are no number (NaN); allowed are uint8, "
                    f"or floats in [0, 1]: leave those images out, or save np.nan_to_num({key})"
                )
            if lowest >= 0 and 1 < highest <= 255 and np.array_equal(array, np.rint(array)):
                mend = f"; save {key} / 255, or {key}.astype(np.uint8)"
            elif lowest < 0:
                mend = "; leave out what normalizes them, as each network here does that itself"
            raise DataError(
                f"{key} in {show_path(path)} holds floats from {_show(lowest)} to {_show(highest)}; allowed are uint8, "
                f"or floats in [0, 1]{mend}"
            )
        array = np.rint(np.clip(array, 0, 1) * 255).astype(np.uint8)
    return array[:, np.newaxis] if array.ndim == 3 else array.transpose(0, 3, 1, 2)


def _show(value: float) -> str:
    """With all its digits where it would look like a bound that it is not."""
    short = f"{value:g}"
    return short if float(short) == value or abs(value) > 2 else repr(value)


def bring_to_labels(path: Path, key: str, array: npt.NDArray[Any]) -> IntegerArray:
    """Labels as whole numbers (n,): also whole floats, booleans, a column, or one row of zeros and a one each.

    Raises:
        DataError: They are something else.
    """
    given = describe_array(array.shape, array.dtype)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    elif _is_one_hot(array):
        array = array.argmax(1)
    if array.ndim != 1:
        hint = ""
        if _are_marks(array):
            hint = (
                ": its rows mark none or several, and a network here gives each image one class: save one column of it"
            )
        elif array.ndim == 2:
            hint = f": save {key}.argmax(1), if each row marks one class"
        raise DataError(f"{key} in {show_path(path)} is {given}; labels are whole numbers (n,), class 0 first{hint}")
    if array.dtype.kind in "US":
        raise DataError(
            f"{key} in {show_path(path)} is {given}; labels are whole numbers (n,), class 0 first: save "
            f"class_names, {key} = np.unique({key}, return_inverse=True), both of them"
        )
    if array.dtype.kind not in "iubf":
        raise DataError(
            f"{key} in {show_path(path)} is {given}; labels are whole numbers (n,): save {key}.astype(np.int64)"
        )
    if array.dtype.kind == "f" and (unknown := int(np.isnan(array).sum())):
        raise DataError(
            f"{key} in {show_path(path)} holds {unknown:,} labels that are no number (NaN): leave those images out, as "
            f"~np.isnan({key}) says"
        )
    if array.dtype.kind == "f" and not np.array_equal(array, np.rint(array)):
        raise DataError(
            f"{key} in {show_path(path)} holds floats that are no whole numbers; labels are, class 0 first: save "
            f"{_COUNTED.format(key=key)}"
        )
    if len(array) == 0 or array.min() < 0:
        marked = _UNLABELLED.format(key=key) if len(array) and array.min() == -1 else ""
        raise DataError(
            f"{key} in {show_path(path)} holds {'negative' if len(array) else 'no'} labels; classes count from 0: save "
            f"{_COUNTED.format(key=key)}{marked}"
        )
    if array.max() >= 2**31:  # before it is a number of ours: 2^63 and above would turn negative
        raise DataError(
            f"{key} in {show_path(path)} has labels up to {array.max()}; they count from 0 without a gap: save "
            f"{_COUNTED.format(key=key)}"
        )
    return array.astype(np.int64)


def check_labels(path: Path, key: str, labels: IntegerArray) -> int:
    """How many classes training labels (n,) show; nothing of their size is made before they are known to be few.

    Raises:
        DataError: They do not count from 0 without a gap.
    """
    present = np.unique(labels)
    if len(present) == int(labels.max()) + 1:
        return len(present)
    mend = f"{key} - 1" if int(present[0]) == 1 and len(present) == int(labels.max()) else _COUNTED.format(key=key)
    missing = next(label for label, found in enumerate([*present.tolist(), -1]) if label != found)
    raise DataError(
        f"{key} in {show_path(path)} has no training image of class {missing}: labels run from {present[0]} to "
        f"{present[-1]} and count from 0 without a gap; save {mend}"
    )


def _is_one_hot(array: npt.NDArray[Any]) -> bool:
    return _are_marks(array) and bool((array.sum(1) == 1).all())


def _are_marks(array: npt.NDArray[Any]) -> bool:
    """Whether it has rows of zeros and ones, a column a class."""
    is_table = array.ndim == 2 and array.shape[1] > 1 and array.dtype.kind in "iubf"
    return is_table and bool(((array == 0) | (array == 1)).all())
