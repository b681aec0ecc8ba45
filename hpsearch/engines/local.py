"""The supervisor of the workers on this machine: starts a process each, restarts those that die, ends them all.

A worker is a process group of its own, so that a terminal's Ctrl-C reaches the supervisor alone, which passes it on
once. It ends by itself when the supervisor is gone: it reads from a pipe that closes with it.
"""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from hpsearch.clock import Clock, SystemClock
from hpsearch.engines.engine import WorkerFailedError
from hpsearch.engines.gpus import choose_visible_gpu
from hpsearch.engines.worker_process import (
    QUIET_SECONDS,
    STOPPED_CODES,
    choose_pause,
    count_memory_kills,
    describe_death,
    make_worker_environment,
    read_tail,
)


@dataclass(frozen=True)
class WorkerLaunch:
    """How to start a worker."""

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    """In place of the supervisor's; the storage URL is here and not among the arguments, which anybody can read."""


def launch_local_workers(
    study: str,
    *,
    storage_url: str,
    device: str,
    count: int,
    deadline: float | None,
    cache_folder: Path,
    environment: Mapping[str, str],
    flags: Sequence[str] = (),
    gpus: int = 1,
) -> list[WorkerLaunch]:
    """The launches of `count` workers: one thread each on a CPU, one GPU each on CUDA, in turn where they are fewer.

    Args:
        study: The study's name.
        storage_url: Where it is.
        device: `cpu`, `mps`, `cuda` (worker k sees GPU k modulo `gpus` alone) or `cuda:K` (all on that one).
        count: How many.
        deadline: When they end, in seconds of the monotonic clock, or None.
        cache_folder: Where the data sets are.
        environment: What they inherit.
        flags: Further flags of `hpsearch worker`.
        gpus: How many GPUs this process sees.
    """
    launches = []
    for index in range(count):
        own = make_worker_environment(environment, storage_url, cache_folder)
        if device == "cuda":
            own["CUDA_VISIBLE_DEVICES"] = choose_visible_gpu(environment, index, gpus)
        arguments = [sys.executable, "-m", "hpsearch", "worker", study, "--device", device, "--until-stdin-closes"]
        arguments += flags
        if deadline is not None:
            arguments += ["--deadline", repr(deadline)]
        launches.append(WorkerLaunch(f"worker {index + 1}", tuple(arguments), own))
    return launches


def start_process(launch: WorkerLaunch, errors: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start a worker as the first of a process group, with a pipe as its stdin and `errors` as its stderr."""
    return subprocess.Popen(
        launch.arguments,
        env=dict(launch.environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=errors,
        process_group=0,
    )


@dataclass
class _Child:
    launch: WorkerLaunch
    process: subprocess.Popen[bytes] | None = None
    errors: IO[bytes] | None = None
    deaths: int = 0
    started_at: float = 0.0
    start_again_at: float | None = None


class Supervisor:
    """The engine of this machine: runs workers until each has ended by itself, and leaves no process behind.

    Args:
        launches: Of all workers that may run at once.
        at_first: How many of them begin, until `grow` asks for more; None for all.
        clock: For the pauses before a worker that died is started again.
    """

    def __init__(
        self, launches: Sequence[WorkerLaunch], *, at_first: int | None = None, clock: Clock | None = None
    ) -> None:
        self._clock = clock or SystemClock()
        self._at_first = len(launches) if at_first is None else at_first
        self._children = [_Child(launch) for launch in launches]
        self._is_stopping = False
        self._memory_kills = count_memory_kills()

    def __enter__(self) -> "Supervisor":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def start(self) -> None:
        """Start the workers that begin."""
        for child in self._children[: self._at_first]:
            self._start(child)

    def grow(self, count: int) -> None:
        """Let there be `count` workers, if there are fewer and nobody asked them to stop."""
        if not self._is_stopping:
            for child in self._children[self._at_first : count]:
                self._start(child)
            self._at_first = max(self._at_first, count)

    @property
    def is_running(self) -> bool:
        """Whether a worker runs or waits to be started again."""
        return any(child.process is not None or child.start_again_at is not None for child in self._children)

    def check(self) -> list[str]:
        """Look after the workers, without waiting: take note of those that ended, restart those that died.

        Returns:
            What a person should hear, a line each.

        Raises:
            WorkerFailedError: A worker ended with an error of its own; the message is the last line that it wrote.
        """
        messages = []
        for child in self._children:
            if child.process is not None and (code := child.process.poll()) is not None:
                messages += self._note_end(child, code)
            elif child.start_again_at is not None and self._clock.monotonic() >= child.start_again_at:
                self._start(child)
        return messages

    def request_stop(self) -> None:
        """Ask every worker to give its trial back and end."""
        self._is_stopping = True
        for child in self._children:
            child.start_again_at = None
            self._signal(child, signal.SIGTERM)

    def suspend(self) -> None:
        """Let every worker stand still: a terminal's Ctrl-Z does not reach process groups of their own."""
        self._signal_all("SIGSTOP")

    def go_on(self) -> None:
        """Let every worker that stands still go on."""
        self._signal_all("SIGCONT")

    def _signal_all(self, name: str) -> None:
        if (number := getattr(signal, name, None)) is not None:
            for child in self._children:
                self._signal(child, number)

    def kill(self) -> None:
        """End every worker at once; their leases do the rest."""
        self._is_stopping = True
        for child in self._children:
            child.start_again_at = None
            self._signal(child, signal.SIGKILL)

    def close(self) -> None:
        """Kill what still runs, and wait for it."""
        self.kill()
        for child in self._children:
            if child.process is not None:
                child.process.wait()
            self._forget(child)

    def _start(self, child: _Child) -> None:
        child.start_again_at = None
        child.started_at = self._clock.monotonic()
        child.errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the worker has ended
        child.process = start_process(child.launch, child.errors)

    def _note_end(self, child: _Child, code: int) -> list[str]:
        tail = read_tail(child.errors)
        lived = self._clock.monotonic() - child.started_at
        self._forget(child)
        if code == 0 or self._is_stopping:
            return []
        if code > 0 and code not in STOPPED_CODES:
            raise WorkerFailedError(tail.removeprefix("error: ") or f"{child.launch.name} ended with code {code}", code)
        child.deaths = child.deaths + 1 if lived < QUIET_SECONDS else 1
        pause = choose_pause(child.deaths)
        child.start_again_at = self._clock.monotonic() + pause
        cause = describe_death(code)
        if -code == signal.SIGKILL and (kills := count_memory_kills()) > self._memory_kills:
            self._memory_kills = kills
            cause += ": the machine ran out of memory, fewer --workers need less"
        return [f"{child.launch.name} died ({cause}); starting it again{f' in {pause:.0f} s' if pause else ''}"]

    def _signal(self, child: _Child, number: signal.Signals) -> None:
        if child.process is not None and child.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.process.pid, number)

    def _forget(self, child: _Child) -> None:
        if child.process is not None and child.process.stdin is not None:
            with contextlib.suppress(OSError):
                child.process.stdin.close()
        if child.errors is not None:
            child.errors.close()
        child.process = child.errors = None
