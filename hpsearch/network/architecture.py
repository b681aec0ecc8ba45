"""Architectures: every layer's width, kernel, stride, padding, pool, activation, norm and place of dropout.

An architecture does not hold its input: the same one may be built for any image shape and number of classes.
A layer that a batch norm follows has no bias of its own (the norm's shift does that job).
"""

import math
from collections.abc import Iterator
from typing import Annotated, Literal, NamedTuple, Self, assert_never

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    model_validator,
)

from hpsearch.dataset import InputShape
from hpsearch.network.budget import MAXIMUM_BUDGET_WEIGHTS
from hpsearch.network.layers import (
    LayerSummary,
    convolve_shape,
    count_batch_norm_weights,
    count_convolution_weights,
    count_dense_weights,
    pool_shape,
)

Arch = Literal["fcn", "cnn"]
Activation = Literal["relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid", "relu6", "hard_swish"]
Block = Literal["plain", "separable", "residual"]
Padding = Literal["same", "valid"]
PoolKind = Literal["max", "average"]
PoolPlace = Literal["last", "before_norm"]
Head = Literal["global_average", "flatten"]
DropoutPlace = Literal["head", "everywhere"]

Width = Annotated[int, Field(ge=1, le=MAXIMUM_BUDGET_WEIGHTS)]
Kernel = Annotated[int, Field(ge=1, le=15)]
Stride = Annotated[int, Field(ge=1, le=8)]

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


class Pool(BaseModel):
    """A pool without padding over size x size windows."""

    model_config = _FROZEN

    kind: PoolKind = "max"
    size: Annotated[int, Field(ge=1, le=8)] = 2
    stride: Stride = 2


class CnnStage(BaseModel):
    """A run of blocks at one resolution, the first of which may stride, and perhaps a pool behind or in the last.

    - plain: convolution, [norm], activation.
    - separable: depthwise convolution, [norm], activation, pointwise convolution, [norm], activation.
    - residual: convolution, [norm], activation, convolution, [norm], plus the block's input (through a pointwise
      convolution with its norm where the channels or the resolution change), activation.
    """

    model_config = _FROZEN

    block: Block = "plain"
    channels: Annotated[tuple[Width, ...], Field(min_length=1, max_length=64)]
    """Output channels of each block."""
    kernel: Kernel = 3
    stride: Stride = 1
    """Of the first block; the others have stride 1."""
    padding: Padding = "same"
    pool: Pool | None = None
    # Not written where it is the default: what was stored before it was there stays the same.
    pool_place: Annotated[PoolPlace, Field(exclude_if=lambda place: place == "last")] = "last"
    """`last`: behind the last block. `before_norm`: behind that block's last convolution, so that norm and activation
    see what is left of the values; in a residual block behind the sum, before the activation."""

    @model_validator(mode="after")
    def _residual_blocks_keep_their_size(self) -> Self:
        if self.block == "residual" and self.padding == "valid":
            raise ValueError("padding 'valid' does not go with block 'residual': the sum needs equal sizes; use 'same'")
        return self

    @model_validator(mode="after")
    def _a_place_is_that_of_a_pool(self) -> Self:
        if self.pool is None and self.pool_place != "last":
            raise ValueError(
                f"pool_place {self.pool_place!r} goes with a pool only: give the stage one, or leave it out"
            )
        return self

    @property
    def pools_before_norm(self) -> bool:
        """Whether the pool stands between the last convolution and its norm."""
        return self.pool is not None and self.pool_place == "before_norm" and self.block != "residual"

    def shape_pooled(self, shape: InputShape) -> InputShape:
        """The shape behind the stage's pool; without one the shape itself.

        Raises:
            ArchitectureError: Nothing is left of the image.
        """
        return shape if self.pool is None else pool_shape(shape, self.pool.size, self.pool.stride)

    def describe(self) -> str:
        """In words: `residual 3x3 [32, 32] /2, max pool 2`."""
        channels = self.channels[0] if len(self.channels) == 1 else list(self.channels)
        text = f"{self.block} {self.kernel}x{self.kernel} {channels}"
        text += f" /{self.stride}" if self.stride > 1 else ""
        text += " valid" if self.padding == "valid" else ""
        place = {
            "last": "",
            "before_norm": " before the activation" if self.block == "residual" else " before the norm",
        }
        return text + (f", {self.pool.kind} pool {self.pool.size}{place[self.pool_place]}" if self.pool else "")


class _Convolution(NamedTuple):
    """One convolution of a block, wherever the block stands."""

    name: str
    """Within its block; empty where it is alone."""
    inputs: int
    outputs: int
    kernel: int
    stride: int
    padding: Padding
    takes_image: bool = True
    """Whether it takes what the block takes, not what the block's first convolution gives."""
    groups: int = 1

    def count_weights(self, *, batch_norm: bool) -> int:
        """Its own weights; a norm after it takes the place of its bias."""
        return count_convolution_weights(
            self.inputs, self.outputs, self.kernel, groups=self.groups, bias=not batch_norm
        )

    def shape_output(self, shape: InputShape) -> InputShape:
        """The shape that it gives for this one."""
        return convolve_shape(shape, self.outputs, self.kernel, self.stride, self.padding)


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
                convolutions = _list_convolutions(stage, shape.channels, channels, stride)
                for convolution in convolutions:
                    image = shape if convolution.takes_image else inner
                    full_name = f"{name} {convolution.name}".rstrip()
                    yield self._walk_convolution(full_name, image, convolution)
                    normalized = convolution.shape_output(image)
                    is_last = index == len(stage.channels) and convolution is convolutions[-1]
                    if is_last and stage.pools_before_norm:
                        normalized = stage.shape_pooled(inner)
                        yield from _walk_pool(position, stage, normalized)
                    yield from self._norm(full_name, tuple(normalized))
                shape = inner
            shape = stage.shape_pooled(shape)
            if not stage.pools_before_norm:
                yield from _walk_pool(position, stage, shape)
        yield from self._walk_head(shape, class_count)

    def count_weights(self, input_shape: InputShape, class_count: int) -> int:
        """Every trainable parameter, in closed form; a search asks this hundreds of times for one network."""
        total, shape = 0, input_shape
        for stage in self.stages:
            for index, channels in enumerate(stage.channels):
                stride = stage.stride if index == 0 else 1
                for convolution in _list_convolutions(stage, shape.channels, channels, stride):
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

    def _walk_convolution(self, name: str, shape: InputShape, convolution: _Convolution) -> LayerSummary:
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


def needs_projection(inputs: int, channels: int, stride: int) -> bool:
    """Whether a residual block's input must be reshaped before it can be added to the block's output."""
    return inputs != channels or stride != 1


def _list_convolutions(stage: CnnStage, inputs: int, channels: int, stride: int) -> tuple[_Convolution, ...]:
    kernel, padding = stage.kernel, stage.padding
    match stage.block:
        case "plain":
            return (_Convolution("", inputs, channels, kernel, stride, padding),)
        case "separable":
            return (
                _Convolution("depthwise", inputs, inputs, kernel, stride, padding, groups=inputs),
                _Convolution("pointwise", inputs, channels, 1, 1, "same", takes_image=False),
            )
        case "residual":
            first = _Convolution("first", inputs, channels, kernel, stride, padding)
            second = _Convolution("second", channels, channels, kernel, 1, padding, takes_image=False)
            if not needs_projection(inputs, channels, stride):
                return first, second
            return first, second, _Convolution("skip", inputs, channels, 1, stride, "same")
        case _:
            assert_never(stage.block)


def _walk_pool(position: int, stage: CnnStage, shape: InputShape) -> Iterator[LayerSummary]:
    """The row of a stage's pool, which gives this shape."""
    if stage.pool is not None:
        window = f"{stage.pool.size}x{stage.pool.size} /{stage.pool.stride}"
        yield LayerSummary(f"stage {position} pool", f"{stage.pool.kind} pool {window}", tuple(shape), 0, 0)


def _walk_output(inputs: int, class_count: int) -> LayerSummary:
    weights = count_dense_weights(inputs, class_count)
    return LayerSummary("output", f"dense {inputs} -> {class_count}", (class_count,), weights, inputs * class_count)


def _describe_norm(batch_norm: bool) -> str:
    return ", batch norm" if batch_norm else ""
