"""How a study is getting on: who holds what, how fast it goes, what was lost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from hpsearch.storage.stored_course import count_events, read_now
from hpsearch.storage.stored_rows import GAVE_UP
from hpsearch.tuning.records import StudyRecord, read_study_record
from hpsearch.tuning.study import Study

PACE_SECONDS = 3600.0
"""Over how long the pace is measured, at the most."""


@dataclass(frozen=True)
class HeldTrial:
    """A trial that is RUNNING, and its worker."""

    number: int
    worker: str | None
    device: str | None
    attempt: int
    epochs: int
    """Epochs that this attempt has behind it."""
    epochs_wanted: int
    """Of its recipe."""
    validation_accuracy: float | None
    """After the last of them."""
    is_live: bool
    """Whether its worker is: a trial whose worker is gone goes to the next one that asks."""
    silent_seconds: float | None
    """Since the worker's last sign of life."""
    lease_seconds: float | None
    """Until its lease ends; below 0 since it has ended."""


@dataclass(frozen=True)
class Pace:
    """How fast a study goes."""

    seconds: float
    """Over how long that was measured."""
    trials_per_hour: float
    epochs_per_hour: float


@dataclass(frozen=True)
class StudyStatus:
    """A study and those who work on it, at one moment."""

    record: StudyRecord
    at: datetime
    """By the database's clock."""
    held: tuple[HeldTrial, ...]
    pace: Pace | None
    """None while no trial has finished lately."""
    deaths: int
    """How often a worker vanished, or could not bear its trial, over the whole of the study."""
    returns: int
    """How often one gave its trial back."""
    measure: str | None = None
    """What the best accuracy is worth: on how many images, beside which baseline; None where nobody has looked."""
    validation_measure: Mapping[str, Any] | None = None
    """The same as figures."""

    @property
    def live_workers(self) -> int:
        """How many workers hold a trial."""
        return sum(trial.is_live for trial in self.held)


def read_status(study: Study) -> StudyStatus:
    """Read how a study is getting on.

    Raises:
        StorageError: The database failed.
    """
    record = read_study_record(study)
    with study.database.reading() as reader:
        now = read_now(reader)
        counts = count_events(reader, study.study_id)
    since = now - timedelta(seconds=PACE_SECONDS)
    finished = [
        ((trial.started_at or trial.finished_at).astimezone(UTC), trial.epochs)
        for trial in record.trials
        if trial.finished_at is not None and trial.finished_at.astimezone(UTC) >= since
    ]
    return StudyStatus(
        record=record,
        at=now,
        held=tuple(_describe_held(record, now)),
        pace=measure_pace(finished, now),
        deaths=counts.get("reaped", 0) + counts.get(GAVE_UP, 0),
        returns=counts.get("returned", 0),
    )


def measure_pace(finished: Sequence[tuple[datetime, int]], now: datetime) -> Pace | None:
    """How fast trials finish: over the last hour, or since the first that finished within it was begun.

    Args:
        finished: Of each trial that finished within the last hour, when it was begun and how many epochs it had.
        now: By the same clock.
    """
    if not finished:
        return None
    seconds = min(PACE_SECONDS, (now - min(begun for begun, _epochs in finished)).total_seconds())
    if seconds <= 0:
        return None
    hours = seconds / 3600
    return Pace(seconds, len(finished) / hours, sum(epochs for _begun, epochs in finished) / hours)


def _describe_held(record: StudyRecord, now: datetime) -> list[HeldTrial]:
    held = []
    for trial in record.running:
        lease = trial.lease
        seen, ends = (lease.seen_at, lease.expires_at) if lease else (None, None)
        held.append(
            HeldTrial(
                number=trial.number,
                worker=lease.worker if lease else None,
                device=lease.device if lease else None,
                attempt=trial.attempts,
                epochs=0 if lease is None or lease.epoch is None else lease.epoch + 1,
                epochs_wanted=record.count_epochs_wanted(trial),
                validation_accuracy=lease.validation_accuracy if lease else None,
                is_live=lease is not None and lease.is_live,
                silent_seconds=max(0.0, (now - seen).total_seconds()) if seen else None,
                lease_seconds=(ends - now).total_seconds() if ends else None,
            )
        )
    return held
