"""A worker: claim a trial, train it, finish it, take the next.

It holds one trial at a time, and ends when no trial is left, when it is told to stop, or at its deadline; a trial that
it could not finish then goes back to the queue.
"""

import contextlib
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from hpsearch.clock import Clock, SystemClock
from hpsearch.epoch_result import EpochResult
from hpsearch.errors import HpsearchError, LeaseLostError, StorageError
from hpsearch.storage.database import Database
from hpsearch.storage.leases import HEARTBEAT_SECONDS, LEASE_SECONDS
from hpsearch.trial_config import TrialConfig
from hpsearch.tuning.claims import ClaimedTrial, NoTrial, TrialQueue
from hpsearch.tuning.study import Study, load_study
from hpsearch.worker.heartbeat import Heartbeat

_POLL_SECONDS = 0.5

Ended = Literal["all-finished", "stopped", "deadline", "max-trials"]


@dataclass(frozen=True)
class WorkerSettings:
    """Where a worker finds its study, and how long it works."""

    storage_url: str
    study: str
    device: str
    cache_folder: Path
    worker: str
    """Its name, one of a kind: host, process."""
    deadline: float | None = None
    """Unix time in seconds."""
    max_trials: int | None = None
    lease_seconds: float = LEASE_SECONDS
    heartbeat_seconds: float = HEARTBEAT_SECONDS


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


class StopTraining(Exception):  # noqa: N818 - an answer, no error
    """What a trainer raises when `should_stop` said yes."""


class Training(Protocol):
    """One trial in training: its epochs, one at a time, and its weights."""

    def epochs(self) -> Iterator[EpochResult]:
        """Train on, an epoch each step; raises TrainingError, StopTraining."""
        ...

    def weights(self) -> bytes:
        """The trained weights as they are kept."""
        ...


class Trainer(Protocol):
    """Trains trials of one study on one device."""

    def start(self, config: TrialConfig, should_stop: Callable[[], bool]) -> Training:
        """Prepare a trial; `should_stop` is asked between batches."""
        ...


OpenTrainer = Callable[[Study, WorkerSettings], Trainer]


def run_worker(
    settings: WorkerSettings,
    stop: StopSignal,
    say: Callable[[str], None],
    *,
    open_trainer: OpenTrainer | None = None,
    clock: Clock | None = None,
) -> WorkerOutcome:
    """Work on a study until it is finished, the deadline is over, or `stop` is requested.

    Raises:
        UnknownStudyError: There is no such study.
        DataError: The study's data set is missing or another one now; found before a trial is claimed.
        StudyBrokenError: Trial after trial failed.
        StorageError: The database failed.
    """
    from hpsearch.worker.trainer import open_study_trainer  # here: it brings torch in

    with Database.open(settings.storage_url, check=False) as database:
        study = load_study(database, settings.study)
        trainer = (open_trainer or open_study_trainer)(study, settings)
        queue = TrialQueue(study, settings.worker, settings.device, lease_seconds=settings.lease_seconds)
        return Worker(settings, queue, trainer, stop, say, clock or SystemClock()).work()


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
    ) -> None:
        self._settings = settings
        self._queue = queue
        self._trainer = trainer
        self._stop = stop
        self._say = say
        self._clock = clock

    def work(self) -> WorkerOutcome:
        """Take trials until there is a reason to end."""
        finished = 0
        while (ended := self._reason_to_end(finished)) is None:
            match self._queue.claim():
                case ClaimedTrial() as trial:
                    finished += self._run_trial(trial)
                case NoTrial.ALL_FINISHED:
                    ended = "all-finished"
                    break
                case NoTrial.ALL_TAKEN:
                    # Its holder may die or give it back: the next claim reaps, and sees.
                    self._clock.sleep(_POLL_SECONDS)
        return WorkerOutcome(finished, ended)

    def _reason_to_end(self, finished: int) -> Ended | None:
        if self._stop.requested:
            return "stopped"
        if self._is_over():
            return "deadline"
        if self._settings.max_trials is not None and finished >= self._settings.max_trials:
            return "max-trials"
        return None

    def _is_over(self) -> bool:
        return self._settings.deadline is not None and self._clock.now() >= self._settings.deadline

    def _run_trial(self, trial: ClaimedTrial) -> bool:
        """Train one trial to whatever end; whether it is finished."""
        try:
            with Heartbeat(lambda: self._beat(trial), self._settings.heartbeat_seconds) as heartbeat:
                return self._train(trial, heartbeat)
        except LeaseLostError:
            self._say(f"trial {trial.number}: lease lost, another worker has it; going on with the next")
            return False
        except StorageError:
            raise
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
        """Keep this trial, and free those of workers that are gone."""
        trial.extend_lease()
        self._queue.reap()

    def _fail(self, trial: ClaimedTrial, reason: str, trace: str | None = None) -> bool:
        try:
            trial.fail(reason, trace)
        except LeaseLostError:
            return False
        self._say(f"trial {trial.number}: failed: {reason}")
        return True

    def _train(self, trial: ClaimedTrial, heartbeat: Heartbeat) -> bool:
        def should_stop() -> bool:
            return self._stop.requested or heartbeat.is_lost or self._is_over()

        self._say(f"trial {trial.number}: {trial.config.architecture.describe()}")
        try:
            training = self._trainer.start(trial.config, should_stop)
            for point in training.epochs():
                if trial.report(point):
                    trial.prune()
                    self._say(f"trial {trial.number}: pruned after epoch {point.epoch + 1}")
                    return True
            trial.complete(training.weights())
        except StopTraining:
            if heartbeat.is_lost:
                raise LeaseLostError(f"the lease of trial {trial.number} was lost") from None
            trial.give_back("the worker was told to stop" if self._stop.requested else "the time was up")
            self._say(f"trial {trial.number}: given back")
            return False
        self._say(f"trial {trial.number}: complete, validation accuracy {trial.curve[-1].validation_accuracy:.4f}")
        return True
