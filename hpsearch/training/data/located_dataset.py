"""Find a data set by name or path, and say who it is."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from hpsearch.dataset import DatasetIdentity
from hpsearch.errors import DataError
from hpsearch.storable_text import find_storage_fault, write_out
from hpsearch.training.data.array_archive import ArrayArchive
from hpsearch.training.data.catalogue import CATALOGUE, Catalogue, find_entry
from hpsearch.training.data.catalogue_files import CatalogueFiles
from hpsearch.training.data.fetch import Report, fetch_entry
from hpsearch.training.data.image_folder import ImageFolder
from hpsearch.training.data.labelled_images import LabelledImages
from hpsearch.training.data.sources import Source


class LocatedDataset(Protocol):
    """A data set that is on this machine. It can give the training split; the test split is test_split.py's."""

    @property
    def identity(self) -> DatasetIdentity:
        """Who these images are."""

    def check_every_image(self) -> None:
        """Raises DataError for an image or label that could not be loaded later, in either split."""

    def load_train(self, cache_folder: Path) -> LabelledImages:
        """The training split, the validation part included. Raises DataError."""


def locate_dataset(
    name_or_path: str, cache_folder: Path, *, catalogue: Catalogue = CATALOGUE
) -> CatalogueFiles | ImageFolder | ArrayArchive:
    """The data set of that name in the cache, or the folder or .npz file at that path; a name of the catalogue wins.

    Raises InputError for an unknown name, DataError for what is missing, damaged or of no known layout.
    """
    if name_or_path in catalogue:
        return CatalogueFiles.locate(catalogue[name_or_path], cache_folder)
    if fault := find_storage_fault(name_or_path):
        raise DataError(f"the path {write_out(name_or_path)!r} {fault}: rename it, for a study is to keep it")
    try:
        path = Path(name_or_path).expanduser()
        if path.is_dir():
            return ImageFolder.locate(path, name_or_path)
        if path.is_file():
            return ArrayArchive.locate(path, name_or_path)
    except (OSError, RuntimeError, ValueError) as error:  # a folder's, no home folder, a path with a zero byte
        if isinstance(error, DataError):
            raise
        place = getattr(error, "filename", None) or name_or_path
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{write_out(str(place))[:200]} cannot be read: {reason}") from error
    if os.sep in name_or_path or path.suffix:
        raise DataError(
            f"there is no folder or file {name_or_path}; known by name are {', '.join(catalogue)}"
            " (`hpsearch data list` shows them)"
        )
    return CatalogueFiles.locate(find_entry(name_or_path, catalogue), cache_folder)


def describe_dataset(name_or_path: str, cache_folder: Path, *, catalogue: Catalogue = CATALOGUE) -> DatasetIdentity:
    """Who the images are that this name or path stands for; they must be here. Raises what `locate_dataset` raises."""
    return locate_dataset(name_or_path, cache_folder, catalogue=catalogue).identity


def fetch_dataset(
    name_or_path: str,
    cache_folder: Path,
    report: Report,
    sources: Sequence[Source] | None = None,
    *,
    catalogue: Catalogue = CATALOGUE,
) -> DatasetIdentity:
    """Bring the data set here, whole, or check a person's own to its last image; `report` is told what is tried.

    `sources` replaces the catalogue's own. Raises InputError for an unknown name, DataUnavailableError when no source
    has it, DataError for a cache folder that cannot be written to and for a person's own data that are damaged.
    """
    if name_or_path in catalogue:
        fetch_entry(catalogue[name_or_path], cache_folder, report, sources)
        return describe_dataset(name_or_path, cache_folder, catalogue=catalogue)
    located = locate_dataset(name_or_path, cache_folder, catalogue=catalogue)
    identity = located.identity
    report(f"{name_or_path}: checking {identity.train_count + identity.test_count:,} images")
    located.check_every_image()
    return identity
