"""A clock that moves when it is told to."""

from dataclasses import dataclass, field


@dataclass
class HandClock:
    """Stands still, and moves on when somebody sleeps."""

    time: float = 0.0
    slept: list[float] = field(default_factory=list)
    """How long each sleep was."""

    def monotonic(self) -> float:
        return self.time

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds
