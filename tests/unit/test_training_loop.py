import itertools
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from hpsearch.errors import DivergedError, InputError, TrainingInterrupted
from hpsearch.network.architecture import Architecture
from hpsearch.study.recipe import Optimizer
from hpsearch.study.trial_config import TrialConfig
from hpsearch.training import device, throughput
from hpsearch.training.data import SearchSplits
from hpsearch.training.evaluation import evaluate
from hpsearch.training.loop import EpochResult, TrainingSession
from hpsearch.training.networks import build_network
from hpsearch.training.throughput import EpochTimer, measure_epoch_seconds
from hpsearch.training.weights import load_weights, save_weights
from tests.tiny_training import CPU, TINY_CNN, TINY_FCN, draw_splits, tiny_config

EVERYTHING = {
    "dropout": 0.1,
    "input_dropout": 0.1,
    "augmentation": "flip+shift+erasing",
    "averaging": "ema",
    "label_smoothing": 0.1,
    "l1": 1e-5,
    "weight_decay": 1e-3,
}
ARCHITECTURES = pytest.mark.parametrize("architecture", [TINY_FCN, TINY_CNN], ids=["fcn", "cnn"])


@pytest.fixture(scope="module")
def splits() -> SearchSplits:
    return draw_splits()


def without_seconds(results: list[EpochResult]) -> list[tuple[float, ...]]:
    return [
        (result.epoch, result.train_loss, result.validation_loss, result.validation_accuracy, result.lr)
        for result in results
    ]


def train(config: TrialConfig, splits: SearchSplits) -> tuple[list[tuple[float, ...]], bytes]:
    session = TrainingSession(config, splits, CPU)
    return without_seconds(list(session.epochs())), session.weights()


@ARCHITECTURES
def test_a_trial_learns_what_is_easy(architecture: Architecture, splits: SearchSplits) -> None:
    results = list(TrainingSession(tiny_config(architecture, epochs=4), splits, CPU).epochs())
    assert [result.epoch for result in results] == [0, 1, 2, 3]
    assert results[-1].validation_accuracy > 0.9
    assert results[-1].train_loss < results[0].train_loss
    assert all(result.seconds > 0 for result in results)


@ARCHITECTURES
def test_a_trial_run_again_gives_the_same_curve_and_weights_to_the_bit(
    architecture: Architecture, splits: SearchSplits
) -> None:
    config = tiny_config(architecture, **EVERYTHING)
    first = train(config, splits)
    torch.rand(3)  # whoever draws from the global generator in between changes nothing
    assert train(config, splits) == first


def record_first_batch(session: TrainingSession, module_name: str, position: str) -> list[torch.Tensor]:
    """What goes into or comes out of a module in the first step of each epoch that follows, epoch after epoch."""
    calls: list[torch.Tensor] = []

    def record(module: nn.Module, inputs: tuple[torch.Tensor], output: torch.Tensor) -> None:
        if module.training:
            calls.append((inputs[0] if position == "input" else output).detach().clone())

    handle = session.network.get_submodule(module_name).register_forward_hook(record)
    session.train_epoch()
    session.train_epoch()
    handle.remove()
    return [calls[0], calls[session.steps_per_epoch]]


def test_a_trial_of_the_older_rules_divides_its_few_images_as_it_did(splits: SearchSplits) -> None:
    config = tiny_config(batch_size=48)
    images = len(splits.train)
    steps = {}
    for rules in (1, 2):
        dataset = config.dataset.model_copy(update={"rules": rules})
        steps[rules] = TrainingSession(config.model_copy(update={"dataset": dataset}), splits, CPU).steps_per_epoch
    assert images % 48 != 0
    assert steps[1] == images // 48 < steps[2]


def test_every_seed_and_every_epoch_has_an_order_of_its_own(splits: SearchSplits) -> None:
    first, second = record_first_batch(TrainingSession(tiny_config(seed=1), splits, CPU), "normalization", "input")
    other, _ = record_first_batch(TrainingSession(tiny_config(seed=2), splits, CPU), "normalization", "input")
    assert not any(torch.equal(*pair) for pair in itertools.combinations((first, second, other), 2))


def test_every_seed_and_every_epoch_has_a_noise_of_its_own(splits: SearchSplits) -> None:
    sessions = [TrainingSession(tiny_config(seed=seed, input_dropout=0.5), splits, CPU) for seed in (1, 2)]
    (first, second), (other, _) = (record_first_batch(session, "input_dropout", "output") for session in sessions)
    masks = [values == 0 for values in (first, second, other)]
    assert not any(torch.equal(*pair) for pair in itertools.combinations(masks, 2))


def test_a_training_batch_is_augmented_and_the_data_set_is_not(splits: SearchSplits) -> None:
    before = splits.train.images.clone()
    batches = [
        record_first_batch(TrainingSession(tiny_config(augmentation=name), splits, CPU), "normalization", "input")[0]
        for name in ("none", "flip+shift+erasing")
    ]
    assert not torch.equal(*batches)
    assert torch.equal(splits.train.images, before)


def test_the_input_is_normalized_by_the_training_split(splits: SearchSplits) -> None:
    normalization = TrainingSession(tiny_config(), splits, CPU).network.get_submodule("normalization")
    values = normalization(splits.train.images)
    assert (values.mean().item(), values.std().item()) == pytest.approx((0, 1), abs=1e-3)


def test_the_train_loss_is_the_smoothed_cross_entropy_without_penalties(splits: SearchSplits) -> None:
    still = {"lr": 1e-12, "batch_size": 10_000, "label_smoothing": 0.5, "l1": 1.0, "weight_decay": 1.0}
    config = tiny_config(TINY_FCN.model_copy(update={"batch_norm": False}), **still)
    whole_batches = splits.train.select(np.arange(256))  # 8 of 32: no image is in two of them
    session = TrainingSession(config, replace(splits, train=whole_batches), CPU)
    logits = session.network(whole_batches.images)
    expected = functional.cross_entropy(logits, whole_batches.labels, label_smoothing=0.5).item()
    assert session.train_epoch().train_loss == pytest.approx(expected, rel=1e-5)


def test_every_seed_has_initial_weights_of_its_own(splits: SearchSplits) -> None:
    weights = [TrainingSession(tiny_config(seed=seed), splits, CPU).weights() for seed in (1, 2, 1)]
    assert weights[0] == weights[2] != weights[1]


def test_training_leaves_the_global_generator_as_it_was(splits: SearchSplits) -> None:
    before = torch.get_rng_state()
    train(tiny_config(TINY_CNN, epochs=1, **EVERYTHING), splits)
    assert torch.equal(torch.get_rng_state(), before)


def test_two_trials_in_turn_do_not_disturb_each_other(splits: SearchSplits) -> None:
    configs = [tiny_config(seed=seed, **EVERYTHING) for seed in (1, 2)]
    alone = [train(config, splits)[0] for config in configs]
    in_turn = list(zip(*(TrainingSession(config, splits, CPU).epochs() for config in configs), strict=True))
    assert [without_seconds(list(results)) for results in zip(*in_turn, strict=True)] == alone


@pytest.mark.slow
@ARCHITECTURES
@pytest.mark.parametrize("optimizer", get_args(Optimizer))
def test_a_resumed_trial_equals_the_uninterrupted_one_to_the_bit(
    architecture: Architecture, optimizer: Optimizer, splits: SearchSplits
) -> None:
    config = tiny_config(architecture, optimizer=optimizer, **EVERYTHING)
    whole = train(config, splits)
    session = TrainingSession(config, splits, CPU)
    first = session.train_epoch()
    captured = session.capture()
    resumed = TrainingSession(config, splits, CPU)
    resumed.restore(captured)
    assert resumed.weights() == session.weights()
    assert (without_seconds([first, *resumed.epochs()]), resumed.weights()) == whole


def test_a_checkpoint_of_another_trial_is_refused(splits: SearchSplits) -> None:
    session = TrainingSession(tiny_config(seed=1), splits, CPU)
    session.train_epoch()
    with pytest.raises(InputError, match="another trial"):
        TrainingSession(tiny_config(seed=2), splits, CPU).restore(session.capture())


@pytest.mark.parametrize("damaged", [b"", b"no checkpoint at all", b"\x02\x00\x00\x00\x00\x00\x00\x00{}"])
def test_bytes_that_are_no_checkpoint_are_refused(damaged: bytes, splits: SearchSplits) -> None:
    with pytest.raises(InputError, match="no checkpoint"):
        TrainingSession(tiny_config(), splits, CPU).restore(damaged)


def test_a_trial_that_should_stop_stops_between_two_batches(splits: SearchSplits) -> None:
    answers = iter([False, False, True])
    with pytest.raises(TrainingInterrupted, match="epoch 0 after 2 of 9 batches"):
        TrainingSession(tiny_config(), splits, CPU, should_stop=lambda: next(answers)).train_epoch()
    assert next(answers, None) is None


def test_every_image_of_a_small_split_is_in_an_epoch(splits: SearchSplits) -> None:
    session = TrainingSession(tiny_config(batch_size=128), splits, CPU)
    rows = torch.cat(list(session._shuffle(0)))
    assert set(rows.tolist()) == set(range(270))
    assert len(rows) == session.steps_per_epoch * session.batch_size == 272


def test_a_loss_that_is_not_finite_ends_the_trial_in_its_epoch(splits: SearchSplits) -> None:
    config = tiny_config(TINY_FCN.model_copy(update={"batch_norm": False}), optimizer="sgd", lr=10.0, weight_decay=10.0)
    longer = config.model_copy(update={"recipe": config.recipe.model_copy(update={"epochs": 50})})
    with pytest.raises(DivergedError, match=r"diverged at epoch \d"):
        list(TrainingSession(longer, splits, CPU).epochs())


def test_a_batch_larger_than_the_split_is_an_eighth_of_it(splits: SearchSplits) -> None:
    session = TrainingSession(tiny_config(batch_size=10_000), splits, CPU)
    assert (session.batch_size, session.steps_per_epoch) == (34, 8)
    assert session.train_epoch().train_loss > 0


def test_one_image_a_batch_is_refused_with_batch_norm(splits: SearchSplits) -> None:
    with pytest.raises(InputError, match="use 2 or more"):
        TrainingSession(tiny_config(batch_size=1), splits, CPU)


def test_the_validation_loss_knows_nothing_of_label_smoothing_and_l1(splits: SearchSplits) -> None:
    session = TrainingSession(tiny_config(label_smoothing=0.5, l1=1.0, epochs=1), splits, CPU)
    result = session.train_epoch()
    measured = evaluate(session.network, splits.validation.images, splits.validation.labels)
    assert (result.validation_loss, result.validation_accuracy) == (measured.loss, measured.accuracy)


def test_l1_shrinks_the_weights(splits: SearchSplits) -> None:
    sums = []
    for l1 in (0.0, 0.1):
        session = TrainingSession(tiny_config(l1=l1), splits, CPU)
        list(session.epochs())
        sums.append(sum(weight.abs().sum().item() for weight in session.network.parameters() if weight.ndim > 1))
    assert sums[1] < sums[0] / 2


@ARCHITECTURES
def test_saved_weights_are_those_that_were_validated(architecture: Architecture, splits: SearchSplits) -> None:
    config = tiny_config(architecture, **EVERYTHING)
    session = TrainingSession(config, splits, CPU)
    result = list(session.epochs())[-1]
    network = build_network(architecture, config.dataset.input_shape, config.dataset.class_count, dropout=0.1)
    if architecture is TINY_CNN:
        network.to(memory_format=torch.channels_last)
    load_weights(network, session.weights())
    measured = evaluate(network, splits.validation.images, splits.validation.labels)
    assert measured.accuracy == result.validation_accuracy
    assert measured.loss == pytest.approx(result.validation_loss, rel=1e-5)


@ARCHITECTURES
def test_a_trial_that_holds_nothing_out_trains_alike_and_says_nothing_of_validation(
    architecture: Architecture, splits: SearchSplits
) -> None:
    config = tiny_config(architecture, **EVERYTHING)
    # The same images once as the training split, and once as all that there are: only what is measured may differ.
    nothing = splits.validation.select(np.arange(0))
    session = TrainingSession(
        config.model_copy(update={"trains_on": "train+validation"}), replace(splits, validation=nothing), CPU
    )
    results, weights = without_seconds(list(session.epochs())), session.weights()
    known, known_weights = train(config, splits)
    assert [(result[2], result[3]) for result in results] == [(None, None)] * len(known)
    assert [result[:2] + result[4:] for result in results] == [result[:2] + result[4:] for result in known]
    assert weights == known_weights
    assert session.confusion() is None


@pytest.mark.parametrize("trains_on", ["train", "train+validation"])
def test_splits_that_do_not_go_with_the_configuration_are_refused(trains_on: str, splits: SearchSplits) -> None:
    nothing = splits.validation.select(np.arange(0))
    given = splits if trains_on == "train+validation" else replace(splits, validation=nothing)
    with pytest.raises(ValueError, match=r"was given (0|30) images to validate on"):
        TrainingSession(tiny_config().model_copy(update={"trains_on": trains_on}), given, CPU)


def test_with_averaging_the_average_is_validated_and_kept(splits: SearchSplits) -> None:
    session = TrainingSession(tiny_config(averaging="ema"), splits, CPU)
    result = session.train_epoch()
    last_step = evaluate(session.network, splits.validation.images, splits.validation.labels)
    average = evaluate(session.final_network, splits.validation.images, splits.validation.labels)
    assert result.validation_loss == average.loss != last_step.loss
    assert session.weights() != save_weights(session.network)
    assert list(session.epochs())[-1].validation_accuracy > 0.9


def test_weights_of_another_architecture_are_refused(splits: SearchSplits) -> None:
    config = tiny_config()
    weights = TrainingSession(config, splits, CPU).weights()
    other = build_network(TINY_CNN, config.dataset.input_shape, config.dataset.class_count)
    with pytest.raises(InputError, match="do not belong"):
        load_weights(other, weights)
    with pytest.raises(InputError, match="do not belong"):
        load_weights(other, b"nothing")


def test_an_epochs_time_is_measured_without_a_data_set() -> None:
    assert measure_epoch_seconds(tiny_config(TINY_CNN), CPU, steps=2) > 0


def test_a_moment_in_which_something_else_ran_is_not_taken_for_the_usual(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter([9.0, 1.0, 50.0, 1.25, 1.125, 0.5])  # the first warms up
    monkeypatch.setattr(TrainingSession, "train_epoch", lambda _: EpochResult(0, 1.0, 1.0, 0.5, next(seconds), 0.1))
    assert measure_epoch_seconds(tiny_config(TINY_CNN), CPU, steps=10**6) == 1.125  # of whole epochs


def test_an_epoch_is_measured_as_a_worker_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its threads and what it tells the C library; afterwards the process has as many threads as before."""
    before, configured, seen = torch.get_num_threads(), [], []
    monkeypatch.setattr(device, "configure_threads", lambda threads: configured.append(threads))

    class Session:
        def __init__(self, *_arguments: object, threads: int) -> None:
            self.threads = threads
            seen.append(threads)

        def train_epoch(self) -> EpochResult:
            return EpochResult(0, 1.0, 1.0, 0.5, 6.0 / self.threads, 0.1)

    monkeypatch.setattr(throughput, "TrainingSession", Session)
    timer = EpochTimer(CPU)
    alone, together = (timer.measure(tiny_config(TINY_CNN), threads) for threads in (1, 2))
    assert together == alone / 2 > 0
    assert timer.measure(tiny_config(TINY_CNN), 2) == together
    assert configured == [1, 2, 2]
    assert seen == [1, 2], "the same training is not begun again"
    assert torch.get_num_threads() == before
