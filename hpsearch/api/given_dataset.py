"""A data set as a program gives it."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from hpsearch.errors import InputError


class Items(Protocol):
    """A data set of PyTorch, torchvision or Hugging Face: of a length, whose items are an image and its label."""

    def __getitem__(self, index: int, /) -> Any:
        """An image and its label."""


Dataset = str | os.PathLike[str] | Sequence[Any] | Mapping[str, Any] | Items
"""A name, a path, arrays as (images, labels), or a data set of images with their labels."""


def find_dataset(given: Dataset, cache_folder: Path) -> str:
    """A name or path as it is; images in memory become a file in the cache, under the hash of their content.

    Raises:
        InputError: It is none of these.
        DataError: They are no images with labels, or cannot be written.
    """
    if isinstance(given, str | os.PathLike):
        return os.fspath(given)
    from hpsearch.sessions.given_arrays import keep_arrays
    from hpsearch.sessions.given_items import is_items

    if isinstance(given, Sequence | Mapping) or is_items(given):
        return str(keep_arrays(given, cache_folder))
    what = "give a name, a path, arrays as (images, labels), or a data set whose items are (image, label)"
    if hasattr(given, "dataset") and hasattr(given, "batch_size"):  # a loader of PyTorch
        what = "give what it loads, loader.dataset"
    raise InputError(f"dataset is of type {type(given).__name__}: {what}")
