"""A trained network as arrays see it: bytes in, logits out, no tensors."""

import numpy as np
import torch

from hpsearch.study.trial_config import TrialConfig
from hpsearch.training.data.byte_arrays import ByteArray, FloatArray
from hpsearch.training.evaluation import EVALUATION_BATCH_SIZE
from hpsearch.training.rebuild import rebuild_network


class TrainedNetwork:
    """A network with its trained weights, on the CPU, in single precision."""

    def __init__(self, config: TrialConfig, weights: bytes) -> None:
        """Build the network and load its weights, as safetensors. Raises InputError where they do not fit."""
        self._network = rebuild_network(config, weights, torch.device("cpu"))

    def compute_logits(self, images: ByteArray) -> FloatArray:
        """Images (n, channels, height, width) as bytes -> logits (n, classes)."""
        with torch.inference_mode():
            mine = np.require(images, requirements=("C", "W"))  # a picture's array may be read only
            batches = torch.split(torch.from_numpy(mine), EVALUATION_BATCH_SIZE)
            logits: FloatArray = torch.cat([self._network(batch) for batch in batches]).numpy()
        return logits
