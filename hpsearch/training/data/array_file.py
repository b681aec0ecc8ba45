"""The arrays of an .npz file, or of a folder of them: headers are believed as far as the file bears them out."""

import contextlib
import math
import re
import tokenize
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hpsearch.errors import DataError
from hpsearch.training.data.file_heads import read_head
from hpsearch.training.data.foreign_files import name_form
from hpsearch.training.data.image_reading import show_path
from hpsearch.training.data.split_words import find_split_word
from hpsearch.training.data.system_files import is_system_name

_DAMAGED = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError)
BROKEN_HEADER = (tokenize.TokenError, SyntaxError, TypeError, OverflowError, MemoryError)
"""What NumPy raises of a header that is no text of Python's, besides ValueError."""
_NUMBERED = re.compile(r"arr_\d+")
_PARTS = {
    **dict.fromkeys(("x", "xs", "image", "images", "img", "imgs", "pixels"), "x"),
    **dict.fromkeys(("y", "ys", "label", "labels", "lbl", "lbls", "target", "targets"), "y"),
}
"""What images and labels are called, in small letters."""
_SHORT_SPLITS = {"train": "train", "validation": "val", "test": "test"}
CLASS_NAMES = "class_names"
"""What the array of the classes' names is called, in small letters."""
UNPACKED_AT_MOST = 1100
"""Times its packed size: deflate packs no better, so that a header that promises more lies."""


class ArrayHeader(NamedTuple):
    """What an array says of itself, and where it is."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    file: Path
    """That it is in: of a folder one of several."""
    key: str | None
    """Its name there; None of an .npy file."""

    def __str__(self) -> str:
        return describe_array(self.shape, self.dtype)


def describe_array(shape: tuple[int, ...], dtype: np.dtype[Any]) -> str:
    """In words: `uint8 (60000, 28, 28)`."""
    return f"{dtype} {tuple(shape)}"


def read_headers(path: Path) -> dict[str, ArrayHeader]:
    """The shape and type of every array in the file or folder, without reading the arrays.

    An .npy file stands for all in its folder. There an array of an .npy file is called as the file is. Those of several
    .npz files get the names of their splits, as far as files and arrays say them: `test.npz` with `x` and `y`, or
    `set-test-imgs.npz` with one array.

    Raises:
        DataError: It is no .npz file, it is damaged, or an array is not as long as it says; two are called the same.
    """
    if path.is_dir():
        return _read_files_headers(list_array_files(path))
    if path.suffix.lower() == ".npy":  # of a pair; archives beside it are other data
        return _read_files_headers([file for file in list_array_files(path.parent) if file.suffix.lower() == ".npy"])
    return _read_archive_headers(path)


def list_array_files(folder: Path) -> list[Path]:
    """The files with arrays that lie in a folder."""
    return sorted(
        child
        for child in folder.iterdir()
        if child.suffix.lower() in (".npy", ".npz") and child.is_file() and not is_system_name(child.name)
    )


def _read_archive_headers(path: Path) -> dict[str, ArrayHeader]:
    headers = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if not member.filename.endswith(".npy"):
                    continue
                key = member.filename.removesuffix(".npy")
                with archive.open(member) as file:
                    header = ArrayHeader(*_read_header(file), path, key)
                    start = file.tell()
                length = math.prod(header.shape) * header.dtype.itemsize
                is_plain = not header.dtype.hasobject
                if is_plain and (member.file_size < start + length or length > UNPACKED_AT_MOST * path.stat().st_size):
                    raise DataError(
                        f"{member.filename} in {show_path(path)} says that it is {header}, and is shorter: the file is "
                        "damaged; write it again with numpy.savez"
                    )
                headers[key] = header
    except DataError:
        raise
    except _DAMAGED as error:
        raise explain_damage(path, error) from error
    return headers


def _read_files_headers(files: Sequence[Path]) -> dict[str, ArrayHeader]:
    archives = {file: _read_archive_headers(file) for file in files if file.suffix.lower() == ".npz"}
    if len(files) == 1 and files[0] in archives:
        return archives[files[0]]
    headers: dict[str, ArrayHeader] = {}
    for file in files:
        found = archives[file].values() if file in archives else [_read_array_file_header(file)]
        for header in found:
            name = _name_by_split(header, len(found))
            if name == CLASS_NAMES and name in headers:  # each split has them: those of the first count
                continue
            if (other := headers.get(name)) is not None:
                raise DataError(
                    f"{show_path(file)} has {other.key} and {header.key}, and either may be {name}: keep one"
                    if other.file == file
                    else f"{show_path(other.file)} and {show_path(file)} both have {name}: give the path of one, or "
                    "take the other away"
                )
            headers[name] = header
    return headers


def _read_array_file_header(path: Path) -> ArrayHeader:
    """Of an .npy file."""
    try:
        with path.open("rb") as file:
            header = ArrayHeader(*_read_header(file), path, None)
            start = file.tell()
    except _DAMAGED as error:
        raise explain_damage(path, error) from error
    length = math.prod(header.shape) * header.dtype.itemsize
    if not header.dtype.hasobject and path.stat().st_size < start + length:
        raise DataError(
            f"{show_path(path)} says that it is {header}, and is shorter: the file is damaged; write it again "
            "with numpy.save"
        )
    return header


def _name_by_split(header: ArrayHeader, count: int) -> str:
    """What an array of one of several files is called: `x_test`, where it says so; else file and array.

    Args:
        header: Of the array.
        count: How many arrays its file has.
    """
    stem = header.file.stem
    if (key := header.key) is None:
        return stem
    if key.lower() == CLASS_NAMES:
        return CLASS_NAMES
    split = find_split_word(key) or find_split_word(stem)
    said = _find_part(key) or (_find_part(stem) if count == 1 else None)
    if said is None and _NUMBERED.fullmatch(key):  # numpy.savez(file, images, labels) names none
        said = "y" if len(header.shape) == 1 else "x"
    if said is not None and split is not None:
        return f"{said}_{_SHORT_SPLITS[split]}"
    return f"{stem}_{key}" if count > 1 else stem


def _find_part(name: str) -> str | None:
    """Whether a name says that it is of images or of labels: x or y; None for neither and both."""
    words = re.split(r"[^a-z]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower())
    found = {part for word in words if (part := _PARTS.get(word)) is not None}
    return found.pop() if len(found) == 1 else None


def _read_header(file: Any) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """The shape and the type. Raises one of _DAMAGED."""
    version = np.lib.format.read_magic(file)
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    try:
        shape, _, dtype = read_header(file)
    except BROKEN_HEADER as error:
        raise ValueError("its header is damaged") from error
    return shape, dtype


def load_array(path: Path, key: str, headers: Mapping[str, ArrayHeader]) -> npt.NDArray[Any]:
    """An array of the file.

    Raises:
        DataError: It holds Python objects, or is damaged.
    """
    header = headers[key]
    if header.dtype.hasobject:
        form = "dtype=str" if "name" in key.lower() else "astype(np.int64), or astype(np.uint8) for images"
        raise DataError(
            f"{key} in {show_path(path)} holds Python objects, which are not read: only plain arrays are; save it with "
            f"{form}"
        )
    try:
        array: npt.NDArray[Any]
        if header.key is None:
            array = np.load(header.file, allow_pickle=False)
            return array
        with np.load(header.file, allow_pickle=False) as arrays:
            array = arrays[header.key]
            return array
    except _DAMAGED as error:
        raise explain_damage(header.file, error) from error


def explain_damage(path: Path, error: Exception) -> DataError:
    """What to say of a file that is none, or is damaged."""
    with contextlib.suppress(OSError):  # what cannot be opened is no other form
        if (foreign := name_form(path)) is not None:
            return DataError(foreign)
        if isinstance(error, zipfile.BadZipFile) and read_head(path).startswith(b"PK"):
            what = "it begins as one and is damaged or cut off; bring it here again"
            return DataError(f"{show_path(path)} cannot be read as an .npz file: {what}")
    suffix, what, function = (
        (".npy", "a plain array", "save") if path.suffix.lower() == ".npy" else (".npz", "plain arrays", "savez")
    )
    return DataError(
        f"{show_path(path)} cannot be read as an {suffix} file of {what} ({error}); write it with numpy.{function}"
    )
