"""Who an image is decides on which side of a split it is: not its place, its name, or what lies beside it."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from hpsearch.dataset import DatasetIdentity
from hpsearch.errors import DataError
from hpsearch.training.data import describe_dataset, fetch_dataset, load_search_splits
from hpsearch.training.data.content_hashes import count_repetitions, hash_images
from hpsearch.training.data.content_split import hold_out_by_content
from hpsearch.training.data.labelled_images import LabelledImages
from hpsearch.training.data.test_split import open_test_split

TENTH = Fraction(1, 10)


def make_digests(count: int, first: int = 0) -> list[bytes]:
    images = np.arange(first, first + count, dtype=np.uint32).view(np.uint8).reshape(count, 1, 2, 2)
    return hash_images(images)


def make_noise(count: int, seed: int = 0, classes: int = 2) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    return generator.integers(0, 256, (count, 6, 5), dtype=np.uint8), np.arange(count) % classes


def write_folder(folder: Path, images: np.ndarray, labels: np.ndarray, tag: str = "") -> None:
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        place = folder / f"class {label}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / f"{tag}{number:04}.png")


def list_content(images: LabelledImages) -> set[bytes]:
    return {image.numpy().tobytes() for image in images.images}


def list_sides(path: Path, cache: Path) -> list[set[bytes]]:
    splits = load_search_splits(str(path), cache)
    parts = (splits.train, splits.validation, open_test_split(str(path), cache).test_images)
    return [list_content(part) for part in parts]


def read_notes(path: Path, cache: Path) -> str:
    notes: list[str] = []
    fetch_dataset(str(path), cache, lambda _line: None, note=notes.append)
    return "\n".join(notes)


def test_about_the_share_is_held_out_of_every_class() -> None:
    digests, labels = make_digests(3000), np.arange(3000) % 3
    split = hold_out_by_content(digests, labels, TENTH, "test")
    counts = np.bincount(labels[split.held_out])
    assert all(70 <= count <= 130 for count in counts)  # 100 and three standard deviations
    assert sorted([*split.kept, *split.held_out]) == list(range(3000))
    other = hold_out_by_content(digests, labels, TENTH, "validation 0")
    assert len(set(split.held_out) & set(other.held_out)) < 60


@given(st.lists(st.integers(0, 2), min_size=40, max_size=200), st.integers(0, 150))
def test_whatever_is_added_nothing_comes_to_be_held_out_that_was_not(labels: Sequence[int], more: int) -> None:
    known = np.array([0, 1, 2] * 20 + [*labels], dtype=np.int64)
    added = np.arange(more) % 3
    digests = make_digests(len(known) + more)
    before = hold_out_by_content(digests[: len(known)], known, TENTH, "test")
    after = hold_out_by_content(digests, np.concatenate([known, added]), TENTH, "test")
    assert set(after.held_out) & set(range(len(known))) <= set(before.held_out)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=30), st.fractions(Fraction(1, 100), Fraction(99, 100)))
def test_every_class_keeps_an_image_and_one_of_four_has_one_held_out(labels: list[int], fraction: Fraction) -> None:
    array = np.array(labels, dtype=np.int64)
    split = hold_out_by_content(make_digests(len(labels)), array, fraction, "test")
    for label in set(labels):
        assert label in array[split.kept]
        if labels.count(label) >= 4:
            assert label in array[split.held_out]


def test_all_copies_of_an_image_are_on_one_side_under_whatever_label() -> None:
    digests = make_digests(200) * 2
    labels = np.concatenate([np.arange(200) % 2, 1 - np.arange(200) % 2])
    split = hold_out_by_content(digests, labels, TENTH, "test")
    assert {digests[row] for row in split.kept}.isdisjoint({digests[row] for row in split.held_out})
    assert count_repetitions(digests, labels).contradicted == 200


def test_a_folder_that_grows_keeps_every_image_on_its_side(tmp_path: Path) -> None:
    write_folder(tmp_path / "data", *make_noise(120))
    before = list_sides(tmp_path / "data", tmp_path / "cache")
    write_folder(tmp_path / "data", *make_noise(60, seed=1), tag="a more ")
    after = list_sides(tmp_path / "data", tmp_path / "cache")
    assert all(old <= new for old, new in zip(before, after, strict=True))
    assert sum(map(len, after)) == 180


def test_an_image_keeps_its_side_when_its_class_or_its_file_changes_and_classes_are_added(tmp_path: Path) -> None:
    """Whoever mends labels, renames files or adds a class does not train on what was tested on."""
    folder = tmp_path / "data"
    write_folder(folder, *make_noise(160))
    before = list_sides(folder, tmp_path / "cache")
    for number, file in enumerate(sorted((folder / "class 0").iterdir())[:30]):
        file.rename(folder / "class 1" / f"was in 0, {number}.png")
    images, labels = make_noise(40, seed=1)
    write_folder(folder, images, labels + 2)
    after = list_sides(folder, tmp_path / "cache")
    assert all(old <= new for old, new in zip(before, after, strict=True))
    assert sum(map(len, after)) == 200


@pytest.mark.parametrize("archive", [False, True])
def test_copies_are_counted_and_kept_together(tmp_path: Path, archive: bool) -> None:
    images, labels = make_noise(60)
    path = tmp_path / ("data.npz" if archive else "data")
    if archive:
        np.savez(path, images=np.concatenate([images, images]), labels=np.concatenate([labels, 1 - labels]))
    else:
        write_folder(path, images, labels)
        write_folder(path, images, 1 - labels, tag="copy ")
    notes = read_notes(path, tmp_path / "cache")
    assert "60 images occur twice or more (120 in all)" in notes
    assert "60 images stand in two classes or more" in notes
    sides = list_sides(path, tmp_path / "cache")
    assert sum(map(len, sides)) == len(set.union(*sides)) == 60


def test_a_training_image_that_is_a_test_image_as_well_is_not_trained_on(tmp_path: Path) -> None:
    images, labels = make_noise(60)
    path = tmp_path / "data.npz"
    np.savez(path, x_train=images, y_train=labels, x_test=images[:10], y_test=labels[:10])
    assert "10 training images are left out" in read_notes(path, tmp_path)
    identity = describe_dataset(str(path), tmp_path)
    assert (identity.train_count, identity.test_count) == (50, 10)
    np.savez(path, x_train=images, y_train=labels, x_test=images, y_test=labels)
    assert "put together and divided by content" in read_notes(path, tmp_path)
    sides = list_sides(path, tmp_path)
    assert sum(map(len, sides)) == len(set.union(*sides)) == 60


@pytest.mark.parametrize("load", [describe_dataset, load_search_splits, open_test_split])
def test_own_images_by_older_rules_are_refused_in_a_line(tmp_path: Path, load: Callable[..., object]) -> None:
    images, labels = make_noise(60, classes=3)
    path = tmp_path / "data.npz"
    np.savez(path, images=images, labels=labels)
    with pytest.raises(
        DataError, match="by rules that this hpsearch has no more: search on it again, under another --study"
    ):
        load(str(path), tmp_path, rules=1)


def test_an_identity_by_the_older_rules_is_written_as_it_was() -> None:
    given = {"name": "d", "sha256": "0" * 64, "input_shape": [1, 2, 2], "class_names": ["a", "b"]}
    older = DatasetIdentity.model_validate(given | {"train_count": 4, "test_count": 1})
    assert older.model_dump(mode="json").keys() == {*given, "train_count", "test_count"}
    newer = older.model_copy(update={"rules": 2, "validation_count": 3})
    assert DatasetIdentity.model_validate_json(newer.model_dump_json()) == newer
