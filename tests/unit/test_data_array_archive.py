import io
import pickle
import zipfile
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
    assert min(splits.validation.labels.bincount(minlength=3).tolist()) >= 1
    assert len(splits.train) + len(splits.validation) == 24
    test = open_test_split(path, tmp_path).test_images
    known = {image.tobytes(): label for image, label in zip(TEST_IMAGES, TEST_LABELS.tolist(), strict=True)}
    assert [known[image.numpy().tobytes()] for image in test.images] == test.labels.tolist()
    assert len(test) == 6


def test_channels_come_first_whatever_their_number(tmp_path: Path) -> None:
    colour = GENERATOR.integers(0, 256, (6, 5, 6, 3), dtype=np.uint8)
    train = GENERATOR.integers(0, 256, (24, 5, 6, 3), dtype=np.uint8)
    path = save(tmp_path, x_train=train, y_train=LABELS, x_test=colour, y_test=TEST_LABELS)
    assert describe_dataset(path, tmp_path).input_shape == InputShape(3, 5, 6)
    images = open_test_split(path, tmp_path).test_images.images
    assert {image.numpy().tobytes() for image in images} == {image.transpose(2, 0, 1).tobytes() for image in colour}


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_between_0_and_1_become_the_bytes_they_came_from(tmp_path: Path, dtype: type[np.floating]) -> None:
    path = save_usual(tmp_path, x_train=(IMAGES / 255).astype(dtype), x_test=(TEST_IMAGES / 255).astype(dtype))
    images = open_test_split(path, tmp_path).test_images.images
    assert {image.numpy().tobytes() for image in images} == {image.tobytes() for image in TEST_IMAGES}
    assert load_search_splits(path, tmp_path).train.images.dtype == torch.uint8


def test_without_test_arrays_about_a_sixth_is_held_out(tmp_path: Path) -> None:
    path = save_usual(tmp_path, x_test=None, y_test=None)
    identity = describe_dataset(path, tmp_path)
    assert identity.train_count + identity.test_count == 24
    assert 3 <= identity.test_count <= 9
    splits = load_search_splits(path, tmp_path)
    seen = {image.numpy().tobytes() for part in (splits.train, splits.validation) for image in part.images}
    test = {image.numpy().tobytes() for image in open_test_split(path, tmp_path).test_images.images}
    assert seen | test == {image.tobytes() for image in IMAGES}
    assert (len(seen), len(test)) == (identity.train_count, identity.test_count)


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


def test_the_same_arrays_in_another_file_or_order_are_the_same_images(tmp_path: Path) -> None:
    before = describe_dataset(save_usual(tmp_path), tmp_path)
    order = GENERATOR.permutation(24)
    path = tmp_path / "packed.npz"
    np.savez_compressed(path, X_test=TEST_IMAGES, Y_test=TEST_LABELS, X_train=IMAGES[order], Y_train=LABELS[order])
    assert describe_dataset(str(path), tmp_path).sha256 == before.sha256
    changed = IMAGES.copy()
    changed[0, 0, 0] ^= 1
    assert describe_dataset(save_usual(tmp_path, x_train=changed), tmp_path).sha256 != before.sha256


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x_train": IMAGES[:-1]}, "23 images in x_train"),
        ({"x_train": IMAGES.reshape(24, 30)}, r"images are \(n, h, w\).*; 30 pixels make no square"),
        ({"x_train": IMAGES[:, :5, :5].reshape(24, 25)}, r"; give the pixels .*: x_train\.reshape\(-1, 5, 5\)"),
        ({"x_train": np.zeros((24, 26), np.uint8)}, r"26 may be a label and 5x5 pixels: x_train\[:, 1:\]\.reshape"),
        ({"x_train": np.zeros((24, 5, 6, 4), np.uint8)}, r"may be transparency: leave it out, x_train\[\.\.\., :3\]"),
        ({"x_train": np.moveaxis(IMAGES, 0, -1)}, r"counted along the last axis: np\.moveaxis\(x_train, -1, 0\)"),
        (
            {"x_train": np.zeros((5, 6, 3, 24), np.uint8)},
            r"counted along the last axis: np\.moveaxis\(x_train, -1, 0\)",
        ),
        ({"x_train": IMAGES[:0]}, "there is none here"),
        ({"x_train": IMAGES.astype(complex)}, r"images are uint8, or floats in \[0, 1\]$"),
        ({"y_train": np.where(LABELS == 1, np.nan, LABELS)}, r"8 labels that are no number .* ~np\.isnan\(y_train\)"),
        ({"x_train": np.zeros((24, 3, 5, 6), np.uint8)}, "move the channels last"),
        ({"x_train": IMAGES.astype(np.int32)}, "images are uint8, or floats"),
        ({"x_test": TEST_IMAGES[:, :4]}, "another shape than the training ones"),
        ({"x_test": None}, "has y_test alone"),
        ({"x_train": None}, "expected are x_train and y_train"),
        ({"y_train": LABELS.astype(str)}, "labels are whole numbers"),
        ({"y_train": LABELS - 1}, "negative labels.* -1 marks as without a label, as y_train >= 0 says"),
        ({"y_train": LABELS - 2}, r"negative labels; .*return_inverse=True\)\[1\]$"),
        ({"y_train": LABELS * 2}, "no training image of class 1"),
        ({"y_train": LABELS + 1}, r"run from 1 to 3 .* save y_train - 1"),
        ({"y_train": LABELS + 1_700_000_000}, r"run from 1700000000 .*np.unique"),
        ({"y_train": LABELS * 10**12}, r"labels up to 2000000000000.*np.unique"),
        ({"y_train": LABELS.astype(np.uint64) + np.uint64(2**63 + 5)}, r"labels up to 9223.*np.unique"),
        ({"y_train": LABELS / 2}, "floats that are no whole numbers"),
        ({"y_train": LABELS.astype(object)}, "astype"),
        ({"x_train": IMAGES > 9}, "astype"),
        ({"x_train": IMAGES.astype(np.uint16)}, "257"),
        ({"x_val": IMAGES}, "x_val alone"),
        ({"class_names": np.array(["ant", "ant", "cow"])}, "'ant' twice"),
        ({"class_names": np.array(["e\u0301", "\u00e9", "cow"])}, "twice"),
        ({"class_names": np.array(["", "bee", "cow"])}, "is empty"),
        ({"class_names": np.array(["a\nb", "bee", "cow"])}, "line break"),
        ({"class_names": np.array(["a\x1b[2J", "bee", "cow"])}, "control character"),
        ({"class_names": np.array([b"caf\xe9", b"bee", b"cow"])}, "no UTF-8"),
        ({"class_names": np.array([[1, 2], [3, 4], [5, 6]])}, "one text a class"),
        ({"class_names": np.array(["a", "b", "c"], dtype=object)}, "dtype=str"),
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
        ({"x_train": IMAGES.astype(np.float32)}, "x_train .* floats from 0 to 255.* / 255"),
        ({"x_train": np.full(IMAGES.shape, 1.00001)}, r"floats from 1\.00001"),
        (
            {"x_test": np.full(TEST_IMAGES.shape, np.nan)},
            r"x_test .* holds 180 values that are no number .* np\.nan_to_num\(x_test\)",
        ),
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
    with pytest.raises(DataError, match=r"cannot be read as an|is a pickle"):
        describe_dataset(str(tmp_path / "own.npz"), tmp_path)


def test_a_cut_file_is_refused_wherever_it_is_cut(tmp_path: Path) -> None:
    path = Path(save_usual(tmp_path))
    whole = path.read_bytes()
    for offset in range(0, len(whole) - 1, 97):
        path.write_bytes(whole[:offset])
        with pytest.raises(DataError, match="cannot be read as an"):
            describe_dataset(str(path), tmp_path)


@pytest.mark.parametrize(
    "header",
    [
        b"{'descr': '|u1'\0",
        b"{{'a'",
        b"'|,u1\n  'x'\n 'y'",
        b"{[]: 1}",
        b"{" * 2_000,
        b"{'shape': (" + b"9" * 40 + b",)}",
    ],
)
@pytest.mark.parametrize("name", ["x_train.npy", "all.npz"])
def test_a_header_that_is_no_header_is_a_damaged_file(tmp_path: Path, name: str, header: bytes) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    array = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    (folder / name).write_bytes(array)
    if name.endswith(".npz"):
        with zipfile.ZipFile(folder / name, "w") as archive:
            archive.writestr("x_train.npy", array)
    with pytest.raises(DataError, match=rf"{name} (cannot be read as an \{Path(name).suffix} file|says that it is)"):
        describe_dataset(str(folder), tmp_path)


def test_floats_go_to_the_nearest_byte(tmp_path: Path) -> None:
    path = save_usual(tmp_path, x_test=np.full(TEST_IMAGES.shape, 0.999))
    assert open_test_split(path, tmp_path).test_images.images.unique().tolist() == [255]


@pytest.mark.parametrize(
    "labels",
    [LABELS.astype(float), LABELS[:, None].astype(np.uint8), np.eye(3)[LABELS], np.eye(3, dtype=bool)[LABELS]],
    ids=["floats", "a column", "one-hot floats", "one-hot booleans"],
)
def test_labels_of_any_plain_form_are_read(tmp_path: Path, labels: np.ndarray) -> None:
    before = describe_dataset(save_usual(tmp_path), tmp_path)
    assert describe_dataset(save_usual(tmp_path, y_train=labels), tmp_path) == before


@pytest.mark.parametrize("value", [np.nextafter(np.float32(1), np.float32(2)), -1e-17])
def test_a_float_a_hair_outside_is_rounded_as_the_others_are(tmp_path: Path, value: float) -> None:
    images = (TEST_IMAGES / 255).astype(np.float64)
    images[0, 0, 0] = value
    assert open_test_split(save_usual(tmp_path, x_test=images), tmp_path).test_images.images.dtype == torch.uint8


def test_bytes_are_names_as_well(tmp_path: Path) -> None:
    path = save_usual(tmp_path, class_names=np.array(["cat", "dog", "eel"], dtype="S"))
    assert describe_dataset(path, tmp_path).class_names == ("cat", "dog", "eel")


@pytest.mark.parametrize("names", [("x_val", "y_val"), ("val_images", "val_labels"), ("X_valid", "y_valid")])
def test_arrays_to_validate_on_are_validated_on(tmp_path: Path, names: tuple[str, str]) -> None:
    path = save_usual(tmp_path, **{names[0]: 255 - TEST_IMAGES, names[1]: TEST_LABELS[:, None]})
    splits = load_search_splits(path, tmp_path)
    assert {image.numpy().tobytes() for image in splits.validation.images} == {
        image.tobytes() for image in 255 - TEST_IMAGES
    }
    assert (len(splits.train), splits.identity.train_count, splits.identity.validation_count) == (24, 30, 6)
    assert len(load_search_splits(path, tmp_path, validation_fraction=None).train) == 30


def test_what_is_left_out_of_an_archive_is_named(tmp_path: Path) -> None:
    notes: list[str] = []
    path = save_usual(tmp_path, weights=np.ones(3), author=np.array("me"))
    fetch_dataset(path, tmp_path, lambda _line: None, note=notes.append)
    assert "author, weights" in notes[0]


def test_a_header_that_promises_more_than_there_is_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "own.npz"
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (10**9, 100, 100)})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x_train.npy", header.getvalue() + bytes(1000))
    with pytest.raises(DataError, match=r"x_train\.npy .* is shorter"):
        describe_dataset(str(path), tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "hint"),
    [
        ("k.csv", b"0,1,2\n", "it is a table with the columns 1, 2, 3: it has either a column a pixel"),
        ("a.npy", b"\x93NUMPY\1\0", "write it with numpy"),
        ("one.png", b"\x89PNG\r\n", "folder"),
        ("photos.zip", b"PK\5\6" + bytes(18), "unpack"),
        ("data.tar.gz", b"\x1f\x8b", "unpack"),
    ],
)
def test_a_file_of_another_kind_is_told_what_to_do_with_it(
    tmp_path: Path, name: str, content: bytes, hint: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=hint):
        describe_dataset(str(tmp_path / name), tmp_path)
