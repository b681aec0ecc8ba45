"""Races and deaths brought about that chance seldom brings: both sides are held at a statement, or one dies there."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

_RACE_SECONDS = 1.0
"""How long a racer waits for the other one, which may be held back by a lock."""


@contextmanager
def racing(*engines: sa.Engine, statement: str) -> Iterator[None]:
    """Let all engines come to the same statement before any of them goes on.

    Where a lock keeps one of them from coming there, the others go on after so many seconds.
    """
    barrier = threading.Barrier(len(engines))
    seen: set[int] = set()

    def meet(connection: sa.Connection, _cursor: Any, text: str, *_rest: Any) -> None:
        if text.startswith(statement) and id(connection.engine) not in seen:
            seen.add(id(connection.engine))
            try:
                barrier.wait(_RACE_SECONDS)
            except threading.BrokenBarrierError:
                return

    for engine in engines:
        sa.event.listen(engine, "before_cursor_execute", meet)
    try:
        yield
    finally:
        for engine in engines:
            sa.event.remove(engine, "before_cursor_execute", meet)


def run_together(*actions: Callable[[], Any]) -> list[Any]:
    """Call each in a thread of its own; what they gave, or the exception that they raised."""
    results: list[Any] = [None] * len(actions)

    def run(index: int, action: Callable[[], Any]) -> None:
        try:
            results[index] = action()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            results[index] = error

    threads = [threading.Thread(target=run, args=(index, action)) for index, action in enumerate(actions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    return results


def die_at(engine: sa.Engine, statement: str) -> None:
    """Let this process be killed the moment before a statement that begins like this is sent."""

    def die(_connection: sa.Connection, _cursor: Any, text: str, *_rest: Any) -> None:
        if text.startswith(statement):
            os.kill(os.getpid(), signal.SIGKILL)

    sa.event.listen(engine, "before_cursor_execute", die)
