"""Learning from a teacher: the answers of a trained network, computed once, as a part of the loss.

The teacher is fixed: it answers each training image as it is, whatever the student's augmentation makes of it, so that
its answers are one small table that lies on the device. A step looks them up by the rows of its batch, which a captured
CUDA graph can do as well.
"""

import torch
from torch import Tensor
from torch.nn import functional

from hpsearch.study.teacher import Teacher
from hpsearch.study.trial_config import TrialConfig
from hpsearch.training.evaluation import EVALUATION_BATCH_SIZE
from hpsearch.training.rebuild import rebuild_network

TeacherLogits = Tensor
"""What the teacher says of every training image: (n, classes)."""


def compute_logits(config: TrialConfig, weights: bytes, images: Tensor, device: torch.device) -> TeacherLogits:
    """A trained network's logits (n, classes) for images (n, channels, height, width) as bytes, on a device.

    In single precision, without dropout, with the norms' running statistics: they depend on weights and images alone.

    Raises:
        InputError: The weights do not belong to this configuration.
    """
    network = rebuild_network(config, weights, device)
    with torch.no_grad():
        batches = [network(batch.to(device)) for batch in torch.split(images, EVALUATION_BATCH_SIZE)]
    return torch.cat(batches)


class Distillation:
    """The teacher's part of the loss (Hinton et al., Distilling the Knowledge in a Neural Network, 2015)."""

    def __init__(self, teacher: Teacher, logits: TeacherLogits) -> None:
        """Take the teacher's `logits` (n, classes), a row a training image, on the device of the training."""
        self.temperature = teacher.temperature
        self.share = teacher.share
        self.log_probabilities = functional.log_softmax(logits.float() / teacher.temperature, 1)
        """Of the classes by the teacher, softened: (n, classes)."""

    def mix(self, loss: Tensor, logits: Tensor, rows: Tensor) -> Tensor:
        """(1 - share) * loss + share * T^2 * KL(teacher || student), both softened by the temperature T.

        Args:
            loss: The student's cross-entropy with the labels.
            logits: The student's (batch, classes), in single precision.
            rows: Which training images these are: (batch,).
        """
        student = functional.log_softmax(logits / self.temperature, 1)
        teacher = self.log_probabilities.index_select(0, rows)
        divergence = functional.kl_div(student, teacher, reduction="batchmean", log_target=True)
        return (1 - self.share) * loss + (self.share * self.temperature**2) * divergence
