"""Patience with a database that is away for a while."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from hpsearch.clock import Clock, SystemClock
from hpsearch.errors import StorageUnavailableError

OUTAGE_SECONDS = 300.0
"""How long a worker waits for a database before it ends."""
HURRY_SECONDS = 8.0
"""How long when it was told to stop: below the ten seconds that those who stop containers give."""

_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 2.0

T = TypeVar("T")


@dataclass(frozen=True)
class Patience:
    """How long something is tried again while the database does not answer."""

    seconds: float = OUTAGE_SECONDS
    clock: Clock = field(default_factory=SystemClock)
    is_hurried: Callable[[], bool] = lambda: False
    """Whether there is a reason to give up sooner."""
    say: Callable[[str], None] = lambda _line: None

    def retry(self, action: Callable[[], T]) -> T:
        """Do something that may be done twice, as often as it takes.

        Raises:
            StorageUnavailableError: The database stayed away for too long.
        """
        begun = self.clock.monotonic()
        for pause in _pauses():
            try:
                return action()
            except StorageUnavailableError as error:
                limit = min(self.seconds, HURRY_SECONDS) if self.is_hurried() else self.seconds
                if self.clock.monotonic() - begun + pause > limit:
                    raise
                if pause == _FIRST_PAUSE_SECONDS:
                    self.say(f"{error}; trying again for up to {limit:.0f} s")
                self.clock.sleep(pause)
        raise AssertionError("pauses have no end")


def _pauses() -> Iterator[float]:
    pause = _FIRST_PAUSE_SECONDS
    while True:
        yield pause
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
