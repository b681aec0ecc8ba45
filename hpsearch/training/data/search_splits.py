"""What training may see of a data set: the training split, divided into train and validation, or whole."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from hpsearch.dataset import NEWEST_RULES, DataRules, DatasetIdentity, Preparation
from hpsearch.errors import DataError
from hpsearch.training.data.byte_arrays import IntegerArray
from hpsearch.training.data.catalogue import CATALOGUE, Catalogue
from hpsearch.training.data.content_split import hold_out_by_content
from hpsearch.training.data.labelled_images import LabelledImages
from hpsearch.training.data.located_dataset import locate_dataset
from hpsearch.training.data.own_images import OwnImages
from hpsearch.training.data.stratification import split_indices


@dataclass(frozen=True, eq=False)
class SearchSplits:
    """The two splits of a search, and whose images they are."""

    identity: DatasetIdentity
    train: LabelledImages
    validation: LabelledImages
    """Empty where nothing is held out."""


def load_search_splits(
    name_or_path: str,
    cache_folder: Path,
    *,
    validation_fraction: float | None = 0.1,
    split_seed: int = 0,
    rules: DataRules = NEWEST_RULES,
    preparation: Preparation | None = None,
    catalogue: Catalogue = CATALOGUE,
) -> SearchSplits:
    """Load the training split and hold out a share of it for validation, the same on every machine.

    `validation_fraction` is that share, between 0 and 1, or None to hold out nothing; the same `split_seed` holds out
    the same images. Of a data set that sets images aside itself it is these. A person's own
    images are divided by their content, those known by name by their places, the same share of every class; `rules`
    are those of a study. Raises InputError for an unknown name or a share that cannot be, DataError for data that are
    missing, damaged or too few.
    """
    located = locate_dataset(name_or_path, cache_folder, rules=rules, preparation=preparation, catalogue=catalogue)
    images = located.load_train(cache_folder)
    if validation_fraction is None:
        return SearchSplits(located.identity, images, images.select(np.arange(0, dtype=np.int64)))
    labels: IntegerArray = images.labels.numpy()
    # By its decimal digits: 0.1 means a tenth, and is not exactly one as a float.
    fraction = Fraction(str(validation_fraction))
    if isinstance(located, OwnImages):
        if located.validation is not None:
            return SearchSplits(located.identity, located.train.images, located.validation.images)
        indices = hold_out_by_content(located.train.digests, labels, fraction, f"validation {split_seed}")
    else:
        indices = split_indices(labels, fraction, split_seed)
    if len(indices.held_out) == 0:
        raise DataError(
            f"{len(images)} training images are too few to hold out {validation_fraction:g} of them for validation;"
            " add images or raise the share"
        )
    return SearchSplits(located.identity, images.select(indices.kept), images.select(indices.held_out))
