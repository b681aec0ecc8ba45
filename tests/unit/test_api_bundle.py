"""A bundle in Python answers as the command does: by the network's own rule, what can be read, and says the rest."""

import io
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import hpsearch
from hpsearch.api.bundle import Bundle
from hpsearch.dataset import Preparation
from hpsearch.errors import InputError
from hpsearch.export.image_files import list_images, read_images
from hpsearch.export.opened_bundle import open_bundle
from tests.trained_study import train_study


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    exported = train_study(tmp_path_factory.mktemp("trained")).export(tmp_path_factory.mktemp("exported"))
    return Bundle(open_bundle(exported), exported.parent)


def write_photos(folder: Path, *sizes: tuple[int, int]) -> None:
    generator = np.random.default_rng(0)
    for place, (height, width) in enumerate(sizes):
        pixels = generator.integers(60, 200, (height, width, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{place}.png")


def test_photos_are_read_by_the_rule_that_the_network_was_trained_by(bundle: Bundle, tmp_path: Path) -> None:
    write_photos(tmp_path, (20, 30), (9, 8))
    with pytest.raises(InputError, match="resize=True makes it so"):
        bundle.predict(tmp_path)
    rule = Preparation(size=8, grey=True)
    dataset = bundle.config.dataset.model_copy(update={"preparation": rule})
    opened = open_bundle(bundle.path)
    with_rule = Bundle(replace(opened, config=opened.config.model_copy(update={"dataset": dataset})), tmp_path)
    images = read_images(list_images([tmp_path]), dataset.input_shape, preparation=rule).images
    expected = bundle.predict(images).probabilities
    assert np.array_equal(with_rule.predict(tmp_path).probabilities, expected)


def test_a_file_that_cannot_be_read_does_not_lose_the_others(bundle: Bundle, tmp_path: Path) -> None:
    write_photos(tmp_path, (8, 8), (8, 8))
    (tmp_path / "broken.png").write_bytes(b"no image")
    (tmp_path / "notes.txt").write_text("none")
    with pytest.warns(UserWarning, match=r"broken|notes") as warned:
        said = bundle.predict(tmp_path)
    assert (len(said), said.files) == (2, (tmp_path / "0.png", tmp_path / "1.png"))
    assert [Path(line.split("'")[0]).name.split()[0] for line in said.failures] == ["broken.png"]
    assert any("notes.txt" in note for note in said.notes)
    assert {str(each.message) for each in warned} == {*said.failures, *said.notes}
    assert all(each.filename == __file__ for each in warned)
    assert "1 files could not be read" in repr(said)


def test_images_unlike_the_training_ones_are_said(bundle: Bundle) -> None:
    with pytest.warns(UserWarning, match="training images have"):
        said = bundle.predict(np.full((3, 8, 8), 255, dtype=np.uint8))
    assert len(said.notes) == 1
    evaluated = hpsearch.load(bundle.path).predict(np.empty((0, 8, 8), dtype=np.uint8))
    assert (len(evaluated), evaluated.notes) == (0, ())


def test_a_program_may_write_the_home_folder_as_a_shell_does(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(bundle.path.parent))
    assert hpsearch.load(f"~/{bundle.path.name}").path == bundle.path


def test_images_in_memory_are_evaluated_all_of_them(bundle: Bundle) -> None:
    config = bundle.config
    shape, classes = config.dataset.input_shape, config.dataset.class_count
    images = np.random.default_rng(1).integers(0, 255, (3 * classes, *shape), dtype=np.uint8)
    labels = np.arange(len(images)) % classes
    evaluated = bundle.evaluate(dataset=(images, labels))
    assert (evaluated.split, evaluated.measures.images) == ("all", len(images))
    again = bundle.evaluate(dataset=list(zip(images.transpose(0, 2, 3, 1), labels.tolist(), strict=True)))
    assert again.measures.accuracy == evaluated.measures.accuracy


def test_an_image_and_its_mirror_image_are_averaged_where_that_is_asked_for(bundle: Bundle) -> None:
    shape, classes = bundle.config.dataset.input_shape, bundle.config.dataset.class_count
    images = np.random.default_rng(2).integers(0, 255, (40, *shape), dtype=np.uint8)
    mirrored = np.flip(images, 3)
    with torch.inference_mode():
        network = bundle.network()
        logits = (network(torch.from_numpy(images)) + network(torch.from_numpy(mirrored.copy()))) / 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # images of noise are brighter than the training ones
        said = bundle.predict(images, mirror=True)
        assert np.allclose(said.probabilities, logits.softmax(1).numpy(), atol=1e-6)
        assert not np.allclose(bundle.predict(images).probabilities, said.probabilities, atol=1e-3)
        assert np.allclose(bundle.predict(mirrored, mirror=True).probabilities, said.probabilities, atol=1e-6)
    evaluated = bundle.evaluate(dataset=(images, np.arange(40) % classes), mirror=True)
    right = int((said.labels == np.arange(40) % classes).sum())
    assert (evaluated.mirror, evaluated.measures.correct) == (True, right)
    assert any("the training saw no mirrored images" in note for note in evaluated.notes)
    assert any("the training saw no mirrored images" in note for note in said.notes)


def test_a_network_that_is_given_shares_of_one_says_that_it_takes_pixels(bundle: Bundle) -> None:
    shape = bundle.config.dataset.input_shape
    pixels = torch.randint(0, 256, (4, *shape), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    network = bundle.network()
    with pytest.warns(UserWarning, match="this network takes pixels from 0 to 255") as caught:
        network(pixels / 255)
    assert [Path(warning.filename).name for warning in caught] == [Path(__file__).name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        network(pixels / 255)  # said once
        assert torch.equal(bundle.network()(pixels), bundle.network()(pixels.float()))
        bundle.network()(torch.zeros((0, *shape)))
    copied = io.BytesIO()
    torch.save(bundle.network(), copied)
    copied.seek(0)
    assert torch.equal(torch.load(copied, weights_only=False)(pixels), network(pixels))


def test_its_own_images_by_their_path_open_no_test_split_unasked(bundle: Bundle) -> None:
    by_path = bundle.evaluate(dataset=bundle.config.dataset.name)
    assert (by_path.is_same_data, by_path.split) == (True, "validation")
    assert bundle.evaluate("test", dataset=bundle.config.dataset.name).split == "test"
