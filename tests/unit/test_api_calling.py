"""Calling a use case from a program: whose thread hears what, and what Ctrl-C comes to."""

import _thread
import math
import signal
import threading
import time
from datetime import timedelta
from typing import Any

import pytest

from hpsearch.api.calling import Call
from hpsearch.api.working import Duration, HeardProgress, read_seconds
from hpsearch.errors import InputError
from hpsearch.sessions.progress import Progress
from hpsearch.sessions.stopping import StopRequest
from hpsearch.sessions.unheard import UnheardProgress
from tests.cli_runs import make_record


class Heard(UnheardProgress):
    """Notes what it is told, and in which thread."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.threads: set[str] = set()

    def tell(self, text: str) -> None:
        self.told.append(text)
        self.threads.add(threading.current_thread().name)
        if text == "press":
            _thread.interrupt_main()
            time.sleep(0)
        if text == "break":
            raise ZeroDivisionError


def begin(progress: Progress) -> None:
    from hpsearch.sessions.hardware import Hardware
    from hpsearch.sessions.progress import Beginning

    progress.begin(Beginning(make_record(), Hardware("cpu", "cpu", "a CPU", 1), None, "sqlite:///x.db"))


def wait_for_stop(stopping: StopRequest, count: int = 1) -> int:
    end = time.monotonic() + 240
    while stopping.count < count and time.monotonic() < end:
        time.sleep(0.005)
    return stopping.count


def test_the_work_has_a_thread_and_the_caller_hears_of_it_in_its_own() -> None:
    heard, threads = Heard(), set()

    def work(progress: Progress, _stopping: StopRequest) -> int:
        threads.add(threading.current_thread().name)
        with progress.open_steps() as steps:
            steps.tell("one")
            steps.tell("two")
        return 7

    assert Call(work, heard).wait() == 7
    assert heard.told == ["one", "two"]
    assert heard.threads == {threading.current_thread().name}
    assert not threads & heard.threads


def test_an_error_of_the_work_is_the_callers() -> None:
    def work(_progress: Progress, _stopping: StopRequest) -> None:
        raise InputError("no such thing")

    with pytest.raises(InputError, match="no such thing"):
        Call(work, Heard()).wait()


def test_ctrl_c_asks_the_work_to_stop_and_gives_what_it_gives() -> None:
    def work(progress: Progress, stopping: StopRequest) -> int:
        begin(progress)
        with progress.open_steps() as steps:
            steps.tell("press")
            return wait_for_stop(stopping)

    before = signal.getsignal(signal.SIGINT)
    assert Call(work, Heard()).wait() == 1
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_before_there_is_a_study_is_ctrl_c() -> None:
    def work(progress: Progress, stopping: StopRequest) -> None:
        with progress.open_steps() as steps:
            steps.tell("press")
            wait_for_stop(stopping)
            steps.tell("nobody may get here")
            raise AssertionError

    heard = Heard()
    with pytest.raises(KeyboardInterrupt):
        Call(work, heard).wait()
    assert heard.told == ["press"]


def test_an_error_of_a_callback_stops_the_work_first_and_is_raised_then() -> None:
    ended = []

    def work(progress: Progress, stopping: StopRequest) -> None:
        begin(progress)
        with progress.open_steps() as steps:
            steps.tell("break")
            ended.append(wait_for_stop(stopping))

    with pytest.raises(ZeroDivisionError):
        Call(work, Heard()).wait()
    assert ended == [1]


@pytest.mark.parametrize(
    ("given", "seconds"),
    [(90, 90), (1.5, 1.5), ("1m30s", 90), (timedelta(minutes=2), 120), (timedelta(milliseconds=500), 0.5)],
)
def test_a_time_is_text_or_seconds_or_as_python_has_it(given: Duration, seconds: float) -> None:
    assert read_seconds(given, "time") == seconds


@pytest.mark.parametrize("given", [0, -1, True, math.inf, math.nan, timedelta(0), timedelta(seconds=-3), [1]])
def test_what_is_no_time_is_refused_with_what_is_one(given: Any) -> None:
    with pytest.raises(InputError, match=r'timeout .+ is not allowed: give seconds, or text such as "90s"'):
        read_seconds(given, "timeout")


def test_what_a_person_has_to_know_names_arguments(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "hpsearch"), HeardProgress(UnheardProgress(), None).open_steps() as steps:
        steps.note("note: 16 are tried, in about 4m 00s of 15m 00s (--time 15m uses all of it)")
        steps.note("note: 40 epochs instead of 12 (--epochs says otherwise)")
    assert caplog.messages == [
        'note: 16 are tried, in about 4m 00s of 15m 00s (time="15m" uses all of it)',
        "note: 40 epochs instead of 12 (epochs says otherwise)",
    ]
