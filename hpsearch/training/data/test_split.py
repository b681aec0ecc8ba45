"""The sealed test split. This module alone gives test images; nothing that searches may import it."""

from dataclasses import dataclass
from pathlib import Path

from hpsearch.dataset import NEWEST_RULES, DataRules, DatasetIdentity
from hpsearch.training.data.array_archive import ArrayArchive, load_image_array, load_label_array
from hpsearch.training.data.catalogue import CATALOGUE, Catalogue, FileFormat
from hpsearch.training.data.catalogue_files import CatalogueFiles, read_idx_pair, to_labelled_images, unpack_cifar
from hpsearch.training.data.decoded_images import load_decoded
from hpsearch.training.data.image_folder import ImageFolder, load_image_files
from hpsearch.training.data.labelled_images import LabelledImages
from hpsearch.training.data.located_dataset import locate_dataset
from hpsearch.training.data.own_images import OwnImages
from hpsearch.training.data.stratification import hold_out_test


@dataclass(frozen=True, eq=False)
class TestSplit:
    """The test images of a data set, in a type of their own: nothing that trains takes it."""

    identity: DatasetIdentity
    test_images: LabelledImages


def open_test_split(
    name_or_path: str, cache_folder: Path, *, rules: DataRules = NEWEST_RULES, catalogue: Catalogue = CATALOGUE
) -> TestSplit:
    """Load the test split; whoever calls this records that it was opened.

    `rules` say how a person's own files are read and divided.

    Raises InputError for an unknown name, DataError for data that are missing or damaged.
    """
    located = locate_dataset(name_or_path, cache_folder, rules=rules, catalogue=catalogue)
    if isinstance(located, OwnImages):
        images = located.test.images
    elif isinstance(located, ImageFolder):
        images = load_image_files(located.test_files, cache_folder)
    elif isinstance(located, ArrayArchive):
        images = _load_array_test(located)
    else:
        images = _load_catalogue_test(located, cache_folder)
    return TestSplit(located.identity, images)


def _load_array_test(archive: ArrayArchive) -> LabelledImages:
    keys = archive.test_keys or archive.train_keys
    labels = load_label_array(archive.path, keys.labels)
    archive.check_labels(labels)
    everything = LabelledImages.from_arrays(load_image_array(archive.path, keys.images), labels)
    return everything if archive.test_keys is not None else everything.select(hold_out_test(labels).held_out)


def _load_catalogue_test(located: CatalogueFiles, cache_folder: Path) -> LabelledImages:
    if located.entry.file_format is FileFormat.IDX:
        images, labels = located.entry.files[2:]
        return read_idx_pair(located.folder / images.name, located.folder / labels.name)
    archive = located.entry.files[0]

    def decode() -> LabelledImages:
        from torchvision.datasets import CIFAR10  # type: ignore[import-untyped]

        with unpack_cifar(located.folder / archive.name) as folder:
            return to_labelled_images(CIFAR10(str(folder), train=False))

    return load_decoded(cache_folder, f"{archive.sha256}-test", decode)
