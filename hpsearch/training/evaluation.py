"""How good a network is on labelled images."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

EVALUATION_BATCH_SIZE = 256
"""Images in a batch; the measures do not depend on it."""


@dataclass(frozen=True)
class Evaluation:
    """The measures of one pass over labelled images."""

    loss: float
    """Mean cross-entropy, without label smoothing and penalties."""
    accuracy: float
    """The share of images whose largest logit is their label's, 0 to 1."""
    confusion: tuple[tuple[int, ...], ...]
    """confusion[label][predicted]: how many images."""


def evaluate(network: nn.Module, images: Tensor, labels: Tensor, device: torch.device | None = None) -> Evaluation:
    """Evaluate in single precision, without dropout, with the norms' running statistics.

    Images are bytes (n, channels, height, width), labels int64 (n,). The network is moved nowhere: `device` is where it
    lies and where the batches go, by default where the images are. Its training mode is as before afterwards.
    """
    device = images.device if device is None else device
    was_training = network.training
    network.eval()
    losses: list[Tensor] = []
    cells: list[Tensor] = []
    with torch.inference_mode():
        for start in range(0, len(images), EVALUATION_BATCH_SIZE):
            rows = slice(start, start + EVALUATION_BATCH_SIZE)
            batch_labels = labels[rows].to(device)
            logits = network(images[rows].to(device))
            losses.append(functional.cross_entropy(logits, batch_labels, reduction="sum"))
            class_count = logits.shape[1]
            cells.append(batch_labels * class_count + logits.argmax(1))
        counts = torch.bincount(torch.cat(cells), minlength=class_count**2).view(class_count, class_count).cpu()
        loss = torch.stack(losses).cpu().double().sum().item() / len(images)
    network.train(was_training)
    accuracy = counts.diagonal().sum().item() / len(images)
    return Evaluation(loss, accuracy, tuple(tuple(row) for row in counts.tolist()))
