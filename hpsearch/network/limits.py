"""Hard limits of a network: its weights, and what a device has for it in whole numbers of 8 bits."""

from dataclasses import dataclass, replace
from typing import Literal

from hpsearch.dataset import InputShape
from hpsearch.network.architecture import Architecture
from hpsearch.network.budget import format_budget
from hpsearch.network.device_graph import lower
from hpsearch.network.memory import count_flash, count_ram
from hpsearch.network.sizes import format_bytes, format_macs, show_bytes

LimitName = Literal["budget", "ram", "flash", "macs"]
"""As the flags and the fields of a study file are named."""

LIMIT_NAMES: tuple[LimitName, ...] = ("budget", "ram", "flash", "macs")


@dataclass(frozen=True)
class Limits:
    """What a network may take; None for no limit. RAM and flash are those of the network in int8."""

    budget: int | None = None
    """Weights."""
    ram: int | None = None
    """Bytes of what flows at the largest moment."""
    flash: int | None = None
    """Bytes of the .tflite file."""
    macs: int | None = None

    @property
    def named(self) -> dict[LimitName, int]:
        """The limits that there are."""
        found = {name: getattr(self, name) for name in LIMIT_NAMES}
        return {name: limit for name, limit in found.items() if limit is not None}

    @property
    def is_of_device(self) -> bool:
        """Whether anything but the weights is limited."""
        return self.named.keys() != {"budget"}

    @property
    def weights_at_most(self) -> int | None:
        """Weights that no network within the limits exceeds; None where only RAM or operations say so."""
        known = [limit for limit in (self.budget, self.flash) if limit is not None]
        return min(known) if known else None

    def measure(self, architecture: Architecture, input_shape: InputShape, class_count: int) -> dict[LimitName, int]:
        """What a network takes of everything that is limited.

        Raises:
            ArchitectureError: An image does not survive to the last layer.
        """
        found: dict[LimitName, int] = {}
        if self.budget is not None:
            found["budget"] = architecture.count_weights(input_shape, class_count)
        if self.ram is not None or self.flash is not None:
            graph = lower(architecture, input_shape, class_count, "int8")
            if self.ram is not None:
                found["ram"] = count_ram(graph)
            if self.flash is not None:
                found["flash"] = count_flash(graph)
        if self.macs is not None:
            found["macs"] = architecture.count_macs(input_shape, class_count)
        return found

    def measure_shares(
        self, architecture: Architecture, input_shape: InputShape, class_count: int
    ) -> dict[LimitName, float]:
        """The same as parts of the limits; the largest is that of the limit that binds."""
        named = self.named
        return {
            name: value / named[name] for name, value in self.measure(architecture, input_shape, class_count).items()
        }

    def list_exceeded(self, measured: dict[LimitName, int]) -> list[LimitName]:
        """The limits that these figures are over."""
        return [name for name, limit in self.named.items() if measured[name] > limit]

    def divide(self, divisor: int) -> "Limits":
        """A part of every limit, for a smaller network."""
        return replace(self, **{name: max(1, limit // divisor) for name, limit in self.named.items()})

    def describe(self) -> str:
        """In words: `at most 10,000 weights, 64.0 KiB of RAM`."""
        return "at most " + ", ".join(describe_limit(name, limit) for name, limit in self.named.items())

    def describe_briefly(self) -> str:
        """For a cell of a table: `10,000`, `10,000, ram 64k`."""
        return ", ".join(
            f"{limit:,}" if name == "budget" else f"{name} {format_limit(name, limit)}"
            for name, limit in self.named.items()
        )


def format_limit(name: LimitName, limit: int) -> str:
    """As briefly as its flag reads it back."""
    match name:
        case "budget":
            return format_budget(limit)
        case "macs":
            return format_macs(limit)
        case _:
            return format_bytes(limit)


def describe_limit(name: LimitName, limit: int) -> str:
    """In words."""
    match name:
        case "budget":
            return f"{limit:,} weights"
        case "macs":
            return f"{limit:,} MACs"
        case "ram":
            return f"{show_bytes(limit)} of RAM"
        case "flash":
            return f"{show_bytes(limit)} of flash"


def as_limits(limits: "int | Limits") -> Limits:
    """Limits, or a number of weights as one."""
    return limits if isinstance(limits, Limits) else Limits(budget=limits)
