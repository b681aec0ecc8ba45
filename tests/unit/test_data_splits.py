import ast
import hashlib
import io
import pickle
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import hpsearch.training.data
from hpsearch.dataset import InputShape
from hpsearch.errors import DataError, InputError
from hpsearch.training.data import LabelledImages, describe_dataset, load_search_splits
from hpsearch.training.data.catalogue import FileFormat
from hpsearch.training.data.decoded_images import load_decoded
from hpsearch.training.data.test_split import open_test_split
from tests.tiny_datasets import (
    compress_contents,
    fill_cache,
    make_entry,
    make_idx_contents,
    make_images,
    make_labels,
    pin,
)

CONTENTS = make_idx_contents()
PLAIN, PACKED = CONTENTS, compress_contents(CONTENTS)


def sorted_bytes(*parts: LabelledImages) -> list[bytes]:
    return sorted(image.numpy().tobytes() for part in parts for image in part.images)


@pytest.mark.parametrize("contents", [PLAIN, PACKED], ids=["plain", "gzipped"])
def test_train_and_validation_are_the_training_file_and_test_is_the_test_file(
    tmp_path: Path, contents: dict[str, bytes]
) -> None:
    fill_cache(tmp_path, contents)
    catalogue = {"tiny": make_entry(contents)}
    splits = load_search_splits("tiny", tmp_path, validation_fraction=0.2, catalogue=catalogue)
    assert splits.train.images.shape == (32, 1, 5, 5)
    assert splits.validation.labels.bincount().tolist() == [2, 2, 2, 2]
    assert sorted_bytes(splits.train, splits.validation) == sorted(image.tobytes() for image in make_images(40, 1))

    test = open_test_split("tiny", tmp_path, catalogue=catalogue)
    assert torch.equal(test.test_images.images[:, 0], torch.from_numpy(make_images(12, 2)))
    assert test.test_images.labels.tolist() == make_labels(12).tolist()
    assert test.identity == splits.identity


def test_without_a_share_to_hold_out_the_training_file_is_trained_on_whole_and_the_test_file_is_not(
    tmp_path: Path,
) -> None:
    fill_cache(tmp_path, CONTENTS)
    splits = load_search_splits("tiny", tmp_path, validation_fraction=None, catalogue={"tiny": make_entry(CONTENTS)})
    assert sorted_bytes(splits.train) == sorted(image.tobytes() for image in make_images(40, 1))
    assert len(splits.validation) == 0


def test_each_image_keeps_its_label(tmp_path: Path) -> None:
    fill_cache(tmp_path, CONTENTS)
    splits = load_search_splits("tiny", tmp_path, catalogue={"tiny": make_entry(CONTENTS)})
    known = {image.tobytes(): label for image, label in zip(make_images(40, 1), make_labels(40), strict=True)}
    for part in (splits.train, splits.validation):
        assert [known[image.numpy().tobytes()] for image in part.images] == part.labels.tolist()


def test_the_same_seed_splits_alike_and_another_seed_otherwise(tmp_path: Path) -> None:
    fill_cache(tmp_path, CONTENTS)
    first, again, other = (
        load_search_splits("tiny", tmp_path, split_seed=seed, catalogue={"tiny": make_entry(CONTENTS)})
        for seed in (3, 3, 4)
    )
    assert torch.equal(first.validation.images, again.validation.images)
    assert not torch.equal(first.validation.images, other.validation.images)
    assert first.identity == other.identity


def test_other_content_is_another_identity(tmp_path: Path) -> None:
    changed = dict(CONTENTS)
    last = list(changed)[-1]
    changed[last] = changed[last][:-1] + b"\0"
    hashes = set()
    for contents in (CONTENTS, changed):
        fill_cache(tmp_path, contents)
        hashes.add(describe_dataset("tiny", tmp_path, catalogue={"tiny": make_entry(contents)}).sha256)
    assert len(hashes) == 2


def test_a_data_set_that_was_not_fetched_says_which_command_fetches_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="hpsearch data fetch tiny"):
        load_search_splits("tiny", tmp_path, catalogue={"tiny": make_entry(CONTENTS)})


@pytest.mark.parametrize("name", list(CONTENTS))
def test_a_damaged_file_is_found_before_anything_is_loaded(tmp_path: Path, name: str) -> None:
    fill_cache(tmp_path, CONTENTS | {name: CONTENTS[name][:-1] + b"\7"})
    with pytest.raises(DataError, match=name):
        describe_dataset("tiny", tmp_path, catalogue={"tiny": make_entry(CONTENTS)})


def test_a_path_that_is_not_there_is_not_taken_for_a_name(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no folder or file"):
        describe_dataset(str(tmp_path / "nowhere"), tmp_path)
    with pytest.raises(DataError, match="there is no folder or file"):
        describe_dataset("nowhere.npz", tmp_path)
    with pytest.raises(InputError, match="there is no data set 'mnst'"):
        describe_dataset("mnst", tmp_path)


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, 1.5])
def test_a_share_that_cannot_be_held_out_is_refused(tmp_path: Path, fraction: float) -> None:
    fill_cache(tmp_path, CONTENTS)
    with pytest.raises(InputError, match="between 0 and 1"):
        load_search_splits("tiny", tmp_path, validation_fraction=fraction, catalogue={"tiny": make_entry(CONTENTS)})


def test_too_few_images_for_a_validation_split_are_refused(tmp_path: Path) -> None:
    fill_cache(tmp_path, CONTENTS)
    with pytest.raises(DataError, match="too few"):
        load_search_splits("tiny", tmp_path, validation_fraction=0.01, catalogue={"tiny": make_entry(CONTENTS)})


def make_cifar_archive(monkeypatch: pytest.MonkeyPatch) -> tuple[bytes, np.ndarray, np.ndarray]:
    """An archive like CIFAR-10's with two images a batch, the train images and the test images (n, 3, 32, 32)."""
    from torchvision.datasets import CIFAR10  # type: ignore[import-untyped]  # seconds, here in one process

    images = np.random.default_rng(5).integers(0, 256, (12, 3, 32, 32), dtype=np.uint8)
    contents = {"batches.meta": pickle.dumps({"label_names": list("abcdefghij")})}
    names = [name for name, _ in CIFAR10.train_list + CIFAR10.test_list]
    for number, name in enumerate(names):
        data = images[2 * number : 2 * number + 2].reshape(2, -1)
        contents[name] = pickle.dumps({"data": data, "labels": [number, number + 1]})
    md5s = {name: hashlib.md5(content).hexdigest() for name, content in contents.items()}
    monkeypatch.setattr(CIFAR10, "train_list", [[name, md5s[name]] for name in names[:5]])
    monkeypatch.setattr(CIFAR10, "test_list", [[names[5], md5s[names[5]]]])
    monkeypatch.setattr(CIFAR10, "meta", {**CIFAR10.meta, "md5": md5s["batches.meta"]})
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in contents.items():
            member = tarfile.TarInfo(f"{CIFAR10.base_folder}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue(), images[:10], images[10:]


def test_cifar10_comes_out_channels_first_and_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive, train, test = make_cifar_archive(monkeypatch)
    entry = replace(
        make_entry({}),
        file_format=FileFormat.CIFAR,
        files=(pin("cifar.tar.gz", archive),),
        input_shape=InputShape(3, 32, 32),
        train_count=10,
        test_count=2,
    )
    fill_cache(tmp_path, {"cifar.tar.gz": archive})
    for _ in range(2):  # from the archive, then from the cache of decoded images
        splits = load_search_splits("tiny", tmp_path, validation_fraction=0.3, catalogue={"tiny": entry})
        assert sorted_bytes(splits.train, splits.validation) == sorted(image.tobytes() for image in train)
        opened = open_test_split("tiny", tmp_path, catalogue={"tiny": entry}).test_images
        assert torch.equal(opened.images, torch.from_numpy(test))
        assert opened.labels.tolist() == [5, 6]


def test_no_module_of_the_data_package_imports_the_test_split() -> None:
    (folder,) = hpsearch.training.data.__path__
    modules = [path for path in Path(folder).glob("*.py") if path.name != "test_split.py"]
    assert len(modules) > 10
    for path in modules:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{alias.name}" for alias in node.names]
                assert not any("test_split" in name.split(".") for name in names), path


IMAGES = LabelledImages(torch.arange(2 * 1 * 3 * 3, dtype=torch.uint8).view(2, 1, 3, 3), torch.tensor([1, 0]))


def test_decoded_images_are_decoded_once(tmp_path: Path) -> None:
    decoded: list[LabelledImages] = []

    def decode() -> LabelledImages:
        decoded.append(IMAGES)
        return IMAGES

    for _ in range(3):
        loaded = load_decoded(tmp_path, "key", decode)
        assert torch.equal(loaded.images, IMAGES.images)
        assert torch.equal(loaded.labels, IMAGES.labels)
    assert len(decoded) == 1
    load_decoded(tmp_path, "other key", decode)
    assert len(decoded) == 2


def test_damaged_decoded_images_are_decoded_again(tmp_path: Path) -> None:
    load_decoded(tmp_path, "key", lambda: IMAGES)
    (path,) = (tmp_path / "decoded").glob("*.npz")
    whole = path.read_bytes()
    flipped = whole.replace(bytes(range(18)), bytes([1, *range(1, 18)]))
    assert flipped != whole
    for damaged in (whole[: len(whole) // 2], flipped, b""):
        path.write_bytes(damaged)
        loaded = load_decoded(tmp_path, "key", lambda: IMAGES)
        assert torch.equal(loaded.images, IMAGES.images)
        assert path.read_bytes() == whole


def test_a_cache_that_cannot_be_written_to_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    loaded = load_decoded(tmp_path / "file" / "cache", "key", lambda: IMAGES)
    assert torch.equal(loaded.images, IMAGES.images)


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        (torch.zeros(2, 1, 3, 3), torch.zeros(2, dtype=torch.int64)),
        (torch.zeros(2, 3, 3, dtype=torch.uint8), torch.zeros(2, dtype=torch.int64)),
        (torch.zeros(2, 1, 3, 3, dtype=torch.uint8), torch.zeros(3, dtype=torch.int64)),
        (torch.zeros(2, 1, 3, 3, dtype=torch.uint8), torch.zeros(2)),
    ],
)
def test_images_and_labels_that_do_not_fit_are_refused(images: torch.Tensor, labels: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"uint8|int64"):
        LabelledImages(images, labels)
