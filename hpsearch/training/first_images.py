"""A warning where a trained network is given pixels of another range than those that it was trained on."""

import warnings
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from hpsearch.training.rebuild import Network


def watch_first_images(network: "Network") -> "Network":
    """The same network, which looks at the first images that it is given: shares of 1 are as good as black to it."""
    network.register_forward_pre_hook(_FirstImages())
    return network


class _FirstImages:
    def __init__(self) -> None:
        self._has_looked = False

    def __call__(self, _network: torch.nn.Module, given: tuple[torch.Tensor, ...]) -> None:
        if self._has_looked or torch.compiler.is_compiling():
            return
        self._has_looked = True
        images = given[0]
        if images.is_floating_point() and images.numel() and float(images.max()) <= 1:
            warnings.warn(
                f"these images hold floats up to {float(images.max()):g}, and this network takes pixels from 0 to 255, "
                "which it normalizes itself: multiply them by 255, or give bytes",
                stacklevel=5,
            )
