"""Processes of tests: forked from a server that has imported everything, watched, and gone in the end."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from tests.scripted_worker import WorkerScript, work

DEADLINE_SECONDS = 120.0
_PAUSE_SECONDS = 0.01

# A fork of the test's own process would carry its threads' locks and open connections.
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.preloaded"])


def wait_until(is_so: Callable[[], bool], what: str, *, seconds: float = DEADLINE_SECONDS) -> None:
    """Look until something is so.

    Raises:
        TimeoutError: It never was.
    """
    end = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds:.0f} s until {what}")
        time.sleep(_PAUSE_SECONDS)


def start_process(target: Callable[..., None], *arguments: Any) -> BaseProcess:
    """Call a function of a module in a process of its own."""
    process = _CONTEXT.Process(target=target, args=arguments)
    process.start()
    return process


def run_process(target: Callable[..., None], *arguments: Any, seconds: float = DEADLINE_SECONDS) -> int:
    """Call a function of a module in a process of its own; its exit code, negative for a signal."""
    process = start_process(target, *arguments)
    try:
        return join(process, seconds=seconds)
    finally:
        process.kill()
        process.join()


def join(process: BaseProcess, *, seconds: float = DEADLINE_SECONDS) -> int:
    """Wait for a process to end; its exit code, negative for a signal."""
    process.join(seconds)
    if process.exitcode is None:
        raise TimeoutError(f"process {process.pid} has not ended in {seconds:.0f} s")
    return process.exitcode


@dataclass
class RunningWorker:
    """A worker process."""

    script: WorkerScript
    process: BaseProcess

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended."""
        return self.process.is_alive()

    @property
    def said(self) -> str:
        """Everything that it has written so far."""
        return self.script.log.read_text() if self.script.log.exists() else ""

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self.process.pid is not None
        os.kill(self.process.pid, number)

    def wait(self, *, seconds: float = DEADLINE_SECONDS) -> int:
        """Its exit code, when it has ended."""
        return join(self.process, seconds=seconds)

    def wait_until_said(self, text: str) -> None:
        """Wait until it has written something."""
        wait_until(lambda: text in self.said or not self.is_alive, f"{self.script.name} says {text!r}")
        assert text in self.said, self.said

    def wait_for_flag(self, name: str) -> None:
        """Wait until its script has set a flag."""
        wait_until(lambda: self.script.flag(name).exists(), f"{self.script.name} sets {name}")


@dataclass
class WorkerProcesses:
    """Starts workers of one study, each with a journal of its own in one folder."""

    storage: str
    folder: Path
    study: str = "study"
    defaults: dict[str, Any] = field(default_factory=dict)
    started: list[RunningWorker] = field(default_factory=list)

    def start(self, name: str, **options: Any) -> RunningWorker:
        """Start a worker; `options` are those of its script."""
        script = WorkerScript(self.storage, self.study, name, self.folder, **self.defaults | options)
        worker = RunningWorker(script, start_process(work, script))
        self.started.append(worker)
        return worker

    def end_all(self) -> None:
        """Kill what still runs."""
        for worker in self.started:
            worker.process.kill()
            worker.process.join()

    def wait_all(self) -> None:
        """Wait until every worker has ended well."""
        for worker in self.started:
            code = worker.wait()
            assert code == 0, f"{worker.script.name} ended with {code}: {worker.said}"


@contextmanager
def run_workers(storage: str, folder: Path, **defaults: Any) -> Iterator[WorkerProcesses]:
    """Workers of which none outlives the context."""
    workers = WorkerProcesses(storage, folder, defaults=defaults)
    try:
        yield workers
    finally:
        workers.end_all()
