"""A person's own .npz file of images and labels."""

import zipfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from hpsearch.dataset import DatasetIdentity, InputShape
from hpsearch.errors import DataError
from hpsearch.training.data.byte_arrays import ByteArray, IntegerArray
from hpsearch.training.data.cache import hash_file
from hpsearch.training.data.labelled_images import LabelledImages
from hpsearch.training.data.stratification import hold_out_test


class SplitKeys(NamedTuple):
    """The names of one split's two arrays in the file."""

    images: str
    labels: str


class ArrayHeader(NamedTuple):
    """What an array in the file says of itself."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


_KEYS = (
    (SplitKeys("x_train", "y_train"), SplitKeys("x_test", "y_test")),
    (SplitKeys("images", "labels"), SplitKeys("test_images", "test_labels")),
)
_EXPECTED_KEYS = "x_train and y_train (and x_test, y_test), or images and labels (and test_images, test_labels)"
_DAMAGED = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)


@dataclass(frozen=True)
class ArrayArchive:
    """An .npz file whose arrays' shapes fit together; the images are not read yet.

    `test_keys` is None where the file brings no test split: then a sixth of its images is held out.
    """

    path: Path
    name: str
    sha256: str
    class_names: tuple[str, ...]
    input_shape: InputShape
    train_keys: SplitKeys
    test_keys: SplitKeys | None
    train_count: int
    test_count: int

    @classmethod
    def locate(cls, path: Path, name: str) -> Self:
        """Read the arrays' headers and the training labels. Raises DataError for what does not fit together."""
        headers = _read_headers(path)
        train_keys, test_keys = _find_keys(path, headers)
        input_shape = _check_images(path, train_keys, headers)
        labels = load_label_array(path, train_keys.labels)
        class_names = _name_classes(path, headers, labels)
        train_count = len(labels)
        if test_keys is None:
            test_count = len(hold_out_test(labels).held_out)
            train_count -= test_count
        else:
            test_count = headers[test_keys.images].shape[0]
            if _check_images(path, test_keys, headers) != input_shape:
                raise DataError(f"the images of {test_keys.images} in {path} have another shape than the training ones")
        return cls(
            path, name, hash_file(path), class_names, input_shape, train_keys, test_keys, train_count, test_count
        )

    @property
    def identity(self) -> DatasetIdentity:
        """Who these images are; the hash is over the file's bytes."""
        return DatasetIdentity(
            name=self.name,
            sha256=self.sha256,
            input_shape=self.input_shape,
            class_names=self.class_names,
            train_count=self.train_count,
            test_count=self.test_count,
        )

    def check_every_image(self) -> None:
        """Look at every value once. Raises DataError for pixels or labels outside their range."""
        for keys in filter(None, (self.train_keys, self.test_keys)):
            load_image_array(self.path, keys.images)
            self.check_labels(load_label_array(self.path, keys.labels))

    def check_labels(self, labels: IntegerArray) -> None:
        """Raises DataError where a label (n,) has no class."""
        if len(labels) and labels.max() >= len(self.class_names):
            raise DataError(
                f"{self.path} has the test label {labels.max()}, and the training split knows"
                f" {len(self.class_names)} classes, counted from 0"
            )

    def load_train(self, cache_folder: Path) -> LabelledImages:
        """The training split, the validation part included. Raises DataError for pixels outside their range."""
        labels = load_label_array(self.path, self.train_keys.labels)
        images = load_image_array(self.path, self.train_keys.images)
        everything = LabelledImages.from_arrays(images, labels)
        return everything if self.test_keys is not None else everything.select(hold_out_test(labels).kept)


def load_image_array(path: Path, key: str) -> ByteArray:
    """The images under `key` as bytes (n, c, h, w); floats in [0, 1] are brought to 0..255. Raises DataError."""
    array = _load_array(path, key)
    if array.dtype != np.uint8:
        lowest, highest = float(array.min()), float(array.max())
        if not (lowest >= 0 and highest <= 1):  # not: a NaN compares false
            raise DataError(
                f"{key} in {path} holds floats from {lowest:g} to {highest:g}; allowed are uint8, or floats in [0, 1]"
            )
        array = np.rint(array * 255).astype(np.uint8)
    return array[:, np.newaxis] if array.ndim == 3 else array.transpose(0, 3, 1, 2)


def load_label_array(path: Path, key: str) -> IntegerArray:
    """The labels (n,) under `key`. Raises DataError for anything but whole numbers from 0 up."""
    array = _load_array(path, key)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise DataError(f"{key} in {path} is {_show(array)}; labels are whole numbers (n,), class 0 first")
    if len(array) == 0 or array.min() < 0:
        raise DataError(f"{key} in {path} holds {'negative' if len(array) else 'no'} labels; classes count from 0")
    return array.astype(np.int64)


def _show(header: ArrayHeader | npt.NDArray[Any]) -> str:
    return f"{header.dtype} {tuple(header.shape)}"


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(f"{path} cannot be read as an .npz file of plain arrays ({error}); write it with numpy.savez")


def _load_array(path: Path, key: str) -> npt.NDArray[Any]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            array: npt.NDArray[Any] = arrays[key]
            return array
    except _DAMAGED as error:
        raise _damaged(path, error) from error


def _read_headers(path: Path) -> dict[str, ArrayHeader]:
    """The shape and type of every array in the file, without reading the arrays."""
    headers = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                with archive.open(member) as file:
                    version = np.lib.format.read_magic(file)
                    read_header = (
                        np.lib.format.read_array_header_1_0
                        if version == (1, 0)
                        else np.lib.format.read_array_header_2_0
                    )
                    shape, _, dtype = read_header(file)
                headers[member.removesuffix(".npy")] = ArrayHeader(shape, dtype)
    except _DAMAGED as error:
        raise _damaged(path, error) from error
    return headers


def _find_keys(path: Path, present: Collection[str]) -> tuple[SplitKeys, SplitKeys | None]:
    for train_keys, test_keys in _KEYS:
        if set(train_keys) <= set(present):
            found = set(test_keys) & set(present)
            if len(found) == 1:
                raise DataError(f"{path} has {found.pop()} alone; a test split is {' and '.join(test_keys)}")
            return train_keys, test_keys if found else None
    raise DataError(f"{path} holds the arrays {', '.join(sorted(present)) or 'none'}; expected are {_EXPECTED_KEYS}")


def _check_images(path: Path, keys: SplitKeys, headers: Mapping[str, ArrayHeader]) -> InputShape:
    """The shape of one image, where type, axes and counts are right. Raises DataError where they are not."""
    header = headers[keys.images]
    shape = header.shape
    if header.dtype != np.uint8 and header.dtype.kind != "f":
        raise DataError(f"{keys.images} in {path} is {_show(header)}; images are uint8, or floats in [0, 1]")
    if len(shape) not in (3, 4) or 0 in shape or (len(shape) == 4 and shape[3] not in (1, 3)):
        swap = "; move the channels last: images.transpose(0, 2, 3, 1)" if shape[1:2] in ((1,), (3,)) else ""
        raise DataError(f"{keys.images} in {path} is {_show(header)}; images are (n, h, w) or (n, h, w, 1 or 3){swap}")
    label_count = headers[keys.labels].shape[:1]
    if label_count != shape[:1]:
        raise DataError(f"{path} has {shape[0]} images in {keys.images} and labels {label_count} in {keys.labels}")
    return InputShape(shape[3] if len(shape) == 4 else 1, shape[1], shape[2])


def _name_classes(path: Path, present: Collection[str], labels: IntegerArray) -> tuple[str, ...]:
    """The classes: as the file names them, else by number. Raises DataError where a class has no image or no name."""
    counts = np.bincount(labels)
    if empty := np.flatnonzero(counts == 0).tolist():
        raise DataError(f"{path} has no training image of class {empty[0]}; classes count from 0 without a gap")
    if "class_names" not in present:
        class_names = tuple(str(label) for label in range(len(counts)))
    else:
        class_names = tuple(str(name) for name in _load_array(path, "class_names").tolist())
        if len(class_names) != len(counts):
            raise DataError(f"{path} names {len(class_names)} classes and its labels show {len(counts)}")
    if len(class_names) < 2:
        raise DataError(f"{path} has one class; a data set needs at least two")
    return class_names
