"""Data sets: the catalogue, fetching, and the splits a search may see. The test split is opened in test_split.py."""

from hpsearch.training.data.cache import CACHE_VARIABLE, default_cache_folder
from hpsearch.training.data.labelled_images import LabelledImages
from hpsearch.training.data.listing import DatasetListing, list_datasets
from hpsearch.training.data.located_dataset import Inspection, describe_dataset, fetch_dataset, inspect_dataset
from hpsearch.training.data.search_splits import SearchSplits, load_search_splits

__all__ = [
    "CACHE_VARIABLE",
    "DatasetListing",
    "Inspection",
    "LabelledImages",
    "SearchSplits",
    "default_cache_folder",
    "describe_dataset",
    "fetch_dataset",
    "inspect_dataset",
    "list_datasets",
    "load_search_splits",
]
