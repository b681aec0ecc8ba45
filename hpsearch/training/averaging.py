"""An exponential moving average of the weights over the steps."""

import torch
from torch import Tensor, nn


class WeightAverage:
    """The average of a network's weights and norm statistics that remembers about one epoch.

    The sums start at zero and are divided by 1 - decay^steps when they are read (as Adam's moments are), so that the
    initial weights have no part in it and a step has the same arithmetic wherever it stands.
    """

    def __init__(self, network: nn.Module, steps_per_epoch: int) -> None:
        self.decay = 1 - 1 / max(steps_per_epoch, 2)
        self.sources = _list_averaged(network)
        self.sums = [torch.zeros_like(source) for source in self.sources]

    def update(self) -> None:
        """Take the network's weights of now into the sums."""
        with torch.no_grad():
            torch._foreach_lerp_(self.sums, self.sources, 1 - self.decay)

    def write(self, network: nn.Module, steps: int) -> None:
        """Write the average over the first `steps` steps into another network of the same architecture."""
        share = 1 - self.decay**steps
        with torch.no_grad():
            for target, source in zip(_list_averaged(network), self.sums, strict=True):
                target.copy_(source / share)


def _list_averaged(network: nn.Module) -> list[Tensor]:
    """Weights and the norms' running statistics."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)]
    statistics = [tensor for norm in norms for tensor in (norm.running_mean, norm.running_var) if tensor is not None]
    return [tensor.detach() for tensor in (*network.parameters(), *statistics)]
