"""A trial that this worker holds: report, prune, finish, fail, give back.

What a holder writes goes into one transaction with a check of its lease: all of it counts, or none. What it reports
while the database is away waits in an outbox, and goes with the next report or with the finish, in order. Everything
may be sent twice, for the answer to the first may be lost: the lease's token tells.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from optuna.trial import FrozenTrial, TrialState

from hpsearch.clock import Clock, SystemClock
from hpsearch.epoch_result import EpochResult
from hpsearch.errors import StorageError, StorageUnavailableError
from hpsearch.storage import artifacts, blobs, leases, optuna_rows, stored_blobs
from hpsearch.storage.artifacts import Artifact
from hpsearch.storage.leases import Lease
from hpsearch.storage.patience import Patience
from hpsearch.study.trial_config import TrialConfig
from hpsearch.tuning.attributes import CORES, INT8_ACCURACY
from hpsearch.tuning.history import History
from hpsearch.tuning.study import Study

CHECKPOINT_SECONDS = 10.0
"""How far a stored checkpoint may lie behind; a trial whose worker dies loses so much and the epoch under way."""
_READ_SECONDS = 1.0
"""A pruner may know the other trials as they were so long ago."""


@dataclass
class ClaimedTrial:
    """A trial that this worker holds. Whatever it writes raises LeaseLostError once the trial is another's."""

    study: Study
    history: History
    lease: Lease
    number: int
    """In its study, from 0."""
    config: TrialConfig
    curve: list[EpochResult] = field(default_factory=list)
    """Of every epoch so far, those of earlier attempts included."""
    checkpoint: bytes | None = None
    """The training's state after the last epoch of the curve, where one was handed in."""
    patience: Patience = field(default_factory=Patience)
    clock: Clock = field(default_factory=SystemClock)
    checkpoint_seconds: float = CHECKPOINT_SECONDS
    report_seconds: float = 0.0
    """How long a report may wait for the next one, to be stored with it; then the last one may wait for the end."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Versions and hardware of this attempt."""
    counts_cores: bool = False
    """Whether what it has of its cores decides how fast it trains, as on no GPU."""
    rungs: dict[str, Any] = field(default_factory=dict)
    """What a pruner has noted about the trial, by the names of Optuna's system attributes."""
    _outbox: list[EpochResult] = field(default_factory=list)
    _has_stored_checkpoint: bool = False
    """Whether this attempt has sent one to the database, which may have it."""

    def __post_init__(self) -> None:
        self._stored_at = self._read_at = self._sent_at = self._began_at = self.clock.monotonic()
        self._cpu_began_at = time.process_time()
        self._pruning = self.history.open_for_pruning()

    @property
    def threads(self) -> int:
        """The cores that train it together, as its study's plan has it."""
        plan = self.study.spec.round_plan
        return 1 if plan is None else plan.count_threads(self.number)

    def extend_lease(self) -> None:
        """Say that the worker is alive."""
        with self.study.database.transaction() as connection:
            leases.extend_lease(connection, self.lease)

    def begin_anew(self) -> None:
        """Forget the epochs of earlier attempts: their checkpoint cannot be used here."""
        self.curve.clear()
        self.rungs.clear()
        self.checkpoint = None
        self.patience.retry(self._forget_earlier_attempts)

    def report(self, point: EpochResult, checkpoint: bytes | None = None) -> bool:
        """Store what an epoch gave, now or when the database is back.

        Args:
            point: The epoch's result.
            checkpoint: The training's state after it; stored from time to time, and when the trial is given back.

        Returns:
            Whether the pruner stops the trial here; never after its last epoch.
        """
        self.curve.append(point)
        self._outbox.append(point)
        self.checkpoint = checkpoint
        try:
            is_last = point.epoch + 1 >= self.config.recipe.epochs
            self._send(is_last=is_last)
            return not is_last and self._should_prune()
        except StorageUnavailableError:
            return False

    def complete(
        self,
        weights: bytes,
        *,
        confusion: Sequence[Sequence[int]] | None = None,
        int8_accuracy: float | None = None,
        figures: Sequence[Artifact] = (),
    ) -> None:
        """Finish, with the last epoch's objective as the value.

        Args:
            weights: The trained weights as they are kept.
            confusion: The confusion matrix on the validation split: a row a true class, a column a predicted one; None
                where nothing is held out.
            int8_accuracy: On the validation split in 8 bits; None where the trial does not end in them.
            figures: What the dashboard shows beside the trial.
        """
        kept = {stored_blobs.WEIGHTS: weights}
        if confusion is not None:
            kept[stored_blobs.CONFUSION] = json.dumps(confusion).encode()
        found = {} if int8_accuracy is None else {INT8_ACCURACY: int8_accuracy}
        self._finish(TrialState.COMPLETE, value=self.curve[-1].objective, kept=kept, figures=figures, found=found)

    def prune(self) -> None:
        """Finish as pruned, with the last epoch's objective."""
        self._finish(TrialState.PRUNED, value=self.curve[-1].objective)

    def fail(self, reason: str, traceback: str | None = None) -> None:
        """Finish as failed, with its reason, and for a bug of ours where it happened."""
        self._finish(TrialState.FAIL, reason=reason, traceback=traceback)

    def give_back(self, reason: str) -> None:
        """Return the trial to the queue at once, with its last checkpoint; not counted as a death."""
        self._end(TrialState.WAITING, reason, self._write_checkpoint)

    def count_death(self, reason: str) -> str | None:
        """Return a trial that this worker could not bear to the queue; after too many times it fails.

        Returns:
            Why it failed for good; None where it is back in the queue.
        """

        def write() -> str | None:
            with self.study.database.transaction() as connection:
                gave_up = leases.count_death(connection, self.lease, reason)
                if gave_up is not None:
                    optuna_rows.write_attributes(connection, self.lease.trial_id, {"reason": gave_up})
                return gave_up

        return self.patience.retry(write)

    def is_among_best(self, count: int) -> bool:
        """Whether the trial, complete now, would be among the `count` best complete ones."""
        value = self.curve[-1].objective
        with self.study.database.transaction() as connection:
            self.history.refresh(connection, running=False)
        complete = self.history.list_trials((TrialState.COMPLETE,))
        return sum(trial.value is not None and trial.value >= value for trial in complete) < count

    def _should_prune(self) -> bool:
        now = {point.epoch: point.objective for point in self.curve}
        frozen = FrozenTrial(
            number=self.number,
            state=TrialState.RUNNING,
            value=None,
            datetime_start=None,
            datetime_complete=None,
            params={},
            distributions={},
            user_attrs={},
            system_attrs=self.rungs,
            intermediate_values=now,
            trial_id=self.lease.trial_id,
        )
        with self.study.database.errors():
            decision, noted = self._pruning.should_prune(frozen)
        if noted:
            self.rungs |= noted
            with self.study.database.transaction() as connection:
                leases.extend_lease(connection, self.lease)
                for key, value in noted.items():
                    optuna_rows.write_system_attribute(connection, self.lease.trial_id, key, value)
        return decision

    def _send(self, *, is_last: bool) -> None:
        now = self.clock.monotonic()
        is_due = now - self._stored_at >= self.checkpoint_seconds
        ends_now = is_last and not is_due and self.report_seconds > 0
        if ends_now or now - self._sent_at < self.report_seconds:
            return  # the next report takes it along, or the end
        last = self.curve[-1]
        with self.study.database.transaction() as connection:
            leases.note_progress(connection, self.lease, epoch=last.epoch, validation_accuracy=last.validation_accuracy)
            self._write_outbox(connection)
            if is_due:
                self._write_checkpoint(connection)
            if not is_last and now - self._read_at >= _READ_SECONDS:
                self.history.refresh_for_pruning(connection)
                self._read_at = now
        self._outbox.clear()
        self._sent_at = now
        if is_due and self.checkpoint is not None:
            self._stored_at = now

    def _write_outbox(self, connection: sa.Connection) -> None:
        values = {point.epoch: point.objective for point in self._outbox}
        optuna_rows.write_intermediate_values(connection, self.lease.trial_id, values)

    def _write_checkpoint(self, connection: sa.Connection) -> None:
        if self.checkpoint is None:
            return
        self._has_stored_checkpoint = True
        study_id, trial_id = self.lease.study_id, self.lease.trial_id
        curve = json.dumps([vars(point) for point in self.curve]).encode()
        stored = {stored_blobs.CHECKPOINT: self.checkpoint, stored_blobs.CHECKPOINT_CURVE: curve}
        blobs.write_blobs(connection, study_id, trial_id, stored)

    def _forget_earlier_attempts(self) -> None:
        with self.study.database.transaction() as connection:
            leases.extend_lease(connection, self.lease)
            optuna_rows.forget_epochs(connection, self.lease.trial_id, first=0)
            blobs.delete_checkpoint(connection, self.lease.trial_id)

    def _finish(
        self,
        state: TrialState,
        *,
        value: float | None = None,
        kept: dict[str, bytes] | None = None,
        figures: Sequence[Artifact] = (),
        found: Mapping[str, Any] | None = None,
        reason: str | None = None,
        traceback: str | None = None,
    ) -> None:
        attributes: dict[str, Any] = {
            "seconds": sum(point.seconds for point in self.curve),
            "epochs": len(self.curve),
            "curve": [vars(point) for point in self.curve],
            **(found or {}),
        }
        if self.counts_cores and (seconds := self.clock.monotonic() - self._began_at) > 0:
            attributes[CORES] = (time.process_time() - self._cpu_began_at) / seconds
        if self.environment:
            own = {"threads": str(self.threads)} if "threads" in self.environment else {}
            attributes["environment"] = dict(self.environment) | own
        attributes |= {"reason": reason} if reason is not None else {}
        attributes |= {"traceback": traceback} if traceback is not None else {}
        study_id, trial_id = self.lease.study_id, self.lease.trial_id

        def write(connection: sa.Connection) -> None:
            optuna_rows.write_attributes(connection, trial_id, attributes)
            if value is not None:
                optuna_rows.write_value(connection, trial_id, value)
            blobs.write_blobs(connection, study_id, trial_id, kept or {})
            artifacts.write_artifacts(connection, study_id, trial_id, figures)

        self._end(state, reason, write)

    def _end(self, state: TrialState, detail: str | None, write: Callable[[sa.Connection], None]) -> None:
        """Let go of the trial, and write what belongs to that, all in one transaction."""

        def end() -> None:
            with self.study.database.transaction() as connection:
                has_checkpoint = self._has_stored_checkpoint or self.lease.attempt > 1
                if leases.end_lease(connection, self.lease, state, detail, has_checkpoint=has_checkpoint):
                    self._write_outbox(connection)
                    write(connection)

        self.patience.retry(end)


def read_checkpoint(connection: sa.Connection, trial_id: int) -> tuple[bytes | None, list[EpochResult]]:
    """A trial's checkpoint and the curve that belongs to it; none where there is none or it is damaged."""
    try:
        checkpoint = blobs.read_blob(connection, trial_id, stored_blobs.CHECKPOINT)
        curve = blobs.read_blob(connection, trial_id, stored_blobs.CHECKPOINT_CURVE)
        if checkpoint is None or curve is None:
            return None, []
        return checkpoint, [EpochResult(**point) for point in json.loads(curve)]
    except StorageUnavailableError:
        raise
    except (StorageError, ValueError, TypeError):
        return None, []
