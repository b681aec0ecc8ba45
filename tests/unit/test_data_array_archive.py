import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hpsearch.dataset import InputShape
from hpsearch.errors import DataError
from hpsearch.training.data import describe_dataset, fetch_dataset, load_search_splits
from hpsearch.training.data.test_split import open_test_split

GENERATOR = np.random.default_rng(0)
IMAGES = GENERATOR.integers(0, 256, (24, 5, 6), dtype=np.uint8)
LABELS = np.arange(24) % 3
TEST_IMAGES = GENERATOR.integers(0, 256, (6, 5, 6), dtype=np.uint8)
TEST_LABELS = np.arange(6) % 3


def save(folder: Path, **arrays: Any) -> str:
    path = folder / "own.npz"
    np.savez(path, **arrays)
    return str(path)


def save_usual(folder: Path, **changes: Any) -> str:
    arrays = {"x_train": IMAGES, "y_train": LABELS, "x_test": TEST_IMAGES, "y_test": TEST_LABELS}
    return save(folder, **{key: array for key, array in (arrays | changes).items() if array is not None})


@pytest.mark.parametrize(
    "keys", [("x_train", "y_train", "x_test", "y_test"), ("images", "labels", "test_images", "test_labels")]
)
def test_both_ways_of_naming_the_arrays_are_read(tmp_path: Path, keys: tuple[str, ...]) -> None:
    arrays = (IMAGES, LABELS, TEST_IMAGES, TEST_LABELS)
    path = save(tmp_path, **dict(zip(keys, arrays, strict=True)))
    splits = load_search_splits(path, tmp_path, validation_fraction=0.25)
    identity = splits.identity
    assert (identity.train_count, identity.test_count, identity.input_shape) == (24, 6, InputShape(1, 5, 6))
    assert identity.class_names == ("0", "1", "2")
    assert splits.validation.labels.bincount().tolist() == [2, 2, 2]
    test = open_test_split(path, tmp_path).test_images
    assert torch.equal(test.images[:, 0], torch.from_numpy(TEST_IMAGES))
    assert test.labels.tolist() == TEST_LABELS.tolist()


def test_channels_come_first_whatever_their_number(tmp_path: Path) -> None:
    colour = GENERATOR.integers(0, 256, (6, 5, 6, 3), dtype=np.uint8)
    path = save(tmp_path, x_train=np.repeat(colour, 4, axis=0), y_train=LABELS, x_test=colour, y_test=TEST_LABELS)
    assert describe_dataset(path, tmp_path).input_shape == InputShape(3, 5, 6)
    images = open_test_split(path, tmp_path).test_images.images
    assert torch.equal(images, torch.from_numpy(colour).permute(0, 3, 1, 2))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_between_0_and_1_become_the_bytes_they_came_from(tmp_path: Path, dtype: type[np.floating]) -> None:
    path = save_usual(tmp_path, x_train=(IMAGES / 255).astype(dtype), x_test=(TEST_IMAGES / 255).astype(dtype))
    assert torch.equal(open_test_split(path, tmp_path).test_images.images[:, 0], torch.from_numpy(TEST_IMAGES))
    assert load_search_splits(path, tmp_path).train.images.dtype == torch.uint8


def test_without_test_arrays_a_sixth_is_held_out(tmp_path: Path) -> None:
    path = save_usual(tmp_path, x_test=None, y_test=None)
    identity = describe_dataset(path, tmp_path)
    assert (identity.train_count, identity.test_count) == (20, 4)
    splits = load_search_splits(path, tmp_path)
    seen = {image.numpy().tobytes() for part in (splits.train, splits.validation) for image in part.images}
    test = {image.numpy().tobytes() for image in open_test_split(path, tmp_path).test_images.images}
    assert seen | test == {image.tobytes() for image in IMAGES}
    assert (len(seen), len(test)) == (20, 4)


def test_class_names_are_taken_from_the_file(tmp_path: Path) -> None:
    path = save_usual(tmp_path, class_names=np.array(["ant", "bee", "cow"]))
    assert describe_dataset(path, tmp_path).class_names == ("ant", "bee", "cow")


def test_labels_may_stand_in_a_column(tmp_path: Path) -> None:
    path = save_usual(tmp_path, y_train=LABELS[:, np.newaxis])
    assert describe_dataset(path, tmp_path).train_count == 24


def test_another_label_is_another_identity(tmp_path: Path) -> None:
    before = describe_dataset(save_usual(tmp_path), tmp_path)
    after = describe_dataset(save_usual(tmp_path, y_test=TEST_LABELS[::-1].copy()), tmp_path)
    assert before.sha256 != after.sha256


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x_train": IMAGES[:-1]}, "23 images in x_train"),
        ({"x_train": IMAGES.reshape(24, 30)}, r"images are \(n, h, w\)"),
        ({"x_train": np.zeros((24, 3, 5, 6), np.uint8)}, "move the channels last"),
        ({"x_train": IMAGES.astype(np.int32)}, "images are uint8, or floats"),
        ({"x_test": TEST_IMAGES[:, :4]}, "another shape than the training ones"),
        ({"x_test": None}, "has y_test alone"),
        ({"x_train": None}, "expected are x_train and y_train"),
        ({"y_train": LABELS.astype(str)}, "labels are whole numbers"),
        ({"y_train": LABELS - 1}, "negative labels"),
        ({"y_train": LABELS * 2}, "no training image of class 1"),
        ({"y_train": LABELS * 0}, "one class"),
        ({"class_names": np.array(["ant", "bee"])}, "names 2 classes and its labels show 3"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_with_what_would(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        describe_dataset(save_usual(tmp_path, **changes), tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x_train": IMAGES.astype(np.float32)}, "x_train .* floats from 0 to 255"),
        ({"x_test": np.full(TEST_IMAGES.shape, np.nan)}, "x_test .* floats from nan"),
        ({"y_test": TEST_LABELS + 1}, "test label 3"),
    ],
)
def test_values_out_of_range_are_found_at_the_fetch(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        fetch_dataset(save_usual(tmp_path, **changes), tmp_path, lambda line: None)


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("a pickle was loaded",))


def test_a_pickle_inside_is_refused_and_not_run(tmp_path: Path) -> None:
    path = save_usual(tmp_path, class_names=np.array([Bomb(), Bomb(), Bomb()], dtype=object))
    with pytest.raises(DataError, match="plain arrays"):
        describe_dataset(path, tmp_path)


@pytest.mark.parametrize("content", [b"", b"PK\3\4 nothing", pickle.dumps({"x_train": 1})])
def test_a_file_that_is_no_npz_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "own.npz").write_bytes(content)
    with pytest.raises(DataError, match="cannot be read as an"):
        describe_dataset(str(tmp_path / "own.npz"), tmp_path)


def test_a_cut_file_is_refused_wherever_it_is_cut(tmp_path: Path) -> None:
    path = Path(save_usual(tmp_path))
    whole = path.read_bytes()
    for offset in range(0, len(whole) - 1, 97):
        path.write_bytes(whole[:offset])
        with pytest.raises(DataError, match="cannot be read as an"):
            describe_dataset(str(path), tmp_path)


def test_floats_go_to_the_nearest_byte(tmp_path: Path) -> None:
    path = save_usual(tmp_path, x_test=np.full(TEST_IMAGES.shape, 0.999))
    assert open_test_split(path, tmp_path).test_images.images.unique().tolist() == [255]
