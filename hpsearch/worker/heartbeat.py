"""The heartbeat: a thread that extends the lease while a trial trains, and says when it is lost."""

import threading
from collections.abc import Callable
from typing import Self

from hpsearch.errors import LeaseLostError


class Heartbeat:
    """Beats from entering to leaving the context. A database that fails is tried again at the next beat."""

    def __init__(self, beat: Callable[[], None], interval_seconds: float) -> None:
        self._beat = beat
        self._interval_seconds = interval_seconds
        self._ended = threading.Event()
        self._lost = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    @property
    def is_lost(self) -> bool:
        """Whether the trial is another worker's now."""
        return self._lost.is_set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(self._interval_seconds):
            try:
                self._beat()
            except LeaseLostError:
                self._lost.set()
                return
            except Exception:  # noqa: BLE001, S112 - a thread that dies silently would lose a trial that trains well
                # The lease goes on for a few beats; if the database stays away, the next write says so.
                continue
