"""A network's weights as bytes, and back: the safetensors format, which holds no code."""

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from hpsearch.errors import InputError


def save_weights(network: nn.Module) -> bytes:
    """Weights and buffers (the norms' statistics, the input's mean and deviation) by their names in the network."""
    return save({name: flatten_memory(tensor) for name, tensor in network.state_dict().items()})


def load_weights(network: nn.Module, weights: bytes) -> None:
    """Write saved weights into a network of the same architecture; devices and memory formats stay.

    Raises:
        InputError: The bytes are no safetensors file or belong to another architecture.
    """
    try:
        network.load_state_dict(load(weights), strict=True)
    except (SafetensorError, RuntimeError) as error:
        raise InputError(f"these weights do not belong to this architecture: {error}") from error


def flatten_memory(tensor: Tensor) -> Tensor:
    """A copy on the CPU in row-major order, which is what safetensors takes."""
    return tensor.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
