"""Images with their labels, as tensors of bytes."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch

from hpsearch.training.data.byte_arrays import ByteArray, IntegerArray


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """Images and the class of each, in one order.

    `images` is a uint8 tensor (n, channels, height, width), `labels` an int64 tensor (n,). Raises ValueError for
    anything else: whoever builds this has checked a person's data before.
    """

    images: torch.Tensor
    labels: torch.Tensor

    def __post_init__(self) -> None:
        if self.images.dtype != torch.uint8 or self.images.ndim != 4:
            raise ValueError(f"images are uint8 (n, c, h, w), not {self.images.dtype} {tuple(self.images.shape)}")
        if self.labels.dtype != torch.int64 or self.labels.shape != self.images.shape[:1]:
            raise ValueError(f"labels are int64 (n,), not {self.labels.dtype} {tuple(self.labels.shape)}")

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def from_arrays(cls, images: ByteArray, labels: IntegerArray) -> Self:
        """The same as tensors; `images` (n, c, h, w) and `labels` (n,) share their memory where that can be done."""
        return cls(torch.from_numpy(np.ascontiguousarray(images)), torch.from_numpy(np.ascontiguousarray(labels)))

    def move_to(self, device: torch.device) -> Self:
        """The same images and labels on a device."""
        return type(self)(self.images.to(device), self.labels.to(device))

    def select(self, indices: IntegerArray) -> Self:
        """The images at `indices` (m,), copied, in that order."""
        chosen = torch.from_numpy(indices)
        return type(self)(self.images[chosen], self.labels[chosen])
