"""Optimizers: PyTorch's own, with the fused kernels where it has them, and Muon."""

from typing import Any, assert_never

import torch
from torch import Tensor, nn

from hpsearch.study.recipe import Recipe
from hpsearch.training.muon import Muon


def split_parameters(network: nn.Module) -> tuple[list[Tensor], list[Tensor]]:
    """(weights of dense and convolution layers, biases and norms): penalties apply to the first alone."""
    penalized: list[Tensor] = []
    free: list[Tensor] = []
    for parameter in network.parameters():
        (penalized if parameter.ndim > 1 else free).append(parameter)
    return penalized, free


def build_optimizer(recipe: Recipe, network: nn.Module, device: torch.device) -> torch.optim.Optimizer:
    """The recipe's optimizer over groups: with weight decay, and without for biases and norms; Muon has one more.

    On CUDA the learning rate is a tensor on the device, so that a captured step reads each new value.
    """
    penalized, free = split_parameters(network)
    matrices = _select_matrices(penalized) if recipe.optimizer == "muon" else []
    chosen = {id(weight) for weight in matrices}
    groups: list[dict[str, Any]] = [
        {"params": matrices, "weight_decay": recipe.weight_decay, "orthogonal": True},
        {"params": [weight for weight in penalized if id(weight) not in chosen], "weight_decay": recipe.weight_decay},
        {"params": free, "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    on_cuda = device.type == "cuda"
    lr = torch.tensor(recipe.lr, device=device) if on_cuda else recipe.lr
    fused = device.type in ("cpu", "cuda")
    match recipe.optimizer:
        case "sgd":
            nesterov = recipe.nesterov and recipe.momentum > 0
            return torch.optim.SGD(groups, lr, recipe.momentum, nesterov=nesterov, fused=fused)
        case "adam":
            return torch.optim.Adam(groups, lr, fused=fused, capturable=on_cuda)
        case "adamw":
            return torch.optim.AdamW(groups, lr, fused=fused, capturable=on_cuda)
        case "rmsprop":
            return torch.optim.RMSprop(groups, lr, momentum=recipe.momentum, foreach=True, capturable=on_cuda)
        case "adagrad":
            return torch.optim.Adagrad(groups, recipe.lr, fused=device.type == "cpu")
        case "muon":
            return Muon(groups, lr, fused=fused, capturable=on_cuda)
        case _:
            assert_never(recipe.optimizer)


def _select_matrices(penalized: list[Tensor]) -> list[Tensor]:
    """What Muon is for: weights between two layers of channels or units.

    Not the last layer, not the convolution that sees the pixels, and no depthwise one, which mixes no channels.
    """
    hidden = enumerate(penalized[:-1])
    return [weight for position, weight in hidden if weight.ndim == 2 or (position > 0 and weight.shape[1] > 1)]


def set_lr(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Set the learning rate of the next step, in place where it lives on a device."""
    for group in optimizer.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(lr)
        else:
            group["lr"] = lr
