import importlib
from pathlib import Path
from typing import Any

import pytest

from hpsearch.dataset import InputShape
from hpsearch.errors import InputError
from hpsearch.training.data import list_datasets
from hpsearch.training.data.catalogue import CATALOGUE, FileFormat, find_entry
from hpsearch.training.data.sources import Mirror
from tests.tiny_datasets import fill_cache, make_entry, make_idx_contents


@pytest.fixture
def offered_datasets() -> Any:
    """torchvision's data sets; the import takes seconds."""
    return importlib.import_module("torchvision.datasets")


@pytest.mark.parametrize("name", CATALOGUE)
def test_an_entry_agrees_with_itself(name: str) -> None:
    entry = CATALOGUE[name]
    assert entry.name == name
    count = {"cifar100": 100, "emnist-balanced": 47, "emnist-letters": 26}.get(name, 10)
    assert len(set(entry.class_names)) == len(entry.class_names) == count
    assert len({file.pin for file in entry.files}) == len(entry.files)
    assert all(len(file.sha256) == 64 or len(file.md5) == 32 for file in entry.files)
    assert "{folder}" in entry.remedy


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "class_name"), [("fashion-mnist", "FashionMNIST"), ("mnist", "MNIST"), ("kmnist", "KMNIST")]
)
def test_idx_files_are_the_ones_torchvision_offers_on_its_mirrors(
    offered_datasets: Any, name: str, class_name: str
) -> None:
    entry = CATALOGUE[name]
    torchvision_class = getattr(offered_datasets, class_name)
    offered = {file for file, _ in torchvision_class.resources}
    assert {file.compressed_name for file in entry.files} == offered
    assert [source.url for source in entry.sources if isinstance(source, Mirror)] == torchvision_class.mirrors


def test_plain_idx_files_are_as_long_as_their_counts_say() -> None:
    for entry in CATALOGUE.values():
        if entry.file_format is FileFormat.IDX and not entry.files[0].name.endswith(".gz"):
            size = entry.input_shape.size
            expected = [16 + entry.train_count * size, 8 + entry.train_count]
            expected += [16 + entry.test_count * size, 8 + entry.test_count]
            assert [file.size_bytes for file in entry.files] == expected


@pytest.mark.slow
def test_cifar10_is_downloaded_from_torchvisions_address(offered_datasets: Any) -> None:
    entry = CATALOGUE["cifar10"]
    (mirror,) = entry.sources
    assert isinstance(mirror, Mirror)
    assert mirror.url + entry.files[0].compressed_name == offered_datasets.CIFAR10.url
    assert entry.input_shape == InputShape(3, 32, 32)


@pytest.mark.parametrize("typed", ["fashon-mnist", "Fashion_MNIST", "fashionmnist"])
def test_an_unknown_name_is_answered_with_the_nearest_and_all_known_ones(typed: str) -> None:
    with pytest.raises(InputError, match="did you mean fashion-mnist") as caught:
        find_entry(typed)
    for part in (typed, *CATALOGUE, ".npz", "folder"):
        assert part in str(caught.value)


def test_the_listing_says_what_is_cached(tmp_path: Path) -> None:
    contents = make_idx_contents()
    catalogue = {"tiny": make_entry(contents), "other": make_entry(contents, "other")}
    fill_cache(tmp_path, contents)
    tiny, other = list_datasets(tmp_path, catalogue=catalogue)
    assert (tiny.cached_path, other.cached_path) == (tmp_path / "tiny", None)
    assert tiny.size_bytes == sum(map(len, contents.values()))
    entry = tiny.entry
    assert (entry.name, entry.licence, entry.train_count, entry.test_count) == ("tiny", "MIT", 40, 12)


def test_a_cut_file_is_not_listed_as_cached(tmp_path: Path) -> None:
    contents = make_idx_contents()
    fill_cache(tmp_path, contents)
    path = next(iter(sorted((tmp_path / "tiny").iterdir())))
    path.write_bytes(path.read_bytes()[:-1])
    (listing,) = list_datasets(tmp_path, catalogue={"tiny": make_entry(contents)})
    assert listing.cached_path is None


@pytest.mark.slow
def test_what_torchvision_says_of_emnist_and_usps_is_said_here(offered_datasets: Any) -> None:
    for division, skipped in (("letters", 1), ("balanced", 0)):
        entry = CATALOGUE[f"emnist-{division}"]
        assert list(entry.class_names) == offered_datasets.EMNIST.classes_split_dict[division][skipped:]
        (source,) = entry.sources
        assert isinstance(source, Mirror)
        assert source.url + entry.files[0].compressed_name == offered_datasets.EMNIST.url
    usps = CATALOGUE["usps"]
    offered = offered_datasets.USPS.split_list
    assert [file.md5 for file in usps.files] == [offered[part][2] for part in ("train", "test")]
    (mirror,) = usps.sources
    assert isinstance(mirror, Mirror)
    assert mirror.url + usps.files[0].name == offered["train"][0]
