"""The searched parameters: what each may be, and how one draw of them becomes a shape and a recipe."""

import functools
import itertools
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from hpsearch.errors import InputError
from hpsearch.network.architecture import Activation, Arch, DropoutPlace, Head
from hpsearch.network.shape import CnnShape, FcnShape, Shape, StageShape, WidthMultiple
from hpsearch.network.stages import Block, Kernel, Padding, Pool, PoolPlace, Stride
from hpsearch.study.recipe import (
    Augmentation,
    Averaging,
    BatchSize,
    Initialization,
    LearningRate,
    Optimizer,
    Penalty,
    Probability,
    Recipe,
    Schedule,
    Strength,
)
from hpsearch.study.regularization import Auto, choose_averaging
from hpsearch.study.search_space import Choices, FloatRange, SearchSpace, Value, name_parameter
from hpsearch.wording import describe_allowed, quote

Parameters = Mapping[str, Value]
"""One draw: a value for every parameter of a space."""

MAXIMUM_DEPTH = 6
"""Hidden layers of an FCN."""
MAXIMUM_STAGES = 5
"""Stages of a CNN."""

Downsampling = Literal["max", "average", "stride", "none"]
Blocks = Annotated[int, Field(ge=1, le=8)]
Factor = Annotated[float, Field(ge=0.001, le=1000, allow_inf_nan=False)]
"""The width of a layer over that of the layer before it."""

_RECIPE_TYPES: dict[str, Any] = {
    "optimizer": Optimizer,
    "lr": LearningRate,
    "momentum": Probability,
    "nesterov": bool,
    "schedule": Schedule,
    "batch_size": BatchSize,
    "weight_decay": Penalty,
    "l1": Penalty,
    "label_smoothing": Probability,
    "dropout": Probability,
    "input_dropout": Probability,
    "initialization": Initialization,
    "augmentation": Literal[Augmentation, Auto],
    "augmentation_strength": Strength,
    "averaging": Literal[Averaging, Auto],
}
_FCN_TYPES: dict[str, Any] = {
    "depth": Annotated[int, Field(ge=1, le=MAXIMUM_DEPTH)],
    **{f"width_ratio_{layer}": Factor for layer in range(2, MAXIMUM_DEPTH + 1)},
    "activation": Activation,
    "batch_norm": bool,
}
_CNN_TYPES: dict[str, Any] = {
    "stages": Annotated[int, Field(ge=1, le=MAXIMUM_STAGES)],
    "blocks": Blocks,
    "blocks_last": Blocks | Literal["same"],
    "block": Block,
    "kernel": Kernel,
    "stem_stride": Stride,
    "padding": Padding,
    "downsampling": Downsampling,
    "pool_place": PoolPlace,
    **{f"channel_ratio_{stage}": Factor for stage in range(2, MAXIMUM_STAGES + 1)},
    "head": Head,
    "dense_layers": Annotated[int, Field(ge=0, le=3)],
    "dense_ratio": Factor,
    "width_multiple": WidthMultiple,
    "dropout_place": DropoutPlace,
    "activation": Activation,
    "batch_norm": bool,
}

PARAMETER_TYPES: dict[Arch, dict[str, Any]] = {"fcn": _FCN_TYPES | _RECIPE_TYPES, "cnn": _CNN_TYPES | _RECIPE_TYPES}
"""Every parameter of a family, in the order in which it is drawn."""

RECIPE_PARAMETERS: tuple[str, ...] = tuple(_RECIPE_TYPES)
"""The parameters that both families have and that mean the same in both: how a network is trained."""

_OTHER_NAMES = {
    **dict.fromkeys(("learning_rate", "eta"), "lr"),
    **dict.fromkeys(("batch", "batchsize", "bs"), "batch_size"),
    **dict.fromkeys(("layers", "hidden_layers", "num_layers", "n_layers"), "depth"),
    **dict.fromkeys(("dropout_rate", "drop_rate"), "dropout"),
    **dict.fromkeys(("wd", "decay", "l2"), "weight_decay"),
    **dict.fromkeys(("scheduler", "lr_schedule", "lr_scheduler"), "schedule"),
    **dict.fromkeys(("batchnorm", "bn", "norm"), "batch_norm"),
    **dict.fromkeys(("kernel_size", "filter_size"), "kernel"),
    **dict.fromkeys(("init", "initializer"), "initialization"),
    **dict.fromkeys(("augment", "data_augmentation"), "augmentation"),
    **dict.fromkeys(("opt", "optim"), "optimizer"),
    **dict.fromkeys(("act", "activation_function"), "activation"),
    **dict.fromkeys(("ema", "swa"), "averaging"),
    **dict.fromkeys(("pooling", "stride"), "downsampling"),
}
"""What other tools call them."""

SHAPE_PARAMETERS: dict[Arch, tuple[str, ...]] = {
    "fcn": ("depth", "batch_norm"),
    "cnn": (
        *("stages", "blocks", "blocks_last", "block", "kernel", "stem_stride", "padding", "downsampling"),
        *("head", "dense_layers", "batch_norm"),
    ),
}
"""The parameters that decide how few weights a shape can have and whether an image survives it."""


def find_parameter(word: str) -> str | None:
    """The parameter that somebody means who writes `--learning-rate` or `layers`; None where it is none."""
    name = word.strip("-").lower().replace("-", "_")
    name = _OTHER_NAMES.get(name, name)
    return name if any(name in types for types in PARAMETER_TYPES.values()) else None


def name_kind(arch: Arch, searched: Mapping[str, Any]) -> str:
    """What kind of network drawn parameters make, whatever its widths, activation and recipe."""
    return " ".join(f"{name} {searched[name]}" for name in SHAPE_PARAMETERS[arch] if name in searched)


def check_space(arch: Arch, space: SearchSpace) -> None:
    """Check that a space has just the parameters of its family, each with values that it may take.

    Raises:
        InputError: A parameter that is unknown, missing or out of its bounds; the message says what is allowed.
    """
    types = PARAMETER_TYPES[arch]
    for name in space.distributions:
        if name not in types:
            raise InputError(f"{name_parameter(name)} is no parameter of arch {arch}; allowed: {', '.join(types)}")
    for name in types:
        if name not in space.distributions:
            raise InputError(f"space.{name} is missing; give it a value, a list or a range")
        distribution = space.distributions[name]
        values = distribution.values if isinstance(distribution, Choices) else (distribution.low, distribution.high)
        for value in values:
            _check_value(name, types[name], value)
        if name in SHAPE_PARAMETERS[arch] and isinstance(distribution, FloatRange):
            raise InputError(
                f"space.{name}: {distribution} is a range of real numbers; give a list or a range of whole numbers"
            )


def list_unused(arch: Arch, space: SearchSpace) -> frozenset[str]:
    """The parameters that no draw of a space makes use of, whatever their values: those of layers that are never there.

    Raises:
        InputError: The depth is a range of real numbers.
    """
    name, prefix, most = ("depth", "width_ratio", MAXIMUM_DEPTH)
    if arch == "cnn":
        name, prefix, most = ("stages", "channel_ratio", MAXIMUM_STAGES)
    deepest = max(int(value) for value in space.choices(name))
    unused = {f"{prefix}_{position}" for position in range(deepest + 1, most + 1)}
    if arch == "cnn" and max(int(value) for value in space.choices("dense_layers")) == 0:
        unused.add("dense_ratio")
    if _only(space, "augmentation") <= {"none"}:
        unused.add("augmentation_strength")
    if not _only(space, "optimizer") & {"sgd", "rmsprop"}:
        unused |= {"momentum", "nesterov"}
    return frozenset(unused)


def _only(space: SearchSpace, name: str) -> set[Value]:
    distribution = space.distributions[name]
    return set(distribution.values) if isinstance(distribution, Choices) else set()


def count_configurations(arch: Arch, space: SearchSpace) -> int | None:
    """How many different networks and recipes a space has; None for more than can be counted.

    Raises:
        InputError: The depth is a range of real numbers.
    """
    name = "depth" if arch == "fcn" else "stages"
    total = 0
    for depth in space.choices(name):
        own = space.replace({name: Choices(values=(depth,))})
        unused, points = list_unused(arch, own), 1
        for each, distribution in own.distributions.items():
            if each in unused:
                continue
            if isinstance(distribution, FloatRange) and distribution.low != distribution.high:
                return None
            points *= len(own.choices(each))
        total += points
    return total


def _check_value(name: str, annotation: Any, value: Value) -> None:
    if not _is_valid(annotation, value):
        raise InputError(f"space.{name}: {quote(value)} is not allowed; give {describe_allowed(annotation)}")


def _is_valid(annotation: Any, value: Value) -> bool:
    if isinstance(value, bool) is not (annotation is bool):
        return False
    try:
        # A whole number is taken for a real one, but no text for a number and no real number for a whole one.
        _adapt(annotation).validate_python(value, strict=not isinstance(value, int))
    except ValidationError:
        return False
    return True


@functools.cache
def _adapt(annotation: Any) -> TypeAdapter[Any]:
    return TypeAdapter(annotation)


def build_shape(arch: Arch, parameters: Parameters) -> Shape:
    """The shape that a draw describes."""
    return _build_fcn_shape(parameters) if arch == "fcn" else _build_cnn_shape(parameters)


def build_recipe(parameters: Parameters, epochs: int, *, augmentation: Augmentation = "none") -> Recipe:
    """The recipe that a draw describes, for this many epochs; `augmentation` is what `auto` means here."""
    recipe: dict[str, Value] = {"epochs": epochs} | {name: parameters[name] for name in _RECIPE_TYPES}
    if recipe["augmentation"] == "auto":
        recipe["augmentation"] = augmentation
    if recipe["averaging"] == "auto":
        recipe["averaging"] = choose_averaging(epochs)
    return Recipe.model_validate(recipe)


def _cumulated_ratios(first: float, parameters: Parameters, prefix: str, count: int) -> list[float]:
    """Each layer's ratio is drawn relative to the layer before it."""
    factors = (float(parameters[f"{prefix}_{position}"]) for position in range(2, count + 1))
    return list(itertools.accumulate(factors, lambda ratio, factor: ratio * factor, initial=first))


def _build_fcn_shape(parameters: Parameters) -> FcnShape:
    depth = int(parameters["depth"])
    return FcnShape.model_validate(
        {
            "ratios": tuple(_cumulated_ratios(1.0, parameters, "width_ratio", depth)),
            "activation": parameters["activation"],
            "batch_norm": parameters["batch_norm"],
        }
    )


def _build_cnn_shape(parameters: Parameters) -> CnnShape:
    """The first stage is the stem: one plain convolution, whatever the blocks of the stages behind it."""
    count = int(parameters["stages"])
    ratios = _cumulated_ratios(1.0, parameters, "channel_ratio", count)
    dense = int(parameters["dense_layers"])
    return CnnShape.model_validate(
        {
            "stages": tuple(_build_stage(parameters, position, count) for position in range(1, count + 1)),
            "ratios": (*ratios, *(ratios[-1] * float(parameters["dense_ratio"]) for _ in range(dense))),
            "head": parameters["head"],
            "activation": parameters["activation"],
            "batch_norm": parameters["batch_norm"],
            "dropout_place": parameters["dropout_place"],
            "width_multiple": parameters["width_multiple"],
        }
    )


def spell_out(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The same draw without the value that stands for another parameter's: `blocks_last` as a number."""
    spelled = dict(parameters)
    if spelled.get("blocks_last") == "same" and "blocks" in spelled:
        spelled["blocks_last"] = spelled["blocks"]
    return spelled


def _build_stage(parameters: Parameters, position: int, count: int) -> StageShape:
    parameters = spell_out(parameters)
    is_stem, is_last = position == 1, position == count
    downsampling = str(parameters["downsampling"])
    pool = None
    if downsampling in ("max", "average") and not is_last:
        pool = Pool.model_validate({"kind": downsampling, "size": 2, "stride": 2})
    stride = 2 if downsampling == "stride" and not is_stem else 1
    return StageShape.model_validate(
        {
            "block": "plain" if is_stem else parameters["block"],
            "blocks": 1 if is_stem else parameters["blocks_last" if is_last else "blocks"],
            "kernel": parameters["kernel"],
            "stride": parameters["stem_stride"] if is_stem else stride,
            "padding": "same" if parameters["block"] == "residual" else parameters["padding"],
            "pool": pool,
            "pool_place": "last" if pool is None else parameters["pool_place"],
        }
    )
