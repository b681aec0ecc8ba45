"""The data sets known by name, and which of them are here."""

from dataclasses import dataclass
from pathlib import Path

from hpsearch.training.data.catalogue import CATALOGUE, Catalogue, CatalogueEntry


@dataclass(frozen=True)
class DatasetListing:
    """One line of `hpsearch data list`; `cached_path` is None while the files are not (all) in the cache."""

    entry: CatalogueEntry
    cached_path: Path | None
    size_bytes: int
    """Of the files as they lie, or would lie, in the cache."""


def list_datasets(cache_folder: Path, *, catalogue: Catalogue = CATALOGUE) -> list[DatasetListing]:
    """Every entry of the catalogue. Files count as cached by name and length; loading is what checks their hashes."""
    return [_list_entry(entry, cache_folder / entry.name) for entry in catalogue.values()]


def _list_entry(entry: CatalogueEntry, folder: Path) -> DatasetListing:
    paths = {folder / file.name: file.size_bytes for file in entry.files}
    is_cached = all(
        (folder / file.name).is_file() and file.has_length((folder / file.name).stat().st_size) for file in entry.files
    )
    return DatasetListing(
        entry=entry,
        cached_path=folder if is_cached else None,
        size_bytes=sum(paths.values()),
    )
