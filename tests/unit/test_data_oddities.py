"""Layouts and files that people have beside those that were thought of: read as meant, or said in one line."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hpsearch.errors import DataError
from hpsearch.export.image_files import list_images
from hpsearch.training.data.formats.choice import read_own
from hpsearch.training.data.formats.reading import Reading
from hpsearch.training.data.image_reading import read_image
from hpsearch.training.data.own_images import GivenImages

_RANDOM = np.random.default_rng(0)


def write_images(folder: Path, count: int, first: int = 0) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        Image.fromarray(_RANDOM.integers(0, 256, (6, 5), dtype=np.uint8)).save(folder / f"{number}.png")


def read(path: Path, tmp_path: Path) -> GivenImages:
    return read_own(Reading(path, tmp_path / "cache"))


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("training_set", "test_set"),
        ("training_set/training_set", "test_set/test_set"),
        ("seg_train/seg_train", "seg_test/seg_test"),
        ("train/train", "test/test"),
        ("Images_Train", "Images_Test"),
    ],
)
def test_splits_are_known_by_a_word_in_their_name(tmp_path: Path, train: str, test: str) -> None:
    for name in ("cats", "dogs"):
        write_images(tmp_path / "data" / train / name, 5)
        write_images(tmp_path / "data" / test / name, 3)
    given = read(tmp_path / "data", tmp_path)
    assert given.class_names == ("cats", "dogs")
    assert (len(given.train), given.test and len(given.test)) == (10, 6)


@pytest.mark.parametrize("names", [("bullet_train", "test tube"), ("bullet_train", "steam_train"), ("dev", "test_x")])
def test_a_word_in_the_name_of_a_class_makes_no_split_of_it(tmp_path: Path, names: tuple[str, str]) -> None:
    for name in names:
        write_images(tmp_path / "data" / name, 5)
    assert read(tmp_path / "data", tmp_path).class_names == tuple(sorted(names))


def test_links_that_lead_back_are_not_followed(tmp_path: Path) -> None:
    """Neither for ever nor once: above a class lie the others."""
    for name in ("a", "b"):
        write_images(tmp_path / "data" / name, 4)
        for link in ("one", "two"):
            (tmp_path / "data" / name / link).symlink_to("..", target_is_directory=True)
            (tmp_path / "data" / name / f"self {link}").symlink_to(".", target_is_directory=True)
    (tmp_path / "data" / "c").symlink_to(".", target_is_directory=True)
    given = read(tmp_path / "data", tmp_path)
    assert [note.partition(",")[0] for note in given.notes] == ["9 links to a folder above them are left out"]
    assert (given.class_names, len(given.train)) == (("a", "b"), 8)
    assert len(list_images([tmp_path / "data" / "a"]).files) == 4


def test_a_folder_that_is_linked_is_predicted_as_it_is_trained_on(tmp_path: Path) -> None:
    write_images(tmp_path / "elsewhere", 3)
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "link").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert len(list_images([tmp_path / "given"]).files) == 3


def test_all_damaged_files_are_named_at_once(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_images(tmp_path / "data" / name, 6)
    for number in range(4):
        file = tmp_path / "data" / "b" / f"{number}.png"
        file.write_bytes(file.read_bytes()[:60] if number else b"")
    with pytest.raises(DataError, match=r"0\.png cannot be read as an image: it is empty; 3 more .*1\.png.*3\.png"):
        read(tmp_path / "data", tmp_path)


def test_an_image_of_too_many_pixels_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_images(tmp_path, 1)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)
    with pytest.raises(DataError, match="million pixels, or says so; scale it down"):
        read_image(tmp_path / "0.png")


def test_a_list_with_a_blank_between_path_and_label(tmp_path: Path) -> None:
    write_images(tmp_path / "images", 8)
    rows = [f"images/{number}.png {'cat' if number % 2 else 'dog'}" for number in range(8)]
    (tmp_path / "train.txt").write_text("\n".join(rows))
    given = read(tmp_path / "train.txt", tmp_path)
    assert (given.class_names, len(given.train)) == (("cat", "dog"), 8)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "holds no images: it is empty; take it away, or put the images of this class into it"),
        ({"1.heic": b"\0\0\0\x18ftypheic"}, r"cat/1\.heic is a HEIC photo, and that is not read: save it as PNG"),
        ({"1.npy": b"\x93NUMPY"}, r"cat/1\.npy is an array, and of images one a file .* put all of them into one"),
        ({"1.dcm": b"DICM", ".DS_Store": b""}, r"cat/1\.dcm ends in \.dcm, which no image that is read does"),
        ({"scan": b"?"}, r"cat/scan has no ending, which no image that is read does"),
    ],
    ids=["nothing", "photos of a phone", "arrays", "another kind", "no ending"],
)
@pytest.mark.parametrize("below", ["", "train"])
def test_a_class_without_images_is_told_what_it_has_in_their_place(
    tmp_path: Path, files: dict[str, bytes], said: str, below: str
) -> None:
    for name in ("cat", "dog"):
        (tmp_path / "own" / below / name).mkdir(parents=True)
    Image.new("L", (8, 8)).save(tmp_path / "own" / below / "dog" / "1.png")
    for name, content in files.items():
        (tmp_path / "own" / below / "cat" / name).write_bytes(content)
    with pytest.raises(DataError, match=said):
        read(tmp_path / "own", tmp_path)
