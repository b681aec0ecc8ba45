"""Joining a study as a worker of this machine: one in this process, or several that are looked after."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from hpsearch.sessions.planned import PlannedWork
from hpsearch.sessions.progress import View
from hpsearch.sessions.search import WorkOrder, search
from hpsearch.sessions.session import check_is_open
from hpsearch.sessions.stopping import Stopping
from hpsearch.worker.protocols import WorkerSettings as WorkerSettings

if TYPE_CHECKING:
    from hpsearch.storage.artifacts import Artifact
    from hpsearch.tuning.records import StudyRecord
    from hpsearch.tuning.study import Study
    from hpsearch.worker.loop import WorkerOutcome
    from hpsearch.worker.protocols import CompletedTraining, Trainer


def work_alone(
    settings: WorkerSettings, say: Callable[[str], None], ready: Callable[[Callable[[], None]], None]
) -> "WorkerOutcome":
    """Work on a study in this process until it is finished or something ends the worker.

    Args:
        settings: Which study, where, how long.
        say: Hears what happens, a line each.
        ready: Gets, before a trial may be held, what asks the worker to give its trial back and end.

    Raises what `hpsearch.worker.loop.run_worker` raises.
    """
    from hpsearch.worker.loop import StopSignal, run_worker

    stop = StopSignal()

    def open_trainer(study: "Study", given: WorkerSettings) -> "Trainer":
        from hpsearch.worker.trainer import open_study_trainer

        trainer = open_study_trainer(study, given)
        ready(stop.request)
        return trainer

    return run_worker(settings, stop, say, open_trainer=open_trainer, illustrate=illustrate)


def work_together(
    name: str,
    work: PlannedWork,
    flags: tuple[str, ...],
    say: Callable[[str], None],
    open_view: "Callable[[StudyRecord], View]",
    stopping: Stopping,
) -> "StudyRecord":
    """Several workers of this machine, restarted when they die; the study as they left it.

    Args:
        name: The study's.
        work: Where it is, on what, how long.
        flags: Further ones of `hpsearch worker`.
        say: Hears a line.
        open_view: Opens a view of a study in progress.
        stopping: Says whether to stop.

    Raises:
        StudyStoppedError: Somebody stopped the study.
        HpsearchError: A worker ended with an error that starting it again does not mend.
    """
    from hpsearch.clock import SystemClock
    from hpsearch.sessions.opening import open_database
    from hpsearch.tuning.records import read_study_record
    from hpsearch.tuning.study import load_study

    with open_database(work.storage_url) as database:
        study = load_study(database, name)
        record = read_study_record(study)
        if record.is_finished:
            return record
        check_is_open(record)
        hardware = work.choose_hardware(None, most=record.trials_wanted)
        if hardware.note is not None:
            say(hardware.note)
        order = WorkOrder(name, work.storage_url, hardware, work.cache_folder, work.deadline, flags)
        search(order, lambda: read_study_record(study), open_view(record), stopping, SystemClock())
        return read_study_record(study)


def illustrate(training: "CompletedTraining") -> "list[Artifact]":
    """A learning curve and a confusion matrix, to be stored with the trial."""
    from hpsearch.reporting.figures import draw_confusion_matrix, draw_learning_curve
    from hpsearch.storage.artifacts import Artifact

    title = f"trial {training.number}: {training.config.architecture.describe()}"
    classes = training.config.dataset.class_names
    return [
        Artifact("learning-curve.png", draw_learning_curve(training.curve, title)),
        Artifact("confusion-validation.png", draw_confusion_matrix(training.confusion, classes, title)),
    ]
