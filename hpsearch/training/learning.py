"""What images teach a network: the loss of a part of a batch, and its gradients."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from hpsearch.study.recipe import Recipe
from hpsearch.study.teacher import Teacher
from hpsearch.training.distillation import mix
from hpsearch.training.optimizers import split_parameters


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
