"""How well configurations are ranked on few images: held-out shares against k folds, at equal cost.

Hundreds of networks of one hidden layer are trained at once, as one batched product, on few images of Fashion-MNIST:
each configuration (width, peak learning rate, weight decay, dropout, label smoothing) by every way to validate, and on
all images under three seeds, whose mean test accuracy is what the configuration is worth. Printed is what choosing by
each way gives, in points below the best configuration, and the rank correlation with what they are worth.

    python benchmarks/small_validation.py 360 4     # images, repetitions
"""

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import spearmanr  # type: ignore[import-untyped]
from torch import Tensor
from torch.nn import functional

from hpsearch.training.data import default_cache_folder, load_search_splits
from hpsearch.training.data.test_split import open_test_split

CONFIGS, WIDTH, CLASSES, STEPS, BATCH, TESTED = 24, 12, 10, 400, 32, 4000
SHARES, DRAWS, FOLDS, SEEDS = (0.1, 0.2, 0.3, 0.4), 3, 5, 3


def main() -> None:
    """Every repetition has images and configurations of its own."""
    images, repetitions = int(sys.argv[1]), int(sys.argv[2])
    torch.set_num_threads(1)
    cache = Path(default_cache_folder(os.environ))
    whole = load_search_splits("fashion-mnist", cache, validation_fraction=None).train
    test = open_test_split("fashion-mnist", cache).test_images
    found: dict[str, list[list[float]]] = {}
    for repetition in range(repetitions):
        generator = np.random.default_rng(repetition)
        few = whole.select(generator.permutation(len(whole))[:images].astype(np.int64))
        for name, values in measure(few.images, few.labels, test.images, test.labels, generator).items():
            found.setdefault(name, []).append(values)
        print(f"{images} images, {repetition + 1} repetitions of {CONFIGS} configurations, {STEPS} steps of {BATCH}")
        print("way                        regret  of the network itself  rank correlation")
        for name, rows in found.items():
            means = np.mean(rows, axis=0)
            error = np.std([row[0] for row in rows]) / max(1, len(rows) - 1) ** 0.5
            print(f"{name:<24} {means[0]:6.2f} ±{error:4.2f} {means[1]:14.2f} {means[2]:18.2f}", flush=True)


def measure(
    images: Tensor, labels: Tensor, test: Tensor, test_labels: Tensor, generator: Any
) -> dict[str, list[float]]:
    """Of each way: regret in points, the same of the very network that was validated, rank correlation."""
    count = len(images)
    orders = [generator.permutation(count) for _ in range(DRAWS)]
    ways: list[tuple[str, np.ndarray]] = [("full", np.array([], dtype=np.int64))] * SEEDS
    ways += [(f"{share:g} held out", order[: round(share * count)]) for share in SHARES for order in orders]
    ways += [("folds", fold) for fold in np.array_split(orders[0], FOLDS)]
    held = [fold for _config in range(CONFIGS) for _name, fold in ways]
    configs = np.repeat(np.arange(CONFIGS), len(ways))
    validated, tested = train(images, labels, test[:TESTED], test_labels[:TESTED], held, configs, generator)
    names = np.array([name for name, _held in ways])
    validated, tested = validated.reshape(CONFIGS, -1), tested.reshape(CONFIGS, -1)
    worth = tested[:, names == "full"].mean(1)
    result = {}
    for share in SHARES:
        mine = np.flatnonzero(names == f"{share:g} held out")
        rows = [rate(validated[:, way], tested[:, way], worth) for way in mine]
        result[f"{share:g} held out"] = np.mean(rows, axis=0).tolist()
    folds = validated[:, names == "folds"].mean(1)
    own = tested[:, names == "folds"].mean(1)
    result[f"{FOLDS} folds, {FOLDS} x cost"] = rate(folds, own, worth)
    draws = [generator.permutation(CONFIGS)[: round(CONFIGS / FOLDS)] for _ in range(200)]
    equal = [rate(folds[few], own[few], worth[few], best=worth.max()) for few in draws]
    result[f"{FOLDS} folds, equal cost"] = np.mean(equal, axis=0).tolist()
    return result


def rate(values: np.ndarray, own: np.ndarray, worth: np.ndarray, best: float | None = None) -> list[float]:
    """Ties are broken at random, which is the mean over them."""
    top = worth.max() if best is None else best
    chosen = values == values.max()
    return [100 * (top - worth[chosen].mean()), 100 * (top - own[chosen].mean()), spearmanr(values, worth).statistic]


def train(
    images: Tensor,
    labels: Tensor,
    test: Tensor,
    test_labels: Tensor,
    held: list[np.ndarray],
    configs: np.ndarray,
    generator: Any,
) -> tuple[np.ndarray, np.ndarray]:
    """The validation and test accuracies of networks (n,) without the images that each holds out."""
    count = len(configs)
    mean, deviation = images.float().mean(), images.float().std()
    pixels = ((images.float() - mean) / deviation).flatten(1)
    test_pixels = ((test.float() - mean) / deviation).flatten(1)
    kept = [np.setdiff1d(np.arange(len(images)), fold) for fold in held]

    def draw(low: float, high: float, *, log: bool = False) -> Tensor:
        values = generator.uniform(np.log(low) if log else low, np.log(high) if log else high, CONFIGS)
        return torch.tensor((np.exp(values) if log else values)[configs], dtype=torch.float32)

    peak, decay = draw(1e-3, 3e-2, log=True), draw(1e-5, 1e-1, log=True)
    dropout, smoothing, width = draw(0, 0.4), draw(0, 0.1), draw(4, WIDTH + 1).floor()
    is_there = (torch.arange(WIDTH)[None] < width[:, None]).float()[:, None]
    torch.manual_seed(int(generator.integers(2**31)))
    weights = [
        torch.randn(count, pixels.shape[1], WIDTH) / pixels.shape[1] ** 0.5,
        torch.zeros(count, 1, WIDTH),
        torch.randn(count, WIDTH, CLASSES) / WIDTH**0.5,
        torch.zeros(count, 1, CLASSES),
    ]
    moments = [(torch.zeros_like(each), torch.zeros_like(each)) for each in weights]
    for each in weights:
        each.requires_grad_()

    def apply(batch: Tensor, mask: Tensor) -> Tensor:
        hidden = torch.relu(batch @ weights[0] + weights[1]) * mask
        return hidden @ weights[2] + weights[3]

    for step in range(STEPS):
        rows = torch.from_numpy(np.stack([generator.choice(mine, BATCH, replace=False) for mine in kept]))
        mask = is_there * (torch.rand(count, BATCH, WIDTH) > dropout[:, None, None]) / (1 - dropout)[:, None, None]
        logs = functional.log_softmax(apply(pixels[rows], mask), 2)
        right = logs.gather(2, labels[rows][..., None]).mean((1, 2))
        loss = -((1 - smoothing) * right + smoothing * logs.mean((1, 2))).sum()
        gradients = torch.autograd.grad(loss, weights)
        share = (step + 1) / STEPS
        lr = peak * (share / 0.3 if share < 0.3 else 0.5 * (1 + np.cos(np.pi * (share - 0.3) / 0.7)))
        with torch.no_grad():
            for each, gradient, (first, second) in zip(weights, gradients, moments, strict=True):
                first.lerp_(gradient, 0.1)
                second.mul_(0.999).addcmul_(gradient, gradient, value=0.001)
                unbiased = (second / (1 - 0.999 ** (step + 1))).sqrt_().add_(1e-8)
                rate_of_each = lr[:, None, None]
                each.mul_(1 - rate_of_each * decay[:, None, None])
                each.sub_(rate_of_each * first / (1 - 0.9 ** (step + 1)) / unbiased)
    validated, tested = np.zeros(count), np.zeros(count)
    with torch.no_grad():
        for network in range(count):
            own = [each[network] for each in weights]

            def answer(batch: Tensor, own: list[Tensor] = own, mask: Tensor = is_there[network]) -> Tensor:
                return ((torch.relu(batch @ own[0] + own[1]) * mask) @ own[2] + own[3]).argmax(1)

            tested[network] = (answer(test_pixels) == test_labels).float().mean()
            if len(fold := torch.from_numpy(held[network])):
                validated[network] = (answer(pixels[fold]) == labels[fold]).float().mean()
    return validated, tested


if __name__ == "__main__":
    main()
