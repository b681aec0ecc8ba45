"""The data sets that are known by name, and looking through one of a person's own."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hpsearch.dataset import Preparation
    from hpsearch.sessions.progress import Steps
    from hpsearch.training.data import Inspection
    from hpsearch.training.data.listing import DatasetListing


def list_datasets(cache_folder: Path) -> "list[DatasetListing]":
    """Those that are known by name, and which of them are here."""
    from hpsearch.training.data import listing

    return list(listing.list_datasets(cache_folder))


def inspect_dataset(name: str, cache_folder: Path, preparation: "Preparation | None", steps: "Steps") -> "Inspection":
    """Bring a data set here, or check one of a person's own to its last image; what is in it.

    Raises:
        InputError: There is none of this name or path.
        DataError: It cannot be had, or something in it is wrong.
    """
    from hpsearch.training.data import inspect_dataset as inspect

    return inspect(name, cache_folder, steps.tell, note=steps.note, preparation=preparation)
