"""Trainings that end in whole numbers of 8 bits: the same weights under the same names, another course."""

import pytest
import torch
from pydantic import ValidationError

from hpsearch.network.architecture import Architecture, CnnArchitecture, FcnArchitecture
from hpsearch.network.stages import CnnStage, Pool
from hpsearch.study.recipe import Recipe, count_int8_epochs
from hpsearch.training.calibration import choose_device_images
from hpsearch.training.loop import TrainingSession
from hpsearch.training.quantization import RoundedNetwork, lower_network
from tests.tiny_training import CPU, draw_splits, tiny_config

CNN = CnnArchitecture(
    stages=(CnnStage(channels=(6,), pool=Pool(), pool_place="before_norm"), CnnStage(channels=(8,), block="residual"))
)
FCN = FcnArchitecture(widths=(12, 8), activation="silu")


def train(architecture: Architecture, int8_epochs: int, *, stop_after: int | None = None) -> TrainingSession:
    config = tiny_config(architecture, epochs=3, int8_epochs=int8_epochs, dropout=0.1, averaging="ema")
    session = TrainingSession(config, draw_splits(), CPU)
    for _ in range(stop_after or 3):
        session.train_epoch()
    if stop_after is None:
        return session
    again = TrainingSession(config, draw_splits(), CPU)
    again.restore(session.capture())
    for _ in again.epochs():
        pass
    return again


@pytest.mark.slow
@pytest.mark.parametrize("architecture", [CNN, FCN])
def test_rounded_epochs_change_the_course_and_keep_the_norms_statistics(architecture: Architecture) -> None:
    plain, rounded = train(architecture, 0), train(architecture, 1)
    before, after = plain.network.state_dict(), rounded.network.state_dict()
    assert before.keys() == after.keys()
    assert any(not torch.equal(before[name], after[name]) for name in before if name.endswith("weight"))
    two = train(architecture, 3).network.state_dict()
    means = [name for name in two if name.endswith("running_mean")]
    assert all(float(two[name].abs().sum()) == 0 for name in means)  # never went through a norm in training


def test_a_training_that_stopped_before_its_rounded_epochs_goes_on_bit_for_bit() -> None:
    whole, resumed = train(CNN, 1), train(CNN, 1, stop_after=2)
    theirs = resumed.network.state_dict()
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in whole.network.state_dict().items())


def test_gradients_reach_every_weight_through_folding_and_rounding() -> None:
    config = tiny_config(CNN, epochs=1)
    session = TrainingSession(config, draw_splits(), CPU)
    session.train_epoch()
    images = draw_splits().train.images[:32]
    rounded = RoundedNetwork(config, session.network, images)
    rounded(images.float()).square().sum().backward()
    assert all(parameter.grad is not None for parameter in session.network.parameters())
    assert all(bool(parameter.grad.isfinite().all()) for parameter in session.network.parameters())
    assert lower_network(config, session.network, "int8").precision == "int8"


@pytest.mark.slow
@pytest.mark.parametrize("architecture", [CNN, FCN])
def test_the_int8_accuracy_of_a_training_is_that_of_the_file_that_it_becomes(architecture: Architecture) -> None:
    pytest.importorskip("ai_edge_litert")
    from hpsearch.export.tflite_classifier import TfliteClassifier
    from hpsearch.export.tflite_files import make_tflite_files

    config = tiny_config(architecture, epochs=3, int8_epochs=1)
    splits = draw_splits(validation_count=400)
    session = TrainingSession(config, splits, CPU)
    assert len(list(session.epochs())) == 3
    images = choose_device_images(config, splits.train.images.numpy())
    model = make_tflite_files(config, session.weights(), images, {}).contents["model-int8.tflite"]
    logits = TfliteClassifier(config, model, "it").compute_logits(splits.validation.images.numpy())
    expected = (logits.argmax(1) == splits.validation.labels.numpy()).mean()
    assert session.int8_accuracy() == pytest.approx(expected, abs=2 / 400)
    assert TrainingSession(tiny_config(architecture), splits, CPU).int8_accuracy() is None


def test_a_recipe_without_them_is_written_as_ever_and_none_has_more_than_it_trains() -> None:
    assert "int8_epochs" not in Recipe(epochs=3).model_dump()
    assert Recipe(epochs=3, int8_epochs=1).model_dump()["int8_epochs"] == 1
    with pytest.raises(ValidationError, match="int8_epochs 4 are more than the 3 epochs"):
        Recipe(epochs=3, int8_epochs=4)
    assert [count_int8_epochs(epochs) for epochs in (1, 5, 12, 40)] == [1, 1, 1, 4]
