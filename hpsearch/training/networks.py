"""From an architecture to a module that trains the layers of `Architecture.walk_layers` and nothing else."""

from collections import OrderedDict
from typing import assert_never

from torch import nn

from hpsearch.dataset import InputShape
from hpsearch.network.architecture import Architecture, CnnArchitecture, FcnArchitecture
from hpsearch.network.stages import CnnStage, Padding, needs_projection
from hpsearch.training.blocks import (
    Convolution,
    Dropout,
    Flatten,
    GlobalAverage,
    InputNormalization,
    ResidualBlock,
    build_activation,
)
from hpsearch.training.norms import BatchNorm

MONOTONE = frozenset({"relu", "leaky_relu", "elu", "tanh", "sigmoid", "relu6"})
"""Activations that never fall, so that a max pool before them gives what one behind them would, on fewer values."""


def build_network(
    architecture: Architecture,
    input_shape: InputShape,
    class_count: int,
    *,
    dropout: float = 0.0,
    input_dropout: float = 0.0,
) -> nn.Sequential:
    """Build the network: images (n, *input_shape), bytes or floats from 0 to 255 -> logits (n, class_count).

    The trainable parameters number `architecture.count_weights(input_shape, class_count)`. The first module normalizes
    the pixels; its mean and deviation are buffers, to be measured on the training split.

    Raises:
        ArchitectureError: An image of `input_shape` does not survive to the last layer.
    """
    architecture.count_weights(input_shape, class_count)
    modules: OrderedDict[str, nn.Module] = OrderedDict(normalization=InputNormalization(input_shape.channels))
    if input_dropout > 0:
        modules["input_dropout"] = Dropout(input_dropout)
    match architecture:
        case FcnArchitecture():
            modules.update(_build_fcn(architecture, input_shape, class_count, dropout))
        case CnnArchitecture():
            modules.update(_build_cnn(architecture, input_shape, class_count, dropout))
        case _:
            assert_never(architecture)
    return nn.Sequential(modules)


def _build_fcn(
    architecture: FcnArchitecture, input_shape: InputShape, class_count: int, dropout: float
) -> OrderedDict[str, nn.Module]:
    modules: OrderedDict[str, nn.Module] = OrderedDict(flatten=Flatten())
    inputs = input_shape.size
    for position, width in enumerate(architecture.widths, start=1):
        modules[f"dense_{position}"] = nn.Linear(inputs, width, bias=not architecture.batch_norm)
        if architecture.batch_norm:
            modules[f"norm_{position}"] = nn.BatchNorm1d(width)
        modules[f"activation_{position}"] = build_activation(architecture.activation)
        if dropout > 0:
            modules[f"dropout_{position}"] = Dropout(dropout)
        inputs = width
    modules["output"] = nn.Linear(inputs, class_count)
    return modules


def _build_cnn(
    architecture: CnnArchitecture, input_shape: InputShape, class_count: int, dropout: float
) -> OrderedDict[str, nn.Module]:
    modules: OrderedDict[str, nn.Module] = OrderedDict()
    channels = input_shape.channels
    for position, stage in enumerate(architecture.stages, start=1):
        modules[f"stage_{position}"] = _build_stage(architecture, stage, channels, dropout)
        channels = stage.channels[-1]
    if architecture.head == "global_average":
        modules["average"], inputs = GlobalAverage(), channels
    else:
        head = next(row for row in architecture.walk_layers(input_shape, class_count) if row.name == "head")
        modules["flatten"], inputs = Flatten(), head.output_shape[0]
    for position, width in enumerate(architecture.dense, start=1):
        if dropout > 0:
            modules[f"dropout_{position}"] = Dropout(dropout)
        modules[f"dense_{position}"] = nn.Linear(inputs, width)
        modules[f"activation_{position}"] = build_activation(architecture.activation)
        inputs = width
    if dropout > 0:
        modules["output_dropout"] = Dropout(dropout)
    modules["output"] = nn.Linear(inputs, class_count)
    return modules


def _build_stage(architecture: CnnArchitecture, stage: CnnStage, inputs: int, dropout: float) -> nn.Sequential:
    modules: OrderedDict[str, nn.Module] = OrderedDict()
    pool = _build_pool(stage)
    pools_first = pool is not None and not stage.pools_before_norm and _pools_before_activation(architecture, stage)
    for index, channels in enumerate(stage.channels, start=1):
        stride = stage.stride if index == 1 else 1
        is_last = index == len(stage.channels)
        modules[f"block_{index}"] = _build_block(
            architecture,
            stage,
            inputs,
            channels,
            stride,
            pool=pool if is_last and stage.pools_before_norm else None,
            has_activation=not (is_last and pools_first),
        )
        inputs = channels
    if pool is not None and not stage.pools_before_norm:
        modules["pool"] = pool
    if pools_first:
        modules["activation"] = build_activation(architecture.activation)
    if dropout > 0 and architecture.dropout_place == "everywhere":
        modules["dropout"] = Dropout(dropout, whole_channels=True)
    return nn.Sequential(modules)


def _groups_pixels(architecture: CnnArchitecture) -> bool:
    """Whether its norms may sum in another order than PyTorch's: not in networks that were trained without.

    A pool before a norm is younger than trials whose replay is to give the same bits.
    """
    return any(stage.pool_place == "before_norm" for stage in architecture.stages)


def _build_pool(stage: CnnStage) -> nn.Module | None:
    if stage.pool is None:
        return None
    kind = nn.MaxPool2d if stage.pool.kind == "max" else nn.AvgPool2d
    return kind(stage.pool.size, stage.pool.stride)


def _pools_before_activation(architecture: CnnArchitecture, stage: CnnStage) -> bool:
    """Whether the pool comes before the last activation: where it was said, or where nobody can tell."""
    is_max = stage.pool is not None and stage.pool.kind == "max"
    return stage.pool_place == "before_norm" or (is_max and architecture.activation in MONOTONE)


def _build_block(
    architecture: CnnArchitecture,
    stage: CnnStage,
    inputs: int,
    channels: int,
    stride: int,
    *,
    pool: nn.Module | None,
    has_activation: bool,
) -> nn.Module:
    """One block; a plain or separable one with a pool has it between its last convolution and the norm of that."""
    norm = BatchNorm if _groups_pixels(architecture) else nn.BatchNorm2d

    def normalized(
        inputs: int, kernel: int, stride: int, padding: Padding, *, outputs: int = channels, groups: int = 1
    ) -> list[nn.Module]:
        batch_norm = architecture.batch_norm
        convolution = Convolution(
            inputs, outputs, kernel, stride=stride, padding=padding, groups=groups, bias=not batch_norm
        )
        return [convolution, norm(outputs)] if batch_norm else [convolution]

    def activation() -> nn.Module:
        return build_activation(architecture.activation)

    def pooled(convolution: nn.Module, *norm: nn.Module) -> list[nn.Module]:
        return [convolution, *([] if pool is None else [pool]), *norm]

    last = activation() if has_activation else nn.Identity()
    kernel, padding = stage.kernel, stage.padding
    match stage.block:
        case "plain":
            return nn.Sequential(*pooled(*normalized(inputs, kernel, stride, padding)), last)
        case "separable":
            depthwise = normalized(inputs, kernel, stride, padding, outputs=inputs, groups=inputs)
            return nn.Sequential(*depthwise, activation(), *pooled(*normalized(inputs, 1, 1, "same")), last)
        case "residual":
            first, second = normalized(inputs, kernel, stride, padding), normalized(channels, kernel, 1, padding)
            skip = normalized(inputs, 1, stride, "same") if needs_projection(inputs, channels, stride) else []
            return ResidualBlock(nn.Sequential(*first, activation(), *second), nn.Sequential(*skip), last)
        case _:
            assert_never(stage.block)
