"""Find a data set by name or path, and say who it is."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hpsearch.dataset import NEWEST_RULES, DataRules, DatasetIdentity, Preparation
from hpsearch.errors import DataError, InputError
from hpsearch.home import expand_home
from hpsearch.storable_text import find_storage_fault, write_out
from hpsearch.training.data.catalogue import CATALOGUE, Catalogue, find_entry
from hpsearch.training.data.catalogue_files import CatalogueFiles
from hpsearch.training.data.fetch import Report, fetch_entry
from hpsearch.training.data.formats.choice import read_own
from hpsearch.training.data.formats.reading import Reading
from hpsearch.training.data.own_images import OwnImages
from hpsearch.training.data.sources import Source

_LONGEST_NAME = 100


Located = CatalogueFiles | OwnImages
"""A data set that is on this machine. It gives the training split; the test split is test_split.py's."""


def locate_dataset(
    name_or_path: str,
    cache_folder: Path,
    *,
    rules: DataRules = NEWEST_RULES,
    preparation: Preparation | None = None,
    catalogue: Catalogue = CATALOGUE,
) -> Located:
    """The data set of that name in the cache, or the one at that path; a name of the catalogue wins.

    `rules` are those by which a study read and divided a person's own files. `preparation` is how images of any size
    become those of one.

    Raises InputError for an unknown name, DataError for what is missing, damaged or of no known layout, and for rules
    that are not the newest.
    """
    if name_or_path in catalogue:
        if preparation is not None:
            raise InputError(
                f"the images of {name_or_path} are {catalogue[name_or_path].input_shape} already: --image-size and "
                "--grey are for own images, so leave them out"
            )
        return CatalogueFiles.locate(catalogue[name_or_path], cache_folder)
    if fault := find_storage_fault(name_or_path):
        raise DataError(f"the path '{write_out(name_or_path)}' {fault}: rename it, for a study is to keep it")
    try:
        path = expand_home(name_or_path)
        if path.exists():
            return _read_own(path, name_or_path, cache_folder, rules, preparation)
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


def is_there(name_or_path: str) -> bool:
    """Whether a path leads to something; what cannot even be asked for is not there."""
    try:
        return expand_home(name_or_path).exists()
    except (OSError, RuntimeError, ValueError):  # too long, a locked folder, no home folder, a zero byte
        return False


def _read_own(
    path: Path, name: str, cache_folder: Path, rules: DataRules, preparation: Preparation | None
) -> OwnImages:
    if rules != NEWEST_RULES:
        raise DataError(
            f"{name} was read and divided by rules that this hpsearch has no more: search on it again, under "
            "another --study NAME"
        )
    return OwnImages.divide(name, read_own(Reading(path, cache_folder, preparation)), preparation)


def describe_dataset(
    name_or_path: str,
    cache_folder: Path,
    *,
    rules: DataRules = NEWEST_RULES,
    preparation: Preparation | None = None,
    catalogue: Catalogue = CATALOGUE,
) -> DatasetIdentity:
    """Who the images are that this name or path stands for; they must be here. Raises what `locate_dataset` raises."""
    return locate_dataset(
        name_or_path, cache_folder, rules=rules, preparation=preparation, catalogue=catalogue
    ).identity


def fetch_dataset(
    name_or_path: str,
    cache_folder: Path,
    report: Report,
    sources: Sequence[Source] | None = None,
    *,
    note: Report | None = None,
    preparation: Preparation | None = None,
    catalogue: Catalogue = CATALOGUE,
) -> DatasetIdentity:
    """Bring the data set here, whole, or check a person's own to its last image; `report` is told what is tried.

    `note`, or else `report`, is told what a person has to know of own images: copies, what is left out, odd pixels.

    `sources` replaces the catalogue's own. Raises InputError for an unknown name, DataUnavailableError when no source
    has it, DataError for a cache folder that cannot be written to and for a person's own data that are damaged.
    """
    return inspect_dataset(
        name_or_path, cache_folder, report, sources, note=note, preparation=preparation, catalogue=catalogue
    ).identity


@dataclass(frozen=True)
class Inspection:
    """What was found when a data set was brought here or checked."""

    identity: DatasetIdentity
    classes: tuple[tuple[str, int, int, int], ...] = ()
    """Of own images: each class with its images to train on, to validate on as given, and to test."""
    kinds: tuple[str, ...] = ()
    """Of own images: their sizes, modes and types, a line each."""


def inspect_dataset(
    name_or_path: str,
    cache_folder: Path,
    report: Report,
    sources: Sequence[Source] | None = None,
    *,
    note: Report | None = None,
    preparation: Preparation | None = None,
    catalogue: Catalogue = CATALOGUE,
) -> Inspection:
    """The same as `fetch_dataset`, with what own images are."""
    if name_or_path in catalogue and preparation is None:
        fetch_entry(catalogue[name_or_path], cache_folder, report, sources)
        return Inspection(describe_dataset(name_or_path, cache_folder, catalogue=catalogue))
    if name_or_path not in catalogue and is_there(name_or_path):
        report(f"{write_out(name_or_path)}: checking every image")
    located = locate_dataset(name_or_path, cache_folder, preparation=preparation, catalogue=catalogue)
    identity = located.identity
    if not isinstance(located, OwnImages):
        return Inspection(identity)
    for line in located.notes:
        (note or report)(f"note: {line}")
    return Inspection(identity, tuple(located.count_classes()), located.kinds)
