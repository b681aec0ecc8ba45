"""Trainings of several processes that share the weights: what they compute, and how they end."""

import os
import subprocess
import sys

import psutil
import pytest
import torch

from hpsearch.errors import OutOfMemoryError
from hpsearch.study.teacher import Teacher
from hpsearch.training.loop import TrainingSession
from hpsearch.training.networks import build_network
from hpsearch.training.replicas import Replicas, count_replicas
from hpsearch.training.step import Learning
from tests.tiny_training import CPU, TINY_CNN, draw_splits, tiny_config

pytestmark = pytest.mark.slow  # a process begins with PyTorch


@pytest.mark.parametrize(
    ("threads", "batch_size", "expected"),
    [
        (1, 128, 1),
        (2, 128, 2),
        (2, 63, 1),
        (3, 128, 3),
        (4, 128, 4),
        (8, 128, 4),
        (6, 100, 3),
        (5, 128, 1),
    ],
)
def test_as_many_replicas_as_divide_the_cores_and_see_32_images_each(
    threads: int, batch_size: int, expected: int
) -> None:
    assert count_replicas(threads, batch_size) == expected


@pytest.mark.parametrize(("count", "has_teacher"), [(2, True), (3, False)])
def test_the_gradients_of_all_parts_are_those_of_each_part_by_its_share(*, count: int, has_teacher: bool) -> None:
    teacher = Teacher(study="cnn", trial=7, weights_sha256="0" * 64) if has_teacher else None
    config = tiny_config(TINY_CNN, label_smoothing=0.1, l1=0.01).model_copy(update={"teacher": teacher})
    shape, classes = config.dataset.input_shape, config.dataset.class_count
    network = build_network(config.architecture, shape, classes, dropout=0, input_dropout=0)
    generator = torch.Generator().manual_seed(1)
    images = torch.randint(0, 256, (97, *shape), dtype=torch.uint8, generator=generator)
    labels = torch.randint(0, classes, (97,), generator=generator)
    answers = torch.randn(97, classes, generator=generator).log_softmax(1) if has_teacher else None
    learning = Learning(config.recipe, bfloat16=False, teacher=teacher)

    expected = [torch.zeros_like(parameter) for parameter in network.parameters()]
    expected_loss = 0.0
    for part in torch.arange(97).tensor_split(count):
        network.zero_grad()
        loss = learning(network, images[part], labels[part], None if answers is None else answers[part])
        expected_loss += len(part) / 97 * loss.item()
        for total, parameter in zip(expected, network.parameters(), strict=True):
            assert parameter.grad is not None
            total += len(part) / 97 * parameter.grad

    replicas = Replicas(config, network, learning, count=count, threads=count, batch_size=97)
    for _ in range(2):  # the same weights, the same answer
        network.zero_grad()
        loss = replicas.learn(images, labels, answers)
        assert loss.item() == pytest.approx(expected_loss, rel=1e-5)
        for total, parameter in zip(expected, network.parameters(), strict=True):
            torch.testing.assert_close(parameter.grad, total, rtol=1e-4, atol=1e-6)


def test_a_training_of_two_processes_is_the_same_each_time_and_where_it_goes_on() -> None:
    config = tiny_config(
        TINY_CNN,
        epochs=3,
        batch_size=64,
        dropout=0.2,
        optimizer="muon",
        averaging="ema",
        augmentation="flip+shift",
    )
    splits = draw_splits(1024, 64)
    curves, weights = [], []
    for _ in range(2):
        session = TrainingSession(config, splits, CPU, threads=2)
        curves.append([(point.train_loss, point.validation_loss) for point in session.epochs()])
        weights.append(session.weights())
    assert curves[0] == curves[1]
    assert weights[0] == weights[1]
    assert curves[0][-1][0] < curves[0][0][0], "it learns"

    stopped = TrainingSession(config, splits, CPU, threads=2)
    stopped.train_epoch()
    resumed = TrainingSession(config, splits, CPU, threads=2)
    resumed.restore(stopped.capture())
    assert [(point.train_loss, point.validation_loss) for point in resumed.epochs()] == curves[0][1:]
    assert resumed.weights() == weights[0]

    alone = TrainingSession(config, splits, CPU)
    assert [point.train_loss for point in alone.epochs()] != [loss for loss, _ in curves[0]], "norms see other parts"


def test_the_last_epochs_that_round_to_8_bits_are_trained_by_one_process() -> None:
    config = tiny_config(TINY_CNN, epochs=2, batch_size=64, int8_epochs=1)
    session = TrainingSession(config, draw_splits(1024, 64), CPU, threads=2)
    losses = [point.train_loss for point in session.epochs()]
    assert all(loss > 0 for loss in losses)
    assert session.int8_accuracy() is not None


def test_a_process_that_cannot_be_started_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(OutOfMemoryError, match=r"no process can be started to train a part of each batch: .*nowhere"):
        TrainingSession(tiny_config(TINY_CNN, batch_size=64), draw_splits(1024, 64), CPU, threads=2)


def test_a_process_that_is_killed_ends_the_training_with_what_happened() -> None:
    session = TrainingSession(tiny_config(TINY_CNN, epochs=2, batch_size=64), draw_splits(1024, 64), CPU, threads=2)
    session.train_epoch()
    (child,) = _list_children(os.getpid())
    child.kill()
    with pytest.raises(OutOfMemoryError, match="a part of each batch was ended by SIGKILL, as for want of memory"):
        session.train_epoch()


def test_a_process_ends_with_the_training_that_it_helps() -> None:
    session = TrainingSession(tiny_config(TINY_CNN, epochs=2, batch_size=64), draw_splits(1024, 64), CPU, threads=2)
    session.train_epoch()
    assert len(_list_children(os.getpid())) == 1
    del session
    assert _list_children(os.getpid()) == []


def test_a_process_ends_where_the_one_that_it_helps_is_killed() -> None:
    script = (
        "import sys; from tests.tiny_training import *; from hpsearch.training.loop import TrainingSession;"
        "session = TrainingSession(tiny_config(TINY_CNN, batch_size=64), draw_splits(1024, 64), CPU, threads=2);"
        "session.train_epoch(); print('trained', flush=True); sys.stdin.read()"
    )
    training = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert training.stdout is not None
    assert training.stdout.readline() == b"trained\n"
    (child,) = _list_children(training.pid)
    training.kill()
    training.wait()
    psutil.wait_procs([child], timeout=60)
    assert not _is_running(child)


def _list_children(pid: int) -> list[psutil.Process]:
    """The processes that train a part, of this one."""
    children = psutil.Process(pid).children()
    return [each for each in children if _is_running(each) and "hpsearch.training.replica" in each.cmdline()]


def _is_running(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE  # nobody may be there to hear of its end
    except psutil.NoSuchProcess:
        return False
