"""The portfolio: configurations that did well in real searches, tried first; docs/log.md has how they were found.

An entry names what matters to it, by the names that a search draws; a shape is given by ratios, so that the solver fits
it to any budget. What an entry leaves out (the momentum of an optimizer without one, the ratios of layers it does not
have) is drawn.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from hpsearch.network.architecture import Arch
from hpsearch.study.regularization import LARGE_WEIGHTS
from hpsearch.study.search_space import SearchSpace, Value, takes


@dataclass(frozen=True)
class PortfolioEntry:
    """One configuration."""

    name: str
    """In a word or two: shown with the trial that it becomes."""
    parameters: Mapping[str, Value]
    smallest_budget: int = 0
    """In weights; below it the entry is not tried."""
    largest_budget: int | None = None
    """In weights; above it the entry is not tried. None for no limit."""

    def is_for(self, budget_weights: int | None) -> bool:
        """Whether it is tried at this budget; None for as many weights as one likes."""
        if budget_weights is None:
            return self.largest_budget is None
        return self.smallest_budget <= budget_weights and budget_weights <= (self.largest_budget or budget_weights)


def list_fitting_entries(arch: Arch, space: SearchSpace, budget_weights: int | None) -> list[PortfolioEntry]:
    """The entries of a family for a budget that lie inside a space, in the order in which they are tried."""
    return [
        entry
        for entry in PORTFOLIO[arch]
        if entry.is_for(budget_weights)
        and all(takes(space.distributions[name], value) for name, value in entry.parameters.items())
    ]


_COMMON: dict[str, Value] = {
    "batch_norm": True,
    "optimizer": "adamw",
    "batch_size": 128,
    "schedule": "one_cycle",
    "l1": 0.0,
}

_FCN = _COMMON | {"initialization": "kaiming_uniform", "batch_size": 256}

_CNN = _COMMON | {
    "optimizer": "muon",
    "stages": 3,
    "kernel": 3,
    "stem_stride": 1,
    "padding": "same",
    "downsampling": "max",
    "head": "global_average",
    "dense_layers": 0,
    "dropout_place": "head",
    "activation": "relu",
    "initialization": "default",
    "input_dropout": 0.0,
    "dropout": 0.0,
}
_CNN_REGULARIZED: dict[str, Value] = {"lr": 0.02, "weight_decay": 0.05, "label_smoothing": 0.05}
_CNN_FREE: dict[str, Value] = {"lr": 0.02, "weight_decay": 0.02, "label_smoothing": 0.0}

PORTFOLIO: dict[Arch, tuple[PortfolioEntry, ...]] = {
    "fcn": (
        PortfolioEntry(
            "two layers silu, no dropout",
            _FCN
            | {
                "depth": 2,
                "width_ratio_2": 1.0,
                "activation": "silu",
                "lr": 0.01,
                "weight_decay": 0.02,
                "label_smoothing": 0.05,
                "dropout": 0.0,
                "input_dropout": 0.0,
            },
        ),
        PortfolioEntry(
            "two layers gelu, little dropout",
            _FCN
            | {
                "depth": 2,
                "width_ratio_2": 1.0,
                "activation": "gelu",
                "lr": 0.01,
                "weight_decay": 0.02,
                "label_smoothing": 0.05,
                "dropout": 0.05,
                "input_dropout": 0.0,
            },
        ),
        PortfolioEntry(
            "two layers silu, dropout",
            _FCN
            | {
                "depth": 2,
                "width_ratio_2": 1.0,
                "activation": "silu",
                "lr": 0.01,
                "weight_decay": 0.01,
                "label_smoothing": 0.05,
                "dropout": 0.15,
                "input_dropout": 0.1,
            },
        ),
        PortfolioEntry(
            "three layers relu, little dropout",
            _FCN
            | {
                "depth": 3,
                "width_ratio_2": 0.9,
                "width_ratio_3": 1.7,
                "activation": "relu",
                "lr": 0.01,
                "weight_decay": 0.02,
                "label_smoothing": 0.08,
                "dropout": 0.02,
                "input_dropout": 0.0,
            },
        ),
    ),
    "cnn": (
        PortfolioEntry(
            "two residual blocks, then one",
            _CNN
            | _CNN_REGULARIZED
            | {"block": "residual", "blocks": 2, "blocks_last": 1, "channel_ratio_2": 2.0, "channel_ratio_3": 2.0},
            smallest_budget=LARGE_WEIGHTS + 1,
        ),
        PortfolioEntry(
            "two residual blocks, then one, little regularization",
            _CNN
            | _CNN_FREE
            | {"block": "residual", "blocks": 2, "blocks_last": 1, "channel_ratio_2": 1.4, "channel_ratio_3": 1.7},
            largest_budget=LARGE_WEIGHTS,
        ),
        PortfolioEntry(
            "one residual block each, wide",
            _CNN
            | _CNN_REGULARIZED
            | {"block": "residual", "blocks": 1, "blocks_last": 1, "channel_ratio_2": 2.5, "channel_ratio_3": 1.8},
            smallest_budget=LARGE_WEIGHTS + 1,
        ),
        PortfolioEntry(
            "one residual block each, little regularization",
            _CNN
            | _CNN_FREE
            | {"block": "residual", "blocks": 1, "blocks_last": 1, "channel_ratio_2": 1.5, "channel_ratio_3": 1.8},
            largest_budget=LARGE_WEIGHTS,
        ),
        PortfolioEntry(
            "two residual blocks each",
            _CNN
            | _CNN_REGULARIZED
            | {"block": "residual", "blocks": 2, "blocks_last": 2, "channel_ratio_2": 1.5, "channel_ratio_3": 2.0},
        ),
        PortfolioEntry(
            "plain blocks",
            _CNN
            | _CNN_REGULARIZED
            | {"block": "plain", "blocks": 1, "blocks_last": 2, "channel_ratio_2": 2.0, "channel_ratio_3": 2.0},
        ),
    ),
}
