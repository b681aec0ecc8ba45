"""Muon: momentum whose update of a weight matrix is made orthogonal (Jordan et al., 2024).

PyTorch's `torch.optim.Muon` takes matrices alone, and networks here are made of convolutions; it orthogonalizes in
bfloat16, which many a CPU computes slowly.
"""

from typing import Any

import torch
from torch import Tensor

NESTEROV_MOMENTUM = 0.95
_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
_ITERATIONS = 5
_ROOT_MEAN_SQUARE = 0.2
"""Of an update, about what AdamW's is, so that both take one learning rate (Liu et al., Muon is Scalable, 2025)."""


class Muon(torch.optim.AdamW):
    """Muon for the groups with `orthogonal=True`, AdamW for the others, with one learning rate and decoupled decay.

    A convolution's weight (outputs, inputs, height, width) is taken as a matrix with a row an output.
    """

    def __init__(self, groups: list[dict[str, Any]], lr: float | Tensor, *, fused: bool, capturable: bool) -> None:
        super().__init__(groups, lr, fused=fused, capturable=capturable)

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Change every weight that has a gradient."""
        for group in self.param_groups:
            if not group.get("orthogonal", False):
                continue
            for weight in group["params"]:
                gradient, weight.grad = weight.grad, None  # AdamW passes over a weight without
                if gradient is not None:
                    self._change(weight, gradient, group)
        super().step(closure)

    def _change(self, weight: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[weight]
        if not state:
            state["step"] = torch.zeros(())  # AdamW looks for one where it restores a state
            state["momentum_buffer"] = torch.zeros_like(weight)
        momentum = state["momentum_buffer"]
        momentum.lerp_(gradient, 1 - NESTEROV_MOMENTUM)
        direction = _as_matrix(gradient.lerp(momentum, NESTEROV_MOMENTUM))
        scale = _ROOT_MEAN_SQUARE * max(direction.shape) ** 0.5
        update = orthogonalize(direction).mul_(scale * group["lr"])
        weight.mul_(1 - group["lr"] * group["weight_decay"])
        _as_matrix(weight).sub_(update)


def _as_matrix(weight: Tensor) -> Tensor:
    """(outputs, everything else); a view of a dense weight, and of a convolution's that lies channels last."""
    if weight.ndim == 4 and weight.is_contiguous(memory_format=torch.channels_last):
        return weight.permute(0, 2, 3, 1).flatten(1)
    return weight.flatten(1)


def orthogonalize(matrix: Tensor) -> Tensor:
    """A matrix near U V^T, where U S V^T is the singular value decomposition of `matrix`; any shape (m, n).

    Five Newton-Schulz iterations with a quintic polynomial bring the singular values to between 0.7 and 1.2 or so.
    """
    a, b, c = _COEFFICIENTS
    is_tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if is_tall else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(_ITERATIONS):
        product = x @ x.T
        x = torch.addmm(x, torch.addmm(product, product, product, beta=b, alpha=c), x, beta=a)
    return x.T.contiguous() if is_tall else x
