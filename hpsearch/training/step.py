"""One training step: rows of the data set in, weights changed, the loss added to a sum on the device."""

import functools
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from hpsearch.study.recipe import Recipe
from hpsearch.study.teacher import Teacher
from hpsearch.training.augmentation import Augment
from hpsearch.training.averaging import WeightAverage
from hpsearch.training.distillation import Distillation, mix
from hpsearch.training.optimizers import split_parameters

Step = Callable[[Tensor], None]
"""Takes the rows (n,) of a batch."""
Learn = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""Images, labels and a teacher's answers -> the loss, with its gradients added to the network's: see `Learning`."""


class CaptureFailedWarning(UserWarning):
    """A step could not be captured; training goes on as exactly, and slower."""


WARMUP_STEPS = 3
"""Eager steps before a capture, in which libraries choose their kernels and allocate."""


class TrainingStep:
    """Forward, backward, update. Waits for nothing: the losses are summed where they arise."""

    def __init__(
        self,
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        learn: Learn,
        images: Tensor,
        labels: Tensor,
        *,
        augment: Augment,
        average: WeightAverage | None,
        distillation: Distillation | None = None,
    ) -> None:
        self.optimizer = optimizer
        self.learn = learn
        self.images = images
        self.labels = labels
        self.augment = augment
        self.average = average
        self.distillation = distillation
        self.parameters = list(network.parameters())
        self.loss_sum = torch.zeros((), device=images.device)
        """Of the losses of the steps since it was last set to zero, label smoothing and teacher included, L1 not."""

    def __call__(self, rows: Tensor) -> None:
        """Train on these rows."""
        images, labels = self.augment(self.images.index_select(0, rows)), self.labels.index_select(0, rows)
        answers = None if self.distillation is None else self.distillation.look_up(rows)
        for parameter in self.parameters:
            parameter.grad = None
        self.loss_sum += self.learn(images, labels, answers)
        self.optimizer.step()
        if self.average is not None:
            self.average.update()


@dataclass(frozen=True)
class Learning:
    """Forward and backward. Nothing of it changes from step to step."""

    recipe: Recipe
    bfloat16: bool
    teacher: Teacher | None = None

    def __call__(self, network: nn.Module, images: Tensor, labels: Tensor, answers: Tensor | None) -> Tensor:
        """The mean loss without penalties; its gradients, penalties included, are added to those of the network.

        Args:
            network: In training.
            images: (n, channels, height, width), uint8.
            labels: (n,).
            answers: The teacher's, (n, classes), where there is one.
        """
        with torch.autocast(images.device.type, torch.bfloat16, enabled=self.bfloat16):
            logits = network(images)
        loss = functional.cross_entropy(logits.float(), labels, label_smoothing=self.recipe.label_smoothing)
        if self.teacher is not None and answers is not None:
            loss = mix(self.teacher, loss, logits.float(), answers)
        penalized = loss
        if self.recipe.l1 > 0:
            weights, _ = split_parameters(network)
            penalized = loss + self.recipe.l1 * torch.stack([weight.abs().sum() for weight in weights]).sum()
        torch.autograd.backward(penalized)
        return loss.detach()


class CapturedStep:
    """A training step replayed as one CUDA graph: the device runs a step without Python between its kernels.

    The first steps run eagerly on a side stream, as PyTorch asks for, then one is captured, and from there on only the
    rows and the learning rate, both in place on the device, change. Where a capture fails every step runs eagerly.
    """

    def __init__(self, step: TrainingStep, generators: Sequence[torch.Generator]) -> None:
        self.step = step
        self.generators = generators
        self.stream = torch.cuda.Stream(step.images.device)  # type: ignore[no-untyped-call]
        self.warmup_steps_left = WARMUP_STEPS
        self.can_capture = True
        self.graph: torch.cuda.CUDAGraph | None = None
        self.rows: Tensor | None = None

    def __call__(self, rows: Tensor) -> None:
        """Train on these rows, always as many as in the first call."""
        if not self.can_capture:
            self.step(rows)
        elif self.warmup_steps_left > 0:
            self.warmup_steps_left -= 1
            self._run_aside(rows)
        else:
            if self.graph is None or self.rows is None:
                self._capture(rows)
            if self.graph is not None and self.rows is not None:
                self.rows.copy_(rows)
                self.graph.replay()
            else:
                self.step(rows)

    def _run_aside(self, rows: Tensor) -> None:
        current = torch.cuda.current_stream(rows.device)
        self.stream.wait_stream(current)
        with torch.cuda.stream(self.stream):
            self.step(rows)
        current.wait_stream(self.stream)

    def _capture(self, rows: Tensor) -> None:
        graph = torch.cuda.CUDAGraph()
        for generator in self.generators:
            graph.register_generator_state(generator)
        self.rows = rows.clone()
        self.step.optimizer.zero_grad(set_to_none=True)
        try:
            with torch.cuda.graph(graph, stream=self.stream, capture_error_mode="thread_local"):
                self.step(self.rows)
        except RuntimeError as error:
            self.can_capture = False
            _say_once(error)
            self.step.optimizer.zero_grad(set_to_none=True)
        else:
            self.graph = graph


@functools.cache
def _say_once_of(reason: str) -> None:
    warnings.warn(
        f"no CUDA graph of a training step, steps run one kernel at a time: {reason}", CaptureFailedWarning, 2
    )


def _say_once(error: RuntimeError) -> None:
    """Once a process and reason: every trial of a worker would say the same."""
    _say_once_of(str(error).strip().partition("\n")[0])
