"""A network on several cores: each trains with a part of every batch, and all have the same weights.

PyTorch itself divides single operations among cores, which then wait for each other some 200 times a step. Here they
wait twice, so that little is lost where another program takes one of them for a moment (docs/log.md has the
measurements). A replica is a process, since threads of Python would wait for each other as well; it shares the weights
in memory. Its norms know its own part of a batch alone: ghost batch normalization (Hoffer et al., Train longer,
generalize better, 2017). What is computed depends on the number of replicas, and not on when each of them is done.
"""

import contextlib
import os
import signal
import subprocess
import sys
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from hpsearch.errors import OutOfMemoryError
from hpsearch.study.trial_config import TrialConfig
from hpsearch.training.replica import DONE, ORDER, Assignment
from hpsearch.training.shared_batch import Part, list_strides, open_memory, share_batch
from hpsearch.training.step import Learning
from hpsearch.training.weights import save_weights

LEAST_PART = 32
"""Images of a replica: norms over fewer are not measured."""
_END_SECONDS = 10.0


def count_replicas(threads: int, batch_size: int) -> int:
    """How many replicas so many cores train: the most that divide them and see `LEAST_PART` images each, or one."""
    counts = (count for count in range(threads, 1, -1) if threads % count == 0 and batch_size // count >= LEAST_PART)
    return next(counts, 1)


class Replicas:
    """Processes that train a network together with this one. Its parameters lie in shared memory from here on.

    Args:
        config: The trial.
        network: As it is to begin.
        learning: What a part of a batch teaches.
        count: Of replicas, this process among them.
        threads: Of all of them together.
        batch_size: Images of all of them together.

    Raises:
        OutOfMemoryError: No process can be started, or one is gone at once.
    """

    def __init__(
        self, config: TrialConfig, network: nn.Module, learning: Learning, *, count: int, threads: int, batch_size: int
    ) -> None:
        self._network = network
        self._parameters = list(network.parameters())
        self._learning = learning
        self._threads = threads // count
        descriptor, most = open_memory(), -(-batch_size // count)
        try:
            parts = share_batch(network, config.dataset, descriptor, parts=count - 1, most=most)
            weights = save_weights(network)
            assignment = Assignment(
                config=config,
                bfloat16=learning.bfloat16,
                threads=self._threads,
                most=most,
                descriptor=descriptor,
                strides=tuple(list_strides(network)),
                parts=len(parts),
                weights=len(weights),
            )
            self._others = [
                _Replica(part, assignment.model_copy(update={"index": index}), weights)
                for index, part in enumerate(parts)
            ]
        except OSError as error:
            raise OutOfMemoryError(f"no process can be started to train a part of each batch: {error}") from error
        finally:
            os.close(descriptor)

    @contextmanager
    def share_cores(self) -> Iterator[None]:
        """Meanwhile an operation of this process has its part of the cores and no more."""
        before = torch.get_num_threads()
        torch.set_num_threads(self._threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)

    def begin_epoch(self, seed: Callable[[int], int]) -> None:
        """Seed the dropout of each other replica, which are counted from 1."""
        for index, other in enumerate(self._others, start=1):
            other.seed = seed(index)

    def learn(self, images: Tensor, labels: Tensor, answers: Tensor | None) -> Tensor:
        """The mean loss of a batch, whose gradients are left in the network, which has none before.

        Raises:
            OutOfMemoryError: A process is gone.
        """
        count = 1 + len(self._others)
        split_images, split_labels = images.tensor_split(count), labels.tensor_split(count)
        split_answers: Sequence[Tensor | None] = [None] * count if answers is None else answers.tensor_split(count)
        parts = list(zip(split_images, split_labels, split_answers, strict=True))
        for other, part in zip(self._others, parts[1:], strict=True):
            other.begin(*part)
        loss = self._learning(self._network, *parts[0])
        gradients = [parameter.grad for parameter in self._parameters if parameter.grad is not None]
        share = len(split_labels[0]) / len(labels)
        torch._foreach_mul_(gradients, share)
        loss *= share
        for other, part_labels in zip(self._others, split_labels[1:], strict=True):
            other.finish()
            share = len(part_labels) / len(labels)
            torch._foreach_add_(gradients, other.part.gradients, alpha=share)
            loss += share * other.part.loss[0]
        return loss


class _Replica:
    """One of the other processes."""

    def __init__(self, part: Part, assignment: Assignment, weights: bytes) -> None:
        self.part = part
        self.seed = -1
        environment = {name: value for name, value in os.environ.items() if not name.startswith("HPSEARCH_")}
        environment |= {"PYTHONSAFEPATH": "1", "OMP_NUM_THREADS": str(assignment.threads)}
        # Not by multiprocessing, which would run a person's own script once more.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "hpsearch.training.replica"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[assignment.descriptor],
            process_group=0,  # a terminal's Ctrl-C is for the process that it helps
            bufsize=0,
        )
        weakref.finalize(self, _end, self._process)
        self._write(assignment.model_dump_json().encode() + b"\n" + weights)

    def begin(self, images: Tensor, labels: Tensor, answers: Tensor | None) -> None:
        """Have it learn from these."""
        count = len(labels)
        self.part.images[:count] = images
        self.part.labels[:count] = labels
        if answers is not None:
            self.part.answers[:count] = answers
        self._write(ORDER.pack(count, self.seed))
        self.seed = -1

    def finish(self) -> None:
        """Wait until it has."""
        assert self._process.stdout is not None
        if self._process.stdout.read(len(DONE)) != DONE:
            self._say_gone()

    def _write(self, order: bytes) -> None:
        assert self._process.stdin is not None
        try:
            left = memoryview(order)
            while left:
                left = left[self._process.stdin.write(left) :]
        except BrokenPipeError:
            self._say_gone()

    def _say_gone(self) -> None:
        code = self._process.wait()
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        memory = ", as for want of memory" if code == -signal.SIGKILL else ""
        raise OutOfMemoryError(f"the process that trains a part of each batch {how}{memory}")


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Close its pipes, at which it ends."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
