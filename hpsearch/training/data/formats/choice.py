"""Which form a path has: the first that recognizes it reads it."""

import zipfile
from pathlib import Path

from hpsearch.errors import DataError
from hpsearch.training.data.foreign_files import name_form
from hpsearch.training.data.formats import (
    arrays,
    folder,
    idx_files,
    parquet_files,
    path_table,
    pixel_table,
    table_folder,
)
from hpsearch.training.data.formats.reading import Form, Reading
from hpsearch.training.data.formats.table_file import is_table_name, open_table
from hpsearch.training.data.image_reading import ENDINGS, show_path
from hpsearch.training.data.own_images import GivenImages

_OF_FILES: tuple[Form, ...] = (parquet_files, idx_files, pixel_table, path_table)
_OF_FOLDERS: tuple[Form, ...] = (idx_files, parquet_files, arrays, table_folder)


def read_own(reading: Reading) -> GivenImages:
    """Every image at a path that is there.

    Raises:
        DataError: It has no form that is known, or something in it cannot be taken.
        InputError: A package that reads this form is not installed.
        OSError: It cannot be read.
    """
    return choose_form(reading.path).read(reading)


def choose_form(path: Path) -> Form:
    """The form of a file or folder. Raises DataError for a file of none, OSError."""
    if path.is_dir():
        return next((form for form in _OF_FOLDERS if form.recognizes(path)), folder)
    for form in _OF_FILES:
        if form.recognizes(path):
            return form
    if path.suffix != ".npy":
        check_is_archive(path)
    return arrays


def check_is_archive(path: Path) -> None:
    """Tell a file of no known form what to do with it. Raises DataError, OSError."""
    with path.open("rb") as file:
        head = file.read(16)
    place, ending = show_path(path), path.suffix.lower()
    if (foreign := name_form(path)) is not None:
        raise DataError(foreign)
    if is_table_name(path):
        columns = ", ".join(open_table(path).columns)[:200]
        mend = (
            f"it is a table with the columns {columns}: it has either a column a pixel and one called label, or one of "
            "the paths of images beside it and one called label"
        )
    elif head.startswith(b"\x93NUMPY"):
        mend = f"it is one array alone: numpy.savez('data.npz', x_train=numpy.load({place!r}), y_train=labels)"
    elif head.startswith(b"PK") and ending != ".npz" and not _holds_arrays(path):
        mend = "it is an archive of files: unpack it, and give the folder"
    elif head.startswith((b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!", b"BZh")) or ending in (".tar", ".gz", ".7z", ".rar"):
        mend = "it is a packed file: unpack it, and give the folder"
    elif ending in ENDINGS or head.startswith((b"\x89PNG", b"\xff\xd8\xff", b"GIF8")):
        mend = "it is one image: give the folder that has a folder of images for each class"
    else:
        return
    raise DataError(f"{place} cannot be read as images with labels; {mend}")


def _holds_arrays(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith(".npy") for name in archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return True  # what is wrong with it is said where it is read
