"""Integer widths that use a budget.

Weights rise with every width. (But for one dent: a residual block needs no projection where its channels equal those
before it.) So all widths are scaled together as far as they fit, and single ones widened while one more unit fits,
those most below their share first. Where integer widths still leave more than 1% unused, or one layer took far more
than its share, a little more here is tried against a little less there; and where that does not come within 1% either,
whatever becomes of the ratios, widths all along the edge of the budget.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence

MINIMUM_WIDTH = 4
"""Of a hidden layer: a narrower one is a bottleneck that no ten classes pass through."""

TOLERANCE = 0.01
"""The part of a budget that a solved architecture may leave unused, where integer widths allow it."""

DEVICE_TOLERANCE = 0.02
"""The same for one whose channels are multiples, under the limits of a device."""

_DEVICE_DISTORTION = 1.5
"""A factor between a width and its share that the limits of a device are worth."""

_MAXIMUM_EXCHANGE = 4

GOOD_DISTORTION = 1.25
"""A factor between a width and its share up to which nothing better is looked for."""

_MAXIMUM_WALKS = 200
"""Walks along the edge of the budget, one for each combination of all widths but the last two."""

Widths = tuple[int, ...]
CountWeights = Callable[[Widths], int]


def solve_widths(ratios: Sequence[float], budget: int, count: CountWeights, *, is_elastic: bool) -> Widths:
    """The widths of layers that are to be as these ratios, which use the most of a budget.

    Args:
        ratios: Of the layers' widths to each other.
        budget: The most that they may count.
        count: What widths count; at `MINIMUM_WIDTH` each it is within the budget.
        is_elastic: Whether each unit more counts, as a weight does; a device's limits grow in steps.
    """
    scale = find_largest_scale(ratios, budget, count)
    ideal = tuple(max(scale * ratio, MINIMUM_WIDTH) for ratio in ratios)
    best = _widen_singly(scale_widths(ratios, scale), ideal, budget, count)
    enough = (1 - TOLERANCE) * budget
    candidates = {best: count(best)}
    if candidates[best] < enough or measure_distortion(best, ideal) > GOOD_DISTORTION:
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
        return min(close, key=lambda widths: (measure_distortion(widths, ideal), widths))
    return max(candidates, key=lambda widths: (candidates[widths], widths))


def scale_widths(ratios: Sequence[float], scale: float) -> Widths:
    """Widths as these ratios times a scale, rounded."""
    return tuple(max(MINIMUM_WIDTH, round(scale * ratio)) for ratio in ratios)


def find_largest_scale(ratios: Sequence[float], budget: int, count: CountWeights) -> float:
    """The scale whose widths are the last within the budget."""
    fits, over = 0.0, MINIMUM_WIDTH / max(ratios)
    while count(scale_widths(ratios, over)) <= budget:
        fits, over = over, 2 * over
    while scale_widths(ratios, fits) != scale_widths(ratios, over) and over - fits > 1e-9 * over:
        middle = (fits + over) / 2
        if count(scale_widths(ratios, middle)) <= budget:
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
        elif count(widths) >= (1 - TOLERANCE) * budget and wider[position] > GOOD_DISTORTION * ideal[position]:
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
    return {
        widths: load for widths, load in candidates.items() if measure_distortion(widths, ideal) <= _DEVICE_DISTORTION
    }


def _fill_fairly(
    widths: Widths, position: int, ideal: Sequence[float], budget: int, count: CountWeights
) -> Widths | None:
    """As `_fill`, but no further beyond the layer's share than it takes to come within 1% of the budget."""
    filled = _fill(widths, position, budget, count)
    fair = int(GOOD_DISTORTION * ideal[position])
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


def measure_distortion(widths: Widths, ideal: Sequence[float]) -> float:
    """The largest factor between a width and its ideal."""
    return max(max(width / goal, goal / width) for width, goal in zip(widths, ideal, strict=True))
