"""Signals that ask a command to end, wherever in it they come."""

import os
import signal
import sys
import threading
import weakref
from collections.abc import Callable

import pytest

from hpsearch.cli.signals import Interrupts

_AT_MOST_SECONDS = 240


class _Thing:
    pass


class _Signalled:
    def __del__(self) -> None:
        _send()


def _send(_reference: object = None) -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    for _ in range(1000):  # a handler runs between two instructions
        pass


def _drop_a_referred_thing() -> None:
    thing = _Thing()
    reference = weakref.ref(thing, _send)
    del thing
    assert reference() is None


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What Python would have printed as ignored."""
    ignored: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", ignored.append)
    return ignored


@pytest.mark.parametrize("drop", [_Signalled, _drop_a_referred_thing], ids=["finalizer", "weak-reference"])
def test_a_signal_that_comes_where_python_drops_exceptions_ends_the_command_all_the_same(
    drop: Callable[[], object], printed: list[object]
) -> None:
    def wait() -> None:
        drop()
        threading.Event().wait(_AT_MOST_SECONDS)

    with pytest.raises(SystemExit) as ended, Interrupts() as interrupts:
        wait()
    assert (ended.value.code, interrupts.received, printed) == (143, [signal.SIGTERM], [])


def test_what_else_is_ignored_is_printed_as_ever(printed: list[object]) -> None:
    class _Faulty:
        def __del__(self) -> None:
            raise ValueError("not a signal")

    with Interrupts():
        _Faulty()
    assert len(printed) == 1
    assert sys.unraisablehook == printed.append
