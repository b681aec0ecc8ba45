"""A worker: claim a trial, train it, finish it, take the next.

It holds one trial at a time, and ends when no trial is left, when it or the study is told to stop, or at its deadline;
a trial that it could not finish then goes back to the queue with the state after its last epoch.
"""

import contextlib
import threading
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from hpsearch.clock import Clock, SystemClock
from hpsearch.errors import (
    HpsearchError,
    InputError,
    LeaseLostError,
    OutOfMemoryError,
    StorageError,
    TrainingInterrupted,
)
from hpsearch.storage.artifacts import Artifact
from hpsearch.storage.database import Database
from hpsearch.storage.patience import Patience
from hpsearch.tuning.claimed_trial import ClaimedTrial
from hpsearch.tuning.claims import NoTrial, TrialQueue
from hpsearch.tuning.study import Study, load_study
from hpsearch.wording import count_of
from hpsearch.worker.heartbeat import Heartbeat
from hpsearch.worker.protocols import CompletedTraining, Trainer, Training, WorkerSettings

_POLL_SECONDS = 0.5
_LONGEST_POLL_SECONDS = 4.0
"""Between two questions of a worker that has waited long: each takes time from those that train."""

_ILLUSTRATED_TRIALS = 3
"""A trial that is among so many best ones when it completes gets figures."""

Ended = Literal["all-finished", "drained", "study-stopped", "stopped", "deadline", "max-trials"]


@dataclass(frozen=True)
class WorkerOutcome:
    """What a worker did, and why it ended."""

    finished_trials: int
    ended: Ended


class StopSignal:
    """Set once by whoever wants the worker to end: a signal handler, a closed pipe."""

    def __init__(self) -> None:
        self.requested = False

    def request(self) -> None:
        """Ask the worker to give its trial back and end."""
        self.requested = True


OpenTrainer = Callable[[Study, WorkerSettings], Trainer]
Illustrate = Callable[[CompletedTraining], Sequence[Artifact]]
"""Draws figures; what it raises costs the trial its figures, nothing else."""


def run_worker(
    settings: WorkerSettings,
    stop: StopSignal,
    say: Callable[[str], None],
    *,
    open_trainer: OpenTrainer | None = None,
    illustrate: Illustrate | None = None,
    clock: Clock | None = None,
) -> WorkerOutcome:
    """Work on a study until it is finished, the deadline is over, or somebody stops it or the worker.

    Raises:
        UnknownStudyError: There is no such study.
        DataError: The study's data set is missing or another one now; found before a trial is claimed.
        StudyBrokenError: Trial after trial failed.
        StorageError: The database failed, or stayed away for too long.
    """
    from hpsearch.worker.trainer import open_study_trainer  # here: it brings torch in

    clock = clock or SystemClock()
    patience = Patience(settings.outage_seconds, clock, lambda: stop.requested, say)
    with Database.open(settings.storage_url, check=False) as database:
        study = load_study(database, settings.study)
        trainer = (open_trainer or open_study_trainer)(study, settings)
        queue = TrialQueue(
            study,
            settings.worker,
            settings.device,
            lease_seconds=settings.lease_seconds,
            patience=patience,
            clock=clock,
            checkpoint_seconds=settings.checkpoint_seconds,
            report_seconds=settings.report_seconds,
            environment=trainer.environment,
        )
        return Worker(settings, queue, trainer, stop, say, clock, illustrate).work()


class Worker:
    """The loop of `run_worker`, with everything it needs handed in."""

    def __init__(
        self,
        settings: WorkerSettings,
        queue: TrialQueue,
        trainer: Trainer,
        stop: StopSignal,
        say: Callable[[str], None],
        clock: Clock,
        illustrate: Illustrate | None = None,
    ) -> None:
        self._settings = settings
        self._queue = queue
        self._trainer = trainer
        self._stop = stop
        self._say = say
        self._clock = clock
        self._illustrate = illustrate
        self._is_recalled = threading.Event()

    def work(self) -> WorkerOutcome:
        """Take trials until there is a reason to end."""
        finished = 0
        pause = _POLL_SECONDS
        while (ended := self._reason_to_end(finished)) is None:
            match self._queue.claim():
                case ClaimedTrial() as trial:
                    finished += self._run_trial(trial)
                    pause = _POLL_SECONDS
                case NoTrial.ALL_FINISHED:
                    ended = "all-finished"
                    break
                case NoTrial.STOPPED:
                    ended = "study-stopped"
                    break
                case NoTrial.ALL_TAKEN if self._settings.drains:
                    ended = "drained"
                    break
                case NoTrial.ALL_TAKEN | NoTrial.ROUND_TAKEN:
                    # Its holder may die or give it back: the next claim reaps, and sees.
                    self._wait(min(pause, self._settings.heartbeat_seconds))
                    pause = min(1.1 * pause, _LONGEST_POLL_SECONDS)
        return WorkerOutcome(finished, ended)

    def _wait(self, seconds: float) -> None:
        """Wait so long, or until somebody stops this worker or its time is over."""
        end = self._clock.monotonic() + seconds
        while not self._stop.requested and not self._is_over() and (left := end - self._clock.monotonic()) > 0:
            self._clock.sleep(min(left, _POLL_SECONDS))

    def _reason_to_end(self, finished: int) -> Ended | None:
        if self._stop.requested:
            return "stopped"
        if self._is_over():
            return "deadline"
        if self._settings.max_trials is not None and finished >= self._settings.max_trials:
            return "max-trials"
        return None

    def _is_over(self) -> bool:
        return self._settings.deadline is not None and self._clock.monotonic() >= self._settings.deadline

    def _run_trial(self, trial: ClaimedTrial) -> bool:
        """Train one trial to whatever end; whether it is finished."""
        self._is_recalled.clear()
        try:
            with Heartbeat(lambda: self._beat(trial), self._settings.heartbeat_seconds) as heartbeat:
                return self._train(trial, heartbeat)
        except LeaseLostError:
            self._say(f"trial {trial.number}: lease lost, another worker has it; going on with the next")
            return False
        except StorageError:
            raise
        except OutOfMemoryError as error:
            return self._count_death(trial, str(error))
        except Exception as error:  # noqa: BLE001 - whatever it was, the trial fails with it as its reason
            if isinstance(error, HpsearchError):
                return self._fail(trial, str(error))
            self._say(traceback.format_exc())
            return self._fail(trial, f"{type(error).__name__}: {error}", traceback.format_exc())
        except BaseException:
            with contextlib.suppress(HpsearchError):
                trial.give_back("the worker was interrupted")
            raise

    def _beat(self, trial: ClaimedTrial) -> None:
        """Keep this trial, free those of workers that are gone, and hear whether the study wants it back."""
        if self._queue.beat(trial):
            self._is_recalled.set()

    def _fail(self, trial: ClaimedTrial, reason: str, trace: str | None = None) -> bool:
        try:
            trial.fail(reason, trace)
        except LeaseLostError:
            return False
        self._say(f"trial {trial.number}: failed: {reason}")
        return True

    def _count_death(self, trial: ClaimedTrial, reason: str) -> bool:
        try:
            gave_up = trial.count_death(reason)
        except LeaseLostError:
            return False
        self._say(f"trial {trial.number}: {gave_up or f'{reason}; given back'}")
        return gave_up is not None

    def _train(self, trial: ClaimedTrial, heartbeat: Heartbeat) -> bool:
        def should_stop() -> bool:
            return heartbeat.is_lost or self._reason_to_give_back() is not None

        self._say(f"trial {trial.number}: {trial.config.architecture.describe()}")
        try:
            training = self._start(trial, should_stop)
            for point in training.epochs():
                if trial.report(point, training.capture()):
                    trial.prune()
                    self._say(f"trial {trial.number}: pruned after epoch {point.epoch + 1}")
                    return True
            self._complete(trial, training)
        except TrainingInterrupted:
            if heartbeat.is_lost:
                raise LeaseLostError(f"the lease of trial {trial.number} was lost") from None
            trial.give_back(self._reason_to_give_back() or "the worker was told to stop")
            self._say(f"trial {trial.number}: given back after {count_of(len(trial.curve), 'epoch')}")
            return False
        last = trial.curve[-1]
        what = "training loss" if last.validation_accuracy is None else "validation accuracy"
        self._say(f"trial {trial.number}: complete, {what} {last.objective:.4f}")
        return True

    def _reason_to_give_back(self) -> str | None:
        if self._stop.requested:
            return "the worker was told to stop"
        if self._is_recalled.is_set():
            return "the study was stopped"
        return "the time was up" if self._is_over() else None

    def _start(self, trial: ClaimedTrial, should_stop: Callable[[], bool]) -> Training:
        if trial.checkpoint is not None:
            try:
                training = self._trainer.start(trial.config, should_stop, trial.checkpoint, threads=trial.threads)
            except InputError as error:
                self._say(f"trial {trial.number}: its checkpoint cannot be used, it begins anew: {error}")
                trial.begin_anew()
            else:
                self._say(f"trial {trial.number}: going on after {count_of(len(trial.curve), 'epoch')}")
                return training
        return self._trainer.start(trial.config, should_stop, threads=trial.threads)

    def _complete(self, trial: ClaimedTrial, training: Training) -> None:
        confusion = training.confusion()
        figures: Sequence[Artifact] = ()
        if self._illustrate is not None and confusion is not None:
            try:
                if trial.is_among_best(_ILLUSTRATED_TRIALS):
                    figures = self._illustrate(CompletedTraining(trial.number, trial.config, trial.curve, confusion))
            except StorageError as error:
                self._say(f"trial {trial.number}: no figures: {error}")
            except Exception:  # noqa: BLE001 - a figure is not worth a trial
                self._say(f"trial {trial.number}: no figures: {traceback.format_exc()}")
        trial.complete(training.weights(), confusion=confusion, int8_accuracy=training.int8_accuracy(), figures=figures)
