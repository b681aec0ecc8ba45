"""Calling a use case from a program: it works in a thread of its own, and whoever called hears of it in theirs.

So the caller's Ctrl-C interrupts a wait and nothing else, no signal handler is needed, and a call works from any
thread and inside a running event loop.
"""

import queue
import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from hpsearch.sessions.stopping import StopRequest

if TYPE_CHECKING:
    from hpsearch.sessions.how_far import HowFar
    from hpsearch.sessions.progress import Beginning, Progress, Steps, View
    from hpsearch.tuning.records import StudyRecord

R = TypeVar("R")
Event = Callable[[], None]
Work = Callable[["Progress", StopRequest], R]


class Call(Generic[R]):
    """A use case that works in its own thread."""

    def __init__(self, work: "Work[R]", progress: "Progress") -> None:
        """What is to be done, and where it is shown: always in the thread that waits."""
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._stopping = StopRequest()
        self._relay = _Relay(progress, self._events.put, self._stopping)
        self._work = work
        self._result: R | None = None
        self._error: BaseException | None = None

    def wait(self) -> R:
        """Do it; Ctrl-C once lets workers give their trials back, twice ends them at once.

        Raises:
            KeyboardInterrupt: There is no study yet that could be returned.
            Exception: What the work or the showing raised.
        """
        context = copy_context()
        thread = threading.Thread(target=context.run, args=(self._run,), name="hpsearch", daemon=True)
        thread.start()
        trouble: Exception | None = None
        while True:
            try:
                event = self._events.get()
                if event is None:
                    break
                if trouble is None:
                    event()
            except KeyboardInterrupt:
                self._stopping.ask()
                if self._stopping.count > 1 and not self._relay.has_begun:
                    raise
            except Exception as error:  # noqa: BLE001 - a callback's, which the caller gets when the workers are gone
                trouble = error
                self._stopping.ask()
        thread.join()
        if self._error is not None:
            raise self._error
        if trouble is not None:
            raise trouble
        return self._result  # type: ignore[return-value]

    def _run(self) -> None:
        try:
            self._result = self._work(self._relay, self._stopping)
        except BaseException as error:  # noqa: BLE001 - raised again where somebody waits for it
            self._error = error
        finally:
            self._events.put(None)


class _Relay:
    """Hears of the work in its thread, and has it shown in the caller's."""

    def __init__(self, target: "Progress", post: Callable[[Event], None], stopping: StopRequest) -> None:
        self._target = target
        self._post = post
        self._stopping = stopping
        self.has_begun = False
        """Whether there is a study."""

    def open_steps(self) -> "Steps":
        return _RelayedSteps(self._target.open_steps, self._post, self._check)

    def begin(self, beginning: "Beginning") -> None:
        self.has_begun = True
        self._post(lambda: self._target.begin(beginning))

    def open_view(self, record: "StudyRecord") -> "View":
        return _RelayedView(lambda: self._target.open_view(record), self._post)

    def _check(self) -> None:
        if self._stopping.count and not self.has_begun:
            raise KeyboardInterrupt


class _RelayedSteps:
    def __init__(self, open_: "Callable[[], Steps]", post: Callable[[Event], None], check: Callable[[], None]) -> None:
        self._open = open_
        self._post = post
        self._check = check
        self._steps: Steps | None = None

    def tell(self, text: str) -> None:
        self._check()
        self._post(lambda: self._steps.tell(text) if self._steps else None)

    def note(self, text: str) -> None:
        self._post(lambda: self._steps.note(text) if self._steps else None)

    def __enter__(self) -> Self:
        self._post(self._enter)
        return self

    def _enter(self) -> None:
        self._steps = self._open()
        self._steps.__enter__()

    def __exit__(self, *error: object) -> None:
        self._post(lambda: self._steps.__exit__(*error) if self._steps else None)


class _RelayedView:
    def __init__(self, open_: "Callable[[], View]", post: Callable[[Event], None]) -> None:
        self._open = open_
        self._post = post
        self._view: View | None = None

    def show(self, record: "StudyRecord", how_far: "HowFar", elapsed_seconds: float) -> None:
        self._post(lambda: self._view.show(record, how_far, elapsed_seconds) if self._view else None)

    def say(self, line: str) -> None:
        self._post(lambda: self._view.say(line) if self._view else None)

    def __enter__(self) -> Self:
        self._post(self._enter)
        return self

    def _enter(self) -> None:
        self._view = self._open()
        self._view.__enter__()

    def __exit__(self, *error: object) -> None:
        self._post(lambda: self._view.__exit__(*error) if self._view else None)
