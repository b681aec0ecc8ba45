"""How much of the limit that binds solved networks use: shapes of the default spaces under random limits.

For each draw: a family, a shape of its default space, images of 28 to 96 pixels a side with 1 or 3 channels, and 1 to 4
limits. Counted are networks over a limit, refusals, and what part of the limit that binds is used. Of networks below
98% it is said what binds, and whether widths allow more: whether one more unit in a layer, alone or with one less in
another, would come within 2% and not be over.

    python benchmarks/limits_used.py [--draws 1000] [--seed 0] [--quick]
"""

import argparse
import json
import random
import statistics
import time
from collections import Counter
from pathlib import Path

from hpsearch.dataset import InputShape
from hpsearch.network.architecture import Architecture
from hpsearch.network.layers import ArchitectureError
from hpsearch.network.limits import Limits
from hpsearch.network.shape import CnnShape, Shape
from hpsearch.network.solver import BudgetTooSmallError, solve
from hpsearch.network.widths import MINIMUM_WIDTH
from hpsearch.study.default_spaces import default_space
from hpsearch.study.parameters import build_shape
from hpsearch.study.search_space import Choices, FloatRange, SearchSpace, Value

CLASSES = 10
SIDES = (28, 32, 48, 64, 96)
ENOUGH = 0.98


def draw_parameters(space: SearchSpace, chance: random.Random) -> dict[str, Value]:
    """Each parameter for itself, evenly in its range."""
    drawn: dict[str, Value] = {}
    for name, distribution in space.distributions.items():
        match distribution:
            case Choices(values=values):
                drawn[name] = chance.choice(values)
            case FloatRange(low=low, high=high):
                drawn[name] = chance.uniform(low, high)
            case _:
                drawn[name] = chance.randint(distribution.low, distribution.high)
    return drawn


def draw_limits(chance: random.Random) -> Limits:
    """One to four limits, each evenly in its logarithm."""
    ranges = {"budget": (2e3, 2e5), "ram": (4e3, 256e3), "flash": (8e3, 512e3), "macs": (1e5, 2e7)}
    names = chance.sample(list(ranges), chance.randint(1, 4))
    return Limits(
        **{name: int(ranges[name][0] * (ranges[name][1] / ranges[name][0]) ** chance.random()) for name in names}
    )


def list_widths(network: Architecture) -> tuple[int, ...]:
    if network.arch == "fcn":
        return tuple(network.widths)
    return (*(stage.channels[0] for stage in network.stages), *network.dense)


def measure_load(network: Architecture, limits: Limits, images: InputShape) -> tuple[float, str]:
    """The largest part of a limit that is used, and which limit that is."""
    shares = limits.measure_shares(network, images, CLASSES)
    name = max(shares, key=lambda each: shares[each])
    return shares[name], name


def find_closest(shape: Shape, widths: tuple[int, ...], limits: Limits, images: InputShape) -> float:
    """The largest part of the limits, not over any, that one unit more here uses, alone or against one less there."""
    closest = 0.0
    for wider in range(len(widths)):
        for narrower in (None, *range(len(widths))):
            if narrower == wider:
                continue
            changed = list(widths)
            changed[wider] += 1
            if narrower is not None:
                changed[narrower] -= 1
            if min(changed) < MINIMUM_WIDTH:
                continue
            load = measure_load(shape.build(changed), limits, images)[0]
            closest = max(closest, load if load <= 1 else 0.0)
    return closest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="20 draws")
    parser.add_argument("--output", type=Path, help="a file for the figures as JSON")
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    spaces = {arch: default_space(arch) for arch in ("fcn", "cnn")}
    loads: list[float] = []
    below: Counter[str] = Counter()
    over = refused = unfit = 0
    seconds = 0.0
    for _ in range(20 if arguments.quick else arguments.draws):
        arch = chance.choice(("fcn", "cnn", "cnn"))
        shape = build_shape(arch, draw_parameters(spaces[arch], chance))
        side = chance.choice(SIDES)
        limits, images = draw_limits(chance), InputShape(chance.choice((1, 3)), side, side)
        begun = time.perf_counter()
        try:
            network = solve(shape, limits, images, CLASSES)
        except BudgetTooSmallError:
            refused += 1
            continue
        except ArchitectureError:
            unfit += 1
            continue
        finally:
            seconds += time.perf_counter() - begun
        load, name = measure_load(network, limits, images)
        over += load > 1
        loads.append(load)
        if load < ENOUGH:
            widths = list_widths(network)
            closest = find_closest(shape, widths, limits, images)
            more = "a unit would do" if closest >= ENOUGH else "no unit would do"
            rounded = isinstance(shape, CnnShape) and all(width % 4 == 0 for width in widths[: len(shape.stages)])
            alone = "alone" if not limits.is_of_device else "with others" if len(limits.named) > 1 else "only"
            below[f"{name} ({alone}), {'multiples' if rounded else 'any widths'}, {more}"] += 1
    figures = {
        "draws": len(loads) + refused + unfit,
        "solved": len(loads),
        "refused": refused,
        "images_too_small": unfit,
        "over": over,
        "median_used": round(statistics.median(loads), 4),
        "share_within_2_percent": round(sum(load >= ENOUGH for load in loads) / len(loads), 4),
        "below": dict(below.most_common()),
        "seconds_per_solve": round(seconds / (len(loads) + refused + unfit), 3),
    }
    print(json.dumps(figures, indent=2))
    if arguments.output is not None:
        arguments.output.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
