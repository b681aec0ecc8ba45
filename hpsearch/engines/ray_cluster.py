"""A Ray cluster: reaching it, and what it has for the workers of a study; a search is refused before it begins."""

import contextlib
import logging
import os
import signal
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from hpsearch.engines.gpus import GpuShare, place_on_gpus
from hpsearch.engines.ray_task import NodeFacts, look_around
from hpsearch.errors import InputError
from hpsearch.version import __version__
from hpsearch.whole_number import read_whole_number
from hpsearch.wording import count_of

INSTALL_COMMAND = "pip install 'hpsearch[ray]'"
ADDRESS_VARIABLE = "RAY_ADDRESS"

_REACH_SECONDS = 5.0
_LOOK_SECONDS = 120.0
_SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # what Ray warns will be so
    "RAY_worker_niceness": "0",  # else 15: workers would train on what others leave
}
"""Of a cluster that is started here, unless the environment says otherwise."""


@dataclass(frozen=True)
class RayPlace:
    """Where Ray puts the workers of a search."""

    device: str
    """`cpu` or `cuda`: what each worker is told."""
    workers: int
    gpus: int
    gpu_share: int
    description: str
    note: str | None


@dataclass(frozen=True)
class Cluster:
    """The nodes that are alive, and what they have together."""

    nodes: tuple[Mapping[str, Any], ...]
    resources: Mapping[str, float]

    def count(self, resource: str) -> int:
        """Whole units of `CPU` or `GPU`."""
        return int(self.resources.get(resource, 0))

    def describe(self) -> str:
        """In words: `a Ray cluster of 3 nodes: 12 CPUs, 4 GPUs`."""
        nodes, gpus = len(self.nodes), self.count("GPU")
        parts = [f"{self.count('CPU')} CPUs", *([count_of(gpus, "GPU")] if gpus else [])]
        return f"a Ray cluster of {count_of(nodes, 'node')}: {', '.join(parts)}"


def connect(environment: Mapping[str, str]) -> Any:
    """The Ray of this process: the cluster of RAY_ADDRESS, else one that runs on this machine, else a new one here.

    Returns:
        The module `ray`, connected.

    Raises:
        InputError: Ray is not installed, there is no such cluster, or it has another Ray or Python.
    """
    if find_spec("ray") is None:
        raise InputError(f"--on ray needs Ray, not installed here: {INSTALL_COMMAND}")
    address = environment.get(ADDRESS_VARIABLE, "").strip()
    if address:
        _check_address(address)
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    import ray

    if ray.is_initialized():
        return ray
    try:
        ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.CRITICAL)
    except (RuntimeError, ConnectionError, ValueError, OSError) as error:
        raise InputError(_explain(error, address)) from error
    finally:
        _hear_signals_again()
    _silence()
    return ray


def _silence() -> None:
    """Ray prints what its nodes have to say to our stdout, `log_to_driver` or not; a JSON document is there."""
    with contextlib.suppress(ImportError):
        from ray._private import worker

        if hasattr(worker, "print_to_stdstream"):
            worker.print_to_stdstream = lambda *_arguments, **_keywords: None


def _hear_signals_again() -> None:
    """Ray puts a handler of its own below Python's, which would end the process at SIGTERM."""
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            if (handler := signal.getsignal(number)) is not None:
                signal.signal(number, handler)


def _check_address(address: str) -> None:
    """Find a wrong address at once: Ray itself tries for a minute."""
    if address in ("auto", "local"):
        return
    if address.startswith("ray://"):
        raise InputError(
            f"{ADDRESS_VARIABLE}={address} is Ray Client, whose searches end with its connection: type "
            "ray job submit -- hpsearch run ... --on ray, or give HOST:6379 on a machine of the cluster"
        )
    host, _colon, given = address.rpartition(":")
    port = read_whole_number(given)
    if not host or port is None:
        raise InputError(f"{ADDRESS_VARIABLE}={address!r} is no address of a cluster: give HOST:PORT, as HOST:6379")
    try:
        socket.create_connection((host.strip("[]"), port), timeout=_REACH_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise InputError(
            f"no Ray cluster answers at {ADDRESS_VARIABLE}={address} ({error}): start one there with "
            f"ray start --head, or unset {ADDRESS_VARIABLE} to use this machine"
        ) from error


def _explain(error: Exception, address: str) -> str:
    text = " ".join(str(error).split())
    where = f"the Ray cluster at {address}" if address else "Ray on this machine"
    if "ersion mismatch" in text:
        return f"{where} has another Ray or Python than this process; install the same on both: {text[:300]}"
    return f"{where} cannot be used: {text[:300]}"


def read_cluster(ray: Any) -> Cluster:
    """The cluster that this process is connected to."""
    alive = tuple(node for node in ray.nodes() if node["Alive"])
    return Cluster(alive, ray.cluster_resources())


def choose_ray_place(
    device: str, workers: int | None, share: GpuShare | None, *, is_sqlite: bool, folder: str | None, most: int
) -> RayPlace:
    """Connect, and find out whether and how the workers of a study fit the cluster.

    Args:
        device: `auto`, `cpu` or `cuda`.
        workers: How many; None for as many as the cluster has room for now.
        share: How many may share a GPU.
        is_sqlite: Whether the study is in a file of this machine.
        folder: Where the study's own images are; None for a data set that each node fetches for itself.
        most: Never more workers than these: there are no more trials.

    Raises:
        InputError: The cluster cannot be had, or does not do for this study.
    """
    if share is not None and share.is_measured:
        raise InputError("--gpu-share auto is for the GPUs of this machine; with --on ray give a number: --gpu-share 4")
    ray = connect(os.environ)
    cluster = read_cluster(ray)
    name = _choose_device(device, cluster)
    if share is not None and name == "cpu":
        raise InputError("--gpu-share is about GPUs, and the workers run on cpu: leave it out")
    if is_sqlite and len(cluster.nodes) > 1:
        raise InputError(
            f"a SQLite file is of one machine, and the Ray cluster has {len(cluster.nodes)} nodes: put the study into "
            "a PostgreSQL that all of them reach (HPSEARCH_STORAGE_FILE, or --storage postgresql://USER@HOST/DATABASE)"
        )
    check_nodes(ray, cluster, folder)
    gpus = cluster.count("GPU") if name == "cuda" else 0
    if gpus:
        count = most if workers is None else min(workers, most)
        fitting = place_on_gpus(None, gpus, share, most=count)
        per_gpu = fitting.share
        room = gpus * per_gpu
    else:
        count = min(workers or cluster.count("CPU"), most)
        per_gpu, room = 1, cluster.count("CPU")
    count = max(1, min(count, room) if workers is None else count)
    note = None
    if count > room:
        note = f"{count} workers, and room for {room}: the others wait, and are what an autoscaler sees as demand"
    return RayPlace(name, count, gpus, per_gpu, cluster.describe(), note)


def _choose_device(device: str, cluster: Cluster) -> str:
    wanted = device.strip().lower()
    if wanted == "auto":
        return "cuda" if cluster.count("GPU") else "cpu"
    if wanted == "cuda" and not cluster.count("GPU"):
        raise InputError(
            f"--device cuda: {cluster.describe()} has no GPU; use --device cpu, or add a node that has one"
        )
    if wanted not in ("cpu", "cuda"):
        raise InputError(f"--device {device}: with --on ray give auto, cpu or cuda; Ray chooses which GPU")
    return wanted


def check_nodes(ray: Any, cluster: Cluster, folder: str | None) -> list[NodeFacts]:
    """Have every node say what it has.

    Raises:
        InputError: A node has no hpsearch, another one, or not the data.
    """
    from ray.exceptions import GetTimeoutError, RayError
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    probe = ray.remote(num_cpus=0, max_retries=0)(look_around)
    asked = {
        node["NodeManagerHostname"]: probe.options(
            scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        ).remote(folder)
        for node in cluster.nodes
    }
    facts = []
    for host, reference in asked.items():
        try:
            facts.append(ray.get(reference, timeout=_LOOK_SECONDS))
        except GetTimeoutError as error:
            raise InputError(f"node {host} of the Ray cluster has not answered in {_LOOK_SECONDS:.0f} s") from error
        except RayError as error:
            text = str(error)
            if "ModuleNotFoundError" in text or "No module named" in text:
                hint = f"pip install 'hpsearch[ray]=={__version__}' there"
                raise InputError(f"node {host} of the Ray cluster has no hpsearch: {hint}") from error
            raise InputError(f"node {host} of the Ray cluster does not work: {text.splitlines()[-1][:300]}") from error
    for fact in facts:
        if fact.version != __version__:
            raise InputError(
                f"node {fact.host} of the Ray cluster has hpsearch {fact.version}, this is {__version__}: "
                "install the same on all"
            )
        if not fact.has_folder:
            raise InputError(
                f"node {fact.host} of the Ray cluster has no {folder!r}: put the images at one path that all "
                "nodes have, and name it with --dataset"
            )
    return facts
