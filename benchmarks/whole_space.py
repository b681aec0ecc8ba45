"""Draws over the whole default space at several budgets: does every one fit, and does every one learn?

A draw learns if the first steps of its own recipe leave its loss finite and give every weight tensor a gradient that
is finite and not zero throughout. `python benchmarks/whole_space.py [--draws 100]`
"""

import argparse
import math
import random
from collections import Counter

import torch
from torch.nn import functional

from hpsearch.dataset import InputShape
from hpsearch.network.architecture import Arch
from hpsearch.network.budget import format_budget
from hpsearch.network.solver import solve
from hpsearch.network.widths import TOLERANCE
from hpsearch.study.default_spaces import default_space
from hpsearch.study.feasibility import fit_space
from hpsearch.study.parameters import build_recipe, build_shape
from hpsearch.study.search_space import Choices, FloatRange, IntRange, SearchSpace, Value
from hpsearch.training.initialization import initialize
from hpsearch.training.networks import build_network
from hpsearch.training.optimizers import build_optimizer, set_lr

BUDGETS = (10_000, 20_000, 50_000, 100_000, 200_000)
INPUT_SHAPE, CLASS_COUNT = InputShape(1, 28, 28), 10
STEPS, BATCH_SIZE = 3, 64


def draw(space: SearchSpace, chance: random.Random) -> dict[str, Value]:
    """One draw of every parameter."""
    drawn: dict[str, Value] = {}
    for name, distribution in space.distributions.items():
        match distribution:
            case Choices(values=values):
                drawn[name] = chance.choice(values)
            case IntRange(low=low, high=high):
                drawn[name] = chance.randint(low, high)
            case FloatRange(low=low, high=high, log=True):
                drawn[name] = min(high, max(low, math.exp(chance.uniform(math.log(low), math.log(high)))))
            case FloatRange(low=low, high=high):
                drawn[name] = chance.uniform(low, high)
    return drawn


def learns(arch: Arch, budget: int, parameters: dict[str, Value], seed: int) -> tuple[int, bool]:
    """The weights of the network that a draw becomes, and whether its first steps work."""
    architecture = solve(build_shape(arch, parameters), budget, INPUT_SHAPE, CLASS_COUNT)
    recipe = build_recipe(parameters, epochs=1)
    generator = torch.Generator().manual_seed(seed)
    # Without dropout: a unit that is dropped in all of three small batches has no gradient, and nothing is wrong.
    network = build_network(architecture, INPUT_SHAPE, CLASS_COUNT)
    initialize(network, recipe.initialization, architecture.activation, generator)
    optimizer = build_optimizer(recipe, network, torch.device("cpu"))
    set_lr(optimizer, recipe.lr / 25)
    works = True
    for _ in range(STEPS):
        images = torch.randint(0, 256, (BATCH_SIZE, *INPUT_SHAPE), generator=generator, dtype=torch.uint8)
        labels = torch.randint(0, CLASS_COUNT, (BATCH_SIZE,), generator=generator)
        loss = functional.cross_entropy(network(images), labels)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        gradients = [weight.grad for weight in network.parameters()]
        works &= bool(torch.isfinite(loss)) and all(
            gradient is not None and bool(torch.isfinite(gradient).all()) and bool(gradient.any())
            for gradient in gradients
        )
        optimizer.step()
    return architecture.count_weights(INPUT_SHAPE, CLASS_COUNT), works


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=100)
    draws: int = parser.parse_args().draws
    torch.set_num_threads(1)
    print("| arch | budget | draws | over it | within 1% | do not learn |\n|---|---|---|---|---|---|")
    for arch in ("fcn", "cnn"):
        for budget in BUDGETS:
            space = fit_space(arch, default_space(arch), budget, INPUT_SHAPE, CLASS_COUNT).space
            chance = random.Random(f"{arch}/{budget}")
            found: Counter[str] = Counter()
            for seed in range(draws):
                weights, works = learns(arch, budget, draw(space, chance), seed)
                found["over"] += weights > budget
                found["close"] += (1 - TOLERANCE) * budget <= weights <= budget
                found["dead"] += not works
            print(
                f"| {arch} | {format_budget(budget)} | {draws} | {found['over']} | {found['close']} | {found['dead']} |"
            )


if __name__ == "__main__":
    main()
