"""The portfolio: configurations that did well in real searches, tried first; docs/log.md has how they were found.

An entry names what matters to it, by the names that a search draws; a shape is given by ratios, so that the solver fits
it to any budget. What an entry leaves out (the momentum of an optimizer without one, the ratios of layers it does not
have) is drawn.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from hpsearch.architecture import Arch
from hpsearch.search_space import SearchSpace, Value, takes


@dataclass(frozen=True)
class PortfolioEntry:
    """One configuration."""

    name: str
    """In a word or two: shown with the trial that it becomes."""
    parameters: Mapping[str, Value]


def list_fitting_entries(arch: Arch, space: SearchSpace) -> list[PortfolioEntry]:
    """The entries of a family that lie inside a space, in the order in which they are tried."""
    return [
        entry
        for entry in PORTFOLIO[arch]
        if all(takes(space.distributions[name], value) for name, value in entry.parameters.items())
    ]


_COMMON: dict[str, Value] = {
    "batch_norm": True,
    "optimizer": "adamw",
    "batch_size": 128,
    "schedule": "one_cycle",
    "l1": 0.0,
    "averaging": "none",
    "augmentation": "none",
    "input_dropout": 0.0,
}

_FCN = _COMMON | {"initialization": "kaiming_uniform", "weight_decay": 1e-3}

_CNN = _COMMON | {
    "stages": 3,
    "kernel": 3,
    "stem_stride": 2,
    "padding": "same",
    "dense_layers": 0,
    "dropout_place": "head",
    "initialization": "default",
}

PORTFOLIO: dict[Arch, tuple[PortfolioEntry, ...]] = {
    "fcn": (
        PortfolioEntry(
            "three layers, little dropout",
            _FCN
            | {
                "depth": 3,
                "width_ratio_2": 0.9,
                "width_ratio_3": 1.7,
                "activation": "relu",
                "lr": 0.01,
                "label_smoothing": 0.08,
                "dropout": 0.02,
            },
        ),
        PortfolioEntry(
            "two layers, dropout",
            _FCN
            | {
                "depth": 2,
                "width_ratio_2": 1.0,
                "activation": "silu",
                "lr": 0.004,
                "label_smoothing": 0.05,
                "dropout": 0.15,
            },
        ),
        PortfolioEntry(
            "two layers, little dropout",
            _FCN
            | {
                "depth": 2,
                "width_ratio_2": 1.0,
                "activation": "silu",
                "lr": 0.01,
                "label_smoothing": 0.05,
                "dropout": 0.05,
            },
        ),
        PortfolioEntry(
            "three layers, dropout",
            _FCN
            | {
                "depth": 3,
                "width_ratio_2": 1.2,
                "width_ratio_3": 1.0,
                "activation": "silu",
                "lr": 0.004,
                "label_smoothing": 0.04,
                "dropout": 0.2,
            },
        ),
    ),
    "cnn": (
        PortfolioEntry(
            "two residual blocks, gelu",
            _CNN
            | {
                "blocks": 2,
                "block": "residual",
                "downsampling": "max",
                "channel_ratio_2": 1.3,
                "channel_ratio_3": 1.3,
                "head": "global_average",
                "activation": "gelu",
                "lr": 0.013,
                "weight_decay": 5e-4,
                "label_smoothing": 0.08,
                "dropout": 0.1,
            },
        ),
        PortfolioEntry(
            "one plain block",
            _CNN
            | {
                "blocks": 1,
                "block": "plain",
                "downsampling": "max",
                "channel_ratio_2": 2.1,
                "channel_ratio_3": 1.4,
                "head": "global_average",
                "activation": "silu",
                "lr": 0.02,
                "weight_decay": 0.01,
                "label_smoothing": 0.09,
                "dropout": 0.05,
            },
        ),
        PortfolioEntry(
            "one residual block, flatten",
            _CNN
            | {
                "blocks": 1,
                "block": "residual",
                "downsampling": "average",
                "channel_ratio_2": 1.2,
                "channel_ratio_3": 1.9,
                "head": "flatten",
                "activation": "relu",
                "lr": 0.003,
                "weight_decay": 1e-3,
                "label_smoothing": 0.09,
                "dropout": 0.18,
            },
        ),
        PortfolioEntry(
            "two residual blocks, silu",
            _CNN
            | {
                "blocks": 2,
                "block": "residual",
                "downsampling": "max",
                "channel_ratio_2": 1.5,
                "channel_ratio_3": 1.3,
                "head": "global_average",
                "activation": "silu",
                "lr": 0.02,
                "weight_decay": 0.01,
                "label_smoothing": 0.06,
                "dropout": 0.07,
            },
        ),
    ),
}
