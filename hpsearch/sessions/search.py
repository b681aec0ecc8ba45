"""The search itself: workers that are looked after, a view that is kept up to date, signals that are passed on."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hpsearch.clock import Clock
from hpsearch.errors import HpsearchError, StorageUnavailableError
from hpsearch.sessions.hardware import Hardware
from hpsearch.sessions.how_far import count_epochs_of_attempt, measure_progress
from hpsearch.sessions.progress import View
from hpsearch.sessions.stopping import Stopping

if TYPE_CHECKING:
    from hpsearch.engines.engine import Engine
    from hpsearch.engines.gpus import ShareSearch
    from hpsearch.engines.local import Supervisor
    from hpsearch.tuning.records import StudyRecord

_TICK_SECONDS = 0.1
_LOOK_SECONDS = 1.0
_LOOKING_SHARE = 10
"""Reading the record may take a tenth of the time, however long a study's list of trials."""
_OUTAGE_LOOK_SECONDS = 5.0
_PATIENCE_SECONDS = 60.0
"""For a worker that was asked to stop; it asks itself between two batches."""

STOPPING = "stopping: the workers give their trials back ... (Ctrl-C again: at once)"


@dataclass(frozen=True)
class WorkOrder:
    """What the workers of this machine are to do."""

    study: str
    storage_url: str
    hardware: Hardware
    cache_folder: Path
    deadline: float | None
    """In seconds of the machine's monotonic clock, which all its processes share and nobody sets."""
    flags: tuple[str, ...] = ()
    """Further ones of `hpsearch worker`."""


def search(order: WorkOrder, read: "Callable[[], StudyRecord]", view: View, stopping: Stopping, clock: Clock) -> None:
    """Let workers work until the study is finished, the deadline is over, or a signal came.

    Raises:
        HpsearchError: A worker ended with an error that starting it again does not mend; the others have stopped.
    """
    engine, growth = _open_engine(order)
    with (
        stopping.noted(),
        engine,
        stopping.suspended_with(engine.suspend, engine.go_on),
        view,
    ):
        engine.start()
        try:
            _Watch(order, engine, read, view, stopping, clock, growth).watch()
        except HpsearchError:
            _stop_gently(engine, stopping, clock)
            raise


def _open_engine(order: WorkOrder) -> "tuple[Engine, _Growth | None]":
    """The engine that an order asks for, not started yet, and what makes it grow while that pays."""
    hardware = order.hardware
    share = ("--gpu-share", str(hardware.gpu_share)) if hardware.gpu_share > 1 else ()
    if hardware.engine == "ray":
        from hpsearch.engines.ray_engine import open_ray_engine

        return open_ray_engine(
            order.study,
            storage_url=order.storage_url,
            device=hardware.launch_device,
            count=hardware.workers,
            gpu_share=hardware.gpu_share,
            deadline=order.deadline,
            cache_folder=order.cache_folder,
            environment=os.environ,
            flags=(*order.flags, *share),
        ), None
    from hpsearch.engines.gpus import Placement, ShareSearch
    from hpsearch.engines.local import Supervisor, launch_local_workers

    launches = launch_local_workers(
        order.study,
        storage_url=order.storage_url,
        device=hardware.launch_device,
        count=hardware.workers,
        deadline=order.deadline,
        cache_folder=order.cache_folder,
        environment=os.environ,
        flags=(*order.flags, *share),
        gpus=hardware.gpus,
    )
    engine = Supervisor(launches, at_first=hardware.at_first)
    if hardware.at_first is None:
        return engine, None
    placement = Placement(hardware.workers, hardware.gpu_share, hardware.at_first)
    return engine, _Growth(engine, ShareSearch(hardware.gpus, placement))


@dataclass
class _Growth:
    """Adds workers to the GPUs while that pays."""

    engine: "Supervisor"
    search: "ShareSearch"
    is_over: bool = False

    def look(self, record: "StudyRecord", now: float) -> str | None:
        """Take note of how far the study is; what a person should hear."""
        if self.is_over:
            return None
        epochs = sum(trial.epochs for trial in record.trials)
        training = sum(count_epochs_of_attempt(trial) > 0 for trial in record.running)
        if (count := self.search.note(now, epochs, training)) is not None:
            self.engine.grow(count)
            return f"{count} workers from now on: does the GPU do more with them?"
        self.is_over = self.search.verdict is not None
        return self.search.verdict


class _Watch:
    """Looks after the workers, a tick at a time."""

    def __init__(
        self,
        order: WorkOrder,
        engine: "Engine",
        read: "Callable[[], StudyRecord]",
        view: View,
        stopping: Stopping,
        clock: Clock,
        growth: "_Growth | None" = None,
    ) -> None:
        self._order = order
        self._engine = engine
        self._growth = growth
        self._read = read
        self._view = view
        self._stopping = stopping
        self._clock = clock
        self._started = self._next_look = clock.monotonic()
        self._stop_asked_at: float | None = None
        self._is_killed = False
        self._is_away = False

    def watch(self) -> None:
        """Until no worker is left."""
        while self._engine.is_running:
            for message in self._engine.check():
                self._view.say(message)
            self._pass_on_signals()
            self._end_what_does_not_end()
            self._look()
            self._clock.sleep(_TICK_SECONDS)
        self._next_look = 0.0
        self._look()

    def _pass_on_signals(self) -> None:
        received = self._stopping.count
        if received and self._stop_asked_at is None:
            self._view.say(STOPPING)
            self._ask_to_stop()
        if received > 1 and not self._is_killed:
            self._view.say("stopped at once: what they held goes back to the queue within a minute")
            self._kill()

    def _end_what_does_not_end(self) -> None:
        deadline = self._order.deadline
        if self._stop_asked_at is None:
            # At the deadline the workers end by themselves.
            if deadline is not None and self._clock.monotonic() > deadline + _PATIENCE_SECONDS:
                self._ask_to_stop()
        elif not self._is_killed and self._clock.monotonic() > self._stop_asked_at + _PATIENCE_SECONDS:
            self._view.say(f"a worker did not stop within {_PATIENCE_SECONDS:.0f} s and is ended")
            self._kill()

    def _kill(self) -> None:
        self._is_killed = True
        self._engine.kill()

    def _ask_to_stop(self) -> None:
        self._stop_asked_at = self._clock.monotonic()
        self._engine.request_stop()

    def _look(self) -> None:
        begun = self._clock.monotonic()
        if begun < self._next_look:
            return
        try:
            record = self._read()
        except StorageUnavailableError as error:
            self._note_outage(error)
            return
        self._is_away = False
        how_far = measure_progress(record, self._order.hardware.workers)
        self._view.show(record, how_far, begun - self._started)
        if self._growth is not None and (message := self._growth.look(record, begun)) is not None:
            self._view.say(message)
        taken = self._clock.monotonic() - begun
        self._next_look = begun + max(_LOOK_SECONDS, _LOOKING_SHARE * taken)

    def _note_outage(self, error: StorageUnavailableError) -> None:
        """The workers train on while the database is away, and end by themselves when it stays away."""
        if not self._is_away:
            self._is_away = True
            self._view.say(f"{error}; the workers train on, and what they report waits")
        self._next_look = self._clock.monotonic() + _OUTAGE_LOOK_SECONDS


def _stop_gently(engine: "Engine", stopping: Stopping, clock: Clock) -> None:
    """Let the other workers give their trials back; a Ctrl-C meanwhile ends them at once."""
    engine.request_stop()
    before = stopping.count
    until = clock.monotonic() + _PATIENCE_SECONDS
    while engine.is_running and clock.monotonic() < until and stopping.count == before:
        engine.check()
        clock.sleep(_TICK_SECONDS)
