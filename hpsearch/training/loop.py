"""Training a trial, epoch by epoch.

The data set lies on the device as bytes, a batch is an index into it. Every random number comes from `config.seed`
through generators that are seeded anew for each epoch, so that an epoch depends on the weights and optimizer it starts
from and on its own number alone: PyTorch's global generators are neither read nor changed, and a checkpoint needs to
hold no generator.
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import partial

import torch
from torch import Tensor, nn

from hpsearch.epoch_result import EpochResult
from hpsearch.errors import DivergedError, InputError, TrainingInterrupted
from hpsearch.network.architecture import CnnArchitecture
from hpsearch.study.recipe import divide_epoch
from hpsearch.study.trial_config import TrialConfig, derive_seed
from hpsearch.training.augmentation import build_augmentation
from hpsearch.training.averaging import WeightAverage
from hpsearch.training.blocks import Dropout, InputNormalization
from hpsearch.training.checkpoint import (
    list_optimizer_tensors,
    pack_checkpoint,
    restore_optimizer,
    unpack_checkpoint,
)
from hpsearch.training.data import SearchSplits
from hpsearch.training.distillation import Distillation, TeacherLogits
from hpsearch.training.evaluation import Evaluation, evaluate
from hpsearch.training.initialization import initialize
from hpsearch.training.memory import out_of_memory_as_own_error
from hpsearch.training.networks import build_network
from hpsearch.training.optimizers import build_optimizer, set_lr
from hpsearch.training.precision import uses_bfloat16
from hpsearch.training.quantization import RoundedNetwork, measure_int8_accuracy
from hpsearch.training.replicas import Replicas, count_replicas
from hpsearch.training.schedules import schedule_lr
from hpsearch.training.step import CapturedStep, Learn, Learning, Step, TrainingStep
from hpsearch.training.weights import save_weights

_CALIBRATION_IMAGES = 1000
"""Training images whose values give the ranges in which the last epochs round."""

CAPTURABLE_OPTIMIZERS = ("sgd", "adam", "adamw", "rmsprop", "muon")
"""PyTorch's Adagrad keeps its step on the CPU, which a CUDA graph would freeze."""


class TrainingSession:
    """A trial in training, with its state at hand between two epochs.

    Args:
        config: The trial, whole.
        splits: The images it may see: the training and the validation split, or with an empty one all of them.
        device: Where to train.
        should_stop: Asked between batches.
        teacher_logits: Of the training images, where the trial has a teacher.
        threads: Cores that train it together; a GPU needs none.

    Raises:
        InputError: The architecture does not fit the images, or the batch size the architecture.
        OutOfMemoryError: The device has not enough memory for the trial.
    """

    @out_of_memory_as_own_error()
    def __init__(
        self,
        config: TrialConfig,
        splits: SearchSplits,
        device: torch.device,
        *,
        should_stop: Callable[[], bool] | None = None,
        teacher_logits: TeacherLogits | None = None,
        threads: int = 1,
    ) -> None:
        recipe = config.recipe
        self.config = config
        self.device = device
        self.next_epoch = 0
        self._should_stop = should_stop
        self._train_images, self._train_labels = splits.train.images.to(device), splits.train.labels.to(device)
        if config.is_validated != (len(splits.validation) > 0):
            raise ValueError(
                f"a trial that trains on {config.trains_on} was given {len(splits.validation)} images to validate on"
            )
        self._validation = splits.validation.move_to(device)
        self._distillation = self._build_distillation(teacher_logits)
        self.batch_size, self.steps_per_epoch = divide_epoch(
            len(self._train_images), recipe.batch_size, config.dataset.rules
        )
        if self.batch_size < 2 and config.architecture.batch_norm:
            raise InputError("batch size 1 does not go with batch norm, which needs 2 images: use 2 or more")
        self._order_generator = torch.Generator(device)
        self._noise_generator = torch.Generator(device)
        self.network = self._build_network()
        self._learning = Learning(recipe, uses_bfloat16(config, device), config.teacher)
        self._replicas: Replicas | None = None
        if device.type == "cpu" and (count := count_replicas(threads, self.batch_size)) > 1:
            self._replicas = Replicas(
                config, self.network, self._learning, count=count, threads=threads, batch_size=self.batch_size
            )
        self.optimizer = build_optimizer(recipe, self.network, device)
        self.average: WeightAverage | None = None
        self._averaged_network: nn.Module | None = None
        if recipe.averaging == "ema":
            self.average = WeightAverage(self.network, self.steps_per_epoch)
            self._averaged_network = self._build_network().requires_grad_(False)
        self._step = self._build_step()
        self._last_validation: Evaluation | None = None

    @property
    def final_network(self) -> nn.Module:
        """What is validated and kept: the network, or with averaging a network of the averaged weights."""
        if self.average is None or self._averaged_network is None:
            return self.network
        if self.next_epoch > 0:
            self.average.write(self._averaged_network, self.next_epoch * self.steps_per_epoch)
        return self._averaged_network

    def weights(self) -> bytes:
        """The final network's weights and buffers as safetensors."""
        return save_weights(self.final_network)

    @out_of_memory_as_own_error()
    def confusion(self) -> list[list[int]] | None:
        """How the final network labels the validation split: a row a true class, a column a predicted one.

        None where nothing is held out.
        """
        if self._last_validation is None:  # restored after its last epoch
            self._last_validation = self._validate()
        if self._last_validation is None:
            return None
        return [list(row) for row in self._last_validation.confusion]

    @out_of_memory_as_own_error()
    def int8_accuracy(self) -> float | None:
        """The final network's validation accuracy in whole numbers of 8 bits, where the recipe ends in them.

        None where it does not, or nothing is held out.
        """
        if self.config.recipe.int8_epochs == 0 or not self.config.is_validated:
            return None
        return measure_int8_accuracy(self.config, self.final_network, self._train_images, self._validation)

    @out_of_memory_as_own_error()
    def capture(self) -> bytes:
        """All that the epochs to come depend on; to be taken between two epochs."""
        tensors = {f"network.{name}": tensor for name, tensor in self.network.state_dict().items()}
        tensors |= {f"optimizer.{name}": tensor for name, tensor in list_optimizer_tensors(self.optimizer).items()}
        if self.average is not None:
            tensors |= {f"average.{index}": tensor for index, tensor in enumerate(self.average.sums)}
        return pack_checkpoint(self.config, self.next_epoch, tensors)

    @out_of_memory_as_own_error()
    def restore(self, captured: bytes) -> None:
        """Go on from a captured state, perhaps of another machine; only before the first epoch.

        On the CPU the epochs that follow are bit for bit those of a training that was never stopped.

        Raises:
            InputError: The bytes are no captured state, or one of another trial.
        """
        if self.next_epoch > 0:
            raise RuntimeError("a session that has trained cannot be restored: make a new one")
        checkpoint = unpack_checkpoint(self.config, captured)
        self.network.load_state_dict(checkpoint.select("network"))
        restore_optimizer(self.optimizer, checkpoint.select("optimizer"))
        if self.average is not None:
            for index, tensor in checkpoint.select("average").items():
                self.average.sums[int(index)].copy_(tensor)
        self.next_epoch = checkpoint.epochs_done

    def epochs(self) -> Iterator[EpochResult]:
        """Train the epochs that are left."""
        while self.next_epoch < self.config.recipe.epochs:
            with out_of_memory_as_own_error():
                result = self.train_epoch()
            yield result

    def train_epoch(self) -> EpochResult:
        """Train one epoch and validate, where images are held out.

        Raises:
            DivergedError: The loss is no longer finite.
            TrainingInterrupted: `should_stop` answered yes.
            torch.OutOfMemoryError: The device has not enough memory.
        """
        started_seconds = time.perf_counter()
        epoch = self.next_epoch
        lr = self._run_steps(epoch)
        train_loss = self._loss_sum.item() / self.steps_per_epoch
        self._refuse_divergence(epoch, "training", train_loss)
        self.next_epoch = epoch + 1
        validation = self._last_validation = self._validate()
        loss, accuracy = (None, None) if validation is None else (validation.loss, validation.accuracy)
        if loss is not None:
            self._refuse_divergence(epoch, "validation", loss)
        seconds = time.perf_counter() - started_seconds
        return EpochResult(epoch, train_loss, loss, accuracy, seconds, lr)

    def _run_steps(self, epoch: int) -> float:
        lr = 0.0
        self.network.train()
        self._loss_sum.zero_()
        step = self._choose_step(epoch)
        self._noise_generator.manual_seed(derive_seed(self.config.seed, epoch, "noise"))
        replicas = self._replicas if step is self._step else None
        if replicas is not None:
            replicas.begin_epoch(lambda index: derive_seed(self.config.seed, epoch, f"noise {index}"))
        with nullcontext() if replicas is None else replicas.share_cores():
            for index, rows in enumerate(self._shuffle(epoch)):
                self._stop_where_asked(epoch, index)
                lr = schedule_lr(self.config.recipe, epoch * self.steps_per_epoch + index, self.steps_per_epoch)
                set_lr(self.optimizer, lr)
                step(rows)
                if self.device.type == "cpu":
                    self._refuse_divergence(epoch, "training", self._loss_sum.item())
        return lr

    def _stop_where_asked(self, epoch: int, step: int) -> None:
        if self._should_stop is not None and self._should_stop():
            raise TrainingInterrupted(f"stopped in epoch {epoch} after {step} of {self.steps_per_epoch} batches")

    def _choose_step(self, epoch: int) -> Step:
        """The epoch's step: in the last ones, where the recipe says so, with everything rounded to 8 bits.

        The ranges are those of the weights as they are, so that an epoch depends on these alone.
        """
        recipe = self.config.recipe
        if epoch < recipe.epochs - recipe.int8_epochs:
            return self._step
        stride = max(1, len(self._train_images) // _CALIBRATION_IMAGES)
        rounded = RoundedNetwork(self.config, self.network, self._train_images[::stride])
        learning = Learning(recipe, bfloat16=False, teacher=self.config.teacher)
        step = self._make_step(rounded, partial(learning, rounded))
        step.loss_sum = self._loss_sum
        return step

    def _shuffle(self, epoch: int) -> Iterator[Tensor]:
        self._order_generator.manual_seed(derive_seed(self.config.seed, epoch, "order"))
        order = torch.randperm(len(self._train_images), generator=self._order_generator, device=self.device)
        order = torch.cat([order, order[: max(0, self.steps_per_epoch * self.batch_size - len(order))]])
        for index in range(self.steps_per_epoch):
            yield order[index * self.batch_size : (index + 1) * self.batch_size]

    def _validate(self) -> Evaluation | None:
        if not self.config.is_validated:
            return None
        return evaluate(self.final_network, self._validation.images, self._validation.labels, self.device)

    def _refuse_divergence(self, epoch: int, split: str, loss: float) -> None:
        if not math.isfinite(loss):
            raise DivergedError(f"diverged at epoch {epoch}: the {split} loss is {loss}; a smaller lr may help")

    def _build_network(self) -> nn.Module:
        """The network with its first weights, drawn on the CPU: the same on every device."""
        config, recipe, dataset = self.config, self.config.recipe, self.config.dataset
        with torch.random.fork_rng(devices=[]):
            network = build_network(
                config.architecture,
                dataset.input_shape,
                dataset.class_count,
                dropout=recipe.dropout,
                input_dropout=recipe.input_dropout,
            )
        generator = torch.Generator().manual_seed(derive_seed(config.seed, 0, "initialization"))
        initialize(network, recipe.initialization, config.architecture.activation, generator)
        is_cnn = isinstance(config.architecture, CnnArchitecture)
        network.to(self.device)
        if is_cnn:
            network.to(memory_format=torch.channels_last)
        for module in network.modules():
            if isinstance(module, InputNormalization):
                module.measure(self._train_images)
            elif isinstance(module, Dropout):
                module.generator = self._noise_generator
        return network

    def _build_distillation(self, teacher_logits: TeacherLogits | None) -> Distillation | None:
        teacher = self.config.teacher
        if (teacher is None) != (teacher_logits is None):
            raise ValueError(
                f"a trial whose teacher is {teacher} was given {'no' if teacher else 'a'} teacher's logits"
            )
        if teacher is None or teacher_logits is None:
            return None
        expected = (len(self._train_images), self.config.dataset.class_count)
        if teacher_logits.shape != expected:
            raise ValueError(f"logits of a teacher are {expected} here, not {tuple(teacher_logits.shape)}")
        return Distillation(teacher, teacher_logits.to(self.device))

    def _build_step(self) -> Step:
        recipe = self.config.recipe
        learn = partial(self._learning, self.network) if self._replicas is None else self._replicas.learn
        step = self._make_step(self.network, learn)
        self._loss_sum = step.loss_sum
        if self.device.type == "cuda" and recipe.optimizer in CAPTURABLE_OPTIMIZERS:
            return CapturedStep(step, [self._noise_generator])
        return step

    def _make_step(self, network: nn.Module, learn: Learn) -> TrainingStep:
        normalization = next(module for module in self.network.modules() if isinstance(module, InputNormalization))
        erased_pixel = normalization.mean.round().to(torch.uint8)
        return TrainingStep(
            network,
            self.optimizer,
            learn,
            self._train_images,
            self._train_labels,
            augment=build_augmentation(self.config.recipe, self._noise_generator, erased_pixel),
            average=self.average,
            distillation=self._distillation,
        )
