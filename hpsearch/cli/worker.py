"""`hpsearch worker`: one worker process, started by a person, by `run`, or by whatever starts processes elsewhere."""

import functools
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from hpsearch.cli.flags import choose_cache_folder, choose_storage, parse_number, parse_workers
from hpsearch.cli.options import HOW, WHERE, DeviceOption, GpuShareOption, StorageOption, StudyArgument
from hpsearch.durations import parse_duration
from hpsearch.engines.gpus import parse_gpu_share
from hpsearch.errors import InputError
from hpsearch.reporting.record_words import describe_counts
from hpsearch.views.screen import write_line

if TYPE_CHECKING:
    from hpsearch.sessions.planned import PlannedWork


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
    gpu_share: GpuShareOption = None,
    device: DeviceOption = "auto",
    storage: StorageOption = None,
    deadline: Annotated[float | None, typer.Option("--deadline", hidden=True)] = None,
    until_stdin_closes: Annotated[bool, typer.Option("--until-stdin-closes", hidden=True)] = False,
    place: Annotated[str | None, typer.Option("--place", hidden=True)] = None,
) -> None:
    """Join a study and work on its trials until it is finished.

    Start as many as you like, on any machine that reaches the database; each trial goes to one of them. Ctrl-C gives
    the trial back first, with the state after its last epoch.

    Example: [bold]HPSEARCH_STORAGE=postgresql://me@host/studies hpsearch worker mnist-cnn-100k --workers auto[/]
    """
    most = parse_number(max_trials, "--max-trials", least=1)
    count, share = parse_workers(workers), parse_gpu_share(gpu_share)
    if timeout is not None:
        deadline = time.monotonic() + parse_duration(timeout, "--timeout")
    url = choose_storage(context, storage).url
    if count != 1:
        flags = (
            *(("--max-trials", str(most)) if most else ()),
            *(("--drain",) if drain else ()),
            *(("--dataset", dataset) if dataset else ()),
        )
        from hpsearch.sessions.planned import PlannedWork

        work = PlannedWork(url, choose_cache_folder(), device, count, deadline=deadline, gpu_share=share)
        raise typer.Exit(_work_together(study, work, flags))
    if share is not None and share.workers is None:
        raise InputError("--gpu-share auto adds workers, so it needs --workers auto; one worker takes a number")
    stopper = _Stopper(until_stdin_closes)
    from hpsearch.sessions.work import WorkerSettings, work_alone

    settings = WorkerSettings(
        storage_url=url,
        study=study,
        device=device,
        cache_folder=choose_cache_folder(),
        worker=f"{socket.gethostname()}-{os.getpid()}{f'@{place}' if place else ''}",
        deadline=deadline,
        max_trials=most,
        dataset=dataset,
        drains=drain,
        gpu_share=share.workers or 1 if share else 1,
    )
    outcome = work_alone(settings, write_line, stopper.take)
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


def _work_together(study: str, work: "PlannedWork", flags: tuple[str, ...]) -> int:
    """Several workers of this machine under a supervisor; the exit code."""
    from hpsearch.cli.signals import Interrupts
    from hpsearch.sessions.work import work_together
    from hpsearch.views.screen import open_console
    from hpsearch.views.terminal import open_lines

    with Interrupts() as interrupts:
        open_view = functools.partial(open_lines, open_console())
        record = work_together(study, work, flags, write_line, open_view, interrupts)
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
        self._request: Callable[[], None] | None = None
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), self._note)
        if until_stdin_closes:
            threading.Thread(target=self._wait_for_the_end_of_stdin, daemon=True).start()

    def take(self, request: Callable[[], None]) -> None:
        """From here on a trial may be held: a signal asks for its return."""
        self._request = request

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self._request is None or self.received is not None:
            os._exit(128 + number)
        self.received = number
        self._request()

    def _wait_for_the_end_of_stdin(self) -> None:
        """The supervisor holds the other end of the pipe, and never writes: it closes when the supervisor is gone."""
        while os.read(sys.stdin.fileno(), 4096):
            pass
        if self._request is None:
            os._exit(128 + signal.SIGTERM)
        self._request()
