"""Claiming trials: how a worker comes by one, and why it gets none.

A claim is one transaction under the study's claim lock: reap what expired, count, take a waiting trial or make a new
one, write its lease. So the number of trials is exact whoever dies when, without a counter that could go wrong.
"""

import contextlib
import secrets
from collections.abc import Mapping
from enum import Enum
from typing import Any

import sqlalchemy as sa
from optuna.trial import FrozenTrial, TrialState

from hpsearch.clock import Clock, SystemClock
from hpsearch.epoch_result import EpochResult
from hpsearch.errors import HpsearchError, LeaseLostError, StorageError
from hpsearch.storage import leases, optuna_rows
from hpsearch.storage.leases import LEASE_SECONDS, Holder, Lease
from hpsearch.storage.patience import Patience
from hpsearch.storage.stored_rows import StudyCourse
from hpsearch.storage.study_rows import read_course, stop_study
from hpsearch.study.trial_config import TrialConfig
from hpsearch.tuning.candidates import choose_candidate
from hpsearch.tuning.claimed_trial import CHECKPOINT_SECONDS, ClaimedTrial, read_checkpoint
from hpsearch.tuning.history import History
from hpsearch.tuning.study import Study

MAXIMUM_FAILURES_IN_A_ROW = 5


class StudyBrokenError(HpsearchError):
    """Trial after trial fails: something is wrong that more trials will not mend."""


class NoTrial(Enum):
    """Why a claim gave nothing."""

    ALL_FINISHED = "every trial of the study is finished"
    ALL_TAKEN = "other workers hold the trials that are left; one may come back"
    ROUND_TAKEN = "other workers hold the last trials of this round; the next one begins when they are finished"
    STOPPED = "the study is stopped"


class TrialQueue:
    """Where a worker takes its trials from. One a process, made in that process.

    Args:
        study: Whose trials.
        worker: The worker's name, as others see it.
        device: Where it trains.
        lease_seconds: How long a lease lasts from each sign of life.
        patience: With a database that is away.
        clock: To tell whether this process itself was away; leases go by the database's clock alone.
        checkpoint_seconds: How far a stored checkpoint may lie behind.
        report_seconds: How long a report may wait for the next one, to be stored with it.
        environment: Versions and hardware, to be kept with each trial.
    """

    def __init__(
        self,
        study: Study,
        worker: str,
        device: str,
        *,
        lease_seconds: float = LEASE_SECONDS,
        patience: Patience | None = None,
        clock: Clock | None = None,
        checkpoint_seconds: float = CHECKPOINT_SECONDS,
        report_seconds: float = 0.0,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.study = study
        self._worker = worker
        self._device = device
        self._lease_seconds = lease_seconds
        self._patience = patience or Patience()
        self._clock = clock or SystemClock()
        self._checkpoint_seconds = checkpoint_seconds
        self._report_seconds = report_seconds
        self._environment = environment or {}
        self._history = History(study)
        self._last_token: str | None = None
        self._last_contact: float | None = None
        self._reaps_from: float | None = None

    def claim(self) -> ClaimedTrial | NoTrial:
        """Take a trial.

        Raises:
            StudyBrokenError: The last trials failed, one after the other.
            StorageError: The database failed, or stayed away for too long.
        """
        while True:
            holder = Holder(self._worker, self._device, secrets.token_hex(16), self._lease_seconds)
            lease = self._patience.retry(lambda: self._take(holder))  # noqa: B023 - called at once
            if isinstance(lease, NoTrial):
                return lease
            try:
                return self._patience.retry(lambda: self._prepare(lease))  # noqa: B023 - called at once
            except LeaseLostError:
                continue  # drawing took longer than the lease lasts, on a machine that stood still
            except StorageError:
                raise
            except Exception as error:  # noqa: BLE001 - a draw that cannot be built fails its trial, not the worker
                self._fail_unprepared(lease, f"{type(error).__name__}: {error}")

    def beat(self, trial: ClaimedTrial) -> bool:
        """Keep a trial, and free those of workers that are gone.

        Returns:
            Whether the study asks for the trial back.

        Raises:
            LeaseLostError: The trial is another worker's now.
            StorageError: The database failed.
        """
        with self.study.database.transaction(claims_of=self.study.study_id) as connection:
            leases.extend_lease(connection, trial.lease)
            self._reap(connection)
            course = read_course(connection, self.study.study_id)
        return course.is_stopped and course.gives_back

    def reap(self) -> list[int]:
        """Free the trials of workers that are gone, and give their ids."""
        with self.study.database.transaction(claims_of=self.study.study_id) as connection:
            return self._reap(connection)

    def read_course(self) -> StudyCourse:
        """Whether the study is stopped, and why."""
        with self.study.database.transaction() as connection:
            return read_course(connection, self.study.study_id)

    def _take(self, holder: Holder) -> Lease | NoTrial:
        study_id = self.study.study_id
        is_repeated, self._last_token = holder.token == self._last_token, holder.token
        with self.study.database.transaction(claims_of=study_id) as connection:
            if is_repeated and (taken := leases.find_taken(connection, study_id, holder)) is not None:
                return taken
            self._reap(connection)
            course = read_course(connection, study_id)
            if course.is_stopped:
                return NoTrial.STOPPED
            broken = self._find_failures(connection, course)
            if broken is not None:
                stop_study(connection, study_id, broken)
            else:
                wanted = self._count_wanted(course)
                may_exist = self._count_open(connection, wanted)
                lease = leases.take_trial(connection, study_id, may_exist, holder)
                if lease is not None:
                    return lease
                if not leases.has_running_trials(connection, study_id):
                    return NoTrial.ALL_FINISHED
                return NoTrial.ALL_TAKEN if may_exist >= wanted else NoTrial.ROUND_TAKEN
        raise StudyBrokenError(
            f"{broken}. The study is stopped; hpsearch show {self.study.name} lists its trials, and once the cause is "
            f"mended hpsearch resume {self.study.name} lets it go on"
        )

    def _count_wanted(self, course: StudyCourse) -> int:
        wanted = course.trials or self.study.spec.trials
        return wanted if self.study.plan is None else min(wanted, len(self.study.plan.trials))

    def _count_open(self, connection: sa.Connection, wanted: int) -> int:
        """How many of these trials there may be by now: a round waits for the one before it."""
        plan = self.study.spec.round_plan
        if plan is None:
            return wanted
        return min(wanted, plan.count_open(*optuna_rows.count_trials(connection, self.study.study_id)))

    def _reap(self, connection: sa.Connection) -> list[int]:
        """Free stale trials, unless this process itself was away: then the others may have been, too.

        A machine that slept, or a network that was down, lets every lease run out; those who hold trials get the time
        of a lease to come back. A clock that is put back says as little about the time between.
        """
        now = self._clock.now()
        if self._last_contact is not None and not 0 <= now - self._last_contact <= self._lease_seconds:
            self._reaps_from = now + self._lease_seconds
        self._last_contact = now
        if self._reaps_from is not None and now < self._reaps_from:
            return []
        return leases.reap(connection, self.study.study_id)

    def _find_failures(self, connection: sa.Connection, course: StudyCourse) -> str | None:
        """Why the study is to stop: its last trials all failed, since it was last resumed."""
        last = optuna_rows.find_last_ends(
            connection, self.study.study_id, after=course.resumed_at, count=MAXIMUM_FAILURES_IN_A_ROW
        )
        if len(last) < MAXIMUM_FAILURES_IN_A_ROW or any(state != TrialState.FAIL for _trial_id, state in last):
            return None
        newest, _state = last[0]
        reason = optuna_rows.read_attribute(connection, newest, "reason") or "its workers died"
        return f"{MAXIMUM_FAILURES_IN_A_ROW} trials in a row failed, the last because: {reason}"

    def _fail_unprepared(self, lease: Lease, reason: str) -> None:
        with contextlib.suppress(LeaseLostError), self.study.database.transaction() as connection:
            leases.end_lease(connection, lease, TrialState.FAIL, reason)
            optuna_rows.write_attributes(connection, lease.trial_id, {"reason": reason})

    def _prepare(self, lease: Lease) -> ClaimedTrial:
        """Draw outside the lock, or find out where the last attempt came to: the trial is this worker's already."""
        checkpoint: bytes | None = None
        curve: list[EpochResult] = []
        with self.study.database.transaction() as connection:
            self._history.refresh(connection)
            stored: Any = None
            if lease.attempt > 1:
                leases.extend_lease(connection, lease)
                stored = optuna_rows.read_attribute(connection, lease.trial_id, "config")
            if stored is not None:
                checkpoint, curve = read_checkpoint(connection, lease.trial_id)
                optuna_rows.forget_epochs(connection, lease.trial_id, first=len(curve))
            if curve:
                last = curve[-1]
                leases.note_progress(connection, lease, epoch=last.epoch, validation_accuracy=last.validation_accuracy)
        frozen = self._history.find_running(lease.trial_id)
        if frozen is None:
            raise LeaseLostError(f"trial {lease.trial_id} is not running any more")
        return ClaimedTrial(
            self.study,
            self._history,
            lease,
            frozen.number,
            self._draw(lease, frozen) if stored is None else TrialConfig.model_validate(stored),
            curve=curve,
            checkpoint=checkpoint,
            patience=self._patience,
            clock=self._clock,
            checkpoint_seconds=self._checkpoint_seconds,
            report_seconds=self._report_seconds,
            environment=self._environment,
            counts_cores=self._device == "cpu",
            rungs={
                key: value for key, value in frozen.system_attrs.items() if curve and key.startswith(optuna_rows.RUNG)
            },
        )

    def _draw(self, lease: Lease, frozen: FrozenTrial) -> TrialConfig:
        candidate = choose_candidate(self.study, self._history, frozen)
        with self.study.database.transaction() as connection:
            leases.extend_lease(connection, lease)
            if candidate.parameters is not None:
                distributions = self._history.distributions
                optuna_rows.write_parameters(connection, lease.trial_id, candidate.parameters, distributions)
            optuna_rows.write_attributes(connection, lease.trial_id, candidate.attributes)
        return candidate.config
