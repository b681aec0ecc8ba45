"""The device that a search has, and how many workers it bears."""

from dataclasses import dataclass

from hpsearch.sessions.request import MOST_WORKERS, Request


@dataclass(frozen=True)
class Hardware:
    """Where a search runs."""

    launch_device: str
    """As the workers are told."""
    name: str
    """As PyTorch has it: `cpu`, `cuda:0`."""
    description: str
    workers: int

    def describe(self) -> str:
        """In words: `2 workers on cpu (AMD EPYC)`."""
        return f"{self.workers} worker{'s' * (self.workers != 1)} on {self.name} ({self.description})"


def choose_hardware_for(request: Request) -> Hardware:
    """The device of a request and how many workers it gets.

    Raises:
        InputError: There is no such device.
    """
    spec = request.spec
    return choose_hardware(request.device, request.workers, most=MOST_WORKERS if spec.time else spec.trials)


def choose_hardware(device: str, workers: int | None, *, most: int) -> Hardware:
    """The device of this name and how many workers it gets, never more than there are trials.

    Raises:
        InputError: There is no such device.
    """
    from hpsearch.training.device import choose_device, count_workers, describe_device

    chosen = choose_device(device)
    # "cuda" gives each worker a GPU of its own, "cuda:1" means that one for all of them.
    is_one_gpu = chosen.type == "cuda" and ":" in device
    launch = str(chosen) if is_one_gpu else chosen.type
    filling = 1 if is_one_gpu else count_workers(chosen)
    return Hardware(launch, str(chosen), describe_device(chosen), max(1, min(workers or filling, most)))
