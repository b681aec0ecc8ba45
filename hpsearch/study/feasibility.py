"""Which parts of a search space a budget and an input allow: what cannot fit leaves before anything is drawn."""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hpsearch.dataset import InputShape
from hpsearch.network.architecture import Arch
from hpsearch.network.budget import format_budget
from hpsearch.network.layers import ArchitectureError
from hpsearch.network.shape import Shape
from hpsearch.network.solver import TOLERANCE, BudgetTooSmallError, count_smallest, solve
from hpsearch.study.parameters import SHAPE_PARAMETERS, Parameters, build_shape
from hpsearch.study.search_space import Choices, FloatRange, IntRange, SearchSpace, Value

Combination = tuple[Value, ...]
"""A value for each of the family's `SHAPE_PARAMETERS`."""


@dataclass(frozen=True)
class FittedSpace:
    """A space in which every draw fits, and what was left out of the one it came from."""

    space: SearchSpace
    left_out: dict[str, tuple[Value, ...]]
    """By parameter, the values that are gone."""
    reasons: dict[str, str]
    """By the same parameters, what is wrong with networks that have these values."""


@dataclass(frozen=True)
class _Verdict:
    fits: bool
    smallest: int | None
    """The smallest budget that this combination can meet; None where the image does not survive it."""
    is_coarse: bool = False
    """Whether its only width cannot come within `TOLERANCE` of the budget."""


def fit_space(
    arch: Arch, space: SearchSpace, budget_weights: int, input_shape: InputShape, class_count: int
) -> FittedSpace:
    """Leave out of a space what cannot be built on this input within this budget.

    A shape whose only width cannot come within 1% of the budget is left out, too, where others can. What remains is
    again a full product of choices: of the values in combinations that fail, the one that fails most leaves first.

    Raises:
        BudgetTooSmallError: Nothing fits; the message names the smallest budget that works.
        ArchitectureError: No shape of the space survives on images this small.
    """
    names = SHAPE_PARAMETERS[arch]
    verdicts = {
        combination: _judge(arch, space, names, combination, budget_weights, input_shape, class_count)
        for combination in itertools.product(*(space.choices(name) for name in names))
    }
    fitting = {combination for combination, verdict in verdicts.items() if verdict.fits}
    if not fitting:
        _refuse(arch, verdicts, budget_weights, input_shape)
    fine = {combination for combination in fitting if not verdicts[combination].is_coarse}
    kept = _largest_product(fine or fitting, verdicts)
    left_out = {
        name: tuple(value for value in space.choices(name) if value not in values)
        for name, values in zip(names, kept, strict=True)
    }
    changes = {
        name: _narrow(space.distributions[name], values)
        for name, values in zip(names, kept, strict=True)
        if left_out[name]
    }
    reasons = {
        name: _explain(verdict for values, verdict in verdicts.items() if values[position] in left_out[name])
        for position, name in enumerate(names)
        if left_out[name]
    }
    return FittedSpace(space.replace(changes), {name: left_out[name] for name in reasons}, reasons)


def example_shape(arch: Arch, space: SearchSpace, chosen: Parameters) -> Shape:
    """A shape with the chosen values, and for the rest the middle of the space."""
    return build_shape(arch, example_parameters(space, chosen))


def example_parameters(space: SearchSpace, chosen: Parameters) -> dict[str, Value]:
    """The chosen values, and for the rest the middle of each range and the first of each choice."""
    middle: dict[str, Value] = {}
    for name, distribution in space.distributions.items():
        match distribution:
            case Choices(values=values):
                middle[name] = values[0]
            case FloatRange(low=low, high=high, log=log):
                middle[name] = (low * high) ** 0.5 if log else (low + high) / 2
            case _:
                middle[name] = (distribution.low + distribution.high) // 2
    return middle | dict(chosen)


def _judge(
    arch: Arch,
    space: SearchSpace,
    names: tuple[str, ...],
    combination: Combination,
    budget_weights: int,
    input_shape: InputShape,
    class_count: int,
) -> _Verdict:
    # Multiples are what a budget is left unused for; whether it can be met is asked without them.
    shape = example_shape(arch, space, dict(zip(names, combination, strict=True)) | {"width_multiple": 1})
    try:
        smallest = count_smallest(shape, input_shape, class_count)
    except ArchitectureError:
        return _Verdict(fits=False, smallest=None)
    if smallest > budget_weights:
        return _Verdict(fits=False, smallest=smallest)
    if len(shape.ratios) > 1:
        return _Verdict(fits=True, smallest=smallest)
    weights = solve(shape, budget_weights, input_shape, class_count).count_weights(input_shape, class_count)
    return _Verdict(fits=True, smallest=smallest, is_coarse=weights < (1 - TOLERANCE) * budget_weights)


def _explain(verdicts: Iterable[_Verdict]) -> str:
    """Why values left the space, from the verdicts on the combinations that have them."""
    kinds = set()
    for verdict in verdicts:
        if verdict.smallest is None:
            kinds.add("an image does not last through the layers of some")
        elif not verdict.fits:
            kinds.add("some are over the budget at their narrowest")
        elif verdict.is_coarse:
            kinds.add("a single width cannot come within 1% of the budget")
    return ", or ".join(sorted(kinds))


def _largest_product(fitting: set[Combination], verdicts: dict[Combination, _Verdict]) -> list[list[Value]]:
    """Lists of values, one a parameter, whose every combination fits: greedily few values are dropped."""
    lists = [list(dict.fromkeys(values)) for values in zip(*verdicts, strict=True)]
    for position, values in enumerate(lists):
        alive = {combination[position] for combination in fitting}
        lists[position] = [value for value in values if value in alive]
    while failing := [combination for combination in itertools.product(*lists) if combination not in fitting]:
        position, value = _most_failing(lists, failing)
        lists[position].remove(value)
    return lists


def _most_failing(lists: list[list[Value]], failing: list[Combination]) -> tuple[int, Value]:
    """The value with the largest share of failing combinations; of several alike, the one listed last."""
    total = 1
    for values in lists:
        total *= len(values)

    def rank(candidate: tuple[int, int]) -> tuple[float, int, int]:
        position, index = candidate
        share = counts[position][lists[position][index]] * len(lists[position]) / total
        return share, index, position

    counts = [Counter(combination[position] for combination in failing) for position in range(len(lists))]
    position, index = max(_removable(lists), key=rank)
    return position, lists[position][index]


def _removable(lists: list[list[Value]]) -> Iterator[tuple[int, int]]:
    for position, values in enumerate(lists):
        if len(values) > 1:
            yield from ((position, index) for index in range(len(values)))


def _narrow(distribution: FloatRange | IntRange | Choices, values: list[Value]) -> IntRange | Choices:
    """A range stays a range where what is left of it is one."""
    if isinstance(distribution, IntRange) and values == list(range(int(values[0]), int(values[-1]) + 1)):
        return IntRange(low=int(values[0]), high=int(values[-1]), log=distribution.log)
    return Choices(values=tuple(values))


def _refuse(arch: Arch, verdicts: dict[Combination, _Verdict], budget_weights: int, input_shape: InputShape) -> None:
    sizes = [verdict.smallest for verdict in verdicts.values() if verdict.smallest is not None]
    if not sizes:
        raise ArchitectureError(
            f"no {arch} of this search space survives on images of {input_shape.height}x{input_shape.width}: "
            "allow fewer stages, smaller kernels or downsampling none"
        )
    smallest = min(sizes)
    raise BudgetTooSmallError(
        f"budget {format_budget(budget_weights)} is too small for any {arch} on {input_shape} images: "
        f"the smallest that works is {smallest}; give --budget {smallest} or more"
    )
