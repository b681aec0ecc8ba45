"""Data sets: the catalogue, fetching, and the splits a search may see. The test split is opened in test_split.py.

Each name is imported when it is asked for: the list of data sets needs no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hpsearch.training.data.cache import CACHE_VARIABLE, default_cache_folder
    from hpsearch.training.data.labelled_images import LabelledImages
    from hpsearch.training.data.listing import DatasetListing, list_datasets
    from hpsearch.training.data.located_dataset import describe_dataset, fetch_dataset
    from hpsearch.training.data.search_splits import SearchSplits, load_search_splits

__all__ = [
    "CACHE_VARIABLE",
    "DatasetListing",
    "LabelledImages",
    "SearchSplits",
    "default_cache_folder",
    "describe_dataset",
    "fetch_dataset",
    "list_datasets",
    "load_search_splits",
]

_HOMES = {
    "CACHE_VARIABLE": "cache",
    "DatasetListing": "listing",
    "LabelledImages": "labelled_images",
    "SearchSplits": "search_splits",
    "default_cache_folder": "cache",
    "describe_dataset": "located_dataset",
    "fetch_dataset": "located_dataset",
    "list_datasets": "listing",
    "load_search_splits": "search_splits",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
