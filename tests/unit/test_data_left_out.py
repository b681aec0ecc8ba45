"""Whatever the form, what a person gave and is not read is counted, and what a file says of itself is not believed."""

import io
import json
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hpsearch.errors import DataError
from hpsearch.training.data import inspect_dataset
from hpsearch.training.data.formats.choice import choose_form, read_own
from hpsearch.training.data.formats.idx_files import read_idx
from hpsearch.training.data.formats.reading import Reading
from tests.tiny_datasets import encode_idx

IMAGES = np.random.default_rng(0).integers(0, 256, (12, 4, 4), dtype=np.uint8)
LABELS = np.arange(12) % 2


def list_notes(path: Path) -> str:
    notes: list[str] = []
    inspect_dataset(str(path), path.parent / "cache", lambda _line: None, note=notes.append)
    return "\n".join(notes)


def write_idx(folder: Path) -> None:
    (folder / "train-images-idx3-ubyte").write_bytes(encode_idx(IMAGES))
    (folder / "train-labels-idx1-ubyte").write_bytes(encode_idx(LABELS))


def write_npy(folder: Path) -> None:
    np.save(folder / "x_train.npy", IMAGES)
    np.save(folder / "y_train.npy", LABELS)


def write_parquet(folder: Path, names: tuple[str, ...] = (), labels: object = LABELS) -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    contents = []
    for image in IMAGES:
        stream = io.BytesIO()
        Image.fromarray(image).save(stream, "PNG")
        contents.append({"bytes": stream.getvalue(), "path": None})
    table = pa.table({"image": contents, "label": labels})
    if names:
        feature = {"label": {"names": list(names), "_type": "ClassLabel"}}
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": feature}})})
    parquet.write_table(table, folder / "train.parquet")


@pytest.mark.parametrize("write", [write_idx, write_npy, write_parquet], ids=["idx", "npy", "parquet"])
def test_what_lies_beside_the_data_is_counted(tmp_path: Path, write: object) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    write(folder)  # type: ignore[operator]
    assert "beside the data" not in list_notes(folder)
    for name in ("a.png", "b.png", "notes.txt", "Thumbs.db", ".hidden"):
        (folder / name).write_bytes(b"x")
    (folder / "more").mkdir()
    notes = list_notes(folder)
    assert "2 .png files beside the data are left out, e.g." in notes
    assert "1 .txt file beside the data is left out" in notes
    assert "1 folder beside the data is left out" in notes
    assert "Thumbs" not in notes
    assert ".hidden" not in notes


def test_images_that_a_table_does_not_name_are_counted(tmp_path: Path) -> None:
    (tmp_path / "own" / "images").mkdir(parents=True)
    for place, image in enumerate(IMAGES):
        Image.fromarray(image).save(tmp_path / "own" / "images" / f"{place}.png")
    rows = [f"images/{place}.png,k{label}" for place, label in enumerate(LABELS[:9])]
    (tmp_path / "own" / "labels.csv").write_text("\n".join(["file,label", *rows]))
    assert "3 images that no row names are left out, e.g." in list_notes(tmp_path / "own" / "labels.csv")


def test_arrays_that_an_evaluation_does_not_take_are_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x_test=IMAGES, y_test=LABELS, x_more=IMAGES)
    given = read_own(Reading(tmp_path / "a.npz", tmp_path / "cache", least_classes=1))
    assert [note.partition(" of ")[0] for note in given.notes] == ["1 array"]
    assert given.notes[0].endswith("is left out: x_more")


def test_one_array_beside_folders_of_images_is_left_out_and_not_the_images(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    for place, (image, label) in enumerate(zip(IMAGES, LABELS, strict=True)):
        (folder / f"k{label}").mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"k{label}" / f"{place}.png")
    np.save(folder / "features.npy", IMAGES)
    assert choose_form(folder).__name__.endswith(".folder")
    assert "1 .npy file outside of any class is left out" in list_notes(folder)


@pytest.mark.parametrize(
    ("names", "labels", "said"),
    [
        (("a\nb", "c"), LABELS, r"calls a class 'a\\nb', which has a line break or a control character in it"),
        (("a", "b"), ["a", "b", "--5"] * 4, "has the label '--5', which is neither a number"),
        (("a", "b"), ["a", "b", "x"] * 4, "has the label 'x', which is neither a number nor one of the 2 classes"),
    ],
)
def test_class_names_of_a_parquet_file_are_looked_at(
    tmp_path: Path, names: tuple[str, ...], labels: object, said: str
) -> None:
    write_parquet(tmp_path, names, labels)
    with pytest.raises(DataError, match=said):
        list_notes(tmp_path / "train.parquet")


def test_metadata_of_a_parquet_file_that_nobody_can_read_name_no_classes(tmp_path: Path) -> None:
    write_parquet(tmp_path)
    from pyarrow import parquet

    path = tmp_path / "train.parquet"
    parquet.write_table(parquet.read_table(path).replace_schema_metadata({"huggingface": "[" * 100_000}), path)
    given = choose_form(path).read(Reading(path, tmp_path / "cache", None))
    assert given.class_names == tuple(str(label) for label in sorted(set(LABELS)))


def test_a_parquet_file_whose_columns_are_no_text_is_refused(tmp_path: Path) -> None:
    write_parquet(tmp_path)
    path = tmp_path / "train.parquet"
    path.write_bytes(path.read_bytes().replace(b"label", b"lab\xffl"))
    with pytest.raises(DataError, match=r"cannot be read as Parquet|has the columns"):
        list_notes(path)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([[0, 1]] * 12, "row 1 of .* has a list for a label: an image has one class here"),
        ([0, None, *([1] * 10)], r"row 2 of .*train\.parquet is without a label"),
    ],
)
def test_labels_of_a_parquet_file_are_one_a_row(tmp_path: Path, labels: object, said: str) -> None:
    write_parquet(tmp_path, labels=labels)
    with pytest.raises(DataError, match=said):
        read_own(Reading(tmp_path / "train.parquet", tmp_path / "cache"))


def test_rows_whose_labels_are_kept_secret_are_left_out(tmp_path: Path) -> None:
    write_parquet(tmp_path, labels=[-1] * 12)
    (tmp_path / "train.parquet").rename(tmp_path / "test.parquet")
    write_parquet(tmp_path)
    given = read_own(Reading(tmp_path, tmp_path / "cache"))
    assert (len(given.train), given.test) == (12, None)
    assert "the rows to test have -1 for a label, which is none, and are left out" in given.notes


def test_labels_of_a_parquet_file_may_be_the_names_that_it_gives(tmp_path: Path) -> None:
    write_parquet(tmp_path, ("ant", "bee"), ["bee", "ant"] * 6)
    given = read_own(Reading(tmp_path / "train.parquet", tmp_path / "cache"))
    assert given.class_names == ("ant", "bee")
    assert given.train.labels.tolist() == [1, 0] * 6


def test_an_idx_file_that_promises_gigabytes_is_given_none(tmp_path: Path) -> None:
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(struct.pack(">HBBIII", 0, 8, 3, 2**20, 2**6, 2**6) + bytes(100))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="it is damaged"):
            read_idx(path)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
