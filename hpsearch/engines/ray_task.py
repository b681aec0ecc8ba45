"""What Ray runs on a node: a worker as a process of its own behind a pipe, and a look at what the node has.

Whatever happens to Ray's own process, the worker reads the end of its pipe, gives its trial back and ends.
"""

import contextlib
import os
import platform
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hpsearch.engines.worker_process import count_memory_kills, make_worker_environment, read_tail
from hpsearch.errors import HpsearchError
from hpsearch.version import __version__

_GIVING_BACK_SECONDS = 60.0
"""For a worker that was asked to stop; it asks itself between two batches."""
_POLL_SECONDS = 0.5


@dataclass(frozen=True)
class TaskOrder:
    """A worker that Ray is to place."""

    name: str
    study: str
    storage_url: str = field(repr=False)
    """An argument of the task, and so in no runtime environment, which anybody can list."""
    device: str
    flags: tuple[str, ...]
    cache_folder: str | None
    """Where the data sets are, on every node; None for where each node has them."""
    ends_at: float | None
    """Unix seconds; machines have no other clock in common."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """What else its environment is to hold."""


@dataclass(frozen=True)
class WorkerEnd:
    """How a worker ended."""

    code: int
    """Its exit code, negative for a signal."""
    said: str
    """The last line that it wrote to its stderr."""
    host: str
    lived_seconds: float
    memory_note: str | None = None
    """Where the machine's memory was the cause, and not the trial: what was done for it."""


@dataclass(frozen=True)
class NodeFacts:
    """What a node has."""

    host: str
    version: str
    """Of hpsearch."""
    python: str
    has_folder: bool


def work(order: TaskOrder) -> WorkerEnd:
    """Be the keeper of one worker until it ends, or Ray asks for the end.

    Ray asks by an exception (KeyboardInterrupt, or one of its own) in this thread.
    """
    place = _find_place()
    kills, begun = count_memory_kills(), time.monotonic()
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            _write_command(order, place),
            env=make_worker_environment(
                dict(os.environ) | dict(order.variables),
                order.storage_url,
                Path(order.cache_folder) if order.cache_folder else None,
            ),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            process_group=0,  # what Ray sends to its own process is not the worker's
        )
        try:
            while process.poll() is None:
                time.sleep(_POLL_SECONDS)  # Ray's exceptions come between two statements of Python
        except BaseException:
            _end(process)
            raise
        code = process.wait()
        note = None
        if code == -signal.SIGKILL and count_memory_kills() > kills:
            note = _free_for_memory(order, f"{socket.gethostname()}-{process.pid}@{place}")
        return WorkerEnd(code, read_tail(errors), socket.gethostname(), time.monotonic() - begun, note)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Let a worker give its trial back; a second request ends it where it stands."""
    try:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        process.wait(_GIVING_BACK_SECONDS)
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        raise


def _write_command(order: TaskOrder, place: str) -> list[str]:
    command = [sys.executable, "-m", "hpsearch", "worker", order.study, "--device", order.device]
    command += ["--until-stdin-closes", "--place", place, *order.flags]
    if order.ends_at is not None:
        command += ["--deadline", repr(time.monotonic() + order.ends_at - time.time())]
    return command


def _find_place() -> str:
    """The node's name in those of its workers, by which its driver knows them when the node is gone."""
    import ray

    return shorten_node_id(ray.get_runtime_context().get_node_id())


def shorten_node_id(node_id: str) -> str:
    """So much of it as tells the nodes of a cluster apart."""
    return node_id[:16]


def _free_for_memory(order: TaskOrder, worker: str) -> str:
    from hpsearch.tuning.lost_workers import free_lost_trials

    try:
        numbers = free_lost_trials(order.storage_url, order.study, worker, "the machine ran out of memory")
    except HpsearchError as error:
        return f"out of memory; {error}"
    return f"out of memory; trial {', '.join(map(str, numbers))} goes on elsewhere" if numbers else "out of memory"


def look_around(folder: str | None) -> NodeFacts:
    """What this node has: `folder`, where one is asked for."""
    has_folder = folder is None or Path(folder).exists()
    return NodeFacts(socket.gethostname(), __version__, platform.python_version(), has_folder)
