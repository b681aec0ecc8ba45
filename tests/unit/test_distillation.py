"""A teacher's part of the loss, and trainings that have one."""

import math
from typing import Any

import pytest
import torch
from torch.nn import functional

from hpsearch.errors import InputError
from hpsearch.study.teacher import Teacher
from hpsearch.study.trial_config import TrialConfig
from hpsearch.training.distillation import Distillation, compute_logits, mix
from hpsearch.training.loop import TrainingSession
from tests.tiny_training import CPU, TINY_CNN, draw_splits, tiny_config

TEACHER = Teacher(study="cnn", trial=7, weights_sha256="0" * 64)


def softened(logits: list[float], temperature: float) -> list[float]:
    powers = [math.exp(each / temperature) for each in logits]
    return [power / sum(powers) for power in powers]


@pytest.mark.parametrize(("temperature", "share"), [(3.0, 0.7), (1.0, 1.0), (8.0, 0.25)])
def test_the_loss_is_the_plain_formula(temperature: float, share: float) -> None:
    taught = [[2.0, -1.0, 0.5], [0.0, 3.0, 1.0], [-2.0, 0.0, 4.0]]
    said, labels, rows = [[1.0, 0.2, -0.3], [0.1, 0.4, 2.0]], [0, 2], [2, 0]
    cross_entropy = sum(-math.log(softened(each, 1)[label]) for each, label in zip(said, labels, strict=True)) / 2
    divergence = 0.0
    for each, row in zip(said, rows, strict=True):
        pairs = zip(softened(taught[row], temperature), softened(each, temperature), strict=True)
        divergence += sum(there * math.log(there / here) for there, here in pairs) / 2
    expected = (1 - share) * cross_entropy + share * temperature**2 * divergence

    teacher = TEACHER.model_copy(update={"temperature": temperature, "share": share})
    logits = torch.tensor(said)
    loss = functional.cross_entropy(logits, torch.tensor(labels))
    answers = Distillation(teacher, torch.tensor(taught)).look_up(torch.tensor(rows))
    mixed = mix(teacher, loss, logits, answers)
    assert mixed.item() == pytest.approx(expected, rel=1e-6)


def test_a_student_that_answers_as_its_teacher_is_left_the_labels_alone() -> None:
    logits = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    loss = functional.cross_entropy(logits, torch.tensor([0, 1, 2, 0]))
    mixed = mix(TEACHER, loss, logits, Distillation(TEACHER, logits).look_up(torch.arange(4)))
    assert mixed.item() == pytest.approx(0.3 * loss.item())


@pytest.fixture(scope="module")
def taught() -> tuple[TrialConfig, bytes, torch.Tensor]:
    """A small trained CNN, and what it says of the training images."""
    config, splits = tiny_config(TINY_CNN), draw_splits()
    session = TrainingSession(config, splits, CPU)
    list(session.epochs())
    return config, session.weights(), compute_logits(config, session.weights(), splits.train.images, CPU)


def student(**recipe: Any) -> TrialConfig:
    return tiny_config(averaging="ema", augmentation="shift", dropout=0.2, **recipe).model_copy(
        update={"teacher": TEACHER}
    )


def curve(session: TrainingSession) -> list[tuple[float, float | None, float | None]]:
    return [(each.train_loss, each.validation_loss, each.validation_accuracy) for each in session.epochs()]


def test_the_answers_are_the_same_each_time_and_of_the_unchanged_images(
    taught: tuple[TrialConfig, bytes, torch.Tensor],
) -> None:
    config, weights, logits = taught
    splits = draw_splits()
    assert torch.equal(compute_logits(config, weights, splits.train.images, CPU), logits)
    assert logits.shape == (len(splits.train), 3)
    assert (logits.argmax(1) == splits.train.labels).float().mean() > 0.9
    with pytest.raises(InputError, match="do not belong to this architecture"):
        compute_logits(tiny_config(), weights, splits.train.images, CPU)


def test_the_same_trial_twice_gives_the_same_curve_and_another_than_without_a_teacher(
    taught: tuple[TrialConfig, bytes, torch.Tensor],
) -> None:
    splits, logits = draw_splits(), taught[2]
    first, second = (TrainingSession(student(), splits, CPU, teacher_logits=logits) for _ in range(2))
    assert curve(first) == curve(second)
    assert first.weights() == second.weights()
    alone = TrainingSession(student().model_copy(update={"teacher": None}), splits, CPU)
    assert curve(alone) != curve(TrainingSession(student(), splits, CPU, teacher_logits=logits))


def test_a_training_with_a_teacher_goes_on_at_its_checkpoint_bit_for_bit(
    taught: tuple[TrialConfig, bytes, torch.Tensor],
) -> None:
    splits, logits = draw_splits(), taught[2]
    whole = TrainingSession(student(), splits, CPU, teacher_logits=logits)
    stopped = TrainingSession(student(), splits, CPU, teacher_logits=logits)
    stopped.train_epoch()
    resumed = TrainingSession(student(), splits, CPU, teacher_logits=logits)
    resumed.restore(stopped.capture())
    assert curve(whole)[1:] == curve(resumed)
    assert whole.weights() == resumed.weights()
    other = TEACHER.model_copy(update={"trial": 8})
    changed = TrainingSession(student().model_copy(update={"teacher": other}), splits, CPU, teacher_logits=logits)
    with pytest.raises(InputError, match="belongs to another trial"):
        changed.restore(stopped.capture())


def test_a_teacher_that_is_missing_of_no_use_or_of_other_images_is_our_mistake(
    taught: tuple[TrialConfig, bytes, torch.Tensor],
) -> None:
    splits, logits = draw_splits(), taught[2]
    with pytest.raises(ValueError, match="was given no teacher's logits"):
        TrainingSession(student(), splits, CPU)
    with pytest.raises(ValueError, match="whose teacher is None was given a teacher's logits"):
        TrainingSession(tiny_config(), splits, CPU, teacher_logits=logits)
    with pytest.raises(ValueError, match=r"\(270, 3\) here, not \(269, 3\)"):
        TrainingSession(student(), splits, CPU, teacher_logits=logits[1:])
