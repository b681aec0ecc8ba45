"""Ctrl-C and SIGTERM while `run` works: at first they end it where it is, during the search they are noted."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
_AGAIN_SECONDS = 0.05
"""Until a signal comes again whose end of the process was lost: whatever swallowed it is over by then."""


class Interrupts:
    """The signals that ask this process to end. Use it as a context; leaving it puts the old handlers back."""

    def __init__(self) -> None:
        self.received: list[int] = []
        self._is_noting = False
        self._before: dict[int, Any] = {}
        self._ending: SystemExit | None = None
        self._hook_before = sys.unraisablehook

    @property
    def count(self) -> int:
        """How many came."""
        return len(self.received)

    @property
    def exit_code(self) -> int | None:
        """The exit code that the first one asks for: 130 for Ctrl-C, 143 for SIGTERM."""
        return 128 + self.received[0] if self.received else None

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Meanwhile signals only are noted in `received`."""
        self._is_noting = True
        try:
            yield
        finally:
            self._is_noting = False

    @contextmanager
    def suspended_with(self, suspend: Callable[[], None], go_on: Callable[[], None]) -> Iterator[None]:
        """Meanwhile Ctrl-Z suspends others as well, and `fg` lets them go on before this process."""
        number = getattr(signal, "SIGTSTP", None)
        if number is None or signal.getsignal(number) == signal.SIG_IGN:
            yield
            return

        def stand_still(_number: int, _frame: FrameType | None) -> None:
            suspend()
            os.kill(os.getpid(), signal.SIGSTOP)
            go_on()  # somebody continued this process

        before = signal.signal(number, stand_still)
        try:
            yield
        finally:
            signal.signal(number, before)

    def __enter__(self) -> Self:
        numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
        # Who ignores a signal (nohup, a shell's background) has a reason to.
        heard = [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]
        self._hook_before, sys.unraisablehook = sys.unraisablehook, self._send_again
        self._before = {number: signal.signal(number, self._note) for number in heard}
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        sys.unraisablehook, self._ending = self._hook_before, None

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.received.append(number)
        if not self._is_noting:
            self._ending = SystemExit(128 + number)
            raise self._ending

    def _send_again(self, unraisable: "sys.UnraisableHookArgs") -> None:
        """Python drops what is raised in a finalizer or a weak reference's callback, which a signal may come upon."""
        if unraisable.exc_value is None or unraisable.exc_value is not self._ending:
            self._hook_before(unraisable)
            return
        again = threading.Timer(_AGAIN_SECONDS, os.kill, (os.getpid(), self.received.pop()))
        again.daemon = True
        again.start()
