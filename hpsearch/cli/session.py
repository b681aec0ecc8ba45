"""A run from its first check to its last line."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hpsearch.cli.options import StorageChoice
from hpsearch.cli.result import Ending, Outcome, describe_outcome, show_outcome
from hpsearch.cli.screen import LineSteps, SpinnerSteps, Steps, open_console, write_json
from hpsearch.cli.signals import Interrupts
from hpsearch.cli.views import LineView, LiveView, SilentView, View
from hpsearch.sessions.preparation import (
    Hardware,
    Request,
    check_study,
    choose_hardware_for,
    describe_beginning,
    describe_left_out,
    open_study,
    plan_request_time,
    warn_of_many_workers,
)
from hpsearch.sessions.search import WorkOrder, search
from hpsearch.tuning.record_words import describe_length, describe_selection

if TYPE_CHECKING:
    from rich.console import Console

    from hpsearch.dataset import DatasetIdentity
    from hpsearch.study.feasibility import FittedSpace
    from hpsearch.tuning.records import StudyRecord
    from hpsearch.tuning.study import Study
    from hpsearch.tuning.warm_start import Predecessor


@dataclass(frozen=True)
class Session:
    """One run, as it was asked for."""

    request: Request
    storage: StorageChoice
    command: str
    """What was typed."""
    seconds: float | None
    """That it may take; None for no limit."""
    quiet: bool
    as_json: bool

    def run(self, interrupts: Interrupts, cache_folder: Path) -> int:
        """Search, show what came of it, and give the exit code."""
        begun = time.monotonic()
        record, ending = self.search(interrupts, cache_folder)
        return self._conclude(record, ending, time.monotonic() - begun, interrupts)

    def search(
        self, interrupts: Interrupts, cache_folder: Path, *, predecessor: "Predecessor | None" = None
    ) -> "tuple[StudyRecord, Ending]":
        """Search until the study is finished or something ends it, and score the best trial.

        Args:
            interrupts: Signals so far.
            cache_folder: Where the data sets are.
            predecessor: Whose best a study that is made now begins with, in place of the one that was asked for.
        """
        begun = time.monotonic()
        log = None if self.quiet else open_console(stderr=self.as_json)
        with open_steps(log) as steps:
            hardware, dataset, fitted = self._check(cache_folder, steps)
            request = plan_request_time(self.storage.url, self.request, dataset, fitted, hardware, steps.tell)
            database, study = open_study(
                self.storage.url, request, dataset, cache_folder, steps.tell, predecessor=predecessor
            )
        with database:
            record = _read(study)
            if log is not None:
                self._show_beginning(log, record, hardware, fitted)
            ending: Ending = "finished"
            if not record.is_finished:
                check_is_open(record)
                self._search(record, hardware, cache_folder, begun, log, interrupts)
                record = _read(study)
                ending = find_ending(record, interrupts)
            is_over = ending in ("finished", "time-up")
            if is_over and record.best is not None and not record.best.test_scores:
                record = _score(record, hardware, cache_folder, log)
            return record, ending

    def _check(self, cache_folder: Path, steps: Steps) -> "tuple[Hardware, DatasetIdentity, FittedSpace]":
        """Everything that can be found wrong without creating anything."""
        request = self.request
        return choose_hardware_for(request, self.storage.url), *check_study(
            self.storage.url, request, cache_folder, steps.tell, steps.note
        )

    def _show_beginning(
        self, console: "Console", record: "StudyRecord", hardware: Hardware, fitted: "FittedSpace"
    ) -> None:
        study, spec = record.study, record.study.spec
        lines = [
            f"study      {study.name}: {describe_length(record)}; each a {spec.arch} "
            f"of at most {spec.budget:,} weights",
            f"data       {study.dataset.name}: {study.dataset.train_count:,} training images of "
            f"{study.dataset.input_shape}, {study.dataset.class_count} classes",
            f"search     sampler {spec.sampler}, {describe_selection(spec)}, seed {spec.seed}; {hardware.describe()}",
        ]
        lines += [f"left out   {line}" for line in describe_left_out(fitted)]
        lines += [f"{what:<10} {line}" for what, line in describe_beginning(record)]
        if hardware.note is not None:
            lines.append(f"note       {hardware.note}")
        if warning := warn_of_many_workers(self.storage.url, hardware.workers):
            lines.append(f"note       {warning}")
        if record.is_finished:
            lines.append(f"finished   all {record.trials_wanted} trials are finished; nothing is added")
        elif record.trials and not study.is_new:
            lines.append(f"going on   {record.finished_count} of {record.trials_wanted} trials are finished")
        for line in lines:
            console.print(line, soft_wrap=not console.is_terminal)

    def _search(
        self,
        record: "StudyRecord",
        hardware: Hardware,
        cache_folder: Path,
        begun: float,
        log: "Console | None",
        interrupts: Interrupts,
    ) -> None:
        from hpsearch.clock import SystemClock

        order = WorkOrder(
            study=record.study.name,
            storage_url=self.storage.url,
            hardware=hardware,
            cache_folder=cache_folder,
            deadline=None if self.seconds is None else begun + self.seconds,
        )
        search(order, lambda: _read(record.study), open_view(log, record), interrupts, SystemClock())

    def _conclude(self, record: "StudyRecord", ending: Ending, seconds: float, interrupts: Interrupts) -> int:
        outcome = Outcome(ending, record, seconds, self.command, self.storage.complete_command)
        if self.as_json:
            write_json(describe_outcome(outcome))
        else:
            show_outcome(open_console(), outcome)
        if ending == "interrupted":
            return interrupts.exit_code or 1
        return 1 if record.best is None or ending == "study-stopped" else 0


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


def open_steps(console: "Console | None") -> "SpinnerSteps | LineSteps":
    """A spinner on a terminal, lines elsewhere, nothing without a console."""
    return SpinnerSteps(console) if console is not None and console.is_terminal else LineSteps(console)


def open_view(console: "Console | None", record: "StudyRecord") -> View:
    """Live on a terminal, lines elsewhere, nothing without a console."""
    if console is None:
        return SilentView()
    if console.is_terminal:
        return LiveView(console)
    return LineView(console, frozenset(trial.number for trial in record.trials if trial.is_finished))


def _read(study: "Study") -> "StudyRecord":
    from hpsearch.tuning.records import read_study_record

    return read_study_record(study)


def find_ending(record: "StudyRecord", interrupts: Interrupts) -> Ending:
    """Why the workers of a study stopped."""
    if record.is_finished:
        return "finished"
    if interrupts.received:
        return "interrupted"
    return "study-stopped" if record.course.is_stopped else "time-up"


def _score(record: "StudyRecord", hardware: Hardware, cache_folder: Path, log: "Console | None") -> "StudyRecord":
    """Open the test split for the best trial, once."""
    from hpsearch.export.test_score import score_on_test

    best = record.best
    if best is None:
        return record
    with open_steps(log) as steps:
        steps.tell(f"opening the test split for trial {best.number}")
        score_on_test(record.study, best, device=hardware.name, cache_folder=cache_folder)
    return _read(record.study)
