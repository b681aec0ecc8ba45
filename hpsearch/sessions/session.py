"""A search from its first check to its result."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hpsearch.sessions.hardware import Hardware, choose_hardware_for
from hpsearch.sessions.preparation import check_study, open_study, plan_request_time
from hpsearch.sessions.progress import Beginning, Progress
from hpsearch.sessions.request import Request
from hpsearch.sessions.search import WorkOrder, search
from hpsearch.sessions.stopping import Ending, Stopping

if TYPE_CHECKING:
    from hpsearch.storage.database import Database
    from hpsearch.study.feasibility import FittedSpace
    from hpsearch.tuning.records import StudyRecord
    from hpsearch.tuning.study import Study
    from hpsearch.tuning.warm_start import Predecessor


@dataclass(frozen=True)
class SessionResult:
    """What came of a session."""

    record: "StudyRecord"
    ending: Ending
    seconds: float
    """That it took."""


@dataclass(frozen=True)
class Session:
    """One search, as it was asked for."""

    request: Request
    storage_url: str
    cache_folder: Path
    seconds: float | None
    """That it may take; None for no limit."""

    def run(self, progress: Progress, stopping: Stopping, *, predecessor: "Predecessor | None" = None) -> SessionResult:
        """Search until the study is finished or something ends it, and score the best trial.

        The test split is opened once, for the best trial, when nothing is left to choose.

        Args:
            progress: Hears what happens.
            stopping: Says whether to stop.
            predecessor: Whose best a study that is made now begins with, in place of the one that was asked for.

        Raises:
            InputError: What was asked for cannot be; nothing was made.
            StudyStoppedError: Somebody stopped the study.
            StorageError: The database failed.
            HpsearchError: A worker ended with an error that starting it again does not mend.
        """
        begun = time.monotonic()
        hardware, fitted, database, study = self._open(progress, predecessor)
        with database:
            deadline = None if self.seconds is None else begun + self.seconds
            work = Work(self.storage_url, hardware, self.cache_folder, deadline)
            record, ending = work.finish(study, progress, stopping, fitted=fitted)
        return SessionResult(record, ending, time.monotonic() - begun)

    def create(self, progress: Progress, _stopping: Stopping) -> Hardware:
        """Make or join the study without working on it; what it would be worked on with.

        Raises what `run` raises before any work.
        """
        hardware, fitted, database, study = self._open(progress, None)
        with database:
            record = _read(study)
            progress.begin(Beginning(record, hardware, fitted, self.storage_url))
            if not record.is_finished:
                check_is_open(record)
        return hardware

    def _open(
        self, progress: Progress, predecessor: "Predecessor | None"
    ) -> "tuple[Hardware, FittedSpace, Database, Study]":
        url, request = self.storage_url, self.request
        with progress.open_steps() as steps:
            hardware = choose_hardware_for(request, url)
            request, dataset, fitted = check_study(url, request, self.cache_folder, steps.tell, steps.note)
            request = plan_request_time(url, request, dataset, fitted, hardware, steps.tell, steps.note)
            opened = open_study(url, request, dataset, self.cache_folder, steps.tell, predecessor=predecessor)
        return hardware, fitted, *opened


@dataclass(frozen=True)
class Work:
    """Working on a study that is open."""

    storage_url: str
    hardware: Hardware
    cache_folder: Path
    deadline: float | None
    """In seconds of the machine's monotonic clock."""

    def finish(
        self,
        study: "Study",
        progress: Progress,
        stopping: Stopping,
        *,
        fitted: "FittedSpace | None" = None,
    ) -> "tuple[StudyRecord, Ending]":
        """Train what is left, and when nothing is or the time is up, score the best trial.

        Raises:
            StudyStoppedError: Somebody stopped the study.
            HpsearchError: A worker ended with an error that starting it again does not mend.
        """
        record = _read(study)
        progress.begin(Beginning(record, self.hardware, fitted, self.storage_url))
        ending: Ending = "finished"
        if not record.is_finished:
            check_is_open(record)
            if not stopping.count:
                self._search(record, progress, stopping)
                record = _read(study)
            ending = find_ending(record, stopping)
        is_over = ending in ("finished", "time-up")
        if is_over and record.best is not None and not record.best.test_scores:
            record = _score(record, self.hardware, self.cache_folder, progress)
        return record, ending

    def _search(self, record: "StudyRecord", progress: Progress, stopping: Stopping) -> None:
        from hpsearch.clock import SystemClock

        order = WorkOrder(
            study=record.study.name,
            storage_url=self.storage_url,
            hardware=self.hardware,
            cache_folder=self.cache_folder,
            deadline=self.deadline,
        )
        search(order, _reader(record.study), progress.open_view(record), stopping, SystemClock())


def check_is_open(record: "StudyRecord") -> None:
    """Refuse to start workers that would find the study stopped.

    Raises:
        StudyStoppedError: Nobody may claim its trials; the message says why and what to type.
    """
    from hpsearch.tuning.study import StudyStoppedError

    if record.course.is_stopped:
        name = record.study.name
        raise StudyStoppedError(
            f"study {name!r} is stopped ({record.course.stop_reason}): hpsearch resume {name} lets it go on"
        )


def find_ending(record: "StudyRecord", stopping: Stopping) -> Ending:
    """Why the workers of a study stopped."""
    if record.is_finished:
        return "finished"
    if stopping.count:
        return "interrupted"
    return "study-stopped" if record.course.is_stopped else "time-up"


def _read(study: "Study") -> "StudyRecord":
    return _reader(study)()


def _reader(study: "Study") -> "Callable[[], StudyRecord]":
    from hpsearch.tuning.records import read_study_record

    return lambda: read_study_record(study)


def _score(record: "StudyRecord", hardware: Hardware, cache_folder: Path, progress: Progress) -> "StudyRecord":
    """Open the test split for the best trial, once."""
    from hpsearch.export.test_score import score_on_test

    best = record.best
    if best is None:
        return record
    with progress.open_steps() as steps:
        steps.tell(f"opening the test split for trial {best.number}")
        score_on_test(record.study, [best], device=hardware.name, cache_folder=cache_folder)
    return _read(record.study)
