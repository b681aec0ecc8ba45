"""A process that trains a network together with another: it computes the gradients of its part of every part.

Started by `replicas.Replicas`, whose process it reads from and ends with. `python -m hpsearch.training.replica`.
"""

import os
import signal
import struct
import sys

import torch
from pydantic import BaseModel, ConfigDict

from hpsearch.study.trial_config import TrialConfig
from hpsearch.training.blocks import Dropout
from hpsearch.training.device import configure_threads
from hpsearch.training.rebuild import rebuild_network
from hpsearch.training.shared_batch import share_batch
from hpsearch.training.step import Learning

ORDER = struct.Struct("<qq")
"""Images of the part, and a seed for the dropout of an epoch that begins, else -1."""
DONE = b"."


class Assignment(BaseModel):
    """What the process is to do: one line of JSON, and the network's weights behind it."""

    model_config = ConfigDict(frozen=True)

    config: TrialConfig
    bfloat16: bool
    threads: int
    most: int
    """Images of its part."""
    descriptor: int
    """Of the shared memory."""
    strides: tuple[tuple[int, ...], ...]
    """Of the network's parameters."""
    parts: int
    index: int = 0
    """Which of these parts is its own, from 0."""
    weights: int
    """Bytes that follow, as safetensors."""


def serve() -> None:
    """Learn from each part that it is told to, until there is nobody to tell it anything."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # it ends when the other does, which may have something to finish
    orders, answers = sys.stdin.buffer, os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever prints
    line = orders.readline()
    if not line:
        return
    assignment = Assignment.model_validate_json(line)
    config = assignment.config
    configure_threads(assignment.threads)
    network = rebuild_network(config, orders.read(assignment.weights), torch.device("cpu")).train()
    parts = share_batch(
        network,
        config.dataset,
        assignment.descriptor,
        parts=assignment.parts,
        most=assignment.most,
        strides=assignment.strides,
    )
    os.close(assignment.descriptor)
    part = parts[assignment.index]
    noise = torch.Generator()
    for module in network.modules():
        if isinstance(module, Dropout):
            module.generator = noise
    parameters = list(network.parameters())
    learn = Learning(config.recipe, assignment.bfloat16, config.teacher)
    while order := orders.read(ORDER.size):
        count, seed = ORDER.unpack(order)
        if seed >= 0:
            noise.manual_seed(seed)
        for parameter in parameters:
            parameter.grad = None
        part.loss[0] = learn(network, part.images[:count], part.labels[:count], part.answers[:count])
        for gradient, parameter in zip(part.gradients, parameters, strict=True):
            assert parameter.grad is not None
            gradient.copy_(parameter.grad)
        os.write(answers, DONE)


if __name__ == "__main__":
    serve()
