"""A .tflite file in the real interpreter of TensorFlow Lite Micro, by its Python wheel, in a process of its own.

It is C++ made for devices: what it does not like it answers by ending the process, and its memory it reports on stderr.
"""

import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hpsearch.errors import HpsearchError
from hpsearch.training.data.byte_arrays import ByteArray

MICRO_PACKAGE = "tflite_micro"

_SECONDS = 600
_SPARE_BYTES = 1 << 20
_REPORT = re.compile(r"Arena allocation (head|tail|total) (\d+) bytes")


class MicroError(HpsearchError):
    """TensorFlow Lite Micro does not run the file."""


@dataclass(frozen=True)
class MicroRun:
    """What the interpreter gave and took."""

    outputs: npt.NDArray[np.int8] | npt.NDArray[np.float32]
    """(n, classes), as the file has them."""
    head_bytes: int
    """Of the arena, for what flows."""
    tail_bytes: int
    """Of the arena, for the interpreter's own structures; on a processor of 32 bits about half of it."""


def has_micro_interpreter() -> bool:
    """Whether the wheel is installed; there is none for every platform."""
    return find_spec(MICRO_PACKAGE) is not None


def run_micro(model: bytes, images: ByteArray, arena_bytes: int) -> MicroRun:
    """Run images (n, channels, height, width) through a file.

    Args:
        model: The file's bytes.
        images: As bytes.
        arena_bytes: What the head of the arena is expected to take; some more is given.

    Raises:
        MicroError: It lacks an operator, needs far more memory, or ends the process.
    """
    with tempfile.TemporaryDirectory(prefix="hpsearch-micro-") as folder:
        path = Path(folder)
        (path / "model.tflite").write_bytes(model)
        np.save(path / "images.npy", np.ascontiguousarray(images.transpose(0, 2, 3, 1)))
        # -P: else Python imports whatever lies in the current folder, a numpy.py for one.
        command = [sys.executable, "-P", "-c", _SCRIPT, folder, str(arena_bytes + _SPARE_BYTES)]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, errors="replace", timeout=_SECONDS, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise MicroError(f"TensorFlow Lite Micro gave no answer within {_SECONDS} seconds") from error
        found = {name: int(size) for name, size in _REPORT.findall(done.stderr)}
        if done.returncode != 0 or not {"head", "tail"} <= found.keys():
            reason = " ".join(done.stderr.split())[-300:] or f"it ended with {done.returncode}"
            raise MicroError(f"TensorFlow Lite Micro does not run the file: {reason}")
        outputs = np.load(path / "outputs.npy")
    return MicroRun(outputs, found["head"], found["tail"])


_SCRIPT = """
import sys
from pathlib import Path
import numpy as np
from tflite_micro.python.tflite_micro import runtime
folder = Path(sys.argv[1])
model = runtime.Interpreter.from_file(str(folder / "model.tflite"), arena_size=int(sys.argv[2]))
outputs = []
for image in np.load(folder / "images.npy"):
    model.set_input(image[np.newaxis], 0)
    model.invoke()
    outputs.append(model.get_output(0)[0].copy())
np.save(folder / "outputs.npy", np.stack(outputs))
model.print_allocations()
"""
