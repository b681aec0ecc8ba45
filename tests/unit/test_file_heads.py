"""Files that are not what their names say: named by their first bytes, with the way on."""

from pathlib import Path

import numpy as np
import pytest

from hpsearch.errors import DataError
from hpsearch.training.data.file_heads import name_head
from hpsearch.training.data.formats.choice import read_own
from hpsearch.training.data.formats.reading import Reading
from hpsearch.training.data.image_reading import NoImageError, read_image

_POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a21\nsize 12345\n"
_WEB_PAGE = b"\n<!DOCTYPE html><html><body>Quota exceeded</body></html>"


def read(path: Path) -> None:
    read_own(Reading(path, path.parent / "cache"))


@pytest.mark.parametrize(
    "name", ["data.npz", "data.csv", "data.csv.gz", "data.parquet", "data.zip", "data.mat", "data.h5"]
)
@pytest.mark.parametrize(
    ("content", "said"), [(_POINTER, "a pointer of Git LFS .*git lfs pull"), (_WEB_PAGE, "a web page .*download it")]
)
def test_what_stands_in_the_place_of_a_data_set_is_named(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=f"{name} is {said}"):
        read(tmp_path / name)


def test_pointers_in_the_place_of_arrays_and_of_images_are_named(tmp_path: Path) -> None:
    for name in ("arrays/x_train.npy", "arrays/y_train.npy", "images/cat/0.png", "images/dog/1.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(_POINTER)
    for folder in ("arrays", "images"):
        with pytest.raises(DataError, match="is a pointer of Git LFS"):
            read(tmp_path / folder)


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1", "a HEIC photo"),
        (b"\0\0\0\x1cftypavif\0\0\0\0", "an AVIF image"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000 image"),
        (b"%PDF-1.7", "a PDF"),
        (b'<?xml version="1.0"?>\n<!-- drawn by hand -->\n<svg xmlns="http://www.w3.org/2000/svg">', "an SVG drawing"),
        (_WEB_PAGE, "a web page"),
        (b"", "it is empty"),
        (b"\0\0\0\x1cftypisom\0\0\0\0", "it is no image"),
        (b"<annotation><folder>VOC</folder>", "it is no image"),
    ],
)
def test_a_picture_that_is_not_read_is_named(tmp_path: Path, head: bytes, what: str) -> None:
    (tmp_path / "picture.jpg").write_bytes(head)
    with pytest.raises(NoImageError, match=what):
        read_image(tmp_path / "picture.jpg")


@pytest.mark.parametrize(
    "head", [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"PK\x03\x04", b"\0\0\x08\x03\0\0\xea\x60", b"label,p0"]
)
def test_what_is_read_has_no_such_name(head: bytes) -> None:
    assert name_head(head) is None


def test_an_archive_that_was_cut_off_is_told_from_one_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    np.savez(path, x_train=np.zeros((40, 8, 8), np.uint8), y_train=np.arange(40) % 2)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match="it begins as one and is damaged or cut off"):
        read(path)
