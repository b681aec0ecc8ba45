"""Shapes: an architecture but for its widths, of which only the ratios are given.

A shape is what a search draws; `hpsearch.network.solver.solve` then finds the widths that a budget allows.
"""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from hpsearch.network.architecture import Activation, CnnArchitecture, DropoutPlace, FcnArchitecture, Head
from hpsearch.network.stages import Block, CnnStage, Kernel, Padding, Pool, PoolPlace, Stride

Ratio = Annotated[float, Field(gt=0, allow_inf_nan=False)]
"""A width relative to the others; only the proportions count, so that any scale will do."""

WidthMultiple = Annotated[int, Field(ge=1, le=64)]

_FROZEN = ConfigDict(frozen=True, extra="forbid")


class FcnShape(BaseModel):
    """A fully connected network of `len(ratios)` hidden layers."""

    model_config = _FROZEN

    arch: Literal["fcn"] = "fcn"
    ratios: Annotated[tuple[Ratio, ...], Field(min_length=1, max_length=32)]
    """Widths relative to each other, from the image to the classes; only their proportions count."""
    activation: Activation = "relu"
    batch_norm: bool = True

    def build(self, widths: Sequence[int]) -> FcnArchitecture:
        """The architecture with these widths, one a ratio."""
        return FcnArchitecture(widths=tuple(widths), activation=self.activation, batch_norm=self.batch_norm)


class StageShape(BaseModel):
    """A stage but for its channels, which all its blocks share."""

    model_config = _FROZEN

    block: Block = "plain"
    blocks: Annotated[int, Field(ge=1, le=64)] = 1
    kernel: Kernel = 3
    stride: Stride = 1
    padding: Padding = "same"
    pool: Pool | None = None
    pool_place: PoolPlace = "last"


class CnnShape(BaseModel):
    """A convolutional network of `len(stages)` stages and `len(ratios) - len(stages)` hidden dense layers."""

    model_config = _FROZEN

    arch: Literal["cnn"] = "cnn"
    stages: Annotated[tuple[StageShape, ...], Field(min_length=1, max_length=16)]
    ratios: Annotated[tuple[Ratio, ...], Field(min_length=1, max_length=24)]
    """Channels of the stages, then widths of the hidden dense layers, relative to each other."""
    head: Head = "global_average"
    activation: Activation = "relu"
    batch_norm: bool = True
    dropout_place: DropoutPlace = "head"
    width_multiple: WidthMultiple = 1
    """What the channels of every stage shall be a multiple of; see `hpsearch.network.solver.solve`."""

    @model_validator(mode="after")
    def _every_stage_has_a_ratio(self) -> Self:
        if len(self.ratios) < len(self.stages):
            raise ValueError(f"{len(self.stages)} stages need as many ratios; {len(self.ratios)} given")
        return self

    def build(self, widths: Sequence[int]) -> CnnArchitecture:
        """The architecture with these widths, one a ratio."""
        stages = (
            CnnStage(
                block=stage.block,
                channels=(channels,) * stage.blocks,
                kernel=stage.kernel,
                stride=stage.stride,
                padding=stage.padding,
                pool=stage.pool,
                pool_place=stage.pool_place,
            )
            for stage, channels in zip(self.stages, widths, strict=False)
        )
        return CnnArchitecture(
            stages=tuple(stages),
            head=self.head,
            dense=tuple(widths[len(self.stages) :]),
            activation=self.activation,
            batch_norm=self.batch_norm,
            dropout_place=self.dropout_place,
        )


Shape = FcnShape | CnnShape
