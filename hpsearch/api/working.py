"""Working on a study from a program, and hearing of its trials."""

import math
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from hpsearch.api.calling import Call
from hpsearch.api.place import Place
from hpsearch.api.wording import say_in_python
from hpsearch.durations import parse_duration
from hpsearch.errors import InputError
from hpsearch.sessions.request import MOST_WORKERS
from hpsearch.wording import quote

if TYPE_CHECKING:
    from typing import Self

    from hpsearch.sessions.background import Background
    from hpsearch.sessions.how_far import HowFar
    from hpsearch.sessions.planned import PlannedWork
    from hpsearch.sessions.progress import Beginning, Progress, Steps, View
    from hpsearch.sessions.stopping import StopRequest
    from hpsearch.tuning.records import StudyRecord, TrialRecord

Duration = str | float | timedelta
"""A time as text, in seconds, or as Python has it."""

Hear = Callable[["StudyRecord", "TrialRecord"], None]
"""Hears of a trial that has ended."""


def work_on(
    name: str,
    place: Place,
    *,
    timeout: Duration | None,
    workers: int | str | None,
    device: str,
    progress: bool,
    hear: "Hear | None",
    wait: bool,
) -> "Background | None":
    """Work on a study that exists; the process that does, where nobody waits for it."""
    import time

    from hpsearch.sessions.hardware import choose_hardware
    from hpsearch.sessions.session import Work, check_is_open
    from hpsearch.tuning.records import read_study_record
    from hpsearch.tuning.study import load_study
    from hpsearch.views.choice import choose_progress

    seconds, count = read_seconds(timeout, "timeout"), read_workers(workers)
    with place.open_record(name) as record:
        hardware = choose_hardware(device, count, most=record.trials_wanted)
        if not record.is_finished:
            check_is_open(record)
    if not wait:
        from hpsearch.sessions.background import launch_background

        return launch_background(name, place.url, hardware, place.cache_folder, seconds)
    deadline = None if seconds is None else time.monotonic() + seconds

    def work(told: "Progress", stopping: "StopRequest") -> None:
        with place.open() as database:
            found = load_study(database, name)
            read_study_record(found)
            Work(place.url, hardware, place.cache_folder, deadline).finish(found, told, stopping)

    Call(work, HeardProgress(choose_progress(progress), hear)).wait()
    return None


def train_planned(
    run: "Callable[[PlannedWork, Progress, StopRequest], StudyRecord]",
    place: Place,
    *,
    workers: int | str | None,
    device: str,
    progress: bool,
    hear: "Hear | None",
) -> "StudyRecord":
    """Do what trains planned trials; the study that they are of."""
    from hpsearch.sessions.planned import PlannedWork
    from hpsearch.views.choice import choose_progress

    work = PlannedWork(place.url, place.cache_folder, device, read_workers(workers))

    def train(told: "Progress", stopping: "StopRequest") -> "StudyRecord":
        return run(work, told, stopping)

    return Call(train, HeardProgress(choose_progress(progress), hear)).wait()


def read_seconds(given: Duration | None, name: str) -> float | None:
    """A time as seconds: 90, 90.5, "90s", "15m", "1h30m", timedelta(minutes=15).

    Raises:
        InputError: It is none, or not above 0.
    """
    if given is None or isinstance(given, str):
        return None if given is None else parse_duration(given, name)
    if isinstance(given, timedelta):
        given = given.total_seconds()
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given < math.inf:
        raise InputError(f'{name} {quote(given)} is not allowed: give seconds, or text such as "90s", "15m", "2h"')
    return float(given)


def read_workers(given: int | str | None) -> int | None:
    """How many; None for as many as the device bears.

    Raises:
        InputError: It is neither "auto" nor a number that makes sense.
    """
    if given in (None, "auto"):
        return None
    if isinstance(given, bool) or not isinstance(given, int) or not 1 <= given <= MOST_WORKERS:
        raise InputError(f'workers {quote(given)} is not allowed: give "auto", or a number from 1 to {MOST_WORKERS}')
    return given


def read_count(given: object, name: str) -> int:
    """A whole number of at least 1.

    Raises:
        InputError: It is none.
    """
    if isinstance(given, bool) or not isinstance(given, int) or given < 1:
        raise InputError(f"{name} {quote(given)} is not allowed: give a whole number, at least 1")
    return given


class HeardProgress:
    """Progress of which somebody hears more: each trial, as it ends."""

    def __init__(self, shown: "Progress", hear: "Hear | None") -> None:
        self._shown = shown
        self._hear = hear

    def open_steps(self) -> "Steps":
        """As they are shown, in Python's words."""
        return _PythonSteps(self._shown.open_steps())

    def begin(self, beginning: "Beginning") -> None:
        """As it is shown."""
        self._shown.begin(beginning)

    def open_view(self, record: "StudyRecord") -> "View":
        """As it is shown, and heard."""
        view = self._shown.open_view(record)
        return view if self._hear is None else _HeardView(view, self._hear, record)


class _PythonSteps:
    def __init__(self, steps: "Steps") -> None:
        self._steps = steps

    def tell(self, text: str) -> None:
        self._steps.tell(text)

    def note(self, text: str) -> None:
        self._steps.note(say_in_python(text))

    def __enter__(self) -> "Self":
        self._steps.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._steps.__exit__(*error)


class _HeardView:
    def __init__(self, view: "View", hear: "Hear", record: "StudyRecord") -> None:
        self._view = view
        self._hear = hear
        self._known = {trial.number for trial in record.trials if trial.is_finished}

    def show(self, record: "StudyRecord", how_far: "HowFar", elapsed_seconds: float) -> None:
        self._view.show(record, how_far, elapsed_seconds)
        for trial in record.trials:
            if trial.is_finished and trial.number not in self._known:
                self._known.add(trial.number)
                self._hear(record, trial)

    def say(self, line: str) -> None:
        self._view.say(line)

    def __enter__(self) -> "Self":
        self._view.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._view.__exit__(*error)
