"""From a shape and a budget to the widest architecture that fits.

Weights rise with every width. (But for one dent: a residual block needs no projection where its channels equal those
before it.) So the solver scales all widths together as far as they fit, and widens single layers while one more unit
fits, those most below their share first. Where integer widths still leave more than 1% unused, or one layer took far
more than its share, it tries a little more here against a little less there; and where that does not come within 1%
either, whatever becomes of the ratios, widths all along the edge of the budget.

A shape may ask for channel counts that are multiples of a number, which a processor's vectors and tiles are full with.
Then the channels found are rounded, as far as that leaves no more than a tenth of the budget unused.
"""

import functools
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence

from hpsearch.dataset import InputShape
from hpsearch.errors import InputError
from hpsearch.network.architecture import Architecture
from hpsearch.network.limits import LimitName, Limits, as_limits, format_limit
from hpsearch.network.shape import CnnShape, Shape

MINIMUM_WIDTH = 4
"""Of a hidden layer: a narrower one is a bottleneck that no ten classes pass through."""

TOLERANCE = 0.01
"""The part of a budget that a solved architecture may leave unused, where integer widths allow it."""

MULTIPLE_TOLERANCE = 0.1
"""The same for one whose channels are multiples of a number."""

DEVICE_TOLERANCE = 0.02
"""The same for one whose channels are multiples, under the limits of a device."""

_LOAD = 10_000_000
"""The whole of a limit, where no budget says how many weights that is."""

_DEVICE_DISTORTION = 1.5
"""A factor between a width and its share that the limits of a device are worth."""

_NARROWEST_VECTOR = 4
"""Numbers of single precision: multiples of fewer are no faster than any."""

_MAXIMUM_EXCHANGE = 4

_GOOD_DISTORTION = 1.25
"""A factor between a width and its share up to which nothing better is looked for."""

_MAXIMUM_WALKS = 200
"""Walks along the edge of the budget, one for each combination of all widths but the last two."""

Widths = tuple[int, ...]
CountWeights = Callable[[Widths], int]


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
    return shape.build(rounded or _solve_widths(shape.ratios, whole, count, is_elastic=is_elastic))


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


def _solve_widths(ratios: Sequence[float], budget: int, count: CountWeights, *, is_elastic: bool) -> Widths:
    scale = _largest_scale(ratios, budget, count)
    ideal = tuple(max(scale * ratio, MINIMUM_WIDTH) for ratio in ratios)
    best = _widen_singly(_scaled(ratios, scale), ideal, budget, count)
    enough = (1 - TOLERANCE) * budget
    candidates = {best: count(best)}
    if candidates[best] < enough or _distortion(best, ideal) > _GOOD_DISTORTION:
        candidates.update(_exchange(best, ideal, budget, count))
    if not is_elastic:
        candidates = _keep_fair(candidates, ideal) or candidates
        closest = max(candidates, key=lambda widths: (candidates[widths], widths))
        if candidates[closest] < (1 - DEVICE_TOLERANCE) * budget:
            candidates.update(_keep_fair(dict(_nudge(closest, budget, count)), ideal))
    elif max(candidates.values()) < enough:
        candidates.update(_walk_edges(best, budget, count))
    close = [widths for widths, weights in candidates.items() if weights >= enough]
    if close:
        return min(close, key=lambda widths: (_distortion(widths, ideal), widths))
    return max(candidates, key=lambda widths: (candidates[widths], widths))


def _round_channels(shape: CnnShape, budget: int, count: CountWeights, tolerance: float) -> Widths | None:
    """Every stage's channels at a multiple next to its share: little bent, and little of the budget left.

    None where no multiples come within the tolerance.
    """
    scale = _largest_scale(shape.ratios, budget, count)
    ideal = tuple(max(scale * ratio, MINIMUM_WIDTH) for ratio in shape.ratios)
    dense = _scaled(shape.ratios, scale)[len(shape.stages) :]
    for multiple in _list_halves(shape.width_multiple):
        ranges = [_list_multiples(share, multiple) for share in ideal[: len(shape.stages)]]
        costs = {}
        for channels in itertools.product(*ranges):
            widths = (*channels, *dense)
            weights, bent = count(widths), _distortion(widths, ideal)
            if (1 - tolerance) * budget <= weights <= budget and bent <= _GOOD_DISTORTION:
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


def _scaled(ratios: Sequence[float], scale: float) -> Widths:
    return tuple(max(MINIMUM_WIDTH, round(scale * ratio)) for ratio in ratios)


def _largest_scale(ratios: Sequence[float], budget: int, count: CountWeights) -> float:
    fits, over = 0.0, MINIMUM_WIDTH / max(ratios)
    while count(_scaled(ratios, over)) <= budget:
        fits, over = over, 2 * over
    while _scaled(ratios, fits) != _scaled(ratios, over) and over - fits > 1e-9 * over:
        middle = (fits + over) / 2
        if count(_scaled(ratios, middle)) <= budget:
            fits = middle
        else:
            over = middle
    return fits


def _widen_singly(widths: Widths, ideal: Sequence[float], budget: int, count: CountWeights) -> Widths:
    """Add units one at a time, to the layer most below its ideal width of those that can still grow.

    Ends as soon as the budget is met within 1% and every layer that can grow has well over its share.
    """
    growing = set(range(len(widths)))
    while len(growing) > 1:
        position = min(growing, key=lambda index: (widths[index] + 1) / ideal[index])
        wider = _changed(widths, position, 1)
        if count(wider) > budget or (wider[position] > ideal[position] and count(wider) == count(widths)):
            growing.discard(position)  # no limit that binds would notice it
        elif count(widths) >= (1 - TOLERANCE) * budget and wider[position] > _GOOD_DISTORTION * ideal[position]:
            return widths
        else:
            widths = wider
    return _fill_fairly(widths, growing.pop(), ideal, budget, count) or widths


def _exchange(widths: Widths, ideal: Sequence[float], budget: int, count: CountWeights) -> Iterator[tuple[Widths, int]]:
    """Change one width by a few units and widen another as far as it then fits."""
    reach = _MAXIMUM_EXCHANGE if len(widths) <= 4 else _MAXIMUM_EXCHANGE // 2
    for changed in range(len(widths)):
        for change in range(-reach, reach + 1):
            if change == 0 or widths[changed] + change < MINIMUM_WIDTH:
                continue
            base = _changed(widths, changed, change)
            for filled in range(len(widths)):
                if filled == changed:
                    continue
                candidate = _fill_fairly(base, filled, ideal, budget, count)
                if candidate is not None:
                    yield candidate, count(candidate)


def _nudge(widths: Widths, budget: int, count: CountWeights) -> Iterator[tuple[Widths, int]]:
    """One unit more in one layer, alone or against one less in another, where that fits."""
    for wider in range(len(widths)):
        for narrower in range(len(widths)):
            candidate = _changed(widths, wider, 1)
            if narrower != wider:
                candidate = _changed(candidate, narrower, -1)
            if min(candidate) >= MINIMUM_WIDTH and (load := count(candidate)) <= budget:
                yield candidate, load


def _keep_fair(candidates: Mapping[Widths, int], ideal: Sequence[float]) -> dict[Widths, int]:
    """Those in which no layer is further from its share than the limits of a device are worth."""
    return {widths: load for widths, load in candidates.items() if _distortion(widths, ideal) <= _DEVICE_DISTORTION}


def _fill_fairly(
    widths: Widths, position: int, ideal: Sequence[float], budget: int, count: CountWeights
) -> Widths | None:
    """As `_fill`, but no further beyond the layer's share than it takes to come within 1% of the budget."""
    filled = _fill(widths, position, budget, count)
    fair = int(_GOOD_DISTORTION * ideal[position])
    if filled is None or filled[position] <= fair:
        return filled
    short = _fill(filled, position, math.ceil((1 - TOLERANCE) * budget) - 1, count)
    enough = MINIMUM_WIDTH if short is None else short[position] + 1
    narrower = _changed(filled, position, min(max(enough, fair) - filled[position], 0))
    # In a dent the wider one fits and the narrower, which needs a projection, does not.
    return narrower if count(narrower) <= budget else filled


def _fill(widths: Widths, position: int, budget: int, count: CountWeights) -> Widths | None:
    """The widths with the one at `position` as large as fits, or None where not even the smallest does."""

    def with_width(width: int) -> Widths:
        return (*widths[:position], width, *widths[position + 1 :])

    start, step = widths[position], 1
    if count(with_width(start)) <= budget:
        fits, over = start, start + 1
        while count(with_width(over)) <= budget:
            fits, step = over, 2 * step
            over = fits + step
    else:
        fits, over = max(start - 1, MINIMUM_WIDTH), start
        while count(with_width(fits)) > budget:
            if fits == MINIMUM_WIDTH:
                return None
            over, step = fits, 2 * step
            fits = max(fits - step, MINIMUM_WIDTH)
    while over - fits > 1:
        middle = (fits + over) // 2
        if count(with_width(middle)) <= budget:
            fits = middle
        else:
            over = middle
    return with_width(fits)


def _walk_edges(widths: Widths, budget: int, count: CountWeights) -> Iterator[tuple[Widths, int]]:
    """Widths right below the budget, far from `widths` too: any of the last two, and of the others those nearby."""
    others = widths[:-2]
    if len(widths) < 2 or 2 ** len(others) > _MAXIMUM_WALKS:
        return
    nearby = int(_MAXIMUM_WALKS ** (1 / max(len(others), 1)))
    ranges = (_list_nearest(width, nearby) for width in others)
    for fixed in itertools.product(*ranges):
        yield from _walk_edge(fixed, budget, count)


def _list_nearest(width: int, length: int) -> range:
    start = max(width - length // 2, MINIMUM_WIDTH)
    return range(start, start + length)


def _walk_edge(fixed: Widths, budget: int, count: CountWeights) -> Iterator[tuple[Widths, int]]:
    """With the first widths fixed, from the widest last layer to the widest last but one, always within the budget."""
    widest = _fill((*fixed, MINIMUM_WIDTH, MINIMUM_WIDTH), len(fixed) + 1, budget, count)
    if widest is None:
        return
    first, second = MINIMUM_WIDTH, widest[-1]
    while second >= MINIMUM_WIDTH:
        candidate = (*fixed, first, second)
        weights = count(candidate)
        if weights <= budget:
            yield candidate, weights
            first += 1
        else:
            second -= 1


def _changed(widths: Widths, position: int, change: int) -> Widths:
    return (*widths[:position], widths[position] + change, *widths[position + 1 :])


def _distortion(widths: Widths, ideal: Sequence[float]) -> float:
    """The largest factor between a width and its ideal."""
    return max(max(width / goal, goal / width) for width, goal in zip(widths, ideal, strict=True))
