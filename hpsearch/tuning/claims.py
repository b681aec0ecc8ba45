"""Claiming trials, and the one who holds one: report, prune, finish, fail, give back.

A claim is one transaction under the study's claim lock: reap what expired, count, take a waiting trial or make a new
one, write its lease. So the number of trials is exact whoever dies when, without a counter that could go wrong. What
a holder writes goes into one transaction with a check of its lease: all of it counts, or none.
"""

import contextlib
import secrets
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import optuna
import sqlalchemy as sa
from optuna.trial import TrialState

from hpsearch.epoch_result import EpochResult
from hpsearch.errors import HpsearchError, LeaseLostError, StorageError
from hpsearch.parameters import build_recipe, build_shape
from hpsearch.solver import solve
from hpsearch.storage import blobs, leases, optuna_rows
from hpsearch.storage.leases import LEASE_SECONDS, Holder, Lease
from hpsearch.trial_config import TrialConfig, derive_seed
from hpsearch.tuning.study import Study
from hpsearch.tuning.suggest import draw, fixed_parameters, searched_distributions

MAXIMUM_FAILURES_IN_A_ROW = 5


class StudyBrokenError(HpsearchError):
    """Trial after trial fails: something is wrong that more trials will not mend."""


class NoTrial(Enum):
    """Why a claim gave nothing."""

    ALL_FINISHED = "every trial of the study is finished"
    ALL_TAKEN = "other workers hold the trials that are left; one may come back"


@dataclass
class ClaimedTrial:
    """A trial that this worker holds. Whatever it writes raises LeaseLostError once the trial is another's."""

    study: Study
    optuna_study: optuna.Study
    lease: Lease
    number: int
    """In its study, from 0."""
    config: TrialConfig
    curve: list[EpochResult] = field(default_factory=list)

    def extend_lease(self) -> None:
        """Say that the worker is alive."""
        with self.study.database.transaction() as connection:
            leases.extend_lease(connection, self.lease)

    def report(self, point: EpochResult) -> bool:
        """Store what an epoch gave.

        Returns:
            Whether the pruner stops the trial here; never after its last epoch.
        """
        self.curve.append(point)
        accuracy = point.validation_accuracy
        with self.study.database.transaction() as connection:
            leases.note_progress(connection, self.lease, epoch=point.epoch, validation_accuracy=accuracy)
            optuna_rows.write_intermediate_value(connection, self.lease.trial_id, point.epoch, accuracy)
        if point.epoch + 1 >= self.config.recipe.epochs:
            return False
        with self.study.database.errors():
            stored = self.study.database.optuna_storage.get_trial(self.lease.trial_id)
            # An attempt that begins anew is judged by what it gave itself up to here.
            stored.intermediate_values = {known.epoch: known.validation_accuracy for known in self.curve}
            return self.optuna_study.pruner.prune(self.optuna_study, stored)

    def complete(self, weights: bytes) -> None:
        """Finish, with the last epoch's accuracy as the objective value."""
        self._finish(TrialState.COMPLETE, value=self.curve[-1].validation_accuracy, weights=weights)

    def prune(self) -> None:
        """Finish as pruned, with the last epoch's accuracy as the value."""
        self._finish(TrialState.PRUNED, value=self.curve[-1].validation_accuracy)

    def fail(self, reason: str, traceback: str | None = None) -> None:
        """Finish as failed, with its reason, and for a bug of ours where it happened."""
        self._finish(TrialState.FAIL, reason=reason, traceback=traceback)

    def give_back(self, reason: str) -> None:
        """Return the trial to the queue at once, not counted as a death."""
        with self.study.database.transaction() as connection:
            leases.end_lease(connection, self.lease, TrialState.WAITING, reason)

    def _finish(
        self,
        state: TrialState,
        *,
        value: float | None = None,
        weights: bytes | None = None,
        reason: str | None = None,
        traceback: str | None = None,
    ) -> None:
        trial_id = self.lease.trial_id
        attributes: dict[str, Any] = {
            "seconds": sum(point.seconds for point in self.curve),
            "epochs": len(self.curve),
            "curve": [vars(point) for point in self.curve],
        }
        attributes |= {"reason": reason} if reason is not None else {}
        attributes |= {"traceback": traceback} if traceback is not None else {}
        with self.study.database.transaction() as connection:
            leases.end_lease(connection, self.lease, state, reason)
            optuna_rows.write_attributes(connection, trial_id, attributes)
            if value is not None:
                optuna_rows.write_value(connection, trial_id, value)
            if weights is not None:
                blobs.write_blob(connection, self.lease.study_id, trial_id, blobs.WEIGHTS, weights)


class TrialQueue:
    """Where a worker takes its trials from. One a process, made in that process."""

    def __init__(self, study: Study, worker: str, device: str, *, lease_seconds: float = LEASE_SECONDS) -> None:
        self.study = study
        self._worker = worker
        self._device = device
        self._lease_seconds = lease_seconds
        with study.database.transaction() as connection:
            self._failed_before = set(self._read_last_finished(connection, only=TrialState.FAIL))

    def claim(self) -> ClaimedTrial | NoTrial:
        """Take a trial.

        Raises:
            StudyBrokenError: The last trials failed, one after the other.
            StorageError: The database failed.
        """
        study_id, trials = self.study.study_id, self.study.spec.trials
        while True:
            self._check_failures()
            holder = Holder(self._worker, self._device, secrets.token_hex(16), self._lease_seconds)
            with self.study.database.transaction(claims_of=study_id) as connection:
                leases.reap(connection, study_id)
                lease = leases.take_trial(connection, study_id, trials, holder)
                if lease is None:
                    is_running = leases.has_running_trials(connection, study_id)
                    return NoTrial.ALL_TAKEN if is_running else NoTrial.ALL_FINISHED
            try:
                return self._prepare(lease)
            except LeaseLostError:
                continue  # drawing took longer than the lease lasts, on a machine that stood still
            except StorageError:
                raise
            except Exception as error:  # noqa: BLE001 - a draw that cannot be built fails its trial, not the worker
                self._fail_unprepared(lease, f"{type(error).__name__}: {error}")

    def reap(self) -> list[int]:
        """Free the trials of workers that are gone, and give their ids."""
        with self.study.database.transaction(claims_of=self.study.study_id) as connection:
            return leases.reap(connection, self.study.study_id)

    def _check_failures(self) -> None:
        with self.study.database.transaction() as connection:
            last = self._read_last_finished(connection)
        if len(last) < MAXIMUM_FAILURES_IN_A_ROW or self._failed_before & last.keys():
            return
        if any(state != TrialState.FAIL for state in last.values()):
            return
        with self.study.database.errors():
            newest = self.study.database.optuna_storage.get_trial(next(iter(last)))
        raise StudyBrokenError(
            f"{MAXIMUM_FAILURES_IN_A_ROW} trials in a row failed, the last because: "
            f"{newest.user_attrs.get('reason', 'its workers died')}. The study is stopped; "
            f"hpsearch show {self.study.name} lists them, and the same command goes on once the cause is mended"
        )

    def _read_last_finished(self, connection: sa.Connection, only: TrialState | None = None) -> dict[int, TrialState]:
        """The trials that finished last, newest first: their states by id."""
        trials = optuna_rows.trials
        mine = (trials.c.study_id == self.study.study_id) & trials.c.datetime_complete.is_not(None)
        if only is not None:
            mine &= trials.c.state == only
        query = sa.select(trials.c.trial_id, trials.c.state).where(mine)
        newest = query.order_by(trials.c.datetime_complete.desc(), trials.c.trial_id.desc())
        rows = connection.execute(newest if only is not None else newest.limit(MAXIMUM_FAILURES_IN_A_ROW))
        return {row.trial_id: row.state for row in rows}

    def _fail_unprepared(self, lease: Lease, reason: str) -> None:
        with contextlib.suppress(LeaseLostError), self.study.database.transaction() as connection:
            leases.end_lease(connection, lease, TrialState.FAIL, reason)
            optuna_rows.write_attributes(connection, lease.trial_id, {"reason": reason})

    def _prepare(self, lease: Lease) -> ClaimedTrial:
        """Draw outside the lock: the trial is this worker's already."""
        database, space = self.study.database, self.study.space
        with database.errors():
            optuna_study = self.study.open_optuna()  # anew for each trial: a study caches what samplers read
            frozen = database.optuna_storage.get_trial(lease.trial_id)
            searched = draw(optuna_study, frozen, space)
        config = self._configure(fixed_parameters(space) | searched, frozen.number)
        if not frozen.params:
            attributes = {
                "config": config.model_dump(mode="json"),
                "weights": config.count_weights(),
                "macs": config.count_macs(),
                "network": config.architecture.describe(),
            }
            with database.transaction() as connection:
                leases.extend_lease(connection, lease)
                optuna_rows.write_parameters(connection, lease.trial_id, searched, searched_distributions(space))
                optuna_rows.write_attributes(connection, lease.trial_id, attributes)
        return ClaimedTrial(self.study, optuna_study, lease, frozen.number, config)

    def _configure(self, parameters: dict[str, Any], number: int) -> TrialConfig:
        spec, dataset = self.study.spec, self.study.dataset
        shape = build_shape(spec.arch, parameters)
        return TrialConfig(
            architecture=solve(shape, spec.budget, dataset.input_shape, dataset.class_count),
            recipe=build_recipe(parameters, spec.epochs),
            dataset=dataset,
            validation_fraction=spec.validation_fraction,
            split_seed=spec.seed,
            seed=derive_seed(spec.seed, number, "training"),
            budget=spec.budget,
        )
