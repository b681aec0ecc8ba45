"""Files of the catalogue are read as their makers meant them; here they are made in the same forms."""

import bz2
import gzip
import io
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat  # type: ignore[import-untyped]

from hpsearch.errors import DataError
from hpsearch.training.data.catalogue import CATALOGUE, CatalogueEntry
from hpsearch.training.data.catalogue_decoding import read_part
from hpsearch.training.data.catalogue_files import read_idx_pair
from hpsearch.training.data.located_dataset import describe_dataset
from hpsearch.training.data.pinned_file import PinnedFile
from hpsearch.training.data.search_splits import load_search_splits
from hpsearch.training.data.test_split import open_test_split
from tests.tiny_datasets import encode_idx, pin

COUNT = 60
GENERATOR = np.random.default_rng(0)


def make_tar(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in members.items():
            information = tarfile.TarInfo(name)
            information.size = len(content)
            archive.addfile(information, io.BytesIO(content))
    return stream.getvalue()


def make_zip(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def install(entry: CatalogueEntry, cache_folder: Path, contents: dict[str, bytes]) -> dict[str, CatalogueEntry]:
    """A catalogue whose entry has these files, and the files."""
    (cache_folder / entry.name).mkdir(parents=True)
    for name, content in contents.items():
        (cache_folder / entry.name / name).write_bytes(content)
    files = tuple(pin(file.name, contents[file.name]) for file in entry.files)
    return {entry.name: replace(entry, files=files)}


def read_both(
    name: str, catalogue: dict[str, CatalogueEntry], cache_folder: Path
) -> tuple[np.ndarray, list[int], np.ndarray, list[int]]:
    splits = load_search_splits(name, cache_folder, validation_fraction=None, catalogue=catalogue)
    test = open_test_split(name, cache_folder, catalogue=catalogue).test_images
    return splits.train.images.numpy(), splits.train.labels.tolist(), test.images.numpy(), test.labels.tolist()


@pytest.mark.parametrize(("name", "first"), [("emnist-letters", 1), ("emnist-balanced", 0)])
def test_emnist_is_put_upright_and_letters_count_from_one(tmp_path: Path, name: str, first: int) -> None:
    upright = GENERATOR.integers(0, 256, (COUNT, 28, 28), dtype=np.uint8)
    classes = len(CATALOGUE[name].class_names)
    labels = np.arange(COUNT) % classes
    members = {}
    for split in ("train", "test"):
        members[f"gzip/{name}-{split}-images-idx3-ubyte.gz"] = gzip.compress(encode_idx(upright.transpose(0, 2, 1)))
        members[f"gzip/{name}-{split}-labels-idx1-ubyte.gz"] = gzip.compress(encode_idx(labels + first))
    catalogue = install(CATALOGUE[name], tmp_path, {"gzip.zip": make_zip(members)})
    train, train_labels, test, test_labels = read_both(name, catalogue, tmp_path)
    assert np.array_equal(train[:, 0], upright)
    assert np.array_equal(test, train)
    assert train_labels == test_labels == labels.tolist()


def test_cifar100_is_read_by_its_fine_classes(tmp_path: Path) -> None:
    entry = CATALOGUE["cifar100"]
    pixels = GENERATOR.integers(0, 256, (COUNT, 3, 32, 32), dtype=np.uint8)
    fine = (np.arange(COUNT) % 100).astype(np.uint8)
    rows = np.concatenate([fine[:, None] // 5, fine[:, None], pixels.reshape(COUNT, -1)], axis=1).tobytes()
    names = "\n".join(entry.class_names).encode()
    members = {
        "cifar-100-binary/fine_label_names.txt": names,
        "cifar-100-binary/train.bin": rows,
        "cifar-100-binary/test.bin": rows[: len(rows) // 2],
    }
    catalogue = install(entry, tmp_path, {entry.files[0].name: make_tar(members)})
    train, train_labels, test, _labels = read_both("cifar100", catalogue, tmp_path)
    assert np.array_equal(train, pixels)
    assert train_labels == fine.tolist()
    assert np.array_equal(test, pixels[: COUNT // 2])
    (tmp_path / "other").mkdir()
    members["cifar-100-binary/fine_label_names.txt"] = b"apple pear"
    (tmp_path / "other" / entry.files[0].name).write_bytes(make_tar(members))
    with pytest.raises(DataError, match="its classes are others"):
        read_part(entry, tmp_path / "other", "train")


def test_the_ten_of_svhn_is_the_digit_zero(tmp_path: Path) -> None:
    pixels = GENERATOR.integers(0, 256, (COUNT, 3, 32, 32), dtype=np.uint8)
    labels = np.arange(COUNT) % 10
    contents = {}
    for name in ("train_32x32.mat", "test_32x32.mat"):
        stream = io.BytesIO()
        savemat(stream, {"X": pixels.transpose(2, 3, 1, 0), "y": np.where(labels == 0, 10, labels)[:, None]})
        contents[name] = stream.getvalue()
    train, train_labels, test, _labels = read_both("svhn", install(CATALOGUE["svhn"], tmp_path, contents), tmp_path)
    assert np.array_equal(train, pixels)
    assert np.array_equal(test, pixels)
    assert train_labels == labels.tolist()


def test_usps_is_brought_from_minus_one_and_one_to_bytes(tmp_path: Path) -> None:
    pixels = GENERATOR.integers(0, 256, (20, 16, 16), dtype=np.uint8)
    lines = [
        f"{number % 10 + 1} " + " ".join(f"{place + 1}:{value / 127.5 - 1:.6f}" for place, value in enumerate(row))
        for number, row in enumerate(pixels.reshape(20, -1).tolist())
    ]
    content = bz2.compress("\n".join(lines).encode())
    catalogue = install(CATALOGUE["usps"], tmp_path, {"usps.bz2": content, "usps.t.bz2": content})
    train, labels, _test, _labels = read_both("usps", catalogue, tmp_path)
    assert np.array_equal(train[:, 0], pixels)
    assert labels == [number % 10 for number in range(20)]


def test_of_qmnist_s_labels_the_first_column_is_the_class(tmp_path: Path) -> None:
    pixels = GENERATOR.integers(0, 256, (9, 28, 28), dtype=np.uint8)
    labels = np.stack([np.arange(9), *[np.full(9, 7)] * 7], axis=1)
    head = bytes([0, 0, 0x0C, 2]) + (9).to_bytes(4, "big") + (8).to_bytes(4, "big")
    (tmp_path / "qmnist-train-images-idx3-ubyte.gz").write_bytes(gzip.compress(encode_idx(pixels)))
    content = head + labels.astype(">i4").tobytes()
    (tmp_path / "qmnist-train-labels-idx2-int.gz").write_bytes(gzip.compress(content))
    read = read_idx_pair(*sorted(tmp_path.iterdir()))
    assert np.array_equal(read.images[:, 0].numpy(), pixels)
    assert read.labels.tolist() == list(range(9))
    # The same files as somebody's own.
    assert describe_dataset(str(tmp_path), tmp_path.parent / "cache").class_names == tuple("012345678")


def test_a_file_known_by_its_md5_alone_is_checked_by_it(tmp_path: Path) -> None:
    (tmp_path / "a.bz2").write_bytes(b"abc")
    file = PinnedFile("a.bz2", 3, "", md5="900150983cd24fb0d6963f7d28e17f72")
    assert file.describe_fault(tmp_path / "a.bz2") is None
    (tmp_path / "a.bz2").write_bytes(b"abd")
    assert "has the MD5 " in str(file.describe_fault(tmp_path / "a.bz2"))
