"""Ray Tune's ASHA as its PyTorch tutorial has it, with a weight limit; prints one line of JSON.

    pip install "ray[tune]" torch torchvision
    python ray_asha.py --budget 100000 --seconds 900 --seed 0 --data FOLDER

A function trainable, a space of convolutions, widths, dropout, learning rate and optimizer, ASHA with a grace of 2
epochs, as many trials at once as there are cores. Ray Tune has no limit on weights: a network over it ends at once. The
best trial by validation is tested once, from its checkpoint.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from ray import tune
from ray.tune import Checkpoint
from ray.tune.schedulers import ASHAScheduler
from ray.tune.search.basic_variant import BasicVariantGenerator
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset, Subset
from torchvision import transforms
from torchvision.datasets import FashionMNIST

MAXIMUM_EPOCHS, GRACE_EPOCHS, BATCH_SIZE = 20, 2, 128

SPACE = {
    "convolutions": tune.choice([1, 2, 3]),
    "channels_1": tune.choice([8, 16, 32, 64]),
    "channels_2": tune.choice([8, 16, 32, 64, 128]),
    "channels_3": tune.choice([8, 16, 32, 64, 128]),
    "batch_norm": tune.choice([True, False]),
    "head": tune.choice(["flatten", "average"]),
    "dense": tune.choice([0, 64, 128]),
    "dropout": tune.uniform(0.0, 0.5),
    "lr": tune.loguniform(1e-4, 1e-1),
    "optimizer": tune.choice(["Adam", "SGD", "RMSprop"]),
}


def build(config: dict[str, Any]) -> nn.Module:
    layers: list[nn.Module] = []
    inputs, side = 1, 28
    for index in range(1, config["convolutions"] + 1):
        channels = config[f"channels_{index}"]
        layers.append(nn.Conv2d(inputs, channels, 3, padding=1))
        layers += [nn.BatchNorm2d(channels)] if config["batch_norm"] else []
        layers += [nn.ReLU(), nn.MaxPool2d(2)]
        inputs, side = channels, side // 2
    if config["head"] == "average":
        layers.append(nn.AdaptiveAvgPool2d(1))
        side = 1
    layers += [nn.Flatten(), nn.Dropout(config["dropout"])]
    width = inputs * side * side
    if config["dense"]:
        layers += [nn.Linear(width, config["dense"]), nn.ReLU()]
        width = config["dense"]
    return nn.Sequential(*layers, nn.Linear(width, 10))


def load(folder: str, *, train: bool) -> FashionMNIST:
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.2860,), (0.3530,))])
    return FashionMNIST(folder, train=train, transform=transform)


def measure(network: nn.Module, data: Dataset[Any]) -> float:
    network.eval()
    correct = count = 0
    with torch.no_grad():
        for images, labels in DataLoader(data, 512):
            correct += int((network(images).argmax(1) == labels).sum())
            count += len(labels)
    return correct / count


def train(config: dict[str, Any], folder: str, budget: int) -> None:
    torch.set_num_threads(1)
    network = build(config)
    weights = sum(parameter.numel() for parameter in network.parameters())
    if weights > budget:
        tune.report({"validation_accuracy": 0.0, "weights": weights})
        return
    images = load(folder, train=True)
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0)).tolist()
    training, validation = Subset(images, order[6000:]), Subset(images, order[:6000])
    optimizer = getattr(torch.optim, config["optimizer"])(network.parameters(), lr=config["lr"])
    for _epoch in range(MAXIMUM_EPOCHS):
        network.train()
        for batch, labels in DataLoader(training, BATCH_SIZE, shuffle=True):
            optimizer.zero_grad()
            functional.cross_entropy(network(batch), labels).backward()
            optimizer.step()
        with tempfile.TemporaryDirectory() as place:
            torch.save(network.state_dict(), Path(place) / "network.pt")
            accuracy = measure(network, validation)
            tune.report(
                {"validation_accuracy": accuracy, "weights": weights}, checkpoint=Checkpoint.from_directory(place)
            )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--budget", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--data", required=True)
    arguments = parser.parse_args()
    begun = time.monotonic()
    torch.manual_seed(arguments.seed)
    cores = len(os.sched_getaffinity(0))
    scheduler = ASHAScheduler(max_t=MAXIMUM_EPOCHS, grace_period=GRACE_EPOCHS, reduction_factor=3)
    with tempfile.TemporaryDirectory() as place:
        tuner = tune.Tuner(
            tune.with_resources(
                tune.with_parameters(train, folder=arguments.data, budget=arguments.budget), {"cpu": 1}
            ),
            param_space=SPACE,
            tune_config=tune.TuneConfig(
                metric="validation_accuracy",
                mode="max",
                scheduler=scheduler,
                num_samples=-1,
                time_budget_s=max(1.0, arguments.seconds - (time.monotonic() - begun)),
                max_concurrent_trials=cores,
                search_alg=BasicVariantGenerator(random_state=arguments.seed),
            ),
            run_config=tune.RunConfig(storage_path=place, verbose=0),
        )
        results = tuner.fit()
        fitting = [each for each in results if (each.metrics or {}).get("validation_accuracy", 0.0) > 0]
        best = max(fitting, key=lambda each: max(each.metrics_dataframe["validation_accuracy"]))
        checkpoint, metrics = max(best.best_checkpoints, key=lambda pair: pair[1]["validation_accuracy"])
        network = build(best.config)
        with checkpoint.as_directory() as stored:
            network.load_state_dict(torch.load(Path(stored) / "network.pt"))
        found = {
            "weights": metrics["weights"],
            "validation_accuracy": metrics["validation_accuracy"],
            "test_accuracy": measure(network, load(arguments.data, train=False)),
            "epochs": metrics["training_iteration"],
            "begun": len(results),
            "within_budget": len(fitting),
        }
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
