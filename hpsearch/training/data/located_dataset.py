"""Find a data set by name or path, and say who it is."""

import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from hpsearch.dataset import NEWEST_RULES, DataRules, DatasetIdentity
from hpsearch.errors import DataError
from hpsearch.storable_text import find_storage_fault, write_out
from hpsearch.training.data.archive_reading import read_archive
from hpsearch.training.data.array_archive import ArrayArchive
from hpsearch.training.data.catalogue import CATALOGUE, Catalogue, find_entry
from hpsearch.training.data.catalogue_files import CatalogueFiles
from hpsearch.training.data.fetch import Report, fetch_entry
from hpsearch.training.data.folder_reading import read_folder
from hpsearch.training.data.image_folder import ImageFolder
from hpsearch.training.data.image_reading import ENDINGS, show_path
from hpsearch.training.data.labelled_images import LabelledImages
from hpsearch.training.data.own_images import OwnImages
from hpsearch.training.data.sources import Source

_LONGEST_NAME = 100


class LocatedDataset(Protocol):
    """A data set that is on this machine. It can give the training split; the test split is test_split.py's."""

    @property
    def identity(self) -> DatasetIdentity:
        """Who these images are."""

    def check_every_image(self) -> None:
        """Raises DataError for an image or label that could not be loaded later, in either split."""

    def load_train(self, cache_folder: Path) -> LabelledImages:
        """The training split, the validation part included. Raises DataError."""


Located = CatalogueFiles | OwnImages | ImageFolder | ArrayArchive


def locate_dataset(
    name_or_path: str,
    cache_folder: Path,
    *,
    rules: DataRules = NEWEST_RULES,
    catalogue: Catalogue = CATALOGUE,
) -> Located:
    """The data set of that name in the cache, or the folder or .npz file at that path; a name of the catalogue wins.

    `rules` are those by which a person's own files are read and divided: a study's own, or the newest.

    Raises InputError for an unknown name, DataError for what is missing, damaged or of no known layout.
    """
    if name_or_path in catalogue:
        return CatalogueFiles.locate(catalogue[name_or_path], cache_folder)
    if fault := find_storage_fault(name_or_path):
        raise DataError(f"the path '{write_out(name_or_path)}' {fault}: rename it, for a study is to keep it")
    try:
        path = Path(name_or_path).expanduser()
        if path.is_dir():
            return _locate_folder(path, name_or_path, cache_folder, rules)
        if path.is_file():
            check_is_archive(path)
            if rules == 1:
                return ArrayArchive.locate(path, name_or_path)
            return OwnImages.divide(name_or_path, read_archive(path))
    except (OSError, RuntimeError, ValueError) as error:  # a folder's, no home folder, a path with a zero byte
        if isinstance(error, DataError):
            raise
        place = getattr(error, "filename", None) or name_or_path
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{write_out(str(place))[:200]} cannot be read: {reason}") from error
    if os.sep in name_or_path or path.suffix or len(name_or_path) > _LONGEST_NAME:
        raise DataError(
            f"there is no folder or file {name_or_path}; known by name are {', '.join(catalogue)}"
            " (`hpsearch data list` shows them)"
        )
    return CatalogueFiles.locate(find_entry(name_or_path, catalogue), cache_folder)


def _locate_folder(path: Path, name: str, cache_folder: Path, rules: DataRules) -> OwnImages | ImageFolder:
    if rules == 1:
        return ImageFolder.locate(path, name)
    return OwnImages.divide(name, read_folder(path, cache_folder))


def check_is_archive(path: Path) -> None:
    """Tell a file that is something else than an .npz file what to do with it. Raises DataError, OSError."""
    with path.open("rb") as file:
        head = file.read(16)
    place, ending = show_path(path), path.suffix.lower()
    if head.startswith(b"\x93NUMPY"):
        mend = f"it is one array alone: numpy.savez('data.npz', x_train=numpy.load({place!r}), y_train=labels)"
    elif head.startswith(b"PK") and ending != ".npz" and not _holds_arrays(path):
        mend = "it is an archive of files: unpack it, and give the folder"
    elif head.startswith((b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!", b"BZh")) or ending in (".tar", ".gz", ".7z", ".rar"):
        mend = "it is a packed file: unpack it, and give the folder"
    elif ending in (".csv", ".tsv", ".txt"):
        mend = (
            f"it is a table: t = numpy.loadtxt({place!r}, delimiter=',', skiprows=0, dtype=int), then "
            "numpy.savez('data.npz', x_train=t[:, 1:].reshape(-1, HEIGHT, WIDTH).astype('uint8'), y_train=t[:, 0])"
        )
    elif ending in ENDINGS or head.startswith((b"\x89PNG", b"\xff\xd8\xff", b"GIF8")):
        mend = "it is one image: give the folder that has a folder of images for each class"
    else:
        return
    raise DataError(f"{place} cannot be read as an .npz file of images and labels; {mend}")


def _holds_arrays(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith(".npy") for name in archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return True  # what is wrong with it is said where it is read


def describe_dataset(
    name_or_path: str, cache_folder: Path, *, rules: DataRules = NEWEST_RULES, catalogue: Catalogue = CATALOGUE
) -> DatasetIdentity:
    """Who the images are that this name or path stands for; they must be here. Raises what `locate_dataset` raises."""
    return locate_dataset(name_or_path, cache_folder, rules=rules, catalogue=catalogue).identity


def fetch_dataset(
    name_or_path: str,
    cache_folder: Path,
    report: Report,
    sources: Sequence[Source] | None = None,
    *,
    note: Report | None = None,
    rules: DataRules = NEWEST_RULES,
    catalogue: Catalogue = CATALOGUE,
) -> DatasetIdentity:
    """Bring the data set here, whole, or check a person's own to its last image; `report` is told what is tried.

    `note`, or else `report`, is told what a person has to know of own images: copies, what is left out, odd pixels.

    `sources` replaces the catalogue's own. Raises InputError for an unknown name, DataUnavailableError when no source
    has it, DataError for a cache folder that cannot be written to and for a person's own data that are damaged.
    """
    if name_or_path in catalogue:
        fetch_entry(catalogue[name_or_path], cache_folder, report, sources)
        return describe_dataset(name_or_path, cache_folder, catalogue=catalogue)
    if Path(name_or_path).exists():
        report(f"{write_out(name_or_path)}: checking every image")
    located = locate_dataset(name_or_path, cache_folder, rules=rules, catalogue=catalogue)
    identity = located.identity
    located.check_every_image()
    for line in located.notes if isinstance(located, OwnImages) else ():
        (note or report)(f"note: {line}")
    return identity
