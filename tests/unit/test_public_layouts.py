"""Public data sets as they unpack, in small: read as meant, or refused in a line that says how to go on."""

import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hpsearch.dataset import InputShape
from hpsearch.draft_folder import draft_folder, publish_folder
from hpsearch.errors import DataError, InputError
from hpsearch.export.image_files import read_table
from hpsearch.output_folder import HTML_MARK, MARKDOWN_MARK, is_output_folder
from hpsearch.training.data.formats.choice import read_own
from hpsearch.training.data.formats.reading import Reading
from hpsearch.training.data.own_images import GivenImages

_RANDOM = np.random.default_rng(0)


def write_images(folder: Path, names: Iterable[str], value: int | None = None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        pixels = _RANDOM.integers(0, 200, (6, 5), dtype=np.uint8)
        Image.fromarray(pixels if value is None else np.full_like(pixels, value)).save(folder / name)


def number(count: int, ending: str = "png") -> list[str]:
    return [f"{place}.{ending}" for place in range(count)]


def read(path: Path) -> GivenImages:
    return read_own(Reading(path, path.parent.parent / "cache"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder for a data set, with room for a cache beside it."""
    (tmp_path / "sets" / "data").mkdir(parents=True)
    return tmp_path / "sets" / "data"


def test_a_folder_called_images_is_stepped_into_and_what_is_beside_it_said(folder: Path) -> None:
    """As birds and dogs of universities unpack."""
    for name in ("001.Albatross", "002.Jay"):
        write_images(folder / "images" / name, number(4))
        write_images(folder / "segmentations" / name, number(4))
    given = read(folder)
    assert (given.class_names, len(given.train)) == (("001.Albatross", "002.Jay"), 8)
    assert any("taken from" in note and "beside it segmentations is left out" in note for note in given.notes)


@pytest.mark.parametrize("beside", ["masks", "annotations", "labels"])
def test_a_folder_called_images_is_no_class(folder: Path, beside: str) -> None:
    write_images(folder / "images", [f"{kind}_{place}.png" for kind in ("beagle", "pug") for place in range(8)])
    write_images(folder / beside, number(4))
    with pytest.raises(
        DataError, match=r"images holds images that are in no folder of a class.*begin with beagle, pug"
    ):
        read(folder)


def test_train_and_test1_without_classes_are_splits(folder: Path) -> None:
    """Cats against dogs: what an image shows stands in its name."""
    write_images(folder / "train", [f"{kind}.{place}.jpg" for kind in ("cat", "dog") for place in range(6)])
    write_images(folder / "test1", number(4, "jpg"))
    with pytest.raises(DataError, match=r"test1 and train, which are splits and no classes.*begin with cat, dog"):
        read(folder)


def test_a_validation_split_without_classes_below_images_is_left_out(folder: Path) -> None:
    for name in ("n01443537", "n01629819"):
        write_images(folder / "train" / name / "images", number(5, "jpeg"))
    write_images(folder / "val" / "images", number(5, "jpeg"))
    given = read(folder)
    assert (len(given.train), given.validation) == (10, None)
    assert any("val holds images without classes and is left out" in note for note in given.notes)


def test_parts_of_one_whole_are_no_classes_and_the_table_beside_them_is_read(folder: Path) -> None:
    """Skin lesions in two folders, whose diagnoses stand in a table."""
    lines = ["lesion_id,image_id,dx,age"]
    for part in (1, 2):
        names = [f"ISIC_{part}{place:03}" for place in range(6)]
        write_images(folder / f"lesions_part_{part}", [f"{name}.jpg" for name in names])
        lines += [f"HAM_1,{name},{('nv', 'mel')[place % 2]},50" for place, name in enumerate(names)]
    table = folder / "lesions_metadata.csv"
    table.write_text("\n".join(lines))
    with pytest.raises(DataError, match=r"lesions_part_1 and lesions_part_2 .* no classes; .*lesions_metadata\.csv"):
        read(folder)
    given = read(table)
    assert (given.class_names, len(given.train)) == (("mel", "nv"), 12)


@pytest.mark.parametrize("names", [("c0", "c1"), ("00000", "00001"), ("class_1", "class_2"), ("part_a", "part_b")])
def test_numbered_classes_are_classes(folder: Path, names: tuple[str, str]) -> None:
    for name in names:
        write_images(folder / name, number(4))
    assert read(folder).class_names == names


def test_versions_of_a_data_set_beside_each_other_are_told_from_classes(folder: Path) -> None:
    for version in ("color", "grayscale", "segmented"):
        for name in ("Apple_scab", "Corn_rust"):
            write_images(folder / version / name, number(3))
    given = read(folder)
    assert any("each holds the folders Apple_scab, Corn_rust" in note for note in given.notes)
    assert read(folder / "color").class_names == ("Apple_scab", "Corn_rust")


def test_splits_below_classes_are_not_all_trained_on(folder: Path) -> None:
    for name in ("ant", "bee"):
        for split in ("train", "test"):
            write_images(folder / name / split, number(3))
    with pytest.raises(DataError, match="hold train and test each, and all of it would be trained on"):
        read(folder)


def test_masks_beside_images_are_counted(folder: Path) -> None:
    for name in ("benign", "normal"):
        write_images(folder / name, [*number(3), *(f"{place}_mask.png" for place in range(2)), "own_mask.png"])
    masks = [note for note in read(folder).notes if "mask" in note]
    assert len(masks) == 1
    assert masks[0].startswith("4 images are called as a mask of another is, e.g.")


def write_two_splits(folder: Path) -> None:
    """The same numbers in both, as a competition has them: white to train on, black to test."""
    write_images(folder / "test", number(6), value=0)
    write_images(folder / "train", number(6), value=255)


def test_a_table_means_the_folder_of_the_split_that_it_is_called_after(folder: Path) -> None:
    write_two_splits(folder)
    table = folder / "trainLabels.csv"
    table.write_text("id,label\n" + "".join(f"{place},{('cat', 'dog')[place % 2]}\n" for place in range(6)))
    assert read(table).train.images.min() == 255


def test_a_table_that_can_mean_two_files_is_refused(folder: Path) -> None:
    write_two_splits(folder)
    table = folder / "labels.csv"
    table.write_text("id,label\n0,cat\n1,dog\n2,cat\n")
    with pytest.raises(DataError, match=r"labels\.csv names 0, and .*test/0\.png and .*train/0\.png are both there"):
        read(table)
    table.write_text("id,label\ntest/0.png,cat\ntest/1.png,dog\ntest/2.png,cat\n")
    assert read(table).train.images.max() == 0


def test_a_table_may_have_a_column_a_class(folder: Path) -> None:
    write_images(folder / "train", number(6))
    table = folder / "train" / "_classes.csv"
    table.write_text(
        "filename, cat, dog\n" + "".join(f"{place}.PNG, {place % 2}, {1 - place % 2}\n" for place in range(6))
    )
    given = read(table)
    assert (given.class_names, given.train.labels.sum()) == (("cat", "dog"), 3)
    table.write_text(table.read_text().replace("1\n", "1\x1f\n"))
    assert read(table).train.labels.sum() == 3
    table.write_text("filename, cat, dog\n0.png, 1, 0\n1.png, 1, 1\n")
    with pytest.raises(DataError, match=r"line 3 of .*_classes\.csv marks 2 of 2 classes"):
        read(table)


def test_a_width_is_no_name_of_a_file(folder: Path) -> None:
    """Road signs: width, height and class beside the path."""
    for label in ("0", "1"):
        write_images(folder / "Train" / label, number(20))
    rows = [f"12,12,{label},Train/{label}/{place}.png" for label in (0, 1) for place in range(20)]
    (folder / "Train.csv").write_text("\n".join(["Width,Height,ClassId,Path", *rows]))
    given = read(folder / "Train.csv")
    assert (given.class_names, len(given.train)) == (("0", "1"), 40)


@pytest.mark.parametrize(
    ("name", "head", "said"),
    [
        ("usps.h5", b"\x89HDF\r\n", "is an HDF5 file, and that is not read: save its images and labels by numpy.savez"),
        ("train_32x32.mat", b"MATLAB 5.0", "is a MATLAB file"),
        ("training.pt", b"PK\x03\x04", "is a PyTorch file"),
        ("data_batch_1", b"\x80\x04\x95", "is a pickle, which can run any program"),
        ("sheet.xlsx", b"PK\x03\x04", "is a spreadsheet, and that is not read: save it as CSV"),
        ("metadata.jsonl", b"{}", "is a JSON file, and that is not read: write a table of paths and labels"),
    ],
)
def test_forms_that_are_not_read_are_named(folder: Path, name: str, head: bytes, said: str) -> None:
    (folder / name).write_bytes(head)
    for path in (folder / name, folder):
        with pytest.raises(DataError, match=said):
            read(path)


def test_marks_of_several_classes_are_no_labels(folder: Path) -> None:
    labels = np.zeros((12, 3), dtype=np.uint8)
    labels[0] = 1
    np.savez(folder / "chest.npz", x_train=_RANDOM.integers(0, 256, (12, 4, 4), dtype=np.uint8), y_train=labels)
    with pytest.raises(DataError, match="its rows mark none or several, and a network here gives each image one class"):
        read(folder / "chest.npz")


def write_pixels(path: Path, count: int, *, has_labels: bool = True) -> None:
    columns = [*(["label"] if has_labels else []), *(f"pixel{place}" for place in range(16))]
    rows = [[*([row % 3] if has_labels else []), *_RANDOM.integers(0, 256, 16).tolist()] for row in range(count)]
    path.write_text("\n".join(",".join(map(str, row)) for row in [columns, *rows]))


def test_tables_called_after_splits_are_one_data_set(folder: Path) -> None:
    write_pixels(folder / "fashion-mnist_train.csv", 30)
    write_pixels(folder / "fashion-mnist_test.csv", 9)
    given = read(folder)
    assert (given.class_names, len(given.train)) == (("0", "1", "2"), 30)
    assert given.test is not None
    assert len(given.test) == 9
    assert given.notes == ()
    write_pixels(folder / "more_train.csv", 9)
    with pytest.raises(DataError, match=r"fashion-mnist_train\.csv and .*more_train\.csv are two tables for one split"):
        read(folder)


def test_a_table_without_labels_and_strays_beside_the_one_to_train_on_are_said(folder: Path) -> None:
    write_pixels(folder / "train.csv", 30)
    write_pixels(folder / "test.csv", 9, has_labels=False)
    (folder / "sample_submission.csv").write_text("ImageId,Label\n1,0\n")
    given = read(folder)
    assert (len(given.train), given.test) == (30, None)
    first, second = given.notes
    assert "test.csv has no labels and is left out: hpsearch predict" in first
    assert second.startswith("1 .csv file beside the data is left out, e.g.")


def test_a_table_in_the_folder_of_each_split(folder: Path) -> None:
    """Also where a split knows only some of the classes, and in another order."""
    for split, kinds in (("train", "dog cat bee"), ("valid", "cat bee"), ("test", "dog")):
        write_images(folder / split, number(9))
        names = kinds.split()
        rows = [f"{place}.png,{names[place % len(names)]}" for place in range(9)]
        (folder / split / "metadata.csv").write_text("\n".join(["file_name,label", *rows]))
    (folder / "README.dataset.txt").write_text("cats, dogs")
    given = read(folder)
    assert given.class_names == ("bee", "cat", "dog")
    assert given.validation is not None
    assert given.test is not None
    parts = (given.train, given.validation, given.test)
    assert [part.labels.tolist()[:3] for part in parts] == [[2, 1, 0], [1, 0, 1], [2, 2, 2]]


def test_images_named_by_a_table_and_not_by_folders(folder: Path) -> None:
    write_two_splits(folder)
    rows = [f"{place},{('cat', 'dog')[place % 2]}" for place in range(6)]
    (folder / "trainLabels.csv").write_text("\n".join(["id,label", *rows]))
    given = read(folder)
    assert given.train.images.min() == 255
    assert any("test holds images without labels and is left out" in note for note in given.notes)


@pytest.mark.parametrize("place", ["train/a", "a"])
def test_folders_of_classes_say_more_than_a_table_of_boxes_beside_them(folder: Path, place: str) -> None:
    for name in ("a", "b"):
        write_images((folder / place).with_name(name), number(5))
    (folder / "train.csv").write_text(f"path,left,top\n{place}/0.png,1,2\n")
    given = read(folder)
    assert (given.class_names, len(given.train)) == (("a", "b"), 10)


def test_a_table_may_name_the_files_to_predict(folder: Path) -> None:
    """As a competition asks for its test split: ids, and the images in a folder."""
    write_images(folder / "images", number(3, "jpg"))
    table = folder / "test.csv"
    table.write_text("id\n2\n0\n7\n")
    read = read_table(table, InputShape(1, 6, 5), resizes=False)
    assert ([file.name for file in read.files], read.images.shape) == (["2.jpg", "0.jpg"], (2, 1, 6, 5))
    assert read.left_out[0].startswith("1 row whose file is not there is left out, e.g.")
    table.write_text("id\nx\n")
    with pytest.raises(InputError, match=r"test\.csv' has the columns id: it holds no image a row, and no names of"):
        read_table(table, InputShape(1, 6, 5), resizes=False)


def test_what_hpsearch_writes_into_a_folder_of_images_is_no_part_of_them(folder: Path) -> None:
    """Whoever works in the folder of the photos has exports, reports and the database among the classes."""
    for name in ("ant", "bee"):
        write_images(folder / name, number(4))
    alone = read(folder)
    with draft_folder(folder / "exports" / "bundle") as draft:
        write_images(draft, ["curve.png"])
        during = read(folder)
        for name in ("manifest.json", "model.safetensors"):
            (draft / name).touch()
        publish_folder(draft, folder / "exports" / "bundle")
    assert [path.name for path in (folder / "exports").iterdir()] == ["bundle"]
    shutil.copytree(folder / "exports" / "bundle", folder / "ant" / "brought")
    write_images(folder / "reports" / "study", ["curve.png"])
    (folder / "reports" / "study" / "README.md").write_text(f"{MARKDOWN_MARK}\n\n![curve](curve.png)\n")
    (folder / "reports" / "study.html").write_text(f"<!doctype html>\n{HTML_MARK}\n")
    (folder / "reports" / ".DS_Store").touch()
    (folder / "hpsearch.db").touch()
    write_images(folder / "venv" / "lib", ["logo.png"])
    (folder / "venv" / "pyvenv.cfg").touch()
    after = read(folder)
    assert alone.class_names == during.class_names == after.class_names
    assert len(alone.train) == len(during.train) == len(after.train)
    assert after.notes == ()


@pytest.mark.parametrize("beside", ["7.png", "mine.html", "README.md", "more/7.png", "my.draft/7.png"])
def test_a_folder_with_something_of_a_person_s_is_none_of_hpsearch(folder: Path, beside: str) -> None:
    bundle = folder / "exports" / "bundle"
    bundle.mkdir(parents=True)
    for name in ("manifest.json", "model.safetensors"):
        (bundle / name).touch()
    assert is_output_folder(folder / "exports")
    (folder / "exports" / beside).parent.mkdir(exist_ok=True)
    (folder / "exports" / beside).touch()
    assert not is_output_folder(folder / "exports")


def test_a_link_to_a_folder_above_is_not_followed_without_end(folder: Path) -> None:
    (folder / "ant").mkdir()
    (folder / "ant" / "again").symlink_to(folder, target_is_directory=True)
    assert not is_output_folder(folder)


@pytest.mark.parametrize("columns", ["epoch,loss", "epoch,loss,accuracy", "epoch," + ",".join("abcdefghijklm")])
def test_a_log_of_a_training_is_no_table_of_images(folder: Path, columns: str) -> None:
    """Its first column reads like names of files: 0, 1, 2."""
    for name in ("ant", "bee"):
        write_images(folder / name, number(4))
    rows = [",".join([str(epoch), *["0.5"] * columns.count(",")]) for epoch in range(4)]
    (folder / "train_log.csv").write_text("\n".join([columns, *rows]))
    given = read(folder)
    assert (given.class_names, len(given.train)) == (("ant", "bee"), 8)


def test_classes_that_are_tests_by_their_names_are_classes(folder: Path) -> None:
    for name in ("Test 1", "Test 2"):
        write_images(folder / name, number(4))
    assert read(folder).class_names == ("Test 1", "Test 2")


def test_dev_is_a_validation_split_and_two_letters_are_classes(folder: Path) -> None:
    for split, count in (("train", 8), ("dev", 3), ("test", 2)):
        for name in ("tr", "te"):
            write_images(folder / split / name, number(count))
    given = read(folder)
    assert given.class_names == ("te", "tr")
    assert [len(part) for part in (given.train, given.validation or (), given.test or ())] == [16, 6, 4]
    assert read(folder / "train").class_names == ("te", "tr")


def test_one_file_by_two_ways_is_one_file(folder: Path) -> None:
    write_images(folder / "images", number(4))
    (folder / "linked").symlink_to("images", target_is_directory=True)
    table = folder / "labels.csv"
    table.write_text("id,label\n0,cat\n1,dog\n2.png,cat\n")
    assert len(read(table).train) == 3
    write_images(folder / "images", ["0.jpg"])
    with pytest.raises(DataError, match=r"names 0, and .*0\.jpg and .*0\.png are both there: write whole paths into"):
        read(table)
