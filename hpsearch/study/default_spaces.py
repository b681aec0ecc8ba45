"""The search spaces that a study has where nobody says otherwise; docs/log.md has the measurements behind them."""

from hpsearch.network.architecture import Arch
from hpsearch.study.search_space import Choices, FloatRange, IntRange, SearchSpace, Value

_Range = FloatRange | IntRange | Choices


def default_space(arch: Arch) -> SearchSpace:
    """The default space of a family of architectures.

    A CNN's stem has stride 1 whatever the images: those of over 40 pixels a side may want `stem_stride = 2` in a study
    file, for the time that it saves. Hard swish and SiLU are to be had there, too (`activation = ["relu", "silu"]`).
    """
    return SearchSpace(distributions=_FCN if arch == "fcn" else _CNN)


def _one_of(*values: Value) -> Choices:
    return Choices(values=values)


def _log(low: float, high: float) -> FloatRange:
    return FloatRange(low=low, high=high, log=True)


_TRAINING: dict[str, _Range] = {
    "momentum": _one_of(0.9),
    "nesterov": _one_of(True),
    "schedule": _one_of("one_cycle"),
    "l1": _one_of(0.0),
    "averaging": _one_of("auto"),
}

_FCN: dict[str, _Range] = {
    "depth": IntRange(low=1, high=4),
    "width_ratio_2": _log(0.5, 2.0),
    "width_ratio_3": _log(0.5, 2.0),
    "width_ratio_4": _log(0.5, 2.0),
    "width_ratio_5": _one_of(1.0),
    "width_ratio_6": _one_of(1.0),
    "activation": _one_of("relu", "leaky_relu", "gelu", "silu"),
    "batch_norm": _one_of(True),
    "optimizer": _one_of("adamw"),
    "lr": _log(1e-3, 3e-2),
    "batch_size": _one_of(128, 256),
    "weight_decay": _log(1e-5, 1e-1),
    "label_smoothing": FloatRange(low=0.0, high=0.1),
    "dropout": FloatRange(low=0.0, high=0.4),
    "input_dropout": FloatRange(low=0.0, high=0.4),
    "initialization": _one_of("default", "xavier_uniform", "kaiming_uniform", "kaiming_normal"),
    "augmentation": _one_of("auto"),
    "augmentation_strength": _one_of(0.3),
    **_TRAINING,
}

_CNN: dict[str, _Range] = {
    "stages": _one_of(3),
    "blocks": IntRange(low=1, high=2),
    "blocks_last": IntRange(low=1, high=2),
    "block": _one_of("residual", "plain"),
    "kernel": _one_of(3),
    "stem_stride": _one_of(1),
    "padding": _one_of("same"),
    "downsampling": _one_of("max"),
    "pool_place": _one_of("before_norm"),
    "channel_ratio_2": _log(1.3, 2.6),
    "channel_ratio_3": _log(1.3, 2.6),
    "channel_ratio_4": _log(1.3, 2.6),
    "channel_ratio_5": _one_of(1.0),
    "head": _one_of("global_average"),
    "dense_layers": _one_of(0),
    "dense_ratio": _one_of(1.0),
    "width_multiple": _one_of(8),
    "dropout_place": _one_of("head"),
    "activation": _one_of("relu"),
    "batch_norm": _one_of(True),
    "optimizer": _one_of("muon"),
    "lr": _log(3e-3, 4e-2),
    "batch_size": _one_of(128),
    "weight_decay": _log(1e-3, 1e-1),
    "label_smoothing": FloatRange(low=0.0, high=0.1),
    "dropout": FloatRange(low=0.0, high=0.2),
    "input_dropout": _one_of(0.0),
    "initialization": _one_of("default"),
    "augmentation": _one_of("auto"),
    "augmentation_strength": _one_of(0.5),
    **_TRAINING,
}
