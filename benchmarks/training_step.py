"""Images a second of a training step, now and as of another commit, for the networks that the search finds.

Trains three convolutional networks of 10k, 50k and 100k weights through `TrainingSession` (batch 128, AdamW, flip, EMA;
noise of FashionMNIST's shape, on which the time does not depend; nothing is validated), each in a process of one thread
that is pinned to one core: one with the code of this checkout, one with that of a git worktree of `--against`. Both
processes live through all rounds and train by turns, so that a change of the machine's load meets both sides.

oneDNN's own log of a step is read as well. The benchmark ends with exit code 1 and names the primitive where a
convolution runs on a reference kernel, which is a hundred times slower than the others.

    python benchmarks/training_step.py [--against ac2e269] [--rounds 7] [--steps 8] [--quick]
"""

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import torch

import hpsearch
from hpsearch.dataset import DatasetIdentity, InputShape

try:
    from hpsearch.network.architecture import CnnArchitecture
    from hpsearch.network.stages import CnnStage, Pool
    from hpsearch.study.recipe import Recipe
    from hpsearch.study.trial_config import TrialConfig
except ModuleNotFoundError:  # the commit that is compared with is older than these rooms
    from hpsearch.architecture import CnnArchitecture, CnnStage, Pool
    from hpsearch.recipe import Recipe
    from hpsearch.trial_config import TrialConfig
from hpsearch.training.data import LabelledImages, SearchSplits
from hpsearch.training.device import configure_threads, describe_device
from hpsearch.training.loop import TrainingSession
from hpsearch.training.precision import has_bfloat16_cpu, uses_bfloat16

CPU = torch.device("cpu")
ROOT = Path(__file__).resolve().parents[1]
BATCH_SIZE, CLASS_COUNT, EPOCHS = 128, 10, 10_000
SIDES = ("before", "now")


POOL_PLACE: dict[str, Any] = {"pool_place": "before_norm"} if "pool_place" in CnnStage.model_fields else {}
"""As the search has it since it may pool before the norm; a commit before that pools last."""


def build_architecture(stem: int, middle: int, last: int) -> CnnArchitecture:
    """A stem at 28x28, two residual blocks at 14x14, one at 7x7, the global average."""
    stages = (
        CnnStage(channels=(stem,), pool=Pool(), **POOL_PLACE),
        CnnStage(channels=(middle, middle), block="residual", pool=Pool(), **POOL_PLACE),
        CnnStage(channels=(last,), block="residual"),
    )
    return CnnArchitecture(stages=stages)


NETWORKS = {
    "10k: 8, two residual 12, residual 16": build_architecture(8, 12, 16),
    "50k: 12, two residual 24, residual 44": build_architecture(12, 24, 44),
    "100k: 16, two residual 32, residual 64": build_architecture(16, 32, 64),
}
"""By the names in the report."""


def build_config(network: str, steps: int) -> TrialConfig:
    dataset = DatasetIdentity(
        name="noise",
        sha256="0" * 64,
        input_shape=InputShape(1, 28, 28),
        class_names=tuple("0123456789"),
        train_count=steps * BATCH_SIZE,
        test_count=0,
    )
    recipe = Recipe(epochs=EPOCHS, batch_size=BATCH_SIZE, lr=1e-5, augmentation="flip", averaging="ema")
    return TrialConfig(
        architecture=NETWORKS[network], recipe=recipe, dataset=dataset, seed=0, trains_on="train+validation"
    )


def draw_images(count: int) -> LabelledImages:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, 1, 28, 28), dtype=torch.uint8, generator=generator)
    return LabelledImages(images, torch.randint(0, CLASS_COUNT, (count,), generator=generator))


def serve(network: str, steps: int) -> None:
    """The child: an answer for each line of standard input, `epoch` (seconds) or `log` (oneDNN's, of an epoch)."""
    config = build_config(network, steps)
    configure_threads(1)
    splits = SearchSplits(config.dataset, draw_images(steps * BATCH_SIZE), draw_images(0))
    session = TrainingSession(config, splits, CPU)
    session.train_epoch()
    print(Path(hpsearch.__file__).resolve().parents[1], flush=True)
    for line in sys.stdin:
        if line.strip() == "log":
            with torch.backends.mkldnn.verbose(torch.backends.mkldnn.VERBOSE_ON):
                session.train_epoch()
            print("end", flush=True)
        else:
            print(session.train_epoch().seconds, flush=True)


class Trainer:
    """A process that trains one network with one side's code, on the core that this process is pinned to."""

    def __init__(self, root: Path, network: str, steps: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--serve", network, "--steps", str(steps)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=root,
            env={**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"},
        )
        used = self._read()
        if Path(used) != root:
            raise RuntimeError(f"the trainer of {root} took its code from {used}")

    def measure_epoch_seconds(self) -> float:
        """Seconds of one more epoch."""
        self._write("epoch")
        return float(self._read())

    def read_log(self) -> list[str]:
        """One more epoch, as the verbose lines of oneDNN."""
        self._write("log")
        return list(iter(self._read, "end"))

    def close(self) -> None:
        """End the process and wait for it."""
        self.process.communicate()

    def _write(self, order: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{order}\n")
        self.process.stdin.flush()

    def _read(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the trainer ended with exit code {self.process.wait()}")
        return line.strip()


def list_convolutions(log: list[str]) -> list[tuple[str, str]]:
    """(implementation, the whole line) of each convolution in oneDNN's verbose log."""
    found = []
    for line in log:
        fields = line.split(",")
        if fields[0] == "onednn_verbose" and "exec" in fields and "convolution" in fields:
            found.append((fields[fields.index("convolution") + 1], line))
    return found


def is_reference(implementation: str) -> bool:
    """Whether oneDNN's name of an implementation is that of a plain loop: `ref:any`, `gemm:ref`, `jit:avx2+ref:any`."""
    return re.search(r"(^|[:+])ref($|[:+])", implementation) is not None


def measure_peak_flops(data_type: torch.dtype, side: int = 2048) -> float:
    """The best of eight products of two square matrices on one thread, in operations a second."""
    left, right = (torch.randn(side, side).to(data_type) for _ in range(2))
    seconds = []
    for _ in range(8):
        started_seconds = time.perf_counter()
        left @ right
        seconds.append(time.perf_counter() - started_seconds)
    return float(2 * side**3 / min(seconds))


def describe_machine() -> dict[str, str | int | float]:
    machine: dict[str, str | int | float] = {
        "cpu": describe_device(CPU),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "load_average_before": round(os.getloadavg()[0], 2),
        "float32_peak_gflops": round(measure_peak_flops(torch.float32) / 1e9, 1),
    }
    if has_bfloat16_cpu():
        machine["bfloat16_peak_gflops"] = round(measure_peak_flops(torch.bfloat16) / 1e9, 1)
    return machine


@contextmanager
def check_out(commit: str) -> Iterator[Path]:
    """A worktree of the commit, for as long as it is needed."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve() / "before"
        subprocess.run(["git", "worktree", "add", "--quiet", "--detach", root, commit], cwd=ROOT, check=True)
        try:
            yield root
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", root], cwd=ROOT, check=True)


def measure(network: str, before: Path, rounds: int, steps: int) -> tuple[dict[str, list[float]], list[str]]:
    """Seconds of the epochs of each side, and the present side's log."""
    with ExitStack() as stack:
        trainers = {}
        for side, root in zip(SIDES, (before, ROOT), strict=True):
            trainers[side] = Trainer(root, network, steps)
            stack.callback(trainers[side].close)
        seconds: dict[str, list[float]] = {side: [] for side in SIDES}
        for _ in range(rounds):
            for side, trainer in trainers.items():
                seconds[side].append(trainer.measure_epoch_seconds())
        return seconds, trainers["now"].read_log()


def summarize(
    network: str, seconds: dict[str, list[float]], steps: int, machine: dict[str, str | int | float]
) -> dict[str, object]:
    """One network's figures: medians, the ratio of epochs side by side, the share of the peak."""
    config = build_config(network, steps)
    arithmetic = "bfloat16" if uses_bfloat16(config, CPU) else "float32"
    ratios = [before / now for before, now in zip(seconds["before"], seconds["now"], strict=True)]
    speed = {side: steps * BATCH_SIZE / statistics.median(values) for side, values in seconds.items()}
    peak = float(machine[f"{arithmetic}_peak_gflops"]) * 1e9
    return {
        "network": network,
        "weights": config.count_weights(),
        "macs": config.count_macs(),
        "arithmetic": arithmetic,
        "images_per_second": speed,
        "step_milliseconds": {side: 1000 * BATCH_SIZE / value for side, value in speed.items()},
        "ratio": statistics.median(ratios),
        "ratio_minimum": min(ratios),
        "ratio_maximum": max(ratios),
        "share_of_peak": {side: 6 * config.count_macs() * value / peak for side, value in speed.items()},
        "seconds": seconds,
    }


def format_markdown(rows: list[dict], report: dict) -> str:
    lines = [
        "| network | weights | MACs | arithmetic | before, images/s | now, images/s | ratio (min-max) "
        "| ms a step | of peak: before | now |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        speed, share = row["images_per_second"], row["share_of_peak"]
        lines.append(
            f"| {row['network']} | {row['weights']:,} | {row['macs']:,} | {row['arithmetic']} "
            f"| {speed['before']:.0f} | {speed['now']:.0f} "
            f"| {row['ratio']:.2f} ({row['ratio_minimum']:.2f}-{row['ratio_maximum']:.2f}) "
            f"| {row['step_milliseconds']['now']:.1f} | {share['before']:.0%} | {share['now']:.0%} |"
        )
    facts = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in report["machine"].items())
    lines += ["", f"One thread, medians of n = {report['rounds']} interleaved epochs of {report['steps']} steps;"]
    lines += [f"before is {report['against']}; {facts}.", ""]
    return "\n".join(lines)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", default="ac2e269", metavar="COMMIT", help="what to compare with")
    parser.add_argument("--rounds", type=int, default=7, help="interleaved epochs of each side")
    parser.add_argument("--steps", type=int, default=8, help="in an epoch")
    parser.add_argument("--quick", action="store_true", help="one round of one step: does it work?")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results", help="folder for the results")
    parser.add_argument("--serve", choices=NETWORKS, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> int:
    arguments = parse_arguments()
    if arguments.serve:
        serve(arguments.serve, arguments.steps)
        return 0
    rounds, steps = (1, 1) if arguments.quick else (arguments.rounds, arguments.steps)
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    report: dict = {"machine": describe_machine(), "against": arguments.against, "rounds": rounds, "steps": steps}
    rows, errors = [], []
    with check_out(arguments.against) as before:
        for network in NETWORKS:
            seconds, log = measure(network, before, rounds, steps)
            rows.append(summarize(network, seconds, steps, report["machine"]))
            convolutions = list_convolutions(log)
            references = [line for implementation, line in convolutions if is_reference(implementation)]
            errors += [f"{network}: a convolution runs on a reference kernel: {line}" for line in references]
            if not convolutions:
                errors.append(f"{network}: oneDNN's log names no convolution, so that none could be checked")
    report["networks"] = rows
    markdown = format_markdown(rows, report)
    arguments.output.mkdir(parents=True, exist_ok=True)
    name = "training_step_quick" if arguments.quick else "training_step"
    (arguments.output / f"{name}.json").write_text(json.dumps(report, indent=2) + "\n")
    (arguments.output / f"{name}.md").write_text(markdown)
    print(f"\n{markdown}")
    for error in errors:
        print(error, file=sys.stderr)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
