"""A real Ray cluster of several nodes on one machine, whose workers are scripted; and who does it harm."""

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from hpsearch.cli.signals import Interrupts
from hpsearch.clock import SystemClock
from hpsearch.engines.ray_task import shorten_node_id
from hpsearch.sessions.hardware import Hardware
from hpsearch.sessions.search import WorkOrder, search
from hpsearch.tuning.records import StudyRecord
from hpsearch.views.search import SilentView
from tests.fault.studies import read
from tests.ray_room import isolate_ray

ROOT = Path(__file__).parents[2]

# A node that is gone is missed within seconds instead of half a minute.
_HEALTH = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 500,
    "health_check_timeout_ms": 2000,
    "health_check_failure_threshold": 4,
}


@dataclass
class RayCrowd:
    """A cluster, and the nodes that joined it."""

    cluster: Any
    folder: Path
    nodes: list[Any] = field(default_factory=list)

    def add_node(self, **resources: Any) -> Any:
        """Let a node join."""
        self.nodes.append(self.cluster.add_node(**{"num_cpus": 2} | resources))
        return self.nodes[-1]

    def remove_without_grace(self, node: Any) -> None:
        """What a machine does that loses its power: all its processes are gone at once."""
        place = shorten_node_id(node.node_id)
        for process in _find_workers():
            with contextlib.suppress(psutil.Error):
                if place in process.cmdline():
                    process.kill()
        self.cluster.remove_node(node, allow_graceful=False)
        self.nodes.remove(node)


@contextmanager
def open_crowd(folder: Path, patch: pytest.MonkeyPatch, *, head_cpus: int, **script: Any) -> Iterator[RayCrowd]:
    """A cluster of a head, to which nodes can be added; RAY_ADDRESS names it, in this process alone."""
    with isolate_ray(patch):
        yield from _open_cluster(folder, patch, head_cpus, script)


def _open_cluster(
    folder: Path, patch: pytest.MonkeyPatch, head_cpus: int, script: Mapping[str, Any]
) -> Iterator[RayCrowd]:
    from ray.cluster_utils import Cluster

    patch.setenv("PYTHONPATH", f"{ROOT / 'tests' / 'scripted_site'}{os.pathsep}{ROOT}")
    patch.setenv("HPSEARCH_TEST_SCRIPT", json.dumps({"folder": str(folder), **script}))
    head = {"num_cpus": head_cpus, "include_dashboard": False, "_system_config": _HEALTH}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    patch.setenv("RAY_ADDRESS", cluster.address)
    try:
        yield RayCrowd(cluster, folder)
    finally:
        import ray

        ray.shutdown()
        cluster.shutdown()


def search_on_ray(
    storage: str,
    hardware: Hardware,
    *,
    at: Mapping[int, Callable[[], None]] | None = None,
    said: list[str] | None = None,
) -> StudyRecord:
    """Let the real search work on a study, and do something each time that so many trials are finished."""

    class Onlooker(SilentView):
        def say(self, message: str) -> None:
            if said is not None:
                said.append(message)

    deeds = dict(at or {})

    class HarmfulClock(SystemClock):
        """Ray starts nodes in the main thread alone, which is the search's."""

        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            if deeds and read(storage).finished_count >= (count := min(deeds)):
                deeds.pop(count)()

    order = WorkOrder("study", storage, hardware, Path(), time.monotonic() + 240)
    with Interrupts() as interrupts:
        search(order, lambda: read(storage), Onlooker(), interrupts, HarmfulClock())
    assert deeds == {}
    return read(storage)


def kill_a_task() -> None:
    """Kill one of Ray's own processes, in which a task keeps a worker."""
    for process in _find_workers():
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            os.kill(process.ppid(), signal.SIGKILL)
            return
    raise AssertionError("no worker runs")


def _find_workers() -> Iterator[psutil.Process]:
    """The workers of this test's cluster, whose processes come from this one."""
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "--place" in process.cmdline():
                yield process
