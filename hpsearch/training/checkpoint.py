"""A training's state as bytes: named tensors and the number of epochs done, in the safetensors format."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from hpsearch.errors import InputError
from hpsearch.study.trial_config import TrialConfig
from hpsearch.training.weights import flatten_memory


@dataclass(frozen=True)
class Checkpoint:
    """What training needs to go on after an epoch."""

    epochs_done: int
    tensors: dict[str, Tensor]
    """On the CPU, in row-major order."""

    def select(self, prefix: str) -> dict[str, Tensor]:
        """The tensors whose name begins with `prefix` and a dot, without them."""
        start = f"{prefix}."
        return {name.removeprefix(start): tensor for name, tensor in self.tensors.items() if name.startswith(start)}


def pack_checkpoint(config: TrialConfig, epochs_done: int, tensors: dict[str, Tensor]) -> bytes:
    """Write the state after `epochs_done` epochs of this trial."""
    flat = {name: flatten_memory(tensor) for name, tensor in tensors.items()}
    return save(flat, {"epochs_done": str(epochs_done), "config": _hash_config(config)})


def unpack_checkpoint(config: TrialConfig, checkpoint: bytes) -> Checkpoint:
    """Read it back.

    Raises:
        InputError: The bytes are no checkpoint, or one of another trial.
    """
    try:
        tensors = load(checkpoint)
        header_length = int.from_bytes(checkpoint[:8], "little")
        metadata = json.loads(checkpoint[8 : 8 + header_length])["__metadata__"]
        epochs_done, config_hash = int(metadata["epochs_done"]), metadata["config"]
    except (SafetensorError, KeyError, ValueError) as error:
        raise InputError(f"these {len(checkpoint)} bytes are no checkpoint of a trial: {error}") from error
    if config_hash != _hash_config(config):
        raise InputError("this checkpoint belongs to another trial: its configuration differs")
    return Checkpoint(epochs_done, tensors)


def list_optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Every tensor of the optimizer's state, named `<parameter's index>.<name>`; all other state is the recipe's."""
    state: dict[int, dict[str, Any]] = optimizer.state_dict()["state"]
    return {
        f"{index}.{name}": value
        for index, values in state.items()
        for name, value in values.items()
        if isinstance(value, Tensor)
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Write listed tensors into a new optimizer of the same recipe."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        index, name = key.split(".", 1)
        state.setdefault(int(index), {})[name] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    for parameter, values in optimizer.state.items():
        for name, value in values.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape and value.ndim > 0:
                # Fused kernels walk over memory, so that a moment must lie as its weight does.
                values[name] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)


def _hash_config(config: TrialConfig) -> str:
    return hashlib.sha256(config.model_dump_json().encode()).hexdigest()
