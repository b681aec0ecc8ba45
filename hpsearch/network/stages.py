"""The stages of a convolutional network: blocks at one resolution, their convolutions, and perhaps a pool."""

from collections.abc import Iterator
from typing import Annotated, Literal, NamedTuple, Self, assert_never

from pydantic import BaseModel, ConfigDict, Field, model_validator

from hpsearch.dataset import InputShape
from hpsearch.network.budget import MAXIMUM_BUDGET_WEIGHTS
from hpsearch.network.layers import LayerSummary, convolve_shape, count_convolution_weights, pool_shape

Block = Literal["plain", "separable", "residual"]
Padding = Literal["same", "valid"]
PoolKind = Literal["max", "average"]
PoolPlace = Literal["last", "before_norm"]

Width = Annotated[int, Field(ge=1, le=MAXIMUM_BUDGET_WEIGHTS)]
Kernel = Annotated[int, Field(ge=1, le=15)]
Stride = Annotated[int, Field(ge=1, le=8)]

_FROZEN = ConfigDict(frozen=True, extra="forbid")


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


class Convolution(NamedTuple):
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


def needs_projection(inputs: int, channels: int, stride: int) -> bool:
    """Whether a residual block's input must be reshaped before it can be added to the block's output."""
    return inputs != channels or stride != 1


def list_convolutions(stage: CnnStage, inputs: int, channels: int, stride: int) -> tuple[Convolution, ...]:
    """The convolutions of one of a stage's blocks, in the order in which they are run; a skip's comes last."""
    kernel, padding = stage.kernel, stage.padding
    match stage.block:
        case "plain":
            return (Convolution("", inputs, channels, kernel, stride, padding),)
        case "separable":
            return (
                Convolution("depthwise", inputs, inputs, kernel, stride, padding, groups=inputs),
                Convolution("pointwise", inputs, channels, 1, 1, "same", takes_image=False),
            )
        case "residual":
            first = Convolution("first", inputs, channels, kernel, stride, padding)
            second = Convolution("second", channels, channels, kernel, 1, padding, takes_image=False)
            if not needs_projection(inputs, channels, stride):
                return first, second
            return first, second, Convolution("skip", inputs, channels, 1, stride, "same")
        case _:
            assert_never(stage.block)


def walk_pool(position: int, stage: CnnStage, shape: InputShape) -> Iterator[LayerSummary]:
    """The row of a stage's pool, which gives this shape."""
    if stage.pool is not None:
        window = f"{stage.pool.size}x{stage.pool.size} /{stage.pool.stride}"
        yield LayerSummary(f"stage {position} pool", f"{stage.pool.kind} pool {window}", tuple(shape), 0, 0)
