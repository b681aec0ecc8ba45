"""A person's folder is read as its owner sees it, and nothing in it is left out without a word."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hpsearch.dataset import InputShape
from hpsearch.errors import DataError
from hpsearch.training.data import describe_dataset, fetch_dataset, inspect_dataset
from hpsearch.training.data.folder_scan import scan_folder
from hpsearch.training.data.image_reading import ENDINGS, UnfitImageError, read_image
from tests.tiny_datasets import write_image_folder

ORIENTATION = 274


def read_notes(path: Path) -> str:
    notes: list[str] = []
    fetch_dataset(str(path), path.parent / "cache", lambda _line: None, note=notes.append)
    return "\n".join(notes)


def count(path: Path) -> int:
    identity = describe_dataset(str(path), path.parent / "cache")
    return identity.train_count + identity.test_count


def save(path: Path, pixels: np.ndarray, mode: str | None = None, **keywords: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path, **keywords)
    return path


@pytest.fixture
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (5, 6), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_image_folder(tmp_path / "pets", {"cat": 12, "dog": 12})
    return tmp_path / "pets"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_image_is_turned_as_its_camera_says(tmp_path: Path, pixels: np.ndarray, orientation: int) -> None:
    undo = {
        1: pixels,
        2: pixels[:, ::-1],
        3: pixels[::-1, ::-1],
        4: pixels[::-1],
        5: pixels.T,
        6: np.rot90(pixels),
        7: pixels[::-1, ::-1].T,
        8: np.rot90(pixels, -1),
    }
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    path = save(tmp_path / "image.png", np.ascontiguousarray(undo[orientation]), exif=exif)
    read = read_image(path)
    assert np.array_equal(read.pixels, pixels)
    assert read.is_turned == (orientation > 1)


def test_turned_images_are_counted(folder: Path, pixels: np.ndarray) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 3
    save(folder / "cat" / "turned.png", pixels, exif=exif)
    assert "1 of 25 images is turned as the orientation" in read_notes(folder)


def test_sixteen_bits_are_brought_to_eight(folder: Path) -> None:
    deep = np.array([[0, 128, 257], [32_896, 65_278, 65_535]], dtype=np.uint16)
    path = save(folder / "deep.png", deep)
    assert read_image(path).pixels.tolist() == [[0, 0, 1], [128, 254, 255]]
    save(folder / "cat" / "deep.tif", np.full((5, 6), 65_535, dtype=np.uint16))
    assert "1 of 25 images has 16 bits" in read_notes(folder)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK"])
def test_modes_that_say_what_is_seen_are_read(tmp_path: Path, pixels: np.ndarray, mode: str) -> None:
    path = save(tmp_path / f"image.{'tif' if mode == 'CMYK' else 'png'}", pixels, mode)
    with Image.open(path) as image:
        expected = np.asarray(image.convert("RGB"))
    assert np.array_equal(read_image(path).convert(3).transpose(1, 2, 0), expected)


def test_a_grey_palette_is_grey_and_a_coloured_one_is_not(tmp_path: Path, pixels: np.ndarray) -> None:
    assert read_image(save(tmp_path / "grey.png", pixels, "P")).is_grey
    coloured = np.stack([pixels, pixels.T.reshape(5, 6), 255 - pixels], axis=2)
    assert not read_image(save(tmp_path / "coloured.png", coloured, "P")).is_grey


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_alpha_that_hides_nothing_is_dropped_and_other_refused(tmp_path: Path, pixels: np.ndarray, mode: str) -> None:
    opaque = read_image(save(tmp_path / "opaque.png", pixels, mode))
    assert np.array_equal(opaque.convert(1)[0], pixels)
    image = Image.fromarray(pixels).convert(mode)
    image.putalpha(99)
    image.save(tmp_path / "clear.png")
    with pytest.raises(UnfitImageError, match=f"{mode} and is transparent"):
        read_image(tmp_path / "clear.png")


def test_what_differs_is_counted_with_a_command_that_mends_it(folder: Path, pixels: np.ndarray) -> None:
    for number in range(3):
        save(folder / "dog" / f"big{number}.png", np.tile(pixels, 2))
    with pytest.raises(DataError, match=r"big0\.png is 12x5 .* 3 of them, of 27, .* mogrify -resize '6x5!'"):
        describe_dataset(str(folder), folder.parent / "cache")


def test_images_are_known_by_what_is_in_them_and_found_below(folder: Path, pixels: np.ndarray) -> None:
    for number, name in enumerate(("a.gif", "b.jfif", "noending", "second batch/c.png", "second batch/more/d.PNG")):
        kind = "GIF" if name.endswith("gif") else "JPEG" if name.endswith("jfif") else "PNG"
        save(folder / "cat" / name, np.roll(pixels, number + 1), format=kind)
    assert count(folder) == 29
    assert read_notes(folder) == ""


def test_what_is_no_image_is_counted_by_its_kind(folder: Path, pixels: np.ndarray) -> None:
    for name in ("cat/notes.txt", "dog/more.txt", "dog/model.bin", "readme.md"):
        (folder / name).write_text("no image")
    save(folder / "stray.png", pixels)
    notes = read_notes(folder)
    for line in ("2 .txt files that are no images are left out", "1 .bin file that", "1 .md file outside of any class"):
        assert line in notes
    assert "1 .png file outside of any class is left out, e.g." in notes
    assert count(folder) == 24
    assert read_notes(folder) == notes  # also when the images come from the cache


def test_pages_after_the_first_are_counted(folder: Path, pixels: np.ndarray) -> None:
    pages = [Image.fromarray(np.roll(pixels, shift)) for shift in range(3)]
    pages[0].save(folder / "cat" / "pages.tif", save_all=True, append_images=pages[1:])
    assert "1 of 25 images has several pages" in read_notes(folder)
    assert count(folder) == 25


@pytest.mark.parametrize(
    "name", ["__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information", "lost+found", ".git"]
)
@pytest.mark.parametrize("place", ["flat", "split"])
def test_what_systems_put_there_is_passed_over(tmp_path: Path, name: str, place: str) -> None:
    data = tmp_path / "data"
    write_image_folder(data if place == "flat" else data / "train", {"cat": 6, "dog": 6})
    (data / name / "cat").mkdir(parents=True)
    (data / name / "cat" / "._000.png").write_bytes(b"x")
    for file in ("Thumbs.db", ".DS_Store", "desktop.ini"):
        (data / file).write_bytes(b"x")
    assert count(data) == 12
    assert read_notes(data) == ""


def test_a_test_folder_without_classes_is_left_out_and_said(tmp_path: Path, pixels: np.ndarray) -> None:
    write_image_folder(tmp_path / "data" / "train", {"cat": 6, "dog": 6})
    save(tmp_path / "data" / "test" / "0.png", pixels)
    assert "test holds images without classes and is left out: hpsearch predict" in read_notes(tmp_path / "data")
    assert count(tmp_path / "data") == 12


def test_splits_are_no_classes(tmp_path: Path) -> None:
    write_image_folder(tmp_path / "data", {"train": 6, "test": 6})
    with pytest.raises(DataError, match="test and train, which are splits and no classes"):
        describe_dataset(str(tmp_path / "data"), tmp_path / "cache")


def test_two_folders_for_one_split_are_refused(tmp_path: Path) -> None:
    for name in ("train", "val", "valid"):
        write_image_folder(tmp_path / "data" / name, {"cat": 6, "dog": 6})
    with pytest.raises(DataError, match="val and valid, two folders for one split"):
        describe_dataset(str(tmp_path / "data"), tmp_path / "cache")


def test_a_folder_alone_in_a_folder_is_stepped_into(tmp_path: Path) -> None:
    write_image_folder(tmp_path / "download" / "pets", {"cat": 6, "dog": 6})
    assert "the only folder in there" in read_notes(tmp_path / "download")
    assert count(tmp_path / "download") == 12


def test_class_names_are_compared_in_one_form_and_refused_where_nothing_can_store_them(tmp_path: Path) -> None:
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    write_image_folder(tmp_path / "data" / "train", {composed: 4, "b": 4})
    write_image_folder(tmp_path / "data" / "test", {decomposed: 4}, seed=1)
    assert describe_dataset(str(tmp_path / "data"), tmp_path / "cache").class_names == ("b", composed)
    write_image_folder(tmp_path / "data" / "train", {decomposed: 4})
    with pytest.raises(DataError, match="look the same"):
        scan_folder(tmp_path / "data")
    for name, fault in (("caf\udce9", r"caf\\xe9 is no UTF-8"), ("a\nb", r"a\\nb has a line break")):
        write_image_folder(tmp_path / repr(name), {"a": 1, name: 1})
        with pytest.raises(DataError, match=fault):
            scan_folder(tmp_path / repr(name))


def test_files_and_paths_of_any_bytes_are_read(tmp_path: Path, pixels: np.ndarray) -> None:
    write_image_folder(tmp_path / "data", {"cat": 6, "dog": 6})
    save(tmp_path / "data" / "cat" / "caf\udce9\n.png", pixels)
    assert count(tmp_path / "data") == 13
    with pytest.raises(DataError, match=r"caf\\xe9' is no UTF-8"):
        describe_dataset(str(tmp_path / "caf\udce9"), tmp_path / "cache")
    for path in ("a" * 300, "a/" * 3000, "nul\0"):
        with pytest.raises(DataError):
            describe_dataset(path, tmp_path / "cache")
        with pytest.raises(DataError):
            inspect_dataset(path, tmp_path / "cache", print)


@pytest.mark.parametrize(
    ("images", "note"),
    [
        (lambda pixels: pixels // 255, r"all pixels lie in 0..1 of the 255 grey levels"),
        (lambda pixels: pixels * 0, "every pixel has the same value, 0 of 255"),
        (lambda pixels: pixels // 16 + 200, "all pixels lie in 200..215"),
    ],
)
def test_pixels_that_hold_next_to_nothing_are_said(tmp_path: Path, images: Any, note: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 5, 6), dtype=np.uint8)
    pixels[:, 0, 0], pixels[:, 0, 1] = 0, 255
    np.savez(tmp_path / "data.npz", images=images(pixels), labels=np.arange(40) % 2)
    assert note in read_notes(tmp_path / "data.npz")


def test_a_data_set_that_is_as_it_should_be_gets_no_note(folder: Path) -> None:
    assert read_notes(folder) == ""
    assert describe_dataset(str(folder), folder.parent / "cache").input_shape == InputShape(1, 5, 6)


def test_the_endings_that_mean_images_are_torchvision_s() -> None:
    from torchvision.datasets.folder import IMG_EXTENSIONS  # type: ignore[import-untyped]

    assert set(ENDINGS) == set(IMG_EXTENSIONS)
