"""The device that a search has, and how many workers it bears."""

import os
from dataclasses import dataclass

from hpsearch.engines.gpus import GpuShare, describe_sharing, place_on_gpus
from hpsearch.errors import InputError
from hpsearch.sessions.request import MOST_WORKERS, Request
from hpsearch.wording import count_of


@dataclass(frozen=True)
class Hardware:
    """Where a search runs."""

    launch_device: str
    """As the workers are told."""
    name: str
    """As PyTorch has it: `cpu`, `cuda:0`."""
    description: str
    workers: int
    """The most that run at once."""
    engine: str = "local"
    gpus: int = 0
    """How many GPUs the workers are spread over."""
    gpu_share: int = 1
    """How many workers share a GPU, each with that part of its memory."""
    at_first: int | None = None
    """How many workers begin, where more follow as long as that pays; None for all."""
    note: str | None = None
    """What else a person should know of it."""
    cores: int | None = None
    """That this process may use, where the device is the CPU of this machine."""

    def describe(self) -> str:
        """In words: `2 workers on cpu (AMD EPYC)`."""
        place = self.name if self.engine == "local" else self.launch_device
        return f"{count_of(self.workers, 'worker')} on {place} ({self.description})"


def choose_hardware_for(request: Request, storage_url: str = "") -> Hardware:
    """The device of a request and how many workers it gets; the storage matters where they are on other machines.

    Raises:
        InputError: There is no such device, or no such cluster.
    """
    spec = request.spec
    most = MOST_WORKERS if spec.time else spec.trials
    wanted = (request.device, request.workers, request.gpu_share)
    return choose_engine_hardware(request.engine, *wanted, storage_url, spec.dataset, most=most)


def choose_engine_hardware(
    engine: str,
    device: str,
    workers: int | None,
    share: GpuShare | None,
    storage_url: str,
    dataset: str | None,
    *,
    most: int,
) -> Hardware:
    """What an engine has for the workers of a study, this machine or a Ray cluster.

    Raises:
        InputError: There is no such device, or no such cluster.
    """
    if engine == "ray":
        return choose_ray_hardware(device, workers, share, storage_url, dataset, most=most)
    return choose_hardware(device, workers, most=most, share=share)


def choose_hardware(device: str, workers: int | None, *, most: int, share: GpuShare | None = None) -> Hardware:
    """The device of this name on this machine and how many workers it gets, never more than there are trials.

    Raises:
        InputError: There is no such device, or so many workers do not share its GPUs.
    """
    from hpsearch.training.device import choose_device, count_workers, describe_device

    chosen = choose_device(device)
    description = describe_device(chosen)
    if chosen.type != "cuda":
        if share is not None:
            raise InputError(f"--gpu-share is about GPUs, and this runs on {chosen}: leave it out")
        usable = count_workers(chosen)
        count = max(1, min(workers or usable, most))
        cores = usable if chosen.type == "cpu" else None
        return Hardware(chosen.type, str(chosen), description, count, cores=cores)
    # "cuda" spreads the workers over all GPUs, "cuda:1" means that one for all of them.
    is_one_gpu = ":" in device
    gpus = 1 if is_one_gpu else count_workers(chosen)
    placement = place_on_gpus(workers, gpus, share, most=most)
    return Hardware(
        str(chosen) if is_one_gpu else chosen.type,
        str(chosen),
        description,
        placement.workers,
        gpus=gpus,
        gpu_share=placement.share,
        at_first=placement.at_first if placement.at_first < placement.workers else None,
        note=describe_sharing(placement, gpus, os.environ),
    )


def choose_ray_hardware(
    device: str, workers: int | None, share: GpuShare | None, storage_url: str, dataset: str | None, *, most: int
) -> Hardware:
    """What a Ray cluster has for the workers of a study; connects to it.

    Raises:
        InputError: There is no Ray, no such cluster, no such device there, or its nodes lack the data or the database.
    """
    from hpsearch.engines.ray_cluster import choose_ray_place
    from hpsearch.storage.url import is_sqlite, parse_storage_url
    from hpsearch.training.data.catalogue import CATALOGUE
    from hpsearch.training.device import count_gpus

    folder = None if dataset is None or dataset in CATALOGUE else dataset
    is_file = is_sqlite(parse_storage_url(storage_url))
    place = choose_ray_place(device, workers, share, is_sqlite=is_file, folder=folder, most=most)
    here = "cuda:0" if place.device == "cuda" and count_gpus() else "cpu"
    return Hardware(
        place.device,
        here,
        place.description,
        place.workers,
        engine="ray",
        gpus=place.gpus,
        gpu_share=place.gpu_share,
        note=place.note,
    )
