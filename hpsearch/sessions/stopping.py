"""How somebody asks a use case to stop: by a signal of the command line, or by a call from another thread."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Literal, Protocol

Ending = Literal["finished", "time-up", "interrupted", "study-stopped"]
"""Why the workers of a study stopped."""


class Stopping(Protocol):
    """Counts how often somebody asked."""

    @property
    def count(self) -> int:
        """0: go on. 1: let the workers give their trials back. 2 or more: end them where they are."""

    def noted(self) -> AbstractContextManager[None]:
        """Meanwhile asking only counts; before and after it may end this process."""

    def suspended_with(self, suspend: Callable[[], None], go_on: Callable[[], None]) -> AbstractContextManager[None]:
        """Meanwhile what suspends this process suspends others as well."""


class StopRequest:
    """Asking by a call, from any thread; it touches no signal."""

    def __init__(self) -> None:
        self.count = 0

    def ask(self) -> None:
        """Once to stop gently, twice to stop at once."""
        self.count += 1

    def noted(self) -> AbstractContextManager[None]:
        """Asking never does more than count."""
        return nullcontext()

    def suspended_with(self, suspend: Callable[[], None], go_on: Callable[[], None]) -> AbstractContextManager[None]:
        """Nothing suspends this process here."""
        return nullcontext()
