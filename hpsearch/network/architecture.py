"""Architectures: every layer's width, kernel, stride, padding, pool, activation, norm and place of dropout.

An architecture does not hold its input: the same one may be built for any image shape and number of classes.
A layer that a batch norm follows has no bias of its own (the norm's shift does that job).
"""

import math
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
)

from hpsearch.dataset import InputShape
from hpsearch.network.layers import (
    LayerSummary,
    convolve_shape,
    count_batch_norm_weights,
    count_dense_weights,
)
from hpsearch.network.stages import CnnStage, Convolution, Width, list_convolutions, walk_pool

Arch = Literal["fcn", "cnn"]
Activation = Literal["relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid", "relu6", "hard_swish"]
Head = Literal["global_average", "flatten"]
DropoutPlace = Literal["head", "everywhere"]

_FROZEN = ConfigDict(frozen=True, extra="forbid")


class _Architecture(BaseModel):
    """What both families share: counting by walking over the layers."""

    model_config = _FROZEN

    activation: Activation = "relu"
    batch_norm: bool = True

    def walk_layers(self, input_shape: InputShape, class_count: int) -> Iterator[LayerSummary]:
        """Walk over the layers from the image to the logits, one row each.

        Raises:
            ArchitectureError: An image of `input_shape` does not survive to the last layer.
        """
        raise NotImplementedError

    def count_weights(self, input_shape: InputShape, class_count: int) -> int:
        """Every trainable parameter, in closed form."""
        return sum(layer.weights for layer in self.walk_layers(input_shape, class_count))

    def count_macs(self, input_shape: InputShape, class_count: int) -> int:
        """Multiply-accumulates of one forward pass over one image, in closed form."""
        return sum(layer.macs for layer in self.walk_layers(input_shape, class_count))

    def count_values(self, input_shape: InputShape, class_count: int) -> int:
        """Numbers that convolutions and dense layers give for one image: what norms and activations pass over."""
        layers = self.walk_layers(input_shape, class_count)
        return sum(math.prod(layer.output_shape) for layer in layers if layer.macs)

    def _norm(self, name: str, shape: tuple[int, ...]) -> Iterator[LayerSummary]:
        if self.batch_norm:
            yield LayerSummary(f"{name} norm", "batch norm", shape, count_batch_norm_weights(shape[0]), 0)


class FcnArchitecture(_Architecture):
    """A fully connected network: dense layers of the given widths, then one to the classes.

    Every hidden layer is dense, [batch norm], activation, dropout; the image itself may have dropout too.
    """

    arch: Literal["fcn"] = "fcn"
    widths: Annotated[tuple[Width, ...], Field(min_length=1, max_length=32)]

    def walk_layers(self, input_shape: InputShape, class_count: int) -> Iterator[LayerSummary]:
        """Walk over the dense layers and norms; the input is flattened first."""
        inputs = input_shape.size
        for position, width in enumerate(self.widths, start=1):
            weights = count_dense_weights(inputs, width, bias=not self.batch_norm)
            yield LayerSummary(f"dense {position}", f"dense {inputs} -> {width}", (width,), weights, inputs * width)
            yield from self._norm(f"dense {position}", (width,))
            inputs = width
        yield _walk_output(inputs, class_count)

    def describe(self) -> str:
        """In words, without input and classes: `112-106 relu, batch norm`."""
        return f"{'-'.join(str(width) for width in self.widths)} {self.activation}{_describe_norm(self.batch_norm)}"


class CnnArchitecture(_Architecture):
    """A convolutional network: stages of blocks, then a head.

    The head averages every channel (`global_average`) or takes all values (`flatten`), then has dense layers of the
    given widths with activation and dropout, and one to the classes. The norms are in the stages alone.
    """

    arch: Literal["cnn"] = "cnn"
    stages: Annotated[tuple[CnnStage, ...], Field(min_length=1, max_length=16)]
    head: Head = "global_average"
    dense: Annotated[tuple[Width, ...], Field(max_length=8)] = ()
    dropout_place: DropoutPlace = "head"
    """`head`: before every dense layer. `everywhere`: after every stage as well, whole channels at a time."""

    def walk_layers(self, input_shape: InputShape, class_count: int) -> Iterator[LayerSummary]:
        """Walk over convolutions, norms, pools and dense layers."""
        shape = input_shape
        for position, stage in enumerate(self.stages, start=1):
            for index, channels in enumerate(stage.channels, start=1):
                stride = stage.stride if index == 1 else 1
                name = f"stage {position}" if len(stage.channels) == 1 else f"stage {position} block {index}"
                inner = convolve_shape(shape, channels, stage.kernel, stride, stage.padding)
                convolutions = list_convolutions(stage, shape.channels, channels, stride)
                for convolution in convolutions:
                    image = shape if convolution.takes_image else inner
                    full_name = f"{name} {convolution.name}".rstrip()
                    yield self._walk_convolution(full_name, image, convolution)
                    normalized = convolution.shape_output(image)
                    is_last = index == len(stage.channels) and convolution is convolutions[-1]
                    if is_last and stage.pools_before_norm:
                        normalized = stage.shape_pooled(inner)
                        yield from walk_pool(position, stage, normalized)
                    yield from self._norm(full_name, tuple(normalized))
                shape = inner
            shape = stage.shape_pooled(shape)
            if not stage.pools_before_norm:
                yield from walk_pool(position, stage, shape)
        yield from self._walk_head(shape, class_count)

    def count_weights(self, input_shape: InputShape, class_count: int) -> int:
        """Every trainable parameter, in closed form; a search asks this hundreds of times for one network."""
        total, shape = 0, input_shape
        for stage in self.stages:
            for index, channels in enumerate(stage.channels):
                stride = stage.stride if index == 0 else 1
                for convolution in list_convolutions(stage, shape.channels, channels, stride):
                    total += convolution.count_weights(batch_norm=self.batch_norm)
                    total += count_batch_norm_weights(convolution.outputs) if self.batch_norm else 0
                shape = convolve_shape(shape, channels, stage.kernel, stride, stage.padding)
            shape = stage.shape_pooled(shape)
        return total + sum(layer.weights for layer in self._walk_head(shape, class_count))

    def describe(self) -> str:
        """In words: the stages, the head, the activation, and dropout where it is not before the dense layers alone."""
        head = "global average" if self.head == "global_average" else "flatten"
        dense = "".join(f" -> dense {width}" for width in self.dense)
        stages = "; ".join(stage.describe() for stage in self.stages)
        dropout = ", dropout place everywhere" if self.dropout_place == "everywhere" else ""
        return f"{stages}; {head}{dense}; {self.activation}{_describe_norm(self.batch_norm)}{dropout}"

    def _walk_convolution(self, name: str, shape: InputShape, convolution: Convolution) -> LayerSummary:
        inputs, outputs, kernel = convolution.inputs, convolution.outputs, convolution.kernel
        output = convolution.shape_output(shape)
        macs = output.height * output.width * outputs * (inputs // convolution.groups) * kernel * kernel
        kind = "depthwise" if convolution.groups > 1 else "convolution"
        stride_text = f" /{convolution.stride}" if convolution.stride > 1 else ""
        description = f"{kind} {kernel}x{kernel} {inputs} -> {outputs}{stride_text} {convolution.padding}"
        weights = convolution.count_weights(batch_norm=self.batch_norm)
        return LayerSummary(name, description, tuple(output), weights, macs)

    def _walk_head(self, shape: InputShape, class_count: int) -> Iterator[LayerSummary]:
        inputs = shape.channels if self.head == "global_average" else shape.size
        yield LayerSummary("head", self.head.replace("_", " "), (inputs,), 0, 0)
        for position, width in enumerate(self.dense, start=1):
            weights = count_dense_weights(inputs, width)
            yield LayerSummary(f"dense {position}", f"dense {inputs} -> {width}", (width,), weights, inputs * width)
            inputs = width
        yield _walk_output(inputs, class_count)


Architecture = Annotated[FcnArchitecture | CnnArchitecture, Field(discriminator="arch")]


def _walk_output(inputs: int, class_count: int) -> LayerSummary:
    weights = count_dense_weights(inputs, class_count)
    return LayerSummary("output", f"dense {inputs} -> {class_count}", (class_count,), weights, inputs * class_count)


def _describe_norm(batch_norm: bool) -> str:
    return ", batch norm" if batch_norm else ""
