"""A trained network again, from its configuration and its stored weights."""

import torch
from torch import nn

from hpsearch.study.trial_config import TrialConfig
from hpsearch.training.networks import build_network
from hpsearch.training.weights import load_weights


def rebuild_network(config: TrialConfig, weights: bytes, device: torch.device) -> nn.Module:
    """The network of a trial with its trained weights, ready to evaluate: images (n, channels, height, width).

    Raises:
        InputError: The weights do not belong to this configuration.
    """
    network = build_network(
        config.architecture,
        config.dataset.input_shape,
        config.dataset.class_count,
        dropout=config.recipe.dropout,
        input_dropout=config.recipe.input_dropout,
    )
    load_weights(network, weights)
    return network.to(device).eval()
