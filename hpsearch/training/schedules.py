"""Learning rate schedules as plain functions of the step, so that a resumed trial needs no more than its step."""

import math
from typing import assert_never

from hpsearch.study.recipe import Recipe

WARMUP_SHARE = 0.3
INITIAL_DIVISOR = 25.0
FINAL_DIVISOR = 10_000.0
"""Of one_cycle, as in `torch.optim.lr_scheduler.OneCycleLR`; the momentum is left as the recipe has it."""


def schedule_lr(recipe: Recipe, step: int, steps_per_epoch: int) -> float:
    """The learning rate of a step, counted from 0 over the whole training."""
    total_steps = recipe.epochs * steps_per_epoch
    match recipe.schedule:
        case "constant":
            return recipe.lr
        case "step":
            epoch = step // steps_per_epoch
            drops = (2 * epoch >= recipe.epochs) + (4 * epoch >= 3 * recipe.epochs)
            return recipe.lr * 0.1**drops
        case "cosine":
            return _anneal(recipe.lr, 0.0, step / total_steps)
        case "one_cycle":
            return _one_cycle(recipe.lr, step, total_steps)
        case _:
            assert_never(recipe.schedule)


def _one_cycle(peak: float, step: int, total_steps: int) -> float:
    initial = peak / INITIAL_DIVISOR
    top = WARMUP_SHARE * total_steps - 1
    if step <= top:
        return _anneal(initial, peak, step / top if top > 0 else 1.0)
    top = max(top, 0.0)
    last = total_steps - 1
    return _anneal(peak, initial / FINAL_DIVISOR, (step - top) / (last - top) if last > top else 0.0)


def _anneal(start: float, end: float, share: float) -> float:
    """Half a cosine from `start` to `end`."""
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))
