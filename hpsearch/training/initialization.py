"""Initial weights: every random number of a new network comes from one generator."""

import math

import torch
from torch import Tensor, nn

from hpsearch.network.architecture import Activation
from hpsearch.study.recipe import Initialization

RANDOM_NORMAL_DEVIATION = 0.05
"""Of `random_normal`: what Keras's RandomNormal has."""

_LIKE_RELU: tuple[Activation, ...] = ("elu", "gelu", "silu", "relu6", "hard_swish")


def initialize(
    network: nn.Module, initialization: Initialization, activation: Activation, generator: torch.Generator
) -> None:
    """Draw the weights of all dense and convolution layers; norms start as the identity.

    Biases start at zero, or with `default` as PyTorch draws them: uniform in +-1 / sqrt(fan_in). Xavier (Glorot and
    Bengio, 2010) and Kaiming (He et al., 2015) are scaled by the gain of the activation that follows, the last layer's
    by 1. The modules are walked in their order, and each weight is drawn before its bias.
    """
    layers = [module for module in network.modules() if isinstance(module, nn.Linear | nn.Conv2d)]
    for layer in layers:
        gain = 1.0 if layer is layers[-1] else measure_gain(activation)
        _draw_weights(layer.weight, initialization, gain, generator)
        if layer.bias is None:
            continue
        if initialization == "default":
            bound = 1 / math.sqrt(_count_fan_in(layer.weight))
            nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
        else:
            nn.init.zeros_(layer.bias)


def measure_gain(activation: Activation) -> float:
    """PyTorch's gain where it has one; what is close to a ReLU gets a ReLU's."""
    return nn.init.calculate_gain("relu" if activation in _LIKE_RELU else activation)  # type: ignore[arg-type]


def _draw_weights(weight: Tensor, initialization: Initialization, gain: float, generator: torch.Generator) -> None:
    fan_in = _count_fan_in(weight)
    match initialization:
        case "default":
            nn.init.kaiming_uniform_(weight, a=math.sqrt(5), generator=generator)
        case "random_normal":
            nn.init.normal_(weight, 0.0, RANDOM_NORMAL_DEVIATION, generator=generator)
        case "xavier_uniform":
            nn.init.xavier_uniform_(weight, gain, generator=generator)
        case "xavier_normal":
            nn.init.xavier_normal_(weight, gain, generator=generator)
        case "kaiming_uniform":
            bound = gain * math.sqrt(3 / fan_in)
            nn.init.uniform_(weight, -bound, bound, generator=generator)
        case "kaiming_normal":
            nn.init.normal_(weight, 0.0, gain / math.sqrt(fan_in), generator=generator)


def _count_fan_in(weight: Tensor) -> int:
    """Values that one output sums over: of (outputs, inputs, ...), all but the first axis."""
    return weight[0].numel()
