"""Workers of `run` and its like, forked from a process that has imported everything instead of started from nothing.

A worker that is started as a user's is spends seconds of computing on imports. Where a test is not about how workers
are started, these do the same work: the same command line in the same environment, in a process of their own.
"""

import os
import signal
import sys
from collections.abc import Mapping
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import DupFd
from pathlib import Path
from typing import IO, Any

from hpsearch.cli import main
from hpsearch.worker.supervisor import WorkerLaunch
from tests.worker_processes import start_process


class ForkedProcess:
    """What the supervisor asks of a `subprocess.Popen`."""

    def __init__(self, process: BaseProcess, stdin: IO[bytes]) -> None:
        self._process = process
        self.stdin = stdin
        self.pid = process.pid

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait for its end."""
        self._process.join(timeout)
        return self._process.exitcode


def start_forked(launch: WorkerLaunch, errors: IO[bytes]) -> ForkedProcess:
    """As `supervisor.start_process`, from the process that forks."""
    read, write = os.pipe()
    try:
        streams = (DupFd(read), DupFd(errors.fileno()))
        process = start_process(_work, launch.arguments[3:], dict(launch.environment), str(Path.cwd()), *streams)
    finally:
        os.close(read)
    return ForkedProcess(process, os.fdopen(write, "wb", 0))


def _work(arguments: tuple[str, ...], environment: Mapping[str, str], folder: str, stdin: Any, errors: Any) -> None:
    os.setpgid(0, 0)
    signal.set_wakeup_fd(-1)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for source, target in ((stdin.detach(), 0), (nowhere, 1), (errors.detach(), 2)):
        os.dup2(source, target)
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(number, mode) for number, mode in ((0, "r"), (1, "w"), (2, "w")))
    sys.exit(main(arguments))
