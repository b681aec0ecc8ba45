"""Arrays as a data set: the same arrays are the same file."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import TensorDataset

from hpsearch.dataset import InputShape
from hpsearch.errors import DataError, InputError
from hpsearch.export.given_images import bring_images
from hpsearch.sessions.given_arrays import keep_arrays

IMAGES = np.arange(6 * 4 * 5, dtype=np.uint8).reshape(6, 4, 5)
LABELS = np.arange(6) % 2


def test_the_same_arrays_are_the_same_file_and_others_are_another(tmp_path: Path) -> None:
    first = keep_arrays((IMAGES, LABELS), tmp_path)
    assert keep_arrays((torch.from_numpy(IMAGES), LABELS.tolist()), tmp_path) == first
    assert keep_arrays({"images": IMAGES, "labels": LABELS}, tmp_path) == first
    assert keep_arrays((IMAGES, LABELS[::-1]), tmp_path) != first
    assert sorted(path.suffix for path in first.parent.iterdir()) == [".npz", ".npz"]
    with np.load(first) as kept:
        assert np.array_equal(kept["images"], IMAGES)


def test_channels_first_are_brought_last(tmp_path: Path) -> None:
    with np.load(keep_arrays((np.zeros((6, 3, 8, 8), np.uint8), LABELS), tmp_path)) as kept:
        assert kept["images"].shape == (6, 8, 8, 3)


def test_three_arrays_are_refused_with_what_is_wanted(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"\(images, labels\)"):
        keep_arrays((IMAGES, LABELS, IMAGES), tmp_path)
    with pytest.raises(DataError, match="Python objects"):
        keep_arrays((IMAGES, np.array([{}] * 6)), tmp_path)


@pytest.mark.parametrize("labels", [np.zeros(6, int), np.full(6, -1), np.full(6, np.nan), LABELS[:4]])
def test_nothing_is_kept_of_arrays_that_are_no_data_set(tmp_path: Path, labels: np.ndarray) -> None:
    kept = keep_arrays((IMAGES, LABELS), tmp_path)
    with pytest.raises(DataError):
        keep_arrays((IMAGES, labels), tmp_path)
    assert list(kept.parent.iterdir()) == [kept]


def test_images_of_any_form_become_the_networks() -> None:
    shape = InputShape(1, 4, 5)
    wanted = IMAGES[:, np.newaxis]
    for given in (IMAGES, wanted, IMAGES[..., np.newaxis], torch.from_numpy(IMAGES), IMAGES / 255):
        assert np.array_equal(bring_images(given, shape), wanted)
    assert bring_images(IMAGES[0], shape).shape == (1, 1, 4, 5)
    for wrong, why in ((IMAGES[:, :3], "shape"), (IMAGES.astype(np.float32), "0 to 1"), (IMAGES.astype(int), "uint8")):
        with pytest.raises(InputError, match=why):
            bring_images(wrong, shape)


def test_arrays_as_keras_has_them_are_a_training_and_a_test_split(tmp_path: Path) -> None:
    nested = keep_arrays(((IMAGES, LABELS), (IMAGES[:4], LABELS[:4])), tmp_path)
    assert nested == keep_arrays((IMAGES, LABELS, IMAGES[:4], LABELS[:4]), tmp_path)
    # Two images in a list are no pair of images and labels.
    with np.load(keep_arrays(([IMAGES[0], IMAGES[1]], [0, 1]), tmp_path)) as arrays:
        assert arrays["images"].shape == (2, *IMAGES.shape[1:])


@pytest.mark.parametrize("as_objects", [False, True])
def test_labels_may_be_names(tmp_path: Path, as_objects: bool) -> None:
    names = np.array(["cat", "bee", "dog"])[np.arange(len(IMAGES)) % 3]
    given = {
        "x_train": IMAGES,
        "y_train": names.astype(object) if as_objects else names,
        "x_test": IMAGES,
        "y_test": names,
    }
    with np.load(keep_arrays(given, tmp_path)) as arrays:
        assert arrays["class_names"].tolist() == ["bee", "cat", "dog"]
        assert arrays["y_train"].tolist()[:3] == arrays["y_test"].tolist()[:3] == [1, 0, 2]


class Photos:
    """A data set as torchvision has it: of Pillow's images, transformed or not."""

    classes = ("cat", "dog")

    def __init__(self, transform: Callable[[Any], Any] | None = None) -> None:
        self.transform = transform

    def __len__(self) -> int:
        return len(IMAGES)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        image = Image.fromarray(IMAGES[index])
        return image if self.transform is None else self.transform(image), int(LABELS[index])


class Rows:
    """A data set as Hugging Face has it."""

    features: ClassVar = {"label": SimpleNamespace(names=["cat", "dog"])}

    def __len__(self) -> int:
        return len(IMAGES)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {"image": Image.fromarray(IMAGES[index]), "label": int(LABELS[index])}


def to_tensor(image: Any) -> torch.Tensor:
    return torch.from_numpy(np.asarray(image) / 255)[None]


@pytest.mark.parametrize(
    "given",
    [
        Photos(),
        Rows(),
        TensorDataset(torch.from_numpy(IMAGES)[:, None], torch.from_numpy(LABELS)),
        list(zip(IMAGES, LABELS.tolist(), strict=True)),
    ],
    ids=["torchvision", "hugging-face", "tensors", "pairs"],
)
def test_a_data_set_of_images_with_their_labels_is_one(tmp_path: Path, given: Any) -> None:
    with np.load(keep_arrays(given, tmp_path)) as kept:
        assert np.array_equal(kept["images"].reshape(IMAGES.shape), IMAGES)
        assert kept["labels"].tolist() == LABELS.tolist()
        names = kept["class_names"].tolist() if "class_names" in kept.files else None
    assert names == (["cat", "dog"] if isinstance(given, Photos | Rows) else None)


def test_data_sets_are_splits_by_their_place_or_by_their_names(tmp_path: Path) -> None:
    with np.load(keep_arrays((Photos(to_tensor), Photos(to_tensor)), tmp_path)) as kept:
        assert set(kept.files) == {"images", "labels", "test_images", "test_labels", "class_names"}
        assert kept["images"].shape == (6, 4, 5, 1)
    by_name = {"train": Rows(), "valid": (IMAGES, LABELS), "test": Photos()}
    with np.load(keep_arrays(by_name, tmp_path)) as kept:
        assert {"images", "val_images", "test_images", "test_labels", "class_names"} <= set(kept.files)


def test_a_data_set_that_changes_or_does_not_fit_together_is_refused(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    with pytest.raises(DataError, match="leave random transforms out"):
        keep_arrays(Photos(lambda image: np.asarray(image) + random.integers(2, 9, dtype=np.uint8)), tmp_path)
    sizes = iter(range(4, 100))
    with pytest.raises(DataError, match=r"image 1 of the given data set is \(\d+, \d+\), and the first one"):
        keep_arrays(Photos(lambda image: image.resize((side := next(sizes), side))), tmp_path)
    with pytest.raises(DataError, match="is of Pillow's mode RGBA: give it as L or RGB"):
        keep_arrays(Photos(lambda image: image.convert("RGBA")), tmp_path)
    with pytest.raises(DataError, match=r"item 1 of the given data set is no \(image, label\)"):
        keep_arrays([(IMAGES[0], 0), (IMAGES[1], IMAGES[2])], tmp_path)


def test_images_of_several_sizes_are_named_so(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"images of the given arrays are of several sizes, such as \(2, 5\) and \(4, 5\)"
    ):
        keep_arrays(([IMAGES[0], IMAGES[1][:2]], [0, 1]), tmp_path)
    with pytest.raises(DataError, match="images of the given arrays is no array"):
        keep_arrays(([[[1, 2], [3]], [[4, 5], [6, 7]]], [0, 1]), tmp_path)
