"""How far a study is, from what its record says."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hpsearch.tuning.records import StudyRecord, TrialRecord


@dataclass(frozen=True)
class Progress:
    """How far a study is."""

    wanted: int
    finished: int
    trials_done: float
    """Finished trials, and of the running ones the part of their epochs that is trained."""
    remaining_seconds: float | None
    """Until the last trial ends, if the others take as long as those so far; None while none has ended."""


def measure_progress(record: "StudyRecord", workers: int) -> Progress:
    """How far the study is, and how long `workers` workers will take for the rest.

    A trial costs what the finished ones cost on average, pruned ones included, so that pruning is in the forecast.
    """
    wanted = record.trials_wanted
    done = min(
        float(wanted),
        record.finished_count
        + sum(count_epochs_of_attempt(trial) for trial in record.running) / record.study.spec.epochs,
    )
    costs = [trial.seconds for trial in record.trials if trial.state in ("COMPLETE", "PRUNED") and trial.seconds]
    remaining = None
    if costs:
        busy = max(1, min(workers, wanted - record.finished_count))
        remaining = sum(costs) / len(costs) * (wanted - done) / busy
    return Progress(wanted, min(record.finished_count, wanted), done, remaining)


def count_epochs_of_attempt(trial: "TrialRecord") -> int:
    """The epochs that the attempt under way has trained: an earlier one may have come further."""
    lease = trial.lease
    return 0 if lease is None or lease.epoch is None else lease.epoch + 1
