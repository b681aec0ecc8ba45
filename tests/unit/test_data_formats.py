"""The forms that people's images come in are read as they were meant, and what cannot be is told what to do."""

import gzip
import io
import json
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hpsearch.dataset import InputShape, Preparation
from hpsearch.errors import DataError
from hpsearch.export.image_files import list_images, read_images, read_table
from hpsearch.training.data import inspect_dataset, load_search_splits
from hpsearch.training.data.labelled_images import LabelledImages
from hpsearch.training.data.located_dataset import Inspection, describe_dataset
from hpsearch.training.data.test_split import open_test_split
from tests.tiny_datasets import encode_idx

SIDE, CLASSES, COUNT = 4, 3, 30


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (COUNT, SIDE, SIDE), dtype=np.uint8)


@pytest.fixture
def labels() -> np.ndarray:
    return np.arange(COUNT) % CLASSES


def inspect(path: Path, **keywords: Preparation) -> tuple[Inspection, str]:
    notes: list[str] = []
    found = inspect_dataset(str(path), path.parent / "cache", lambda _line: None, note=notes.append, **keywords)
    return found, "\n".join(notes)


def load_everything(path: Path) -> tuple[LabelledImages, tuple[str, ...]]:
    """All images by content, whatever split they are in."""
    splits = load_search_splits(str(path), path.parent / "cache", validation_fraction=None)
    test = open_test_split(str(path), path.parent / "cache")
    pixels = np.concatenate([splits.train.images.numpy(), test.test_images.images.numpy()])
    labels = np.concatenate([splits.train.labels.numpy(), test.test_images.labels.numpy()])
    return LabelledImages.from_arrays(pixels, labels), splits.identity.class_names


def pair(images: np.ndarray, labels: np.ndarray, names: tuple[str, ...] | None = None) -> list[tuple[bytes, str]]:
    """Images (n, ...) with the names of their labels, in any order."""
    return sorted(
        (np.ascontiguousarray(image).tobytes(), names[label] if names else str(label))
        for image, label in zip(images, labels.tolist(), strict=True)
    )


def check_holds(path: Path, images: np.ndarray, labels: np.ndarray, names: tuple[str, ...] | None = None) -> None:
    """The data set at a path is these images with these labels."""
    found, class_names = load_everything(path)
    squeezed = found.images.numpy().transpose(0, 2, 3, 1).reshape(images.shape)
    assert pair(squeezed, found.labels.numpy(), class_names) == pair(images, labels, names)


def write_table(path: Path, rows: list[list[object]], head: list[str] | None = None, delimiter: str = ",") -> Path:
    lines = [delimiter.join(map(str, row)) for row in ([head] if head else []) + rows]
    text = "\n".join(lines) + "\n"
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path


def list_pixels(images: np.ndarray) -> list[list[object]]:
    return [list(row) for row in images.reshape(len(images), -1).tolist()]


PIXELS = [f"pixel{place}" for place in range(SIDE * SIDE)]


@pytest.mark.parametrize("name", ["train.csv", "train.csv.gz", "train.txt"])
def test_a_table_of_pixels_as_kaggle_has_it(tmp_path: Path, images: np.ndarray, labels: np.ndarray, name: str) -> None:
    rows = [[label, *row] for label, row in zip(labels.tolist(), list_pixels(images), strict=True)]
    check_holds(write_table(tmp_path / name, rows, ["label", *PIXELS]), images, labels)


def test_a_table_may_have_the_label_last_names_an_index_and_no_head(
    tmp_path: Path, images: np.ndarray, labels: np.ndarray
) -> None:
    words = ("ant", "bee", "cat")
    rows = [
        [place, *row, words[label]]
        for place, (label, row) in enumerate(zip(labels.tolist(), list_pixels(images), strict=True))
    ]
    check_holds(write_table(tmp_path / "last.csv", rows, ["", *PIXELS, "class"], ";"), images, labels, words)
    rows = [[label + 1, *row] for label, row in zip(labels.tolist(), list_pixels(images), strict=True)]
    check_holds(write_table(tmp_path / "bare.csv", rows), images, labels, ("1", "2", "3"))


def test_a_table_may_have_decimal_commas_where_something_else_parts_its_cells(
    tmp_path: Path, images: np.ndarray, labels: np.ndarray
) -> None:
    rows = [
        [label, *(str(pixel / 255).replace(".", ",") for pixel in row)]
        for label, row in zip(labels.tolist(), list_pixels(images), strict=True)
    ]
    for separator in (";", "\t"):
        path = write_table(tmp_path / f"comma{ord(separator)}.csv", rows, ["label", *PIXELS], separator)
        check_holds(path, images, labels)
    rows[4][3] = "x"
    path = write_table(tmp_path / "stranger.csv", rows, ["label", *PIXELS], ";")
    with pytest.raises(DataError, match=r"line 6 .* has 'x' where a pixel should be"):
        describe_dataset(str(path), tmp_path / "cache")


def test_a_table_may_have_colours_and_sides_of_their_own(tmp_path: Path, labels: np.ndarray) -> None:
    colour = np.random.default_rng(1).integers(0, 256, (COUNT, SIDE, SIDE, 3), dtype=np.uint8)
    rows = [[*row, label] for label, row in zip(labels.tolist(), list_pixels(colour), strict=True)]
    head = [*(f"pixel{place:04d}" for place in range(SIDE * SIDE * 3)), "label"]
    check_holds(write_table(tmp_path / "rgb.csv", rows, head), colour, labels)
    wide = np.random.default_rng(1).integers(0, 256, (COUNT, 4, 6), dtype=np.uint8)
    rows = [[label, *row] for label, row in zip(labels.tolist(), list_pixels(wide), strict=True)]
    head = ["label", *(f"{row}x{column}" for row in range(1, 5) for column in range(1, 7))]
    check_holds(write_table(tmp_path / "wide.csv", rows, head), wide, labels)


def test_a_table_may_hold_an_image_in_a_cell_and_its_splits(
    tmp_path: Path, images: np.ndarray, labels: np.ndarray
) -> None:
    usage = ["Training"] * 18 + ["PublicTest"] * 6 + ["PrivateTest"] * 6
    rows: list[list[object]] = [
        [label, " ".join(map(str, row)), use]
        for label, row, use in zip(labels.tolist(), list_pixels(images), usage, strict=True)
    ]
    path = write_table(tmp_path / "fer.csv", rows, ["emotion", "pixels", "Usage"])
    found, notes = inspect(path)
    assert found.classes == (("0", 6, 2, 2), ("1", 6, 2, 2), ("2", 6, 2, 2))
    assert "its own column says which images" in notes


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        (lambda rows: rows[4].pop(), "line 6 .* has 16 cells where its first has 17"),
        (lambda rows: rows[4].__setitem__(3, "x"), "line 6 .* has 'x' where a pixel should be"),
        (lambda rows: rows[4].__setitem__(3, 256), "pixels from 0 to 256: they are whole numbers from 0 to 255"),
        (lambda rows: rows[4].__setitem__(3, "nan"), "line 6 .* has 'nan' where a pixel should be: give it its value"),
        (lambda rows: rows[4].__setitem__(3, ""), "line 6 .* has '' where a pixel should be: give it its value"),
        (lambda rows: [row.pop() for row in rows], "the 15 pixels of a row .* make no square image"),
        (lambda rows: rows.clear(), "holds no rows of pixels"),
        (lambda rows: rows[4].__setitem__(0, ""), "the label '' of image 5 .* is empty: write another, or take those"),
        (lambda rows: [row.__setitem__(0, "") for row in rows[4:7]], "the label '' of image 5 .*, and 2 more like it"),
    ],
)
def test_what_is_wrong_in_a_table_is_said_with_its_line(
    tmp_path: Path, images: np.ndarray, labels: np.ndarray, change: object, hint: str
) -> None:
    rows = [[label, *row] for label, row in zip(labels.tolist(), list_pixels(images), strict=True)]
    rows[0][1] = 0
    change(rows)  # type: ignore[operator]
    width = len(rows[0]) if rows else SIDE * SIDE + 1
    path = write_table(tmp_path / "train.csv", rows, ["label", *PIXELS[: width - 1]])
    with pytest.raises(DataError, match=hint):
        describe_dataset(str(path), tmp_path / "cache")


def test_a_table_without_labels_is_refused_with_the_command_that_labels_it(tmp_path: Path, images: np.ndarray) -> None:
    path = write_table(tmp_path / "test.csv", list_pixels(images), PIXELS)
    with pytest.raises(DataError, match=r"hpsearch predict BUNDLE --csv .*test\.csv"):
        describe_dataset(str(path), tmp_path / "cache")
    read = read_table(path, InputShape(1, SIDE, SIDE), resizes=False)
    assert np.array_equal(read.images[:, 0], images)
    assert [str(name) for name in read.files] == [str(place + 1) for place in range(COUNT)]


@pytest.mark.parametrize(
    "lead",
    [
        "# made in 2024, by hand\n#\n\nlabel,{pixels}\n",
        "\n\nlabel,{pixels}\n",
        "# label,{pixels}\n",
        "# made, by hand\n",
        "\n",
    ],
)
def test_empty_lines_and_comments_before_a_table_are_not_its_head(
    tmp_path: Path, images: np.ndarray, labels: np.ndarray, lead: str
) -> None:
    rows = [[label, *row] for label, row in zip(labels.tolist(), list_pixels(images), strict=True)]
    path = write_table(tmp_path / "train.csv", rows)
    lead = lead.format(pixels=",".join(PIXELS))
    path.write_text(lead + path.read_text())
    check_holds(path, images, labels)
    rows[4].pop()
    write_table(path, rows)
    path.write_text(lead + path.read_text())
    line = 5 + lead.count("\n")
    with pytest.raises(DataError, match=f"line {line} .* has 16 cells where its first has 17"):
        describe_dataset(str(path), tmp_path / "cache")


@pytest.mark.parametrize("content", ["\n\n", "# a\n", " , ,\n"])
def test_a_table_of_nothing_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "train.csv").write_text(content)
    with pytest.raises(DataError, match=r"train\.csv (is an empty table|cannot be read as images with labels)"):
        describe_dataset(str(tmp_path / "train.csv"), tmp_path / "cache")


def save_images(folder: Path, images: np.ndarray) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    for place, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{place}.png")
    return [f"{place}.png" for place in range(len(images))]


@pytest.mark.parametrize("form", ["beside", "below", "bare", "headless", "windows", "comment"])
def test_a_table_of_paths_and_labels(tmp_path: Path, images: np.ndarray, labels: np.ndarray, form: str) -> None:
    words = ("ant", "bee", "cat")
    names = save_images(tmp_path / "own" / ("pictures" if form != "beside" else ""), images)
    show = {
        "bare": lambda name: name.removesuffix(".png"),
        "windows": lambda name: f".\\pictures\\{name}",
        "headless": lambda name: f"pictures/{name}",
    }.get(form, lambda name: name)
    rows: list[list[object]] = [[show(name), words[label]] for name, label in zip(names, labels.tolist(), strict=True)]
    head = None if form == "headless" else ["id", "breed"]
    path = write_table(tmp_path / "own" / "labels.csv", rows, head)
    if form == "comment":
        path.write_text("# taken by hand\n" + path.read_text())
    check_holds(path, images, labels, words)


def test_rows_without_a_file_are_counted_and_a_split_is_kept(
    tmp_path: Path, images: np.ndarray, labels: np.ndarray
) -> None:
    names = [*save_images(tmp_path / "own", images), "gone.png"]
    splits = ["train"] * 20 + ["val"] * 5 + ["test"] * 5 + ["train"]
    rows: list[list[object]] = [
        [name, f"k{label}", split, "x"] for name, label, split in zip(names, [*labels.tolist(), 0], splits, strict=True)
    ]
    path = write_table(tmp_path / "own" / "labels.csv", rows, ["file", "label", "split", "who"])
    found, notes = inspect(path)
    assert (found.identity.train_count, found.identity.validation_count, found.identity.test_count) == (25, 5, 5)
    assert "1 row whose file is not there is left out, e.g." in notes
    write_table(path, rows, ["file", "what", "split", "who"])
    with pytest.raises(DataError, match="has the columns file, what, split, who: call the one of the labels 'label'"):
        describe_dataset(str(path), tmp_path / "cache")


def write_parquet(path: Path, images: np.ndarray, labels: np.ndarray, names: tuple[str, ...] | None = None) -> Path:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    contents = []
    for image in images:
        stream = io.BytesIO()
        Image.fromarray(image).save(stream, "PNG")
        contents.append({"bytes": stream.getvalue(), "path": None})
    table = pa.table({"image": contents, "label": labels, "who": ["x"] * len(labels)})
    if names:
        feature = {"label": {"names": list(names), "_type": "ClassLabel"}}
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": feature}})})
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(table, path)
    return path


def test_parquet_as_hugging_face_has_it(tmp_path: Path, images: np.ndarray, labels: np.ndarray) -> None:
    words = ("ant", "bee", "cat")
    check_holds(write_parquet(tmp_path / "all.parquet", images, labels, words), images, labels, words)
    check_holds(write_parquet(tmp_path / "plain.parquet", images, labels), images, labels)
    for split, part in {"train": slice(0, 20), "validation": slice(20, 25), "test": slice(25, 30)}.items():
        write_parquet(tmp_path / "set" / "data" / f"{split}-00000-of-00001.parquet", images[part], labels[part], words)
    found, notes = inspect(tmp_path / "set")
    assert (found.identity.train_count, found.identity.validation_count, found.identity.test_count) == (25, 5, 5)
    assert "columns that are left out: who" in notes
    (tmp_path / "cut.parquet").write_bytes((tmp_path / "all.parquet").read_bytes()[:-40])
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        describe_dataset(str(tmp_path / "cut.parquet"), tmp_path / "cache")


@pytest.mark.parametrize("packs", [False, True])
def test_raw_idx_files(tmp_path: Path, images: np.ndarray, labels: np.ndarray, packs: bool) -> None:
    folder = tmp_path / "raw"
    folder.mkdir()
    arrays = {
        "train-images-idx3-ubyte": images[:20],
        "train-labels-idx1-ubyte": labels[:20],
        "t10k-images-idx3-ubyte": images[20:],
        "t10k-labels-idx1-ubyte": labels[20:],
    }
    for name, array in arrays.items():
        content = encode_idx(array)
        (folder / f"{name}{'.gz' if packs else ''}").write_bytes(gzip.compress(content) if packs else content)
    check_holds(folder, images, labels)
    found, _ = inspect(folder)
    assert found.identity.test_count == 10
    one = next(folder.glob("train-images*"))
    assert describe_dataset(str(one), tmp_path / "cache").test_count < 10
    one.write_bytes(struct.pack(">HBBIII", 0, 8, 3, 2**31, 2**31, 2))
    with pytest.raises(DataError, match="it is damaged"):
        describe_dataset(str(folder), tmp_path / "cache")
    next(folder.glob("t10k-labels*")).unlink()
    with pytest.raises(DataError, match="is there without its labels"):
        describe_dataset(str(folder), tmp_path / "cache")


def test_pairs_of_npy_files(tmp_path: Path, images: np.ndarray, labels: np.ndarray) -> None:
    (tmp_path / "own").mkdir()
    np.save(tmp_path / "own" / "X.npy", images)
    np.save(tmp_path / "own" / "Y.npy", np.eye(CLASSES)[labels])
    check_holds(tmp_path / "own", images, labels)
    check_holds(tmp_path / "own" / "X.npy", images, labels)
    content = (tmp_path / "own" / "X.npy").read_bytes()
    (tmp_path / "own" / "X.npy").write_bytes(content[:-9])
    with pytest.raises(DataError, match="is shorter: the file is damaged"):
        describe_dataset(str(tmp_path / "own"), tmp_path / "cache")


def test_an_npy_file_of_images_alone_is_told_how_to_get_labels(tmp_path: Path, images: np.ndarray) -> None:
    np.save(tmp_path / "a.npy", images)
    np.savez(tmp_path / "other.npz", x=images, y=np.arange(len(images)))
    with pytest.raises(DataError, match=r"x_train=numpy\.load\('[^']*a\.npy'\), y_train=labels\)$"):
        describe_dataset(str(tmp_path / "a.npy"), tmp_path / "cache")


def save_npz(path: Path, **arrays: np.ndarray) -> None:
    path.parent.mkdir(exist_ok=True)
    np.savez_compressed(path, **arrays)


@pytest.mark.parametrize(
    ("images_in", "labels_in"),
    [
        ("k49-{}-imgs.npz", "k49-{}-labels.npz"),
        ("{}.npz x", "{}.npz y"),
        ("{}_set.npz arr_0", "{}_set.npz arr_1"),
        ("arrays.npz {}_x", "more.npz {}Labels"),
    ],
    ids=["an array a file", "a file a split", "without names", "images and labels apart"],
)
def test_the_arrays_of_several_npz_files_say_of_which_split_they_are(
    tmp_path: Path, images: np.ndarray, labels: np.ndarray, images_in: str, labels_in: str
) -> None:
    files: dict[str, dict[str, np.ndarray]] = {}
    for split, part in {"train": slice(0, 20), "test": slice(20, 30)}.items():
        for place, array in ((images_in, images[part]), (labels_in, labels[part])):
            name, _, key = place.format(split).partition(" ")
            files.setdefault(name, {})[key or "arr_0"] = array
    for name, arrays in files.items():
        save_npz(tmp_path / "own" / name, **arrays)
    check_holds(tmp_path / "own", images, labels)
    found, _notes = inspect(tmp_path / "own")
    assert (found.identity.train_count, found.identity.test_count) == (20, 10)


def test_an_npz_beside_another_is_used_or_named(tmp_path: Path, images: np.ndarray, labels: np.ndarray) -> None:
    own = tmp_path / "own"
    save_npz(own / "train.npz", x=images, y=labels)
    check_holds(own, images, labels)
    save_npz(own / "test.npz", x=images[:6], y=labels[:6])
    _found, notes = inspect(own / "train.npz")
    assert f"{own / 'test.npz'} beside it is left out: give the folder to take them, too" in notes
    (own / "figures").mkdir()
    Image.fromarray(images[0]).save(own / "figures" / "example.png")
    found, notes = inspect(own)
    assert (found.identity.train_count, found.identity.test_count) == (24, 6)  # the six are not trained on
    assert f"1 folder beside the data is left out, e.g. {own / 'figures'}" in notes
    save_npz(own / "again.npz", train_x=images, y_train=labels)
    with pytest.raises(
        DataError, match=r"again\.npz and .*train\.npz both have x_train: give the path of one, or take"
    ):
        inspect(own)
    (own / "again.npz").unlink()
    save_npz(own / "test.npz", x=images[:6], images=images[:6], y=labels[:6])
    with pytest.raises(DataError, match=r"test\.npz has x and images, and either may be x_test: keep one"):
        inspect(own)
    names = np.array(["ant", "bee", "cat"])
    for name in ("train", "test"):
        save_npz(own / f"{name}.npz", x=images, y=labels, class_names=names)
    assert inspect(own)[0].identity.class_names == ("ant", "bee", "cat")
    save_npz(own / "more.npz", train_x=images)
    with pytest.raises(
        DataError, match=r"more\.npz holds the arrays train_x; .* or give its folder, if the labels are"
    ):
        inspect(own / "more.npz")
    (own / "more.npz").write_bytes(b"PK")
    with pytest.raises(DataError, match=r"more\.npz cannot be read as an \.npz file"):
        inspect(own)


def test_an_archive_as_medmnist_has_it(tmp_path: Path, images: np.ndarray, labels: np.ndarray) -> None:
    column = labels[:, np.newaxis].astype(np.uint8)
    arrays = {}
    for split, part in {"train": slice(0, 20), "val": slice(20, 25), "test": slice(25, 30)}.items():
        arrays |= {f"{split}_images": images[part], f"{split}_labels": column[part]}
    np.savez(tmp_path / "pneumonia.npz", **arrays)
    check_holds(tmp_path / "pneumonia.npz", images, labels)
    splits = load_search_splits(str(tmp_path / "pneumonia.npz"), tmp_path / "cache")
    assert pair(splits.validation.images.numpy(), splits.validation.labels.numpy()) == pair(
        images[20:25], labels[20:25]
    )


def write_photos(folder: Path) -> None:
    """Photos of every size and kind, those of one class dark and those of the other bright."""
    generator = np.random.default_rng(0)
    modes = ["RGB", "L", "P", "RGBA", "LA", "CMYK", "1", "I;16"]
    for place in range(24):
        name, low = (("dark", 0), ("bright", 150))[place % 2]
        mode = modes[place // 2 % len(modes)]
        (folder / name).mkdir(parents=True, exist_ok=True)
        height, width = generator.integers(20, 60, 2).tolist()
        pixels = generator.integers(low, low + 100, (height, width, 3), dtype=np.uint8)
        if mode == "I;16":
            Image.fromarray(pixels[..., 0].astype(np.uint16) * 257).save(folder / name / f"{place}.png")
            continue
        image = Image.fromarray(pixels).convert(mode)
        if mode in ("RGBA", "LA"):
            image.putalpha(200)
        exif = Image.Exif()
        exif[274] = 1 + place % 8
        image.save(folder / name / f"{place}.{'tif' if mode == 'CMYK' else 'png'}", exif=exif)


@pytest.mark.parametrize("grey", [False, True])
def test_photos_of_any_size_and_mode_become_images_of_one(tmp_path: Path, grey: bool) -> None:
    write_photos(tmp_path / "photos")
    with pytest.raises(DataError, match="--image-size 64"):
        describe_dataset(str(tmp_path / "photos"), tmp_path / "cache")
    preparation = Preparation(size=16, grey=grey)
    found, notes = inspect(tmp_path / "photos", preparation=preparation)
    shape = InputShape(1 if grey else 3, 16, 16)
    assert (found.identity.input_shape, found.identity.preparation) == (shape, preparation)
    assert found.identity.train_count + found.identity.test_count == 24
    assert "laid on white, for one can look through" in notes
    assert found.kinds[0].startswith("sizes: ")
    assert "RGB (" in found.kinds[1]
    # What predicts reads the same pixels from the same files.
    splits = load_search_splits(
        str(tmp_path / "photos"), tmp_path / "cache", validation_fraction=None, preparation=preparation
    )
    test = open_test_split(str(tmp_path / "photos"), tmp_path / "cache", preparation=preparation)
    known = {image.tobytes() for part in (splits.train, test.test_images) for image in part.images.numpy()}
    read = read_images(list_images([tmp_path / "photos"]), shape, preparation=preparation)
    assert {image.tobytes() for image in read.images} == known
    assert not read.failures


def test_a_photo_is_turned_first_and_its_middle_is_taken(tmp_path: Path) -> None:
    pixels = np.zeros((40, 80), dtype=np.uint8)
    pixels[:, 20:60] = 255  # the middle square
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    read = read_images(list_images([tmp_path / "a.png"]), InputShape(1, 8, 8), preparation=Preparation(size=8))
    assert read.images.min() > 200  # black lies on every side of it


def test_an_archive_is_brought_to_a_size_as_well(tmp_path: Path, images: np.ndarray, labels: np.ndarray) -> None:
    np.savez(tmp_path / "own.npz", images=images.repeat(4, axis=1).repeat(4, axis=2), labels=labels)
    found, _ = inspect(tmp_path / "own.npz", preparation=Preparation(size=SIDE))
    assert found.identity.input_shape == InputShape(1, SIDE, SIDE)
    assert found.classes == describe_counts(found)


def describe_counts(found: Inspection) -> tuple[tuple[str, int, int, int], ...]:
    """As many images of each class as there were."""
    assert [sum(counts) for _name, *counts in found.classes] == [COUNT // CLASSES] * CLASSES
    return found.classes


@pytest.mark.parametrize("root", ["/home/me/animals", r"C:\animals"])
def test_whole_paths_of_another_machine_mean_what_is_beside_the_table(
    tmp_path: Path, images: np.ndarray, labels: np.ndarray, root: str
) -> None:
    own, between = tmp_path / "own", "\\" if "\\" in root else "/"
    save_images(own / "photos" / "even", images[::2])
    save_images(own / "photos" / "odd", images[1::2])
    paths = [("even", "odd")[place % 2] + between + f"{place // 2}.png" for place in range(COUNT)]
    rows = [
        [f"{root}{between}photos{between}{path}", label] for path, label in zip(paths, labels.tolist(), strict=True)
    ]
    table = write_table(own / "labels.csv", rows, ["path", "label"])
    check_holds(table, images, labels)
    _found, notes = inspect(table)
    assert f"its paths lead nowhere here: of what follows {root} what is beside it is taken" in notes
    # The file of a folder that is not here is nobody else's file of the same name.
    (own / "photos" / "odd").rename(tmp_path / "away")
    _found, notes = inspect(table)
    assert f"{COUNT // 2} rows whose file is not there are left out" in notes


def test_a_file_that_is_missing_from_its_own_folder_is_no_other_one(
    tmp_path: Path, images: np.ndarray, labels: np.ndarray
) -> None:
    save_images(tmp_path / "there", images[:20])
    save_images(tmp_path / "own", images)
    rows = [[str(tmp_path / "there" / f"{place}.png"), label] for place, label in enumerate(labels.tolist())]
    table = write_table(tmp_path / "own" / "labels.csv", rows, ["path", "label"])
    check_holds(table, images[:20], labels[:20])
    assert f"{COUNT - 20} rows whose file is not there are left out" in inspect(table)[1]


def test_classes_of_one_image_are_said_to_be_untested(tmp_path: Path, images: np.ndarray) -> None:
    for number in range(3):
        save_images(tmp_path / "each" / f"class{number}", np.repeat(images[number : number + 1], 1 + number, axis=0))
    assert (
        "each of the 3 classes has one image alone, so that nothing is tested: are these classes?"
        in inspect(tmp_path / "each")[1]
    )
    save_images(tmp_path / "each" / "many", images[3:])
    assert (
        "3 classes have one image alone, e.g. 'class0': that is trained on, and nothing tests it"
        in inspect(tmp_path / "each")[1]
    )
