"""Which parts of a search space a budget and an input allow: what cannot fit leaves before anything is drawn."""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hpsearch.dataset import InputShape
from hpsearch.network.architecture import Arch
from hpsearch.network.device_graph import OPERATORS_OF_ACTIVATION, Operator
from hpsearch.network.layers import ArchitectureError
from hpsearch.network.limits import LimitName, Limits, as_limits
from hpsearch.network.shape import Shape
from hpsearch.network.solver import BudgetTooSmallError, measure_smallest, refuse_limits, solve
from hpsearch.network.widths import TOLERANCE
from hpsearch.study.parameters import SHAPE_PARAMETERS, Parameters, build_shape
from hpsearch.study.search_space import Choices, FloatRange, IntRange, SearchSpace, Value
from hpsearch.study.targets import runs_on

_LARGE_SIDE = 40
"""Pixels from which on full resolution is what RAM goes to."""

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
    smallest: dict[LimitName, int] | None
    """The smallest limits that this combination can meet; None where the image does not survive it."""
    is_coarse: bool = False
    """Whether its only width cannot come within `TOLERANCE` of the budget."""


def fit_space(
    arch: Arch,
    space: SearchSpace,
    limits: int | Limits,
    input_shape: InputShape,
    class_count: int,
    *,
    operators: frozenset[Operator] | None = None,
) -> FittedSpace:
    """Leave out of a space what cannot be built on this input within these limits, or of these operators.

    A shape whose only width cannot come within 1% of the budget is left out, too, where others can. What remains is
    again a full product of choices: of the values in combinations that fail, the one that fails most leaves first.

    Raises:
        BudgetTooSmallError: Nothing fits; the message names the smallest budget that works.
        ArchitectureError: No shape of the space survives on images this small.
    """
    limits = as_limits(limits)
    space, unable = _leave_out_activations(space, operators)
    names = _list_deciding(arch, limits)
    verdicts = {
        combination: _judge(arch, space, names, combination, limits, input_shape, class_count)
        for combination in itertools.product(*(space.choices(name) for name in names))
    }
    fitting = {combination for combination, verdict in verdicts.items() if verdict.fits}
    if not fitting:
        _refuse(arch, verdicts, limits, input_shape)
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
    gone = {name: left_out[name] for name in reasons}
    if unable:
        gone["activation"] = (*unable, *gone.get("activation", ()))
        over = f"; {reasons['activation']}" if "activation" in reasons else ""
        reasons["activation"] = f"the target has no kernels for what it takes{over}"
    return FittedSpace(space.replace(changes), gone, reasons)


def _list_deciding(arch: Arch, limits: Limits) -> tuple[str, ...]:
    """The parameters that decide whether the narrowest network fits: of a device also how it is activated."""
    names = SHAPE_PARAMETERS[arch]
    if not {"ram", "flash"} & limits.named.keys():
        return names
    return (*names, "activation") if arch == "fcn" else (*names, "activation", "pool_place")


def _leave_out_activations(
    space: SearchSpace, operators: frozenset[Operator] | None
) -> tuple[SearchSpace, tuple[Value, ...]]:
    """The space without the activations that a device has no kernels for, and those."""
    activations = space.distributions.get("activation")
    if operators is None or not isinstance(activations, Choices):
        return space, ()
    able = {activation for activation in OPERATORS_OF_ACTIVATION if runs_on(activation, operators)}
    kept = tuple(value for value in activations.values if value in able)
    if not kept or len(kept) == len(activations.values):  # a spec without any is refused when it is made
        return space, ()
    unable = tuple(value for value in activations.values if value not in able)
    return space.replace({"activation": Choices(values=kept)}), unable


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
    limits: Limits,
    input_shape: InputShape,
    class_count: int,
) -> _Verdict:
    # Multiples are what a budget is left unused for; whether it can be met is asked without them.
    shape = example_shape(arch, space, dict(zip(names, combination, strict=True)) | {"width_multiple": 1})
    try:
        smallest = measure_smallest(shape, limits, input_shape, class_count)
    except ArchitectureError:
        return _Verdict(fits=False, smallest=None)
    if limits.list_exceeded(smallest):
        return _Verdict(fits=False, smallest=smallest)
    if len(shape.ratios) > 1 or limits.budget is None or limits.is_of_device:
        return _Verdict(fits=True, smallest=smallest)
    weights = solve(shape, limits, input_shape, class_count).count_weights(input_shape, class_count)
    return _Verdict(fits=True, smallest=smallest, is_coarse=weights < (1 - TOLERANCE) * limits.budget)


def _explain(verdicts: Iterable[_Verdict]) -> str:
    """Why values left the space, from the verdicts on the combinations that have them."""
    kinds = set()
    for verdict in verdicts:
        if verdict.smallest is None:
            kinds.add("an image does not last through the layers of some")
        elif not verdict.fits:
            over = "the budget" if verdict.smallest.keys() == {"budget"} else "a limit"
            kinds.add(f"some are over {over} at their narrowest")
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


def _refuse(arch: Arch, verdicts: dict[Combination, _Verdict], limits: Limits, input_shape: InputShape) -> None:
    """Raises the error that names the smallest that works, for each limit that is too small."""
    sizes = [verdict.smallest for verdict in verdicts.values() if verdict.smallest is not None]
    if not sizes:
        raise ArchitectureError(
            f"no {arch} of this search space survives on images of {input_shape.height}x{input_shape.width}: "
            "allow fewer stages, smaller kernels or downsampling none"
        )
    smallest = {name: min(size[name] for size in sizes) for name in limits.named}
    if exceeded := limits.list_exceeded(smallest):
        smallest = {name: smallest[name] for name in exceeded}
    else:  # each can be met, but not all by one shape: what would do where the others stay
        smallest = {
            name: min(able)
            for name in limits.named
            if (able := [size[name] for size in sizes if set(limits.list_exceeded(size)) <= {name}])
        } or {name: max(size[name] for size in sizes) for name in limits.named}
    refusal = refuse_limits(limits, f"any {arch} on {input_shape} images", smallest)
    if arch == "cnn" and "ram" in smallest and max(input_shape.height, input_shape.width) > _LARGE_SIDE:
        refusal += "; stem_stride = 2 in a study file's [space] needs about a quarter of the RAM"
    raise BudgetTooSmallError(refusal)
