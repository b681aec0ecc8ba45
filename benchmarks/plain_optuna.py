"""The search that hpsearch is measured against: Optuna with PyTorch as their tutorials have it, and a weight budget.

Widths are drawn freely and a trial over the budget is pruned; the data come through a DataLoader with transforms, one
image at a time. Two things are kinder than a first script: workers share the study through a database that is safe for
them, and a trial over the budget is found before it trains. Run by `time_to_target.py`.
"""

import argparse
import json
import time
from pathlib import Path

import optuna
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset, Subset
from torchvision import transforms
from torchvision.datasets import FashionMNIST

BATCH_SIZE = 128


def suggest_fcn(trial: optuna.Trial) -> nn.Module:
    layers: list[nn.Module] = [nn.Flatten()]
    inputs = 28 * 28
    for index in range(trial.suggest_int("n_layers", 1, 3)):
        units = trial.suggest_int(f"n_units_l{index}", 4, 128)
        layers += [nn.Linear(inputs, units), nn.ReLU(), nn.Dropout(trial.suggest_float(f"dropout_l{index}", 0.2, 0.5))]
        inputs = units
    return nn.Sequential(*layers, nn.Linear(inputs, 10))


def suggest_cnn(trial: optuna.Trial) -> nn.Module:
    layers: list[nn.Module] = []
    inputs, side = 1, 28
    for index in range(trial.suggest_int("n_convolutions", 1, 3)):
        channels = trial.suggest_int(f"channels_l{index}", 4, 128, log=True)
        kernel = trial.suggest_categorical(f"kernel_l{index}", [3, 5])
        layers += [nn.Conv2d(inputs, channels, kernel, padding=kernel // 2), nn.ReLU(), nn.MaxPool2d(2)]
        inputs, side = channels, side // 2
    dropout = nn.Dropout(trial.suggest_float("dropout", 0.0, 0.5))
    return nn.Sequential(*layers, nn.Flatten(), dropout, nn.Linear(inputs * side * side, 10))


def make_transform() -> transforms.Compose:
    return transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.2860,), (0.3530,))])


def measure(network: nn.Module, images_and_labels: Dataset[object]) -> float:
    network.eval()
    correct = count = 0
    with torch.no_grad():
        for images, labels in DataLoader(images_and_labels, BATCH_SIZE):
            correct += int((network(images).argmax(1) == labels).sum())
            count += len(labels)
    return correct / count


def load(folder: Path) -> tuple[Subset[object], Subset[object]]:
    images = FashionMNIST(str(folder), train=True, transform=make_transform())
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0)).tolist()
    return Subset(images, order[6000:]), Subset(images, order[:6000])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--arch", choices=["fcn", "cnn"], required=True)
    parser.add_argument("--budget", type=int, required=True)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--target", type=float, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--storage", required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--test", action="store_true", help="print the best complete trial with its test accuracy")
    arguments = parser.parse_args()
    started = time.time()
    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)
    train, validation = load(arguments.data)
    best: dict[str, object] = {"validation_accuracy": 0.0}
    networks: list[nn.Module] = []

    def objective(trial: optuna.Trial) -> float:
        network = suggest_fcn(trial) if arguments.arch == "fcn" else suggest_cnn(trial)
        lr = trial.suggest_float("lr", 1e-5, 1e-1, log=True)
        name = trial.suggest_categorical("optimizer", ["Adam", "RMSprop", "SGD"])
        if sum(parameter.numel() for parameter in network.parameters()) > arguments.budget:
            trial.set_user_attr("over_budget", True)
            raise optuna.TrialPruned
        optimizer = getattr(torch.optim, name)(network.parameters(), lr=lr)
        accuracy = 0.0
        for epoch in range(arguments.epochs):
            network.train()
            for images, labels in DataLoader(train, BATCH_SIZE, shuffle=True):
                optimizer.zero_grad()
                functional.cross_entropy(network(images), labels).backward()
                optimizer.step()
            accuracy = measure(network, validation)
            trial.report(accuracy, epoch)
            if time.time() - started > arguments.seconds:
                trial.study.stop()
                raise optuna.TrialPruned
            if trial.should_prune():
                raise optuna.TrialPruned
        if accuracy > float(str(best["validation_accuracy"])):
            weights = sum(parameter.numel() for parameter in network.parameters())
            best.update(validation_accuracy=accuracy, weights=weights, epochs=arguments.epochs)
            networks[:] = [network]
        return accuracy

    def stop_at_target(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        if trial.value is not None and trial.state.name == "COMPLETE" and trial.value >= arguments.target:
            print(json.dumps({"seconds": time.time() - started, "value": trial.value}), flush=True)
            study.stop()

    storage = optuna.storages.RDBStorage(arguments.storage, engine_kwargs={"connect_args": {"timeout": 60}})
    study = optuna.create_study(
        study_name="plain",
        storage=storage,
        direction="maximize",
        load_if_exists=True,
        sampler=optuna.samplers.TPESampler(seed=arguments.seed),
    )
    study.optimize(objective, timeout=arguments.seconds, callbacks=[stop_at_target])
    if arguments.test and networks:
        test = FashionMNIST(str(arguments.data), train=False, transform=make_transform())
        print(json.dumps(best | {"test_accuracy": measure(networks[0], test)}), flush=True)


if __name__ == "__main__":
    main()
