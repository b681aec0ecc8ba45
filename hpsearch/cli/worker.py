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

from hpsearch.cli.durations import parse_duration
from hpsearch.cli.options import (
    HOW,
    DeviceOption,
    StorageOption,
    StudyArgument,
    choose_cache_folder,
    choose_storage,
    parse_number,
)
from hpsearch.cli.screen import write_line

if TYPE_CHECKING:
    from hpsearch.tuning.study import Study
    from hpsearch.worker.loop import StopSignal, Trainer, WorkerSettings


def worker(
    context: typer.Context,
    study: StudyArgument,
    max_trials: Annotated[
        str | None,
        typer.Option("--max-trials", metavar="N", help="End after so many trials.", rich_help_panel=HOW),
    ] = None,
    timeout: Annotated[
        str | None,
        typer.Option("--timeout", metavar="TIME", help="End after so long: 90s, 15m, 2h.", rich_help_panel=HOW),
    ] = None,
    device: DeviceOption = "auto",
    storage: StorageOption = None,
    deadline: Annotated[float | None, typer.Option("--deadline", hidden=True)] = None,
    until_stdin_closes: Annotated[bool, typer.Option("--until-stdin-closes", hidden=True)] = False,
) -> None:
    """Join a study and work on its trials until it is finished.

    Start as many as you like, on any machine that reaches the database; each trial goes to one of them. Ctrl-C gives
    the trial back first.

    Example: [bold]HPSEARCH_STORAGE=postgresql://me@host/studies hpsearch worker fashion-mnist-cnn-100k[/]
    """
    most = parse_number(max_trials, "--max-trials", least=1)
    if timeout is not None:
        deadline = time.time() + parse_duration(timeout, "--timeout")
    stopper = _Stopper(until_stdin_closes)
    from hpsearch.worker.loop import StopSignal, WorkerSettings, run_worker

    stop = StopSignal()

    def open_trainer(opened: "Study", settings: "WorkerSettings") -> "Trainer":
        from hpsearch.worker.trainer import open_study_trainer

        trainer = open_study_trainer(opened, settings)
        stopper.stop = stop  # from here on a trial may be held
        return trainer

    settings = WorkerSettings(
        storage_url=choose_storage(context, storage).url,
        study=study,
        device=device,
        cache_folder=choose_cache_folder(),
        worker=f"{socket.gethostname()}-{os.getpid()}",
        deadline=deadline,
        max_trials=most,
    )
    outcome = run_worker(settings, stop, write_line, open_trainer=open_trainer)
    endings = {
        "all-finished": "the study is finished",
        "stopped": "stopped, nothing is held",
        "deadline": "the time is up, nothing is held",
        "max-trials": "that was the last of its trials",
    }
    write_line(f"{endings[outcome.ended]}; trials finished here: {outcome.finished_trials}")
    if outcome.ended == "stopped":
        raise typer.Exit(128 + (stopper.received or signal.SIGTERM))


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
