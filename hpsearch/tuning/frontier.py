"""The frontier: the networks that no other one beats in accuracy and weights together."""

from collections.abc import Iterable
from typing import NamedTuple


class Measured(NamedTuple):
    """A network, as far as the frontier goes."""

    validation_accuracy: float | None
    weights: int | None


def is_on_frontier(network: Measured, networks: Iterable[Measured]) -> bool:
    """Whether none of them is at least as accurate with at most as many weights, and not the same in both.

    Equal networks do not beat each other. What has no accuracy or no weights is on no frontier and beats nothing.
    """
    accuracy, weights = network
    if accuracy is None or weights is None:
        return False
    return not any(
        other.validation_accuracy is not None
        and other.weights is not None
        and other != network
        and other.validation_accuracy >= accuracy
        and other.weights <= weights
        for other in networks
    )
