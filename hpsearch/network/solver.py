"""From a shape and a budget to the widest architecture that fits.

`hpsearch.network.widths` finds the widths that use the budget best, whatever they count.

A shape may ask for channel counts that are multiples of a number, which a processor's vectors and tiles are full with.
Then the channels found are rounded, as far as that leaves no more than a tenth of the budget unused.
"""

import functools
import itertools
from collections.abc import Iterator, Mapping

from hpsearch.dataset import InputShape
from hpsearch.errors import InputError
from hpsearch.network.architecture import Architecture
from hpsearch.network.limits import LimitName, Limits, as_limits, format_limit
from hpsearch.network.shape import CnnShape, Shape
from hpsearch.network.widths import (
    DEVICE_TOLERANCE,
    GOOD_DISTORTION,
    MINIMUM_WIDTH,
    CountWeights,
    Widths,
    find_largest_scale,
    measure_distortion,
    scale_widths,
    solve_widths,
)

MULTIPLE_TOLERANCE = 0.1
"""The part of a budget that an architecture may leave unused whose channels are multiples of a number."""

_LOAD = 10_000_000
"""The whole of a limit, where no budget says how many weights that is."""

_NARROWEST_VECTOR = 4
"""Numbers of single precision: multiples of fewer are no faster than any."""


class BudgetTooSmallError(InputError):
    """No width of the shape is small enough for the budget."""


def solve(shape: Shape, limits: int | Limits, input_shape: InputShape, class_count: int) -> Architecture:
    """The widest architecture of this shape that fits: within 1% of the budget where widths allow it, never over.

    With a `width_multiple` the channels of all stages are multiples of it, and the architecture within 10% of the
    budget; where no such channels are near the ratios, of half of it, and so on down to 4, and else within 1% again.

    Of several limits the one that binds takes the place of the budget. Those of a device grow in steps: one more
    channel at full resolution is much RAM. Multiples are then taken only within 2%, and no layer grows beyond its share
    for the sake of a limit that does not notice it.

    Args:
        shape: What to widen.
        limits: The most weights, or all limits.
        input_shape: Of an image.
        class_count: Of the logits.

    Raises:
        BudgetTooSmallError: Even the narrowest widths are over; the message names the smallest limits that work.
        ArchitectureError: An image of `input_shape` is too small for the shape.
    """
    limits = as_limits(limits)
    smallest = measure_smallest(shape, limits, input_shape, class_count)
    if exceeded := limits.list_exceeded(smallest):
        raise BudgetTooSmallError(refuse_limits(limits, "this shape", {name: smallest[name] for name in exceeded}))
    named = limits.named
    whole = limits.budget or _LOAD

    @functools.cache
    def count(widths: Widths) -> int:
        """What binds, in weights of the budget; of the budget alone just the weights."""
        measured = limits.measure(shape.build(widths), input_shape, class_count)
        return max(-(-value * whole // named[name]) for name, value in measured.items())

    is_elastic = not limits.is_of_device
    rounded = None
    if isinstance(shape, CnnShape):
        rounded = _round_channels(shape, whole, count, MULTIPLE_TOLERANCE if is_elastic else DEVICE_TOLERANCE)
    return shape.build(rounded or solve_widths(shape.ratios, whole, count, is_elastic=is_elastic))


def refuse_limits(limits: Limits, what: str, smallest: Mapping[LimitName, int]) -> str:
    """What to say where limits are too small for `what`, with the smallest that work."""
    named = limits.named
    given = " and ".join(f"{name} {format_limit(name, named[name])}" for name in smallest)
    if list(smallest) == ["budget"]:
        least = smallest["budget"]
        return f"{given} is too small for {what}: the smallest that works is {least}; give --budget {least} or more"
    are, work = ("is", "smallest that works is") if len(smallest) == 1 else ("are", "smallest that work are")
    least_flags = " ".join(f"--{name} {value}" for name, value in smallest.items())
    return f"{given} {are} too small for {what}: the {work} {least_flags}; give as much or more"


def measure_smallest(shape: Shape, limits: Limits, input_shape: InputShape, class_count: int) -> dict[LimitName, int]:
    """What the shape takes of everything that is limited with every width at `MINIMUM_WIDTH`.

    Raises:
        ArchitectureError: An image of `input_shape` is too small for the shape.
    """
    return limits.measure(build_smallest(shape), input_shape, class_count)


def build_smallest(shape: Shape) -> Architecture:
    """The shape with every width at `MINIMUM_WIDTH`."""
    return shape.build((MINIMUM_WIDTH,) * len(shape.ratios))


def _round_channels(shape: CnnShape, budget: int, count: CountWeights, tolerance: float) -> Widths | None:
    """Every stage's channels at a multiple next to its share: little bent, and little of the budget left.

    None where no multiples come within the tolerance.
    """
    scale = find_largest_scale(shape.ratios, budget, count)
    ideal = tuple(max(scale * ratio, MINIMUM_WIDTH) for ratio in shape.ratios)
    dense = scale_widths(shape.ratios, scale)[len(shape.stages) :]
    for multiple in _list_halves(shape.width_multiple):
        ranges = [_list_multiples(share, multiple) for share in ideal[: len(shape.stages)]]
        costs = {}
        for channels in itertools.product(*ranges):
            widths = (*channels, *dense)
            weights, bent = count(widths), measure_distortion(widths, ideal)
            if (1 - tolerance) * budget <= weights <= budget and bent <= GOOD_DISTORTION:
                costs[widths] = bent * budget / weights
        if costs:
            return min(costs, key=lambda widths: (costs[widths], widths))
    return None


def _list_halves(multiple: int) -> Iterator[int]:
    """The multiple, half of it and so on, as long as it fills a vector register of any processor."""
    if multiple > 1:
        yield multiple
    while multiple % 2 == 0 and multiple // 2 >= _NARROWEST_VECTOR:
        multiple //= 2
        yield multiple


def _list_multiples(share: float, multiple: int) -> list[int]:
    """Those next to a share that are no bottleneck."""
    below = int(share) // multiple * multiple
    return [width for width in (below, below + multiple) if width >= MINIMUM_WIDTH]
