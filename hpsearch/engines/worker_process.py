"""What every engine knows of a process that is a worker: its environment, its end, the pause before the next."""

import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import IO

STOPPED_CODES = (128 + signal.SIGINT, 128 + signal.SIGTERM)
"""Of a worker that somebody else than its engine told to stop."""
QUIET_SECONDS = 60.0
"""After so long alive, a worker's earlier deaths are forgotten."""

_BACK_OFF_SECONDS = (0.0, 1.0, 5.0, 15.0, 30.0)
_TAIL_BYTES = 4000

# One thread a worker: as many workers as cores train faster than one worker on all cores.
_THREADS = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def make_worker_environment(
    environment: Mapping[str, str], storage_url: str, cache_folder: Path | None
) -> dict[str, str]:
    """What a worker sees: the storage URL is here and not among its arguments, which anybody can read.

    Args:
        environment: What it inherits.
        storage_url: Where its study is.
        cache_folder: Where the data sets are; None for where its machine has them.
    """
    own = dict(environment) | {"HPSEARCH_STORAGE": storage_url}
    if cache_folder is not None:
        own["HPSEARCH_CACHE"] = str(cache_folder)
    own.pop("HPSEARCH_STORAGE_FILE", None)  # the URL came from there, perhaps; both at once are refused
    own |= {name: value for name, value in _THREADS.items() if name not in environment}
    own["PYTHONSAFEPATH"] = "1"  # else python -m imports whatever lies in the current folder
    return own


def choose_pause(deaths: int) -> float:
    """Seconds before a worker that died so many times in a row is started again."""
    return _BACK_OFF_SECONDS[min(deaths, len(_BACK_OFF_SECONDS)) - 1]


def describe_death(code: int) -> str:
    """What a signal did: the exit code is negative where it killed, and 128 more than it where it was heard."""
    return f"stopped by {signal.Signals(code - 128).name}" if code > 0 else f"killed by {signal.Signals(-code).name}"


def count_memory_kills(statistics: Path = Path("/proc/vmstat")) -> int:
    """How often this machine's kernel has killed a process for its memory; 0 where it does not tell."""
    try:
        lines = statistics.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)


def read_tail(errors: IO[bytes] | None) -> str:
    """The last line that a worker wrote to its stderr."""
    if errors is None:
        return ""
    size = errors.seek(0, os.SEEK_END)
    errors.seek(max(0, size - _TAIL_BYTES))
    lines = [line.strip() for line in errors.read().decode(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else ""
