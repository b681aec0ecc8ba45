"""The engine of a Ray cluster: a task a worker, which Ray places, and places again when its node dies.

Ray knows nothing of trials, and the database nothing of Ray: what a node that died held comes back by its lease, or as
soon as this engine hears of the node's end.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from hpsearch.clock import Clock, SystemClock
from hpsearch.engines.engine import WorkerFailedError
from hpsearch.engines.ray_cluster import connect, read_cluster
from hpsearch.engines.ray_task import TaskOrder, WorkerEnd, shorten_node_id, work
from hpsearch.engines.worker_process import QUIET_SECONDS, STOPPED_CODES, choose_pause, describe_death
from hpsearch.errors import HpsearchError

WORKER_MEMORY_BYTES = int(1.2 * 2**30)
"""What a worker is counted with, so that Ray fills no node beyond its memory: measured, docs/scale.md."""

_NODES_SECONDS = 1.0
"""How often the nodes are looked at."""
_ENDING_SECONDS = 60.0

FreeLostTrials = Callable[[str, str], list[int]]
"""Given a worker, or `@PLACE`, and a reason: gives back what was held there, uncounted."""


@dataclass
class _Task:
    order: TaskOrder
    reference: Any = None
    deaths: int = 0
    start_again_at: float | None = None


def open_ray_engine(
    study: str,
    *,
    storage_url: str,
    device: str,
    count: int,
    gpu_share: int,
    deadline: float | None,
    cache_folder: Path,
    environment: Mapping[str, str],
    flags: Sequence[str] = (),
) -> "RayEngine":
    """An engine of `count` workers on the cluster that this process is connected to, not started yet.

    Args:
        study: The study's name.
        storage_url: Where it is.
        device: `cpu` or `cuda`.
        count: How many workers.
        gpu_share: How many share a GPU.
        deadline: When they end, in seconds of this machine's monotonic clock, or None.
        cache_folder: Where this machine has the data sets.
        environment: Of this process: where it names the folder of the data sets, all nodes use that.
        flags: Further flags of `hpsearch worker`.
    """
    from hpsearch.tuning.lost_workers import free_lost_trials

    ray = connect(environment)
    storage_url = _make_absolute(storage_url)
    is_one_machine = len(read_cluster(ray).nodes) == 1
    everywhere = str(cache_folder) if is_one_machine or environment.get("HPSEARCH_CACHE") else None
    ends_at = None if deadline is None else time.time() + deadline - time.monotonic()
    orders = [
        TaskOrder(f"worker {index + 1}", study, storage_url, device, tuple(flags), everywhere, ends_at)
        for index in range(count)
    ]
    options: dict[str, Any] = {"num_cpus": 1, "memory": WORKER_MEMORY_BYTES}
    if device == "cuda":
        options["num_gpus"] = 1 / gpu_share
    if storage_url.startswith("sqlite"):
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        here = ray.get_runtime_context().get_node_id()
        options["scheduling_strategy"] = NodeAffinitySchedulingStrategy(here, soft=False)

    def free(worker: str, reason: str) -> list[int]:
        return free_lost_trials(storage_url, study, worker, reason)

    return RayEngine(ray, orders, options, free)


def _make_absolute(storage_url: str) -> str:
    """The URL of a file from any folder: a cluster that somebody started works in another one."""
    from hpsearch.storage.url import is_sqlite, parse_storage_url, sqlite_path

    url = parse_storage_url(storage_url)
    return f"sqlite:///{sqlite_path(url).absolute()}" if is_sqlite(url) else storage_url


class RayEngine:
    """Workers as Ray's tasks. Use it as a context: leaving it leaves no task behind.

    Args:
        ray: The module, connected.
        orders: Of the workers.
        options: Of their tasks: what each needs.
        free_lost_trials: Gives back what workers of a dead node held.
        clock: For pauses.
    """

    def __init__(
        self,
        ray: Any,
        orders: Sequence[TaskOrder],
        options: Mapping[str, Any],
        free_lost_trials: FreeLostTrials,
        *,
        clock: Clock | None = None,
    ) -> None:
        self._ray = ray
        self._tasks = [_Task(order) for order in orders]
        # Ray runs a task again, however often its node or process dies; hpsearch's own errors end it with an answer.
        self._remote = ray.remote(max_retries=-1, **options)(work)
        self._free_lost_trials = free_lost_trials
        self._clock = clock or SystemClock()
        self._is_stopping = False
        self._alive = self._read_nodes()
        self._mourned: dict[str, str] = {}
        self._next_look = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def start(self) -> None:
        """Hand every worker to Ray; those that find no place wait there."""
        for task in self._tasks:
            self._submit(task)

    @property
    def is_running(self) -> bool:
        """Whether a worker runs or waits for a place."""
        return any(task.reference is not None or task.start_again_at is not None for task in self._tasks)

    def check(self) -> list[str]:
        """Look after the workers, without waiting.

        Returns:
            What a person should hear, a line each.

        Raises:
            WorkerFailedError: A worker ended with an error of its own; the message is the last line that it wrote.
        """
        messages = self._look_at_nodes()
        running = {task.reference: task for task in self._tasks if task.reference is not None}
        ended = self._ray.wait(list(running), num_returns=len(running), timeout=0)[0] if running else []
        for reference in ended:
            messages += self._note_end(running[reference])
        for task in self._tasks:
            if task.start_again_at is not None and self._clock.monotonic() >= task.start_again_at:
                self._submit(task)
        return messages

    def request_stop(self) -> None:
        """Ask every worker to give its trial back and end; those that wait for a place never begin."""
        self._cancel(force=False)

    def suspend(self) -> None:
        """The nodes' workers work on while this terminal's command stands still."""

    def go_on(self) -> None:
        """They never stood still."""

    def kill(self) -> None:
        """End every task at once: each worker reads the end of its pipe, gives its trial back and ends."""
        self._cancel(force=True)

    def close(self) -> None:
        """End what still runs, and wait for it."""
        if self.is_running:
            self.request_stop()
            references = [task.reference for task in self._tasks if task.reference is not None]
            if references:
                _, left = self._ray.wait(references, num_returns=len(references), timeout=_ENDING_SECONDS)
                if left:
                    self.kill()
                    self._ray.wait(left, num_returns=len(left), timeout=_ENDING_SECONDS)
            for task in self._tasks:
                task.reference = None

    def _cancel(self, *, force: bool) -> None:
        self._is_stopping = True
        for task in self._tasks:
            task.start_again_at = None
            if task.reference is not None:
                self._ray.cancel(task.reference, force=force)

    def _submit(self, task: _Task) -> None:
        task.start_again_at = None
        task.reference = self._remote.remote(task.order)

    def _note_end(self, task: _Task) -> list[str]:
        from ray.exceptions import RayError, TaskCancelledError

        reference, task.reference = task.reference, None
        try:
            end: WorkerEnd = self._ray.get(reference)
        except TaskCancelledError:
            return [] if self._is_stopping else self._start_again(task, "cancelled in Ray", lived=0.0)
        except RayError as error:
            if self._is_stopping:
                return []
            lines = [line.strip() for line in str(error).splitlines() if line.strip()]
            return self._start_again(task, lines[-1][:200] if lines else type(error).__name__, lived=0.0)
        if end.code == 0 or self._is_stopping:
            return []
        if end.code > 0 and end.code not in STOPPED_CODES:
            said = end.said.removeprefix("error: ") or f"{task.order.name} ended with code {end.code}"
            raise WorkerFailedError(f"{said} (on {end.host})", end.code)
        note = f": {end.memory_note}" if end.memory_note else ""
        return self._start_again(task, f"{describe_death(end.code)} on {end.host}{note}", lived=end.lived_seconds)

    def _start_again(self, task: _Task, cause: str, *, lived: float) -> list[str]:
        task.deaths = task.deaths + 1 if lived < QUIET_SECONDS else 1
        pause = choose_pause(task.deaths)
        task.start_again_at = self._clock.monotonic() + pause
        return [f"{task.order.name} died ({cause}); starting it again{f' in {pause:.0f} s' if pause else ''}"]

    def _look_at_nodes(self) -> list[str]:
        """Hear of nodes that came and went; what a dead one's workers held goes on elsewhere at once, uncounted."""
        if self._clock.monotonic() < self._next_look:
            return []
        self._next_look = self._clock.monotonic() + _NODES_SECONDS
        before, self._alive = self._alive, self._read_nodes()
        messages = [f"node {self._alive[node]} joined" for node in self._alive.keys() - before.keys()]
        self._mourned |= {node: before[node] for node in before.keys() - self._alive.keys()}
        for node, host in list(self._mourned.items()):
            try:
                numbers = self._free_lost_trials(f"@{shorten_node_id(node)}", f"node {host} died")
            except HpsearchError:
                continue  # the database is away; later, then
            del self._mourned[node]
            held = f"; trial {', '.join(map(str, numbers))} goes on elsewhere" if numbers else ""
            messages.append(f"node {host} died: Ray places its workers again{held}")
        return messages

    def _read_nodes(self) -> dict[str, str]:
        """Hosts of the nodes that are alive, by id."""
        return {node["NodeID"]: node["NodeManagerHostname"] for node in self._ray.nodes() if node["Alive"]}
