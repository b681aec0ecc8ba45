"""Commands and their workers, forked from a process that has imported everything instead of started from nothing.

A process that is started as a user's is spends seconds of computing on imports. Where a test is not about how commands
and workers are started, these do the same work: the same command line in the same environment, in a process of their
own.
"""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import DupFd
from pathlib import Path
from typing import IO, Any, NoReturn, Self, TextIO

import psutil

from hpsearch.cli import main
from hpsearch.engines import local as supervisor
from hpsearch.engines.local import WorkerLaunch
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


class ForkedCommand:
    """What tests ask of a `subprocess.Popen`, of a command that is the first process of a session."""

    def __init__(
        self, arguments: tuple[str, ...], environment: Mapping[str, str], folder: Path, terminal: int | None
    ) -> None:
        self._out, self._err = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115 - until the exit
        read, self._stdin = os.pipe()
        streams = [DupFd(read if terminal is None else terminal)]
        streams += [DupFd(file.fileno() if terminal is None else terminal) for file in (self._out, self._err)]
        self._process = start_process(_command, arguments, dict(os.environ) | dict(environment), str(folder), *streams)
        os.close(read)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.join()
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, ProcessLookupError):
                if os.getsid(process.pid) == self.pid:
                    process.kill()
        self.close_stdin()
        for file in (self._out, self._err):
            file.close()

    @property
    def pid(self) -> int:
        """Of the command, and of its session."""
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._process.exitcode

    def read_out(self) -> str:
        """What it has written to stdout so far."""
        return _read_all(self._out)

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def close_stdin(self) -> None:
        """Let it read the end of its input."""
        if self._stdin >= 0:
            os.close(self._stdin)
        self._stdin = -1

    def wait(self, timeout: float) -> int:
        """Wait for its end, so many seconds at most."""
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired("the command", timeout, self.read_out(), _read_all(self._err))
        return self.returncode

    def communicate(self, timeout: float) -> tuple[str, str]:
        """Wait for its end; all that it has written to stdout and stderr."""
        self.wait(timeout)
        return self.read_out(), _read_all(self._err)


def _read_all(file: IO[bytes]) -> str:
    # The command writes at the place that the two share, so nothing may move it.
    return os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0).decode(errors="replace")


def _command(arguments: tuple[str, ...], environment: Mapping[str, str], folder: str, *streams: Any) -> NoReturn:
    os.setsid()
    supervisor.start_process = _fork_worker  # type: ignore[assignment]
    _run_main(arguments, environment, folder, [stream.detach() for stream in streams])


class _ForkedChild:
    """What the supervisor asks of a `subprocess.Popen`, of a worker that a forked command has forked itself."""

    def __init__(self, pid: int, stdin: int) -> None:
        self.pid = pid
        self.stdin = os.fdopen(stdin, "wb", 0)
        self._code: int | None = None

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._note(os.WNOHANG)

    def wait(self) -> int | None:
        """Wait for its end."""
        return self._note(0)

    def _note(self, options: int) -> int | None:
        if self._code is None:
            pid, status = os.waitpid(self.pid, options)
            self._code = os.waitstatus_to_exitcode(status) if pid else None
        return self._code


_children: list[_ForkedChild] = []
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def _fork_worker(launch: WorkerLaunch, errors: IO[bytes]) -> _ForkedChild:
    read, write = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    # Until the worker has put the command's handlers away, a signal to it waits.
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    pid = os.fork()
    if pid == 0:
        _be_worker(launch, read, write, errors)
    with contextlib.suppress(OSError):  # it may have done that itself, or be gone
        os.setpgid(pid, pid)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    os.close(read)
    _children.append(_ForkedChild(pid, write))
    return _children[-1]


def _be_worker(launch: WorkerLaunch, read: int, write: int, errors: IO[bytes]) -> NoReturn:
    try:
        os.setpgid(0, 0)
        os.close(write)
        for child in _children:  # a worker that inherited the pipe to another would keep it alive
            if not child.stdin.closed:
                os.close(child.stdin.fileno())
        nowhere = os.open(os.devnull, os.O_WRONLY)
        _run_main(launch.arguments[3:], launch.environment, str(Path.cwd()), [read, nowhere, errors.fileno()])
    except SystemExit as end_of_main:
        sys.stderr.flush()
        os._exit(end_of_main.code if isinstance(end_of_main.code, int) else 1)
    except BaseException:  # noqa: BLE001 - the frames below are the command's
        traceback.print_exc(file=sys.stderr)
        sys.stderr.flush()
    os._exit(1)


def _work(arguments: tuple[str, ...], environment: Mapping[str, str], folder: str, stdin: Any, errors: Any) -> None:
    os.setpgid(0, 0)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    _run_main(arguments, environment, folder, [stdin.detach(), nowhere, errors.detach()])


def _run_main(arguments: tuple[str, ...], environment: Mapping[str, str], folder: str, streams: list[int]) -> NoReturn:
    """Be the command: with its environment, its folder, its stdin, stdout and stderr, and none of our signals."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for target, source in enumerate(streams):
        os.dup2(source, target)
    # The old ones are kept: what flushes them when they go may wait for a lock that a thread held at the fork.
    _old_streams.extend((sys.stdin, sys.stdout, sys.stderr))
    sys.stdin, sys.stdout = open(0, closefd=False), _open_output(1, is_lined=os.isatty(1))  # noqa: SIM115
    sys.stderr = _open_output(2, is_lined=True)
    sys.exit(main(arguments))


_old_streams: list[Any] = []


def _open_output(number: int, *, is_lined: bool) -> TextIO:
    return os.fdopen(number, "w", 1 if is_lined else -1, closefd=False)
