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
    """What the teacher says of the images of a training."""

    def __init__(self, teacher: Teacher, logits: TeacherLogits) -> None:
        """Take the teacher's `logits` (n, classes), a row a training image, on the device of the training."""
        self._log_probabilities = functional.log_softmax(logits.float() / teacher.temperature, 1)

    def look_up(self, rows: Tensor) -> Tensor:
        """The logarithms of its softened probabilities (batch, classes) for these training images (batch,)."""
        return self._log_probabilities.index_select(0, rows)


def mix(teacher: Teacher, loss: Tensor, logits: Tensor, answers: Tensor) -> Tensor:
    """(1 - share) * loss + share * T^2 * KL(teacher || student), both softened by the temperature T.

    Source: Hinton et al., Distilling the Knowledge in a Neural Network, 2015.

    Args:
        teacher: Its temperature, and its share of the loss.
        loss: The student's cross-entropy with the labels.
        logits: The student's (batch, classes), in single precision.
        answers: What the teacher says of the same images, as `Distillation.look_up` gives it.
    """
    student = functional.log_softmax(logits / teacher.temperature, 1)
    divergence = functional.kl_div(student, answers, reduction="batchmean", log_target=True)
    return (1 - teacher.share) * loss + (teacher.share * teacher.temperature**2) * divergence
