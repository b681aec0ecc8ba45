"""Ray for the tests: a cluster of their own in a folder of its own, and one at a time on this machine."""

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

_ENDING_SECONDS = 30.0
_SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "disabled",  # it would leave a token in the home folder
    "RAY_worker_niceness": "0",
    "RAY_prestart_worker_first_driver": "0",  # a process a processor, each of which imports Ray
    "RAY_enable_worker_prestart": "0",
}


@contextmanager
def isolate_ray(patch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Keep Ray apart: no cluster of this machine is met, none of another test runs meanwhile, no process is left.

    RAY_ADDRESS is `local`, so that a command that is typed starts a cluster of its own.

    Yields:
        The folder that all of Ray's files are in.
    """
    with _take_turn():
        folder = Path(tempfile.mkdtemp(prefix="ray-"))  # a socket's path may have about a hundred characters only
        for name, value in (_SETTINGS | {"RAY_TMPDIR": str(folder), "RAY_ADDRESS": "local"}).items():
            patch.setenv(name, value)
        try:
            yield folder
        finally:
            _end_what_is_left(folder)
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _take_turn() -> Iterator[None]:
    """Two clusters at a time are more than the machines of the tests bear."""
    path = Path(tempfile.gettempdir()) / f"hpsearch-ray-tests-{os.getuid()}.lock"
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _end_what_is_left(folder: Path) -> None:
    """Ray ends its processes in a moment after it was shut down; those that have not by then are killed."""
    until = time.monotonic() + _ENDING_SECONDS
    while left := list(_find_processes(folder)):
        if time.monotonic() > until:
            for process in left:
                with contextlib.suppress(psutil.Error):
                    process.kill()
        time.sleep(0.1)


def _find_processes(folder: Path) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.status() != psutil.STATUS_ZOMBIE and any(str(folder) in word for word in process.cmdline()):
                yield process
