"""What a bundle is measured on: all that a person gives, less what it was trained on, with the counts."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hpsearch.errors import DataError
from hpsearch.export.bundle_evaluation import evaluate_bundle
from hpsearch.export.opened_bundle import Bundle, open_bundle
from hpsearch.export.seen_images import find_seen
from hpsearch.training.data import load_search_splits
from hpsearch.training.data.test_split import open_test_split
from tests.trained_study import TrainedStudy, train_study

SIDE = 8


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TrainedStudy:
    """Its classes are 0, 1 and 2; no test changes it."""
    return train_study(tmp_path_factory.mktemp("trained"))


@pytest.fixture(scope="module")
def bundle(trained: TrainedStudy, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return open_bundle(trained.export(tmp_path_factory.mktemp("exported")))


def make_new(count: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(7)
    return generator.integers(0, 256, (count, SIDE, SIDE), dtype=np.uint8), np.arange(count) % 3


def write_folder(folder: Path, images: np.ndarray, labels: np.ndarray) -> str:
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        (folder / str(label)).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / str(label) / f"{number}.png")
    return str(folder)


def test_all_of_sixty_own_images_are_measured(bundle: Bundle, tmp_path: Path) -> None:
    found = evaluate_bundle(bundle, tmp_path, dataset=write_folder(tmp_path / "new", *make_new(60)))
    assert (found.measures.images, found.split, found.is_same_data, found.notes) == (60, "all", False, ())


def test_images_unlike_the_training_ones_are_said(bundle: Bundle, tmp_path: Path) -> None:
    images, labels = make_new(60)
    given = write_folder(tmp_path / "bright", 255 - images // 8, labels)
    found = evaluate_bundle(bundle, tmp_path, dataset=given)
    assert [note.partition(" of ")[0] for note in found.notes] == ["mean brightness 239"]


def test_a_class_may_be_missing_and_a_test_split_may_be_alone(bundle: Bundle, tmp_path: Path) -> None:
    images, labels = make_new(60)
    part = write_folder(tmp_path / "part", images[labels == 2], labels[labels == 2])
    assert [sum(row) for row in evaluate_bundle(bundle, tmp_path, dataset=part).measures.confusion] == [0, 0, 20]
    np.savez(tmp_path / "alone.npz", x_test=images, y_test=labels)
    found = evaluate_bundle(bundle, tmp_path, dataset=str(tmp_path / "alone.npz"))
    assert (found.measures.images, found.split) == (60, "test")


def test_labels_are_brought_to_the_bundle_s_classes_by_name(bundle: Bundle, tmp_path: Path) -> None:
    images, labels = make_new(30)
    before = evaluate_bundle(bundle, tmp_path, dataset=write_folder(tmp_path / "new", images, labels))
    names = np.array(["2", "0", "1"])
    np.savez(tmp_path / "named.npz", x_test=images, y_test=(labels + 1) % 3, class_names=names)
    after = evaluate_bundle(bundle, tmp_path, dataset=str(tmp_path / "named.npz"))
    assert after.measures.confusion == before.measures.confusion
    assert after.measures.loss == pytest.approx(before.measures.loss)
    np.savez(tmp_path / "strange.npz", x_test=images, y_test=labels, class_names=np.array(["0", "1", "cat"]))
    with pytest.raises(DataError, match="has the classes cat, and this network knows 0, 1, 2"):
        evaluate_bundle(bundle, tmp_path, dataset=str(tmp_path / "strange.npz"))


def test_of_data_with_a_test_split_of_their_own_that_is_measured_and_the_rest_said(
    bundle: Bundle, tmp_path: Path
) -> None:
    images, labels = make_new(60)
    path = tmp_path / "both.npz"
    np.savez(path, x_train=images[:40], y_train=labels[:40], x_test=images[40:], y_test=labels[40:])
    found = evaluate_bundle(bundle, tmp_path, dataset=str(path))
    assert (found.measures.images, found.split) == (20, "test")
    assert "its 40 other images are left aside: --split all" in found.notes[0]
    assert evaluate_bundle(bundle, tmp_path, dataset=str(path), split="all").measures.images == 60


def test_what_the_network_was_trained_on_is_set_aside_and_counted(
    trained: TrainedStudy, bundle: Bundle, tmp_path: Path
) -> None:
    with np.load(trained.archive) as arrays:
        old, old_labels = arrays["images"], arrays["labels"]
    new, new_labels = make_new(20)
    seen = len(load_search_splits(str(trained.archive), trained.cache_folder).train)
    grown = write_folder(tmp_path / "grown", np.concatenate([old, new]), np.concatenate([old_labels, new_labels]))
    found = evaluate_bundle(bundle, tmp_path, dataset=grown)
    assert found.measures.images == 420 - seen
    assert found.notes == (f"set aside: {seen} of 420 images, which the network was trained on",)
    train = load_search_splits(str(trained.archive), trained.cache_folder).train
    path = tmp_path / "seen.npz"
    np.savez(path, x_test=train.images[:, 0].numpy(), y_test=train.labels.numpy())
    with pytest.raises(DataError, match="trained on every one"):
        evaluate_bundle(bundle, tmp_path, dataset=str(path))


def test_a_bundle_knows_its_training_images_and_no_others(trained: TrainedStudy, bundle: Bundle) -> None:
    splits = load_search_splits(str(trained.archive), trained.cache_folder)
    test = open_test_split(str(trained.archive), trained.cache_folder).test_images
    for part, is_seen in ((splits.train, True), (splits.validation, False), (test, False)):
        seen = find_seen(bundle, part.images.numpy())
        assert seen is not None
        assert (seen == is_seen).all()


def test_the_measures_have_their_baseline_and_their_error(bundle: Bundle, tmp_path: Path) -> None:
    document = evaluate_bundle(bundle, tmp_path, dataset=write_folder(tmp_path / "new", *make_new(60))).describe()
    accuracy = document["accuracy"]
    assert document["standard_error"] == pytest.approx((accuracy * (1 - accuracy) / 60) ** 0.5)
    assert document["largest_class_share"] == pytest.approx(1 / 3)
    assert document["balanced_accuracy"] == pytest.approx(accuracy)


def test_a_path_that_cannot_even_be_asked_for_is_refused_in_words(bundle: Bundle, tmp_path: Path) -> None:
    for path in ("a" * 300, "nul\0"):
        with pytest.raises(DataError):
            evaluate_bundle(bundle, tmp_path, dataset=path)
