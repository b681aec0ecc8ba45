"""Image files of a person's own become what the network was trained on, or are refused by name."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hpsearch.dataset import InputShape
from hpsearch.errors import InputError
from hpsearch.export.image_files import compare_brightness, list_images, read_images
from hpsearch.training.data import load_search_splits
from tests.tiny_datasets import write_image_folder

GREY, COLOUR = InputShape(1, 5, 6), InputShape(3, 5, 6)


def write_image(path: Path, mode: str = "L", size: tuple[int, int] = (6, 5), **keywords: object) -> Path:
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).convert(mode).save(path, **keywords)
    return path


def assert_refused(path: Path, shape: InputShape, *words: str) -> None:
    read = read_images(list_images([path]), shape)
    assert (read.files, len(read.images)) == ((), 0)
    for word in (str(path), *words):
        assert word in read.failures[0]


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_pixels_are_those_that_a_folder_of_a_data_set_gives(tmp_path: Path, mode: str) -> None:
    write_image_folder(tmp_path / "data" / "train", {"a": 6, "b": 6}, mode=mode)
    write_image_folder(tmp_path / "data" / "test", {"a": 1, "b": 1}, mode=mode, seed=1)
    splits = load_search_splits(str(tmp_path / "data"), tmp_path / "cache", validation_fraction=0.5)
    known = {image.tobytes() for part in (splits.train, splits.validation) for image in part.images.numpy()}
    images = read_images(list_images([tmp_path / "data" / "train"]), splits.identity.input_shape).images
    assert {image.tobytes() for image in images} == known


def test_a_folder_gives_all_images_in_it_and_below_sorted_and_hidden_ones_not(tmp_path: Path) -> None:
    names = ["b.png", "a/z.PNG", "a/b/c.jpg"]
    for name in [*names, ".hidden.png", ".git/x.png"]:
        write_image(tmp_path / name)
    (tmp_path / "notes.txt").write_text("")
    read = read_images(list_images([tmp_path]), GREY)
    assert [str(path.relative_to(tmp_path)) for path in read.files] == ["a/b/c.jpg", "a/z.PNG", "b.png"]
    assert "notes.txt" in read.left_out[0]
    assert read.failures == ()


def test_files_stay_in_the_order_in_which_they_are_given(tmp_path: Path) -> None:
    paths = [write_image(tmp_path / name) for name in ("z.png", "a.png")]
    assert list_images(paths).files == tuple(paths)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
@pytest.mark.parametrize("shape", [GREY, COLOUR])
def test_grey_and_colour_become_what_the_network_takes(tmp_path: Path, mode: str, shape: InputShape) -> None:
    path = write_image(tmp_path / "image.png", mode)
    (image,) = read_images(list_images([path]), shape).images
    assert (image.shape, image.dtype) == (tuple(shape), np.uint8)
    with Image.open(path) as expected:
        pixels = np.asarray(expected.convert("L" if shape == GREY else "RGB")).reshape(5, 6, -1)
    assert np.array_equal(image, pixels.transpose(2, 0, 1))


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_what_can_be_looked_through_is_refused(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "image.png"
    Image.new(mode, (6, 5)).save(path)
    assert_refused(path, GREY, mode, "transparent")


def test_one_bad_file_loses_no_other_s_answer(tmp_path: Path) -> None:
    good = [write_image(tmp_path / f"{number}.png") for number in range(3)]
    (tmp_path / "1a.jpg").write_bytes(good[0].read_bytes()[:60])
    write_image(tmp_path / "2a.png", size=(7, 5))
    read = read_images(list_images([tmp_path]), GREY)
    assert (list(read.files), len(read.images)) == (good, 3)
    assert [name in line for name, line in zip(("1a.jpg", "2a.png"), read.failures, strict=True)] == [True, True]


def test_images_unlike_the_training_images_are_said() -> None:
    usual = {"mean": 50.0, "low": 30.0, "high": 70.0}
    assert compare_brightness(np.full((2, 1, 5, 6), 60, dtype=np.uint8), usual) is None
    assert "mean brightness 100 of 255" in (compare_brightness(np.full((2, 1, 5, 6), 100, np.uint8), usual) or "")
    assert "inverted" in (compare_brightness(np.full((2, 1, 5, 6), 200, dtype=np.uint8), usual) or "")
    assert compare_brightness(np.full((2, 1, 5, 6), 200, dtype=np.uint8), None) is None


def test_transparency_in_a_palette_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    Image.new("P", (6, 5)).save(path, transparency=0)
    assert_refused(path, GREY, "transparency")


def test_another_size_is_refused_with_both_sizes_unless_it_may_be_resized(tmp_path: Path) -> None:
    path = write_image(tmp_path / "image.png", size=(12, 10))
    assert_refused(path, GREY, "12x10", "6x5", "--resize")
    assert read_images(list_images([path]), GREY, resizes=True).images.shape == (1, 1, 5, 6)
    even = tmp_path / "even.png"
    Image.new("L", (12, 10), 77).save(even)
    assert (read_images(list_images([even]), GREY, resizes=True).images == 77).all()


def test_what_is_no_image_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    for content in (b"no image", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 6 5\n"):
        path.write_bytes(content)
        assert_refused(path, GREY, "is no image")
    path.write_bytes(b"")
    assert_refused(path, GREY, "it is empty")


def test_a_truncated_image_is_refused_wherever_it_is_cut(tmp_path: Path) -> None:
    whole = write_image(tmp_path / "whole.png").read_bytes()
    path = tmp_path / "image.png"
    for length in range(0, len(whole) - 24, 7):  # what comes after are check sums and the mark of the end
        path.write_bytes(whole[:length])
        assert_refused(path, GREY, "cannot be read as an image")


def test_an_image_of_absurd_size_is_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)
    path = write_image(tmp_path / "image.png")
    assert_refused(path, GREY, "cannot be read as an image")


def test_a_path_that_leads_nowhere_and_a_folder_without_images_are_refused(tmp_path: Path) -> None:
    for path, words in (
        (tmp_path / "no.png", "does not exist"),
        (tmp_path, "holds no images"),
        (Path("a\0b"), "a.x00b"),
    ):
        with pytest.raises(InputError, match=words):
            list_images([path])


def test_a_network_of_two_channels_takes_no_image_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="2 channels"):
        read_images(list_images([write_image(tmp_path / "image.png")]), InputShape(2, 5, 6))
