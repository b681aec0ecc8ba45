"""Data that nobody prepared in hpsearch's own form, from the first look at them to labels for new images."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.cli_runs import CommandRoom

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("forked_workers")]

SEARCH = ("--budget", "3k", "--arch", "fcn", "--trials", "1", "--epochs", "2", "--workers", "1", "--device", "cpu")
GENERATOR = np.random.default_rng(0)


def do(room: CommandRoom, *arguments: str) -> str:
    ended = room.type(*arguments)
    assert ended.code == 0, ended.err
    return ended.out


def make_bars(count: int, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Images (count, side, side) whose bright column tells the class of three."""
    labels = np.arange(count) % 3
    images = GENERATOR.integers(0, 60, (count, side, side), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[:, label * side // 3 : (label + 1) * side // 3] = 220
    return images, labels


def search_and_export(room: CommandRoom, dataset: str, *flags: str) -> str:
    do(room, "run", "--dataset", dataset, *flags, *SEARCH, "--study", "own", "--quiet")
    do(room, "export", "own", "--format", "safetensors")
    return "exports/own-trial-0"


def test_photos_of_mixed_sizes(room: CommandRoom) -> None:
    for place in range(48):
        height, width = GENERATOR.integers(20, 70, 2).tolist()
        name, low = (("day", 150), ("night", 0))[place % 2]
        folder = room.folder / "photos" / ("test" if place >= 40 else "train") / name
        folder.mkdir(parents=True, exist_ok=True)
        pixels = GENERATOR.integers(low, low + 100, (height, width, 3), dtype=np.uint8)
        exif = Image.Exif()
        exif[274] = 1 + place % 8
        Image.fromarray(pixels).convert(("RGB", "L", "CMYK")[place % 3]).save(folder / f"{place}.jpg", exif=exif)
    refused = room.type("data", "fetch", "photos")
    assert (refused.code, "--image-size 64" in refused.err) == (2, True)
    found = do(room, "data", "fetch", "photos", "--image-size", "16", "--grey")
    assert "every image scaled to 16 pixels on the shorter side, the square in the middle, grey" in found
    assert "48 images of 1x16x16 in 2 classes; 40 training and 8 test images" in found
    bundle = search_and_export(room, "photos", "--image-size", "16", "--grey")
    assert json.loads((room.folder / bundle / "config.json").read_text())["dataset"]["preparation"] == {
        "size": 16,
        "grey": True,
    }
    assert "| every image | scaled to 16 pixels" in (room.folder / bundle / "README.md").read_text()
    assert len(do(room, "predict", bundle, "photos/test").splitlines()) == 8
    evaluated = json.loads(do(room, "evaluate", bundle, "--json"))
    again = json.loads(do(room, "evaluate", bundle, "--dataset", "photos/test", "--json"))
    assert evaluated["images"] == again["images"] == 8
    assert evaluated["confusion"] == again["confusion"]


def test_an_archive_as_medmnist_has_it(room: CommandRoom) -> None:
    arrays = {}
    for split, count in (("train", 60), ("val", 15), ("test", 30)):
        images, labels = make_bars(count, 9)
        arrays |= {f"{split}_images": images, f"{split}_labels": labels[:, None].astype(np.uint8)}
    np.savez(room.folder / "bars.npz", **arrays)
    found = do(room, "data", "fetch", "bars.npz")
    assert "105 images of 1x9x9 in 3 classes; 75 training (15 of them given to validate on) and 30 test images" in found
    bundle = search_and_export(room, "bars.npz")
    assert json.loads(do(room, "evaluate", bundle, "--split", "validation", "--json"))["images"] == 15
    Image.fromarray(arrays["test_images"][0]).save(room.folder / "new.png")
    assert do(room, "predict", bundle, "new.png").startswith("new.png: ")


def test_a_table_of_pixels_as_kaggle_has_it(room: CommandRoom) -> None:
    images, labels = make_bars(90, 9)
    head = ",".join(f"pixel{place}" for place in range(81))
    rows = [",".join(map(str, image.ravel())) for image in images]
    lines = [f"{label},{row}" for label, row in zip(labels, rows, strict=True)]
    (room.folder / "train.csv").write_text("\n".join(["label," + head, *lines]))
    (room.folder / "test.csv").write_text("\n".join([head, *rows[:7]]))
    found = do(room, "data", "fetch", "train.csv")
    assert "90 images of 1x9x9 in 3 classes" in found
    assert "column of labels: label" in found
    bundle = search_and_export(room, "train.csv")
    predicted = do(room, "predict", bundle, "--csv", "test.csv").splitlines()
    assert [line.partition(":")[0] for line in predicted] == ["1", "2", "3", "4", "5", "6", "7"]
    assert {line.split()[1] for line in predicted} <= {"0", "1", "2"}
    both = room.type("predict", bundle, "new.png", "--csv", "test.csv")
    assert (both.code, "one of both" in both.err) == (2, True)
    other = room.type("predict", bundle, "--csv", "train.csv")
    assert (other.code, "its column of labels is not looked at" in other.err) == (0, True)
