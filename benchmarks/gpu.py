"""What one GPU gives a search: captured steps, several workers on it, several seeds as one batched training.

    python -m benchmarks.gpu                          under 4 minutes on one GPU
    python -m benchmarks.gpu --device cpu --quick     the same on a CPU, to see that it works

Networks of 10k and 100k weights on noise of FashionMNIST's shape (54,000 training and 6,000 validation images, batch
256, AdamW), of which an epoch here takes a part; figures are scaled to whole epochs. Prints Markdown:

1. epochs a second, eager and captured, and the share of an eager step that launching its kernels takes at least
   (kernels of a step, as the profiler counts them, times what launching an empty one takes);
2. trials an hour of 25 epochs with 1 to 16 worker processes on the device, which validate every epoch as a search does;
3. the same for 1 to 16 seeds of one architecture in one process, their steps batched by `torch.func.vmap` (stacked
   weights, own batches; norms use the batch's statistics, and nothing is validated).
"""

import argparse
import copy
import json
import math
import multiprocessing
import os
import queue
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from hpsearch.dataset import DatasetIdentity, InputShape
from hpsearch.network.architecture import CnnArchitecture
from hpsearch.network.stages import CnnStage, Pool
from hpsearch.study.recipe import Recipe
from hpsearch.study.trial_config import TrialConfig
from hpsearch.training.data import LabelledImages, SearchSplits
from hpsearch.training.device import configure_threads, describe_device
from hpsearch.training.loop import TrainingSession
from hpsearch.training.step import CapturedStep

TRAIN, VALIDATION, BATCH, TRIAL_EPOCHS = 54_000, 6_000, 256, 25
GOAL = 1000
"""Trials of 25 epochs of the 100k network an hour, on one H100."""


def build_architecture(stem: int, middle: int, last: int) -> CnnArchitecture:
    """A stem at 28x28, two residual blocks at 14x14, one at 7x7, the global average."""
    stages = (
        CnnStage(channels=(stem,), pool=Pool()),
        CnnStage(channels=(middle, middle), block="residual", pool=Pool()),
        CnnStage(channels=(last,), block="residual"),
    )
    return CnnArchitecture(stages=stages)


NETWORKS = {"10k": build_architecture(8, 11, 19), "100k": build_architecture(16, 32, 64)}


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    part: int
    """An epoch here is one of so many parts of a whole one."""
    seconds: float
    """Of each measurement, at least."""
    workers: tuple[int, ...]
    seeds: tuple[int, ...]


WHOLE = Size(part=5, seconds=5.0, workers=(1, 2, 4, 8, 16), seeds=(1, 2, 4, 8, 16))
QUICK = Size(part=54, seconds=0.2, workers=(1, 2), seeds=(1, 2))


def draw_images(count: int) -> LabelledImages:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, 1, 28, 28), dtype=torch.uint8, generator=generator)
    return LabelledImages(images, torch.randint(0, 10, (count,), generator=generator))


def open_session(network: str, device: torch.device, part: int) -> TrainingSession:
    """A training that never ends by itself; its images cannot diverge at such a small learning rate."""
    dataset = DatasetIdentity(
        name="noise",
        sha256="0" * 64,
        input_shape=InputShape(1, 28, 28),
        class_names=tuple("0123456789"),
        train_count=(TRAIN + VALIDATION) // part,
        test_count=0,
    )
    recipe = Recipe(epochs=10_000, batch_size=BATCH, lr=1e-6)
    config = TrialConfig(architecture=NETWORKS[network], recipe=recipe, dataset=dataset, seed=0)
    splits = SearchSplits(dataset, draw_images(TRAIN // part), draw_images(VALIDATION // part))
    return TrainingSession(config, splits, device)


def wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def measure_rate(act: Callable[[], object], device: torch.device, seconds: float) -> float:
    """How often a second something is done, after it was done twice."""
    act()
    act()
    wait_for(device)
    begun, count = time.perf_counter(), 0
    while time.perf_counter() - begun < seconds:
        act()
        count += 1
        if count % 4 == 0:
            wait_for(device)
    wait_for(device)
    return count / (time.perf_counter() - begun)


def measure_capture(network: str, device: torch.device, size: Size) -> dict[str, Any]:
    """Whole epochs a second of training and validation, eager and captured, and the launches' floor."""
    captured = open_session(network, device, size.part)
    rate = measure_rate(captured.train_epoch, device, size.seconds) / size.part
    row: dict[str, Any] = {"network": network, "captured": rate, "eager": rate, "is_captured": False}
    if isinstance(captured._step, CapturedStep):
        row["is_captured"] = captured._step.graph is not None
        eager = open_session(network, device, size.part)
        assert isinstance(eager._step, CapturedStep)
        eager._step.can_capture = False
        row["eager"] = measure_rate(eager.train_epoch, device, size.seconds) / size.part
        row |= measure_launches(eager, device)
    return row


def measure_launches(session: TrainingSession, device: torch.device) -> dict[str, float]:
    """The kernels of an eager step, and the share of its time that launching them takes at least."""
    rows = torch.arange(session.batch_size, device=device)
    step = session._step.step if isinstance(session._step, CapturedStep) else session._step
    activities = [torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=activities) as profile:
        step(rows)
        wait_for(device)
    kernels = sum(event.device_type == torch.autograd.DeviceType.CUDA for event in profile.events())
    one = torch.zeros(1, device=device)
    launch_seconds = 1 / measure_rate(lambda: [one.add_(1) for _ in range(100)], device, 0.5) / 100
    step_seconds = 1 / measure_rate(lambda: step(rows), device, 1.0)
    return {"kernels": kernels, "launch_floor": kernels * launch_seconds / step_seconds}


def serve(device_name: str, part: int, orders: Any, gate: Any, answers: Any) -> None:
    """A worker: for each network that it is told, whole epochs a second while the others do the same."""
    configure_threads(1)
    device = torch.device(device_name)
    while (order := orders.get()) is not None:
        network, seconds, count = order
        session = open_session(network, device, part)
        session.train_epoch()
        wait_for(device)
        gate(count).wait()
        answers.put(measure_rate(session.train_epoch, device, seconds) / part)
        del session


class Gates:
    """A barrier for each number of processes, made before they are."""

    def __init__(self, context: Any, counts: Sequence[int]) -> None:
        self._gates = {count: context.Barrier(count) for count in counts}

    def __call__(self, count: int) -> Any:
        """The barrier of so many."""
        return self._gates[count]


def measure_workers(device: torch.device, size: Size) -> list[dict[str, Any]]:
    """Trials an hour by network and number of processes; they are started once."""
    context = multiprocessing.get_context("spawn")
    gates, answers = Gates(context, size.workers), context.Queue()
    most = max(size.workers)
    lines = [context.Queue() for _ in range(most)]
    processes = [context.Process(target=serve, args=(str(device), size.part, line, gates, answers)) for line in lines]
    for process in processes:
        process.start()
    rows = []
    try:
        for network in NETWORKS:
            for count in size.workers:
                for line in lines[:count]:
                    line.put((network, size.seconds, count))
                rates = [wait_for_answer(answers, processes) for _ in range(count)]
                rows.append({"network": network, "workers": count, "trials_an_hour": to_trials(sum(rates))})
                print(f"  {network}, {count} workers: {rows[-1]['trials_an_hour']:,.0f} trials an hour", flush=True)
    finally:
        for line in lines:
            line.put(None)
        for process in processes:
            process.join(10)
            process.kill()
    return rows


def wait_for_answer(answers: Any, processes: Sequence[Any]) -> float:
    while True:
        try:
            return float(answers.get(timeout=1))
        except queue.Empty:
            if any(process.exitcode for process in processes):
                raise RuntimeError("a worker ended with an error") from None


def to_trials(epochs_a_second: float) -> float:
    return 3600 * epochs_a_second / TRIAL_EPOCHS


class BatchedSeeds:
    """Several seeds of one architecture whose steps are one: weights stacked, a batch each."""

    def __init__(self, network: str, device: torch.device, seeds: int) -> None:
        session = open_session(network, device, part=54)
        base = torch.func.replace_all_batch_norm_modules_(copy.deepcopy(session.network)).train()
        for module in base.modules():
            if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
                module.track_running_stats = False
        self.device, self.seeds = device, seeds
        self.parameters = {
            name: torch.stack([value.detach()] * seeds).requires_grad_(True) for name, value in base.named_parameters()
        }
        buffers = dict(base.named_buffers())
        data = draw_images(TRAIN // 5)
        self.images, self.labels = data.images.to(device), data.labels.to(device)
        self.bfloat16 = device.type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 0)

        def compute_logits(parameters: dict[str, Tensor], images: Tensor) -> Tensor:
            logits: Tensor = torch.func.functional_call(base, (parameters, buffers), (images,))
            return logits

        self.compute = torch.func.vmap(compute_logits, randomness="different")
        is_cuda = device.type == "cuda"
        self.optimizer = torch.optim.AdamW(list(self.parameters.values()), lr=1e-6, fused=is_cuda, capturable=is_cuda)
        self.rows = torch.randint(0, len(self.labels), (seeds, BATCH), device=device)
        self.graph: torch.cuda.CUDAGraph | None = None

    def step(self) -> None:
        """A step of every seed."""
        images, labels = self.images[self.rows], self.labels[self.rows]
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16):
            logits = self.compute(self.parameters, images)
        loss = functional.cross_entropy(logits.float().flatten(0, 1), labels.flatten(), reduction="sum") / BATCH
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()

    def capture(self) -> bool:
        """Replay the step as a CUDA graph from here on; whether that was possible."""
        if self.device.type != "cuda":
            return False
        stream = torch.cuda.Stream(self.device)
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                self.step()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        try:
            self.optimizer.zero_grad(set_to_none=True)
            with torch.cuda.graph(graph, stream=stream):
                self.step()
        except RuntimeError as error:
            print(f"  not captured: {str(error).splitlines()[0]}", flush=True)
            return False
        self.graph = graph
        return True

    def act(self) -> None:
        """A step, captured where that was possible."""
        self.rows.random_(0, len(self.labels))
        if self.graph is None:
            self.step()
        else:
            self.graph.replay()


def measure_seeds(network: str, device: torch.device, size: Size) -> list[dict[str, Any]]:
    rows = []
    for count in size.seeds:
        try:
            batched = BatchedSeeds(network, device, count)
            is_captured = batched.capture()
            steps = measure_rate(batched.act, device, size.seconds / 2)
        except (RuntimeError, NotImplementedError) as error:  # memory, or an operation that vmap does not know
            print(f"  {network}, {count} seeds batched: {str(error).splitlines()[0]}", flush=True)
            break
        rate = to_trials(count * steps / math.floor(TRAIN / BATCH))
        rows.append({"network": network, "seeds": count, "captured": is_captured, "trials_an_hour": rate})
        print(f"  {network}, {count} seeds batched: {rate:,.0f} trials an hour", flush=True)
        del batched
        if device.type == "cuda":
            torch.cuda.empty_cache()
    return rows


def format_markdown(report: dict[str, Any]) -> str:
    lines = [f"{report['device']}, PyTorch {report['torch']}, {report['cores']} cores, n = 1", ""]
    lines += ["| network | epochs a second, eager | captured | times | kernels a step | launches' share of eager |"]
    lines += ["|---|---|---|---|---|---|"]
    for row in report["capture"]:
        share = f"{row['launch_floor']:.0%}" if "launch_floor" in row else "-"
        captured = f"{row['captured']:.3g}" if row["is_captured"] else "not captured"
        times = row["captured"] / row["eager"]
        cells = [row["network"], f"{row['eager']:.3g}", captured, f"{times:.2f}", str(row.get("kernels", "-")), share]
        lines += ["| " + " | ".join(cells) + " |"]
    for key, what in (("workers", "workers"), ("seeds", "seeds batched in one process")):
        counts = sorted({row[key] for row in report[key]})
        lines += ["", f"Trials an hour of {TRIAL_EPOCHS} epochs, by {what}:", ""]
        lines += ["| network | " + " | ".join(map(str, counts)) + " |", "|---" * (len(counts) + 1) + "|"]
        for network in NETWORKS:
            found = {row[key]: row["trials_an_hour"] for row in report[key] if row["network"] == network}
            cells = [f"{found[count]:,.0f}" if count in found else "-" for count in counts]
            lines += [f"| {network} | " + " | ".join(cells) + " |"]
    best = max((row for row in report["workers"] if row["network"] == "100k"), key=lambda row: row["trials_an_hour"])
    lines += ["", f"The best for 100k: {best['workers']} workers, {best['trials_an_hour']:,.0f} trials an hour"]
    lines += [f"(the goal is {GOAL:,} on an H100). Took {report['seconds']:.0f} s."]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu")
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--quick", action="store_true", help="see that it works; the figures mean nothing")
    parser.add_argument("--output", type=Path, help="also write the figures into this JSON file")
    options = parser.parse_args(arguments)
    device, size = torch.device(options.device), QUICK if options.quick else WHOLE
    if device.type == "cuda" and not torch.cuda.is_available():
        print("there is no GPU that CUDA sees: --device cpu --quick shows that the benchmark works")
        return 2
    begun = time.monotonic()
    print("eager and captured ...", flush=True)
    capture = [asdict_row(measure_capture(network, device, size)) for network in NETWORKS]
    print("workers ...", flush=True)
    workers = measure_workers(device, size)
    print("seeds ...", flush=True)
    seeds = [row for network in NETWORKS for row in measure_seeds(network, device, size)]
    report = {
        "device": describe_device(device),
        "torch": torch.__version__,
        "cores": os.cpu_count(),
        "size": asdict(size),
        "capture": capture,
        "workers": workers,
        "seeds": seeds,
        "seconds": time.monotonic() - begun,
    }
    print(f"\n{format_markdown(report)}")
    if options.output is not None:
        options.output.write_text(json.dumps(report, indent=1) + "\n")
    return 0


def asdict_row(row: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value, 6) if isinstance(value, float) else value for name, value in row.items()}


if __name__ == "__main__":
    raise SystemExit(main())
