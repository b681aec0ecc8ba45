"""The arrays of an .npz file, or of a folder of .npy files: headers are believed as far as the file bears them out."""

import contextlib
import math
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hpsearch.errors import DataError
from hpsearch.training.data.file_heads import read_head
from hpsearch.training.data.foreign_files import name_form
from hpsearch.training.data.image_reading import show_path

_DAMAGED = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError)
UNPACKED_AT_MOST = 1100
"""Times its packed size: deflate packs no better, so that a header that promises more lies."""


class ArrayHeader(NamedTuple):
    """What an array in the file says of itself."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def __str__(self) -> str:
        return f"{self.dtype} {tuple(self.shape)}"


def read_headers(path: Path) -> dict[str, ArrayHeader]:
    """The shape and type of every array in the file, without reading the arrays.

    Raises:
        DataError: It is no .npz file, it is damaged, or an array is not as long as it says.
    """
    headers = {}
    if path.is_dir():
        return _read_folder_headers(path)
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if not member.filename.endswith(".npy"):
                    continue
                with archive.open(member) as file:
                    header = _read_header(file)
                    start = file.tell()
                length = math.prod(header.shape) * header.dtype.itemsize
                is_plain = not header.dtype.hasobject
                if is_plain and (member.file_size < start + length or length > UNPACKED_AT_MOST * path.stat().st_size):
                    raise DataError(
                        f"{member.filename} in {show_path(path)} says that it is {header}, and is shorter: the file is "
                        "damaged; write it again with numpy.savez"
                    )
                headers[member.filename.removesuffix(".npy")] = header
    except DataError:
        raise
    except _DAMAGED as error:
        raise explain_damage(path, error) from error
    return headers


def _read_folder_headers(path: Path) -> dict[str, ArrayHeader]:
    """The same of a folder of .npy files, each by the name that it has without the ending."""
    headers = {}
    for member in sorted(path.glob("*.npy")):
        try:
            with member.open("rb") as file:
                header = _read_header(file)
                start = file.tell()
        except _DAMAGED as error:
            raise explain_damage(member, error) from error
        length = math.prod(header.shape) * header.dtype.itemsize
        if not header.dtype.hasobject and member.stat().st_size < start + length:
            raise DataError(
                f"{show_path(member)} says that it is {header}, and is shorter: the file is damaged; write it again "
                "with numpy.save"
            )
        headers[member.name.removesuffix(".npy")] = header
    return headers


def _read_header(file: Any) -> ArrayHeader:
    version = np.lib.format.read_magic(file)
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read_header(file)
    return ArrayHeader(shape, dtype)


def load_array(path: Path, key: str, headers: Mapping[str, ArrayHeader]) -> npt.NDArray[Any]:
    """An array of the file.

    Raises:
        DataError: It holds Python objects, or is damaged.
    """
    if headers[key].dtype.hasobject:
        form = "dtype=str" if "name" in key.lower() else "astype(np.int64), or astype(np.uint8) for images"
        raise DataError(
            f"{key} in {show_path(path)} holds Python objects, which are not read: only plain arrays are; save it with "
            f"{form}"
        )
    try:
        array: npt.NDArray[Any]
        if path.is_dir():
            array = np.load(path / f"{key}.npy", allow_pickle=False)
            return array
        with np.load(path, allow_pickle=False) as arrays:
            array = arrays[key]
            return array
    except _DAMAGED as error:
        raise explain_damage(path, error) from error


def explain_damage(path: Path, error: Exception) -> DataError:
    """What to say of a file that is none, or is damaged."""
    with contextlib.suppress(OSError):  # what cannot be opened is no other form
        if (foreign := name_form(path)) is not None:
            return DataError(foreign)
        if isinstance(error, zipfile.BadZipFile) and read_head(path).startswith(b"PK"):
            what = "it begins as one and is damaged or cut off; bring it here again"
            return DataError(f"{show_path(path)} cannot be read as an .npz file: {what}")
    return DataError(
        f"{show_path(path)} cannot be read as an .npz file of plain arrays ({error}); write it with numpy.savez"
    )
