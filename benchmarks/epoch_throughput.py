"""Seconds an epoch: hpsearch's training loop against the usual one of DataLoader and torchvision transforms.

Both train the same networks with the same recipe on noise of FashionMNIST's shape and size (54,000 images to train on,
6,000 to validate; the time does not depend on what is in them). `core` is one process with one thread. `machine` is all
cores: for hpsearch one process of one thread a core, each training its own trial, the time divided by their number; for
the usual loop one process with a thread a core and the better of `num_workers` 0 and 2. Runs are interleaved, so that a
change of the machine's load meets both sides.

    python benchmarks/epoch_throughput.py [--quick] [--rounds 5] [--output benchmarks/results]
"""

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

import torch
import torchvision
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from hpsearch.dataset import DatasetIdentity, InputShape
from hpsearch.network.architecture import Architecture, CnnArchitecture, FcnArchitecture
from hpsearch.network.stages import CnnStage, Pool
from hpsearch.study.recipe import Recipe
from hpsearch.study.trial_config import TrialConfig
from hpsearch.training.data import LabelledImages, SearchSplits
from hpsearch.training.device import configure_threads, count_workers, describe_device
from hpsearch.training.loop import TrainingSession
from hpsearch.training.precision import uses_bfloat16

CPU = torch.device("cpu")
TRAIN_COUNT, VALIDATION_COUNT, BATCH_SIZE, CLASS_COUNT = 54_000, 6_000, 128, 10
DATASET = DatasetIdentity(
    name="noise",
    sha256="0" * 64,
    input_shape=InputShape(1, 28, 28),
    class_names=tuple("0123456789"),
    train_count=TRAIN_COUNT + VALIDATION_COUNT,
    test_count=0,
)
NETWORKS: dict[str, Architecture] = {
    "FCN 784-112-106-10": FcnArchitecture(widths=(112, 106), batch_norm=False),
    "CNN two 5x5, max pools, flatten": CnnArchitecture(
        stages=tuple(CnnStage(channels=(count,), kernel=5, pool=Pool()) for count in (32, 72)),
        head="flatten",
        batch_norm=False,
    ),
    "CNN five 3x3, batch norm, global average": CnnArchitecture(
        stages=(
            CnnStage(channels=(32,), stride=2),
            CnnStage(channels=(46, 46)),
            CnnStage(channels=(60,), stride=2),
            CnnStage(channels=(60,)),
        )
    ),
}
"""By the names in the report."""


@dataclass(frozen=True)
class Measurement:
    """What is timed: one way to train one network on part of an epoch, scaled to the whole."""

    network: str
    loop: str
    """`hpsearch` or `dataloader`."""
    processes: int
    threads: int
    loader_workers: int = 0
    share: float = 1.0
    """Of the epoch's images."""

    @property
    def scope(self) -> str:
        """`core` or `machine`."""
        return "core" if self.processes * self.threads == 1 and self.loader_workers == 0 else "machine"


def draw_images(count: int, seed: int) -> LabelledImages:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (count, 1, 28, 28), dtype=torch.uint8, generator=generator)
    return LabelledImages(images, torch.randint(0, CLASS_COUNT, (count,), generator=generator))


def time_hpsearch(measurement: Measurement) -> Iterator[float]:
    """Seconds of epoch after epoch."""
    splits = SearchSplits(DATASET, *(draw_images(count, 0) for count in count_images(measurement.share)))
    recipe = Recipe(epochs=3, batch_size=BATCH_SIZE, lr=1e-5)
    config = TrialConfig(architecture=NETWORKS[measurement.network], recipe=recipe, dataset=DATASET, seed=0)
    configure_threads(measurement.threads)
    for result in TrainingSession(config, splits, CPU).epochs():
        yield result.seconds


class TransformedImages(Dataset[tuple[Tensor, int]]):
    """Images as torchvision's MNIST classes give them: through PIL and the transforms, one at a time."""

    def __init__(self, count: int) -> None:
        self.images = draw_images(count, 0)
        self.transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.2860,), (0.3530,))])

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = Image.fromarray(self.images.images[index, 0].numpy(), mode="L")
        return self.transform(image), int(self.images.labels[index])


def build_usual_network(name: str) -> nn.Module:
    """The same network as people write it."""
    architecture = NETWORKS[name]
    layers: list[nn.Module] = []
    if isinstance(architecture, FcnArchitecture):
        inputs = 784
        layers.append(nn.Flatten())
        for width in architecture.widths:
            layers += [nn.Linear(inputs, width), nn.ReLU()]
            inputs = width
        return nn.Sequential(*layers, nn.Linear(inputs, CLASS_COUNT))
    inputs = 1
    for stage in architecture.stages:
        for index, channels in enumerate(stage.channels):
            stride, bias = (stage.stride if index == 0 else 1), not architecture.batch_norm
            layers.append(nn.Conv2d(inputs, channels, stage.kernel, stride, stage.kernel // 2, bias=bias))
            layers += [nn.BatchNorm2d(channels)] if architecture.batch_norm else []
            layers.append(nn.ReLU())
            inputs = channels
        layers += [nn.MaxPool2d(2)] if stage.pool else []
    layers += [nn.AdaptiveAvgPool2d(1)] if architecture.head == "global_average" else []
    return nn.Sequential(*layers, nn.Flatten(), nn.LazyLinear(CLASS_COUNT))


def time_dataloader(measurement: Measurement) -> Iterator[float]:
    """Seconds of epoch after epoch."""
    torch.set_num_threads(measurement.threads)
    train_count, validation_count = count_images(measurement.share)
    workers = {"num_workers": measurement.loader_workers, "persistent_workers": measurement.loader_workers > 0}
    train = DataLoader(TransformedImages(train_count), BATCH_SIZE, shuffle=True, drop_last=True, **workers)
    validation = DataLoader(TransformedImages(validation_count), BATCH_SIZE, **workers)
    network = build_usual_network(measurement.network)
    network(torch.zeros(2, 1, 28, 28))
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-5)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-5, total_steps=3 * len(train))
    criterion = nn.CrossEntropyLoss()
    while True:
        started_seconds = time.perf_counter()
        network.train()
        train_loss, correct = 0.0, 0
        for images, labels in train:
            optimizer.zero_grad()
            loss = criterion(network(images), labels)
            loss.backward()
            optimizer.step()
            schedule.step()
            train_loss += loss.item()
        network.eval()
        with torch.no_grad():
            for images, labels in validation:
                correct += int((network(images).argmax(1) == labels).sum())
        yield time.perf_counter() - started_seconds


def count_images(share: float) -> tuple[int, int]:
    """(train, validation), whole batches of the first."""
    steps = max(2, round(TRAIN_COUNT * share / BATCH_SIZE))
    return min(steps * BATCH_SIZE, TRAIN_COUNT), max(1, round(VALIDATION_COUNT * share))


def run_process(measurement: Measurement, barrier: Barrier, results: "Queue[float]") -> None:
    """Warm up for an epoch, wait for the others, and put the seconds of the next."""
    epochs = (time_hpsearch if measurement.loop == "hpsearch" else time_dataloader)(measurement)
    next(epochs)
    barrier.wait()
    results.put(next(epochs))
    barrier.wait()


def measure_epoch_seconds(measurement: Measurement) -> float:
    """Seconds an epoch of one trial; with several processes the slowest's, divided by their number."""
    context = get_context("spawn")
    barrier, results = context.Barrier(measurement.processes), context.Queue()
    processes = [
        context.Process(target=run_process, args=(measurement, barrier, results)) for _ in range(measurement.processes)
    ]
    for process in processes:
        process.start()
    seconds = [results.get(timeout=1800) for _ in processes]
    for process in processes:
        process.join()
    scale = TRAIN_COUNT / count_images(measurement.share)[0]
    return max(seconds) * scale / measurement.processes


def list_measurements(network: str, cores: int, share: float) -> list[Measurement]:
    fcn_or_cnn = min(1.0, share * 4) if isinstance(NETWORKS[network], FcnArchitecture) else share
    rows = [("hpsearch", 1, 1, 0), ("dataloader", 1, 1, 0), ("hpsearch", cores, 1, 0)]
    rows += [("dataloader", 1, cores, workers) for workers in (0, 2)]
    return [Measurement(network, *row, share=fcn_or_cnn) for row in rows]


def measure_peak_flops(data_type: torch.dtype, side: int = 2048) -> float:
    """The best of ten products of two square matrices on one thread, in operations a second."""
    torch.set_num_threads(1)
    left, right = (torch.randn(side, side).to(data_type) for _ in range(2))
    seconds = []
    for _ in range(12):
        started_seconds = time.perf_counter()
        left @ right
        seconds.append(time.perf_counter() - started_seconds)
    return float(2 * side**3 / min(seconds[2:]))


def describe_machine(cores: int) -> dict[str, str | int | float]:
    return {
        "cpu": describe_device(CPU),
        "cores": cores,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "load_average_before": os.getloadavg()[0],
        "float32_peak_gflops_per_core": round(measure_peak_flops(torch.float32) / 1e9, 1),
        "bfloat16_peak_gflops_per_core": round(measure_peak_flops(torch.bfloat16) / 1e9, 1),
    }


def summarize(network: str, seconds: dict[Measurement, list[float]], machine: dict[str, str | int | float]) -> dict:
    """One network's figures: medians, ratios of the runs side by side, share of the peak."""
    architecture = NETWORKS[network]
    config = TrialConfig(architecture=architecture, recipe=Recipe(epochs=1), dataset=DATASET, seed=0)
    runs = {(row.loop, row.scope, row.loader_workers): values for row, values in seconds.items()}
    usual_machine = min((runs["dataloader", "machine", workers] for workers in (0, 2)), key=statistics.median)
    pairs = {
        "core": (runs["hpsearch", "core", 0], runs["dataloader", "core", 0]),
        "machine": (runs["hpsearch", "machine", 0], usual_machine),
    }
    data_type = "bfloat16" if uses_bfloat16(config, CPU) else "float32"
    operations = 2 * config.count_macs() * (3 * TRAIN_COUNT + VALIDATION_COUNT)
    row: dict = {"network": network, "weights": config.count_weights(), "macs": config.count_macs()}
    row["arithmetic"] = data_type
    for scope, (ours, usual) in pairs.items():
        ratios = [theirs / own for own, theirs in zip(ours, usual, strict=True)]
        row[scope] = {
            "hpsearch_seconds": statistics.median(ours),
            "dataloader_seconds": statistics.median(usual),
            "ratio": statistics.median(ratios),
            "ratio_minimum": min(ratios),
            "ratio_maximum": max(ratios),
        }
    peak = float(machine[f"{data_type}_peak_gflops_per_core"]) * 1e9
    row["share_of_peak"] = operations / row["core"]["hpsearch_seconds"] / peak
    return row


def format_markdown(rows: list[dict], machine: dict[str, str | int | float], rounds: int) -> str:
    lines = [
        "| network | weights | MACs | arithmetic | scope | hpsearch, s | DataLoader, s | ratio (min-max) | of peak |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        for scope in ("core", "machine"):
            cell = row[scope]
            peak = f"{row['share_of_peak']:.1%}" if scope == "core" else ""
            lines.append(
                f"| {row['network']} | {row['weights']:,} | {row['macs']:,} | {row['arithmetic']} | {scope} "
                f"| {cell['hpsearch_seconds']:.2f} | {cell['dataloader_seconds']:.2f} "
                f"| {cell['ratio']:.1f} ({cell['ratio_minimum']:.1f}-{cell['ratio_maximum']:.1f}) | {peak} |"
            )
    facts = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in machine.items())
    return "\n".join([*lines, "", f"Seconds an epoch, medians of n = {rounds}; {facts}.", ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one round of a hundredth of an epoch: does it work?")
    parser.add_argument("--rounds", type=int, default=5, help="interleaved runs of each side")
    parser.add_argument("--share", type=float, default=0.25, help="of an epoch's images that a CNN's run trains on")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results", help="folder for the results")
    arguments = parser.parse_args()
    rounds, share = (1, 0.01) if arguments.quick else (arguments.rounds, arguments.share)
    cores = count_workers(CPU)
    machine = describe_machine(cores)
    measurements = {network: list_measurements(network, cores, share) for network in NETWORKS}
    seconds: dict[Measurement, list[float]] = {row: [] for rows in measurements.values() for row in rows}
    for _ in range(rounds):
        for row, values in seconds.items():
            values.append(measure_epoch_seconds(row))
            print(f"{row.network}, {row.scope}, {row.loop}, {row.loader_workers} workers: {values[-1]:.2f} s")
    rows = [summarize(name, {row: seconds[row] for row in rows}, machine) for name, rows in measurements.items()]
    report = {"machine": machine, "rounds": rounds, "networks": rows}
    report["runs"] = [{**asdict(row), "seconds": values} for row, values in seconds.items()]
    markdown = format_markdown(rows, machine, rounds)
    arguments.output.mkdir(parents=True, exist_ok=True)
    name = "epoch_throughput_quick" if arguments.quick else "epoch_throughput"
    (arguments.output / f"{name}.json").write_text(json.dumps(report, indent=2) + "\n")
    (arguments.output / f"{name}.md").write_text(markdown)
    print(f"\n{markdown}")


if __name__ == "__main__":
    main()
