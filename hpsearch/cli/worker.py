"""`hpsearch worker`: one worker process, started by a person, by `run`, or by whatever starts processes elsewhere."""

import os
import signal
import socket
import sys
import threading
import time
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from hpsearch.cli.options import (
    HOW,
    WHERE,
    DeviceOption,
    StorageOption,
    StudyArgument,
    choose_cache_folder,
    choose_storage,
    parse_number,
    parse_workers,
)
from hpsearch.durations import parse_duration
from hpsearch.reporting.record_words import describe_counts
from hpsearch.views.screen import write_line

if TYPE_CHECKING:
    from hpsearch.storage.artifacts import Artifact
    from hpsearch.tuning.study import Study
    from hpsearch.worker.loop import StopSignal
    from hpsearch.worker.protocols import CompletedTraining, Trainer, WorkerSettings


def worker(
    context: typer.Context,
    study: StudyArgument,
    max_trials: Annotated[
        str | None,
        typer.Option("--max-trials", metavar="N", help="End after so many trials, each worker.", rich_help_panel=HOW),
    ] = None,
    timeout: Annotated[
        str | None,
        typer.Option("--timeout", metavar="TIME", help="End after so long: 90s, 15m, 2h.", rich_help_panel=HOW),
    ] = None,
    drain: Annotated[
        bool,
        typer.Option(
            "--drain",
            help="End when nothing is left to take, instead of waiting for what other workers hold.",
            rich_help_panel=HOW,
        ),
    ] = False,
    workers: Annotated[
        str,
        typer.Option(
            "--workers",
            metavar="auto|N",
            help="So many workers, restarted when they die; auto is one per CPU core, or per GPU.",
            rich_help_panel=WHERE,
        ),
    ] = "1",
    dataset: Annotated[
        str | None,
        typer.Option(
            "--dataset",
            metavar="PATH",
            help="Where this machine has the study's images, if not where the study was made.",
            rich_help_panel=WHERE,
        ),
    ] = None,
    device: DeviceOption = "auto",
    storage: StorageOption = None,
    deadline: Annotated[float | None, typer.Option("--deadline", hidden=True)] = None,
    until_stdin_closes: Annotated[bool, typer.Option("--until-stdin-closes", hidden=True)] = False,
) -> None:
    """Join a study and work on its trials until it is finished.

    Start as many as you like, on any machine that reaches the database; each trial goes to one of them. Ctrl-C gives
    the trial back first, with the state after its last epoch.

    Example: [bold]HPSEARCH_STORAGE=postgresql://me@host/studies hpsearch worker mnist-cnn-100k --workers auto[/]
    """
    most = parse_number(max_trials, "--max-trials", least=1)
    count = parse_workers(workers)
    if timeout is not None:
        deadline = time.monotonic() + parse_duration(timeout, "--timeout")
    url = choose_storage(context, storage).url
    if count != 1:
        flags = (
            *(("--max-trials", str(most)) if most else ()),
            *(("--drain",) if drain else ()),
            *(("--dataset", dataset) if dataset else ()),
        )
        raise typer.Exit(_work_together(url, study, device, count, deadline, flags))
    stopper = _Stopper(until_stdin_closes)
    from hpsearch.worker.loop import StopSignal, run_worker
    from hpsearch.worker.protocols import WorkerSettings

    stop = StopSignal()

    def open_trainer(opened: "Study", settings: "WorkerSettings") -> "Trainer":
        from hpsearch.worker.trainer import open_study_trainer

        trainer = open_study_trainer(opened, settings)
        stopper.stop = stop  # from here on a trial may be held
        return trainer

    settings = WorkerSettings(
        storage_url=url,
        study=study,
        device=device,
        cache_folder=choose_cache_folder(),
        worker=f"{socket.gethostname()}-{os.getpid()}",
        deadline=deadline,
        max_trials=most,
        dataset=dataset,
        drains=drain,
    )
    outcome = run_worker(settings, stop, write_line, open_trainer=open_trainer, illustrate=_illustrate)
    endings = {
        "all-finished": "the study is finished",
        "drained": "nothing is left to take",
        "study-stopped": "the study is stopped, nothing is held",
        "stopped": "stopped, nothing is held",
        "deadline": "the time is up, nothing is held",
        "max-trials": "that was the last of its trials",
    }
    write_line(f"{endings[outcome.ended]}; trials finished here: {outcome.finished_trials}")
    if outcome.ended == "stopped":
        raise typer.Exit(128 + (stopper.received or signal.SIGTERM))


def _illustrate(training: "CompletedTraining") -> "list[Artifact]":
    from hpsearch.reporting.figures import draw_confusion_matrix, draw_learning_curve
    from hpsearch.storage.artifacts import Artifact

    title = f"trial {training.number}: {training.config.architecture.describe()}"
    classes = training.config.dataset.class_names
    return [
        Artifact("learning-curve.png", draw_learning_curve(training.curve, title)),
        Artifact("confusion-validation.png", draw_confusion_matrix(training.confusion, classes, title)),
    ]


def _work_together(
    url: str, study: str, device: str, count: int | None, deadline: float | None, flags: tuple[str, ...]
) -> int:
    """Several workers of this machine under a supervisor; the exit code."""
    from hpsearch.cli.signals import Interrupts
    from hpsearch.clock import SystemClock
    from hpsearch.sessions.hardware import choose_hardware
    from hpsearch.sessions.search import WorkOrder, search
    from hpsearch.sessions.session import check_is_open
    from hpsearch.storage.database import Database
    from hpsearch.tuning.records import read_study_record
    from hpsearch.tuning.study import load_study
    from hpsearch.views.screen import open_console
    from hpsearch.views.search import LineView

    with Interrupts() as interrupts, Database.open(url) as database:
        opened = load_study(database, study)
        record = read_study_record(opened)
        if not record.is_finished:
            check_is_open(record)
            hardware = choose_hardware(device, count, most=record.trials_wanted)
            order = WorkOrder(study, url, hardware, choose_cache_folder(), deadline, flags)
            view = LineView(open_console(), frozenset(trial.number for trial in record.trials if trial.is_finished))
            search(order, lambda: read_study_record(opened), view, interrupts, SystemClock())
            record = read_study_record(opened)
        write_line(
            f"{study}: {describe_counts(record)}; {record.finished_count} of {record.trials_wanted} are finished"
        )
        return interrupts.exit_code or 0


class _Stopper:
    """The first signal asks the worker to give its trial back, a second ends the process where it stands.

    While nothing can be held yet, and Python is busy importing, the first one ends it, too.
    """

    def __init__(self, until_stdin_closes: bool) -> None:
        self.received: int | None = None
        self.stop: StopSignal | None = None
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), self._note)
        if until_stdin_closes:
            threading.Thread(target=self._wait_for_the_end_of_stdin, daemon=True).start()

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self.stop is None or self.received is not None:
            os._exit(128 + number)
        self.received = number
        self.stop.request()

    def _wait_for_the_end_of_stdin(self) -> None:
        """The supervisor holds the other end of the pipe, and never writes: it closes when the supervisor is gone."""
        while os.read(sys.stdin.fileno(), 4096):
            pass
        if self.stop is None:
            os._exit(128 + signal.SIGTERM)
        self.stop.request()
