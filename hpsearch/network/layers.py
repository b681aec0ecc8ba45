"""Closed forms for one layer at a time: its weights, its multiply-accumulates (MACs), the shape it gives.

A dense layer from n_in to n_out holds (n_in + 1) n_out weights, a convolution of kernel k from c_in to c_out channels
in g groups (c_in / g k k + 1) c_out, a batch norm over c channels 2 c. MACs are counted for dense layers and
convolutions, per image: the products of a forward pass, as the usual hook-based counters have it; biases, norms,
activations and pools are left out.
"""

from typing import NamedTuple

from hpsearch.dataset import InputShape
from hpsearch.errors import InputError


class LayerSummary(NamedTuple):
    """One row of the table that lets a person check a count by hand."""

    name: str
    description: str
    output_shape: tuple[int, ...]
    """Of one image: (channels, height, width), or (features,)."""
    weights: int
    macs: int

    def write_cells(self) -> tuple[str, ...]:
        """The row as text: name, description, output shape, weights, MACs; a count of none is left empty."""
        shape = "x".join(str(length) for length in self.output_shape)
        counts = (f"{count:,}" if count else "" for count in (self.weights, self.macs))
        return (self.name, self.description, shape, *counts)


class ArchitectureError(InputError):
    """An architecture that its input does not allow."""


def count_dense_weights(inputs: int, outputs: int, *, bias: bool = True) -> int:
    """Weights of a dense layer: (inputs + 1) outputs, or inputs * outputs without a bias."""
    return (inputs + bias) * outputs


def count_convolution_weights(inputs: int, outputs: int, kernel: int, *, groups: int = 1, bias: bool = True) -> int:
    """Weights of a square convolution: (inputs / groups * kernel^2 + 1) outputs."""
    return (inputs // groups * kernel * kernel + bias) * outputs


def count_batch_norm_weights(channels: int) -> int:
    """Trainable parameters of a batch norm: a scale and a shift a channel."""
    return 2 * channels


def convolve_length(length: int, kernel: int, stride: int, padding: str) -> int:
    """The output length of a convolution along one axis.

    `same` pads so that only the stride shrinks: ceil(length / stride). `valid` pads nothing:
    floor((length - kernel) / stride) + 1, below 1 where the kernel does not fit.
    """
    if padding == "same":
        return (length - 1) // stride + 1
    return (length - kernel) // stride + 1


def pool_length(length: int, size: int, stride: int) -> int:
    """The output length of an unpadded pool along one axis: floor((length - size) / stride) + 1."""
    return (length - size) // stride + 1


def convolve_shape(shape: InputShape, channels: int, kernel: int, stride: int, padding: str) -> InputShape:
    """The shape after a convolution.

    Raises:
        ArchitectureError: Nothing is left of the image.
    """
    height = convolve_length(shape.height, kernel, stride, padding)
    width = convolve_length(shape.width, kernel, stride, padding)
    if height < 1 or width < 1:
        raise ArchitectureError(
            f"a {kernel}x{kernel} convolution without padding does not fit an image of {shape.height}x{shape.width}: "
            "use padding same, a smaller kernel or fewer stages"
        )
    return InputShape(channels, height, width)


def pool_shape(shape: InputShape, size: int, stride: int) -> InputShape:
    """The shape after a pool.

    Raises:
        ArchitectureError: Nothing is left of the image.
    """
    height, width = pool_length(shape.height, size, stride), pool_length(shape.width, size, stride)
    if height < 1 or width < 1:
        raise ArchitectureError(
            f"a {size}x{size} pool does not fit an image of {shape.height}x{shape.width}: use fewer pools or stages"
        )
    return InputShape(shape.channels, height, width)
