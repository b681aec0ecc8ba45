"""One training step: rows of the data set in, weights changed, the loss added to a sum on the device."""

import functools
import warnings
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from hpsearch.training.augmentation import Augment
from hpsearch.training.averaging import WeightAverage
from hpsearch.training.distillation import Distillation
from hpsearch.training.learning import Learning
from hpsearch.training.replicas import Replicas

Step = Callable[[Tensor], None]
"""Takes the rows (n,) of a batch."""


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
        learning: Learning,
        images: Tensor,
        labels: Tensor,
        *,
        augment: Augment,
        average: WeightAverage | None,
        distillation: Distillation | None = None,
        replicas: Replicas | None = None,
    ) -> None:
        self.network = network
        self.optimizer = optimizer
        self.learning = learning
        self.images = images
        self.labels = labels
        self.augment = augment
        self.average = average
        self.distillation = distillation
        self.replicas = replicas
        self.parameters = list(network.parameters())
        self.loss_sum = torch.zeros((), device=images.device)
        """Of the losses of the steps since it was last set to zero, label smoothing and teacher included, L1 not."""

    def __call__(self, rows: Tensor) -> None:
        """Train on these rows."""
        images, labels = self.augment(self.images.index_select(0, rows)), self.labels.index_select(0, rows)
        answers = None if self.distillation is None else self.distillation.look_up(rows)
        for parameter in self.parameters:
            parameter.grad = None
        if self.replicas is None:
            self.loss_sum += self.learning(self.network, images, labels, answers)
        else:
            self.loss_sum += self.replicas.learn(images, labels, answers)
        self.optimizer.step()
        if self.average is not None:
            self.average.update()


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
