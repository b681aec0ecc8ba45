"""The sealed test split. This module alone gives test images; nothing that searches may import it."""

from dataclasses import dataclass
from pathlib import Path

from hpsearch.dataset import NEWEST_RULES, DataRules, DatasetIdentity, Preparation
from hpsearch.training.data.catalogue import CATALOGUE, Catalogue, FileFormat
from hpsearch.training.data.catalogue_decoding import read_part
from hpsearch.training.data.catalogue_files import CatalogueFiles, read_idx_pair, to_labelled_images, unpack_cifar
from hpsearch.training.data.decoded_images import load_decoded
from hpsearch.training.data.labelled_images import LabelledImages
from hpsearch.training.data.located_dataset import locate_dataset
from hpsearch.training.data.own_images import OwnImages


@dataclass(frozen=True, eq=False)
class TestSplit:
    """The test images of a data set, in a type of their own: nothing that trains takes it."""

    identity: DatasetIdentity
    test_images: LabelledImages


def open_test_split(
    name_or_path: str,
    cache_folder: Path,
    *,
    rules: DataRules = NEWEST_RULES,
    preparation: Preparation | None = None,
    catalogue: Catalogue = CATALOGUE,
) -> TestSplit:
    """Load the test split; whoever calls this records that it was opened.

    `rules` and `preparation` say how a person's own files are read and divided.

    Raises InputError for an unknown name, DataError for data that are missing or damaged.
    """
    located = locate_dataset(name_or_path, cache_folder, rules=rules, preparation=preparation, catalogue=catalogue)
    images = located.test.images if isinstance(located, OwnImages) else _load_catalogue_test(located, cache_folder)
    return TestSplit(located.identity, images)


def _load_catalogue_test(located: CatalogueFiles, cache_folder: Path) -> LabelledImages:
    if located.entry.file_format is FileFormat.IDX:
        images, labels = located.entry.files[2:]
        return read_idx_pair(located.folder / images.name, located.folder / labels.name)
    if located.entry.file_format is not FileFormat.CIFAR:
        key = f"{located.entry.name}-{located.identity.sha256}-test"
        return load_decoded(cache_folder, key, lambda: read_part(located.entry, located.folder, "test"))
    archive = located.entry.files[0]

    def decode() -> LabelledImages:
        from torchvision.datasets import CIFAR10  # type: ignore[import-untyped]

        with unpack_cifar(located.folder / archive.name) as folder:
            return to_labelled_images(CIFAR10(str(folder), train=False))

    return load_decoded(cache_folder, f"{archive.sha256}-test", decode)
