from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from hpsearch.dataset import InputShape
from hpsearch.errors import DataError
from hpsearch.training.data import describe_dataset, fetch_dataset, image_collection, load_search_splits
from hpsearch.training.data.test_split import open_test_split
from tests.tiny_datasets import write_image_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Thirty images of two classes, without train and test."""
    write_image_folder(tmp_path / "pets", {"cat": 12, "dog": 18})
    return tmp_path / "pets"


@pytest.fixture
def cache_folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def test_classes_are_the_folders_in_alphabetical_order(folder: Path, cache_folder: Path) -> None:
    identity = describe_dataset(str(folder), cache_folder)
    assert identity.name == str(folder)
    assert identity.class_names == ("cat", "dog")
    assert identity.input_shape == InputShape(1, 5, 6)


def test_without_a_test_folder_about_a_sixth_is_held_out_and_no_class_left_out(
    folder: Path, cache_folder: Path
) -> None:
    identity = describe_dataset(str(folder), cache_folder)
    assert identity.train_count + identity.test_count == 30
    assert 2 <= identity.test_count <= 9
    test = open_test_split(str(folder), cache_folder).test_images
    assert min(test.labels.bincount(minlength=2).tolist()) >= 1
    splits = load_search_splits(str(folder), cache_folder, validation_fraction=0.2)
    assert min(splits.validation.labels.bincount(minlength=2).tolist()) >= 1
    seen = {image.numpy().tobytes() for part in (splits.train, splits.validation) for image in part.images}
    assert len(seen) == identity.train_count
    assert not seen & {image.numpy().tobytes() for image in test.images}


def test_pixels_and_labels_are_those_of_the_files(tmp_path: Path, cache_folder: Path) -> None:
    write_image_folder(tmp_path / "colour", {"a": 4, "b": 4}, mode="RGB")
    splits = load_search_splits(str(tmp_path / "colour"), cache_folder, validation_fraction=0.25)
    expected = {}
    for path in (tmp_path / "colour").rglob("*.png"):
        pixels = np.asarray(Image.open(path)).transpose(2, 0, 1)
        expected[pixels.tobytes()] = "ab".index(path.parent.name)
    assert splits.train.images.shape[1:] == (3, 5, 6)
    for image, label in zip(splits.train.images, splits.train.labels.tolist(), strict=True):
        assert expected[image.numpy().tobytes()] == label


def test_train_and_test_folders_are_the_two_splits(tmp_path: Path, cache_folder: Path) -> None:
    write_image_folder(tmp_path / "pets" / "train", {"cat": 6, "dog": 5})
    write_image_folder(tmp_path / "pets" / "test", {"dog": 3}, seed=1)
    identity = describe_dataset(str(tmp_path / "pets"), cache_folder)
    assert (identity.train_count, identity.test_count) == (11, 3)
    test = open_test_split(str(tmp_path / "pets"), cache_folder).test_images
    assert test.labels.tolist() == [1, 1, 1]


def test_a_class_may_be_called_train(tmp_path: Path, cache_folder: Path) -> None:
    write_image_folder(tmp_path / "vehicles", {"train": 6, "ship": 6})
    assert describe_dataset(str(tmp_path / "vehicles"), cache_folder).class_names == ("ship", "train")


def test_other_file_names_and_another_place_change_nothing(folder: Path, cache_folder: Path) -> None:
    before = describe_dataset(str(folder), cache_folder)
    test_before = open_test_split(str(folder), cache_folder).test_images
    moved = folder.rename(folder.with_name("moved"))
    for number, path in enumerate(sorted(moved.rglob("*.png"), reverse=True)):
        path.rename(path.with_name(f"renamed-{number}.png"))
    assert describe_dataset(str(moved), cache_folder).sha256 == before.sha256
    assert torch.equal(open_test_split(str(moved), cache_folder).test_images.images, test_before.images)


@pytest.mark.parametrize("change", ["pixel", "label", "class name"])
def test_any_change_of_content_changes_the_identity(folder: Path, cache_folder: Path, change: str) -> None:
    before = describe_dataset(str(folder), cache_folder)
    path = folder / "cat" / "000.png"
    if change == "pixel":
        pixels = np.array(Image.open(path))
        pixels[0, 0] ^= 1
        Image.fromarray(pixels).save(path)
    elif change == "label":
        path.rename(folder / "dog" / "cat.png")
    else:
        (folder / "cat").rename(folder / "bat")
    assert describe_dataset(str(folder), cache_folder).sha256 != before.sha256


def test_a_changed_image_is_not_answered_from_the_decoded_ones(folder: Path, cache_folder: Path) -> None:
    before = load_search_splits(str(folder), cache_folder).train.images
    for path in folder.rglob("*.png"):
        Image.fromarray(255 - np.asarray(Image.open(path))).save(path)
    after = load_search_splits(str(folder), cache_folder).train.images
    assert not torch.equal(before, after)


def test_a_folder_is_decoded_once(folder: Path, cache_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = describe_dataset(str(folder), cache_folder)
    monkeypatch.setattr(image_collection, "read_image", pytest.fail)
    assert describe_dataset(str(folder), cache_folder) == before
    load_search_splits(str(folder), cache_folder)
    open_test_split(str(folder), cache_folder)


def test_an_image_of_another_size_is_named(folder: Path, cache_folder: Path) -> None:
    write_image_folder(folder, {"cat": 1}, size=(7, 5))
    with pytest.raises(DataError, match=r"cat/000\.png is 7x5 where most .* are 6x5: 1 of them, of 30.* mogrify"):
        describe_dataset(str(folder), cache_folder)


def test_grey_images_among_colour_images_are_read_as_colour_and_counted(folder: Path, cache_folder: Path) -> None:
    write_image_folder(folder, {"dog": 1}, mode="RGB")
    notes: list[str] = []
    identity = fetch_dataset(str(folder), cache_folder, lambda _line: None, note=notes.append)
    assert identity.input_shape == InputShape(3, 5, 6)
    assert "29 of 30 images are grey" in notes[0]


def test_transparent_images_are_refused_with_what_to_do(tmp_path: Path, cache_folder: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "see" / name).mkdir(parents=True)
        Image.new("RGBA", (4, 4)).save(tmp_path / "see" / name / "0.png")
    with pytest.raises(DataError, match=r"mode RGBA .* 2 of 2 images .* grey \(L\) or RGB"):
        describe_dataset(str(tmp_path / "see"), cache_folder)


def test_a_file_that_is_no_image_is_named(folder: Path, cache_folder: Path) -> None:
    (folder / "dog" / "007.png").write_bytes(b"not an image")
    with pytest.raises(DataError, match=r"dog/007\.png cannot be read as an image"):
        describe_dataset(str(folder), cache_folder)


def test_an_image_that_breaks_off_is_named_at_the_fetch_whatever_its_split(folder: Path, cache_folder: Path) -> None:
    paths = sorted(folder.rglob("*.png"))
    for path in paths:
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(DataError, match=f"{path.parent.name}/{path.name} cannot be read"):
            fetch_dataset(str(folder), cache_folder, lambda line: None)
        path.write_bytes(whole)
    fetch_dataset(str(folder), cache_folder, lambda line: None)


@pytest.mark.parametrize("layout", ["empty", "images without classes", "one class"])
def test_a_folder_of_another_layout_is_told_the_expected_one(tmp_path: Path, cache_folder: Path, layout: str) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    if layout == "images without classes":
        Image.new("L", (4, 4)).save(folder / "0.png")
    elif layout == "one class":
        write_image_folder(folder, {"only": 3})
    with pytest.raises(DataError, match=r"expected is <folder>/<class>/\*\.png"):
        describe_dataset(str(folder), cache_folder)


def test_a_test_class_without_training_images_is_named(tmp_path: Path, cache_folder: Path) -> None:
    write_image_folder(tmp_path / "pets" / "train", {"cat": 2, "dog": 2})
    write_image_folder(tmp_path / "pets" / "test", {"bird": 1})
    with pytest.raises(DataError, match="bird is a class without training images"):
        describe_dataset(str(tmp_path / "pets"), cache_folder)


def test_a_third_folder_beside_train_and_test_is_not_dropped_silently(tmp_path: Path, cache_folder: Path) -> None:
    for seed, split in enumerate(("train", "test", "more")):
        write_image_folder(tmp_path / "pets" / split, {"cat": 2, "dog": 2}, seed=seed)
    with pytest.raises(DataError, match="has more beside train"):
        describe_dataset(str(tmp_path / "pets"), cache_folder)


@pytest.mark.parametrize("name", ["val", "valid", "Validation"])
def test_a_folder_to_validate_on_is_validated_on(tmp_path: Path, cache_folder: Path, name: str) -> None:
    for seed, split in enumerate(("train", name)):
        write_image_folder(tmp_path / "pets" / split, {"cat": 6, "dog": 6}, seed=seed)
    splits = load_search_splits(str(tmp_path / "pets"), cache_folder)
    own = {np.asarray(Image.open(path)).tobytes() for path in (tmp_path / "pets" / name).rglob("*.png")}
    assert {image.numpy().tobytes() for image in splits.validation.images} == own
    assert splits.identity.validation_count == 12
    assert splits.identity.train_count == 12 + len(splits.train)
