"""How far a study is, from what its record says."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hpsearch.tuning.promotion import measure_makespan

if TYPE_CHECKING:
    from hpsearch.tuning.records import StudyRecord, TrialRecord


@dataclass(frozen=True)
class HowFar:
    """How far a study is."""

    wanted: int
    finished: int
    trials_done: float
    """Finished trials, and of the running ones the part of their epochs that is trained."""
    remaining_seconds: float | None
    """Until the last trial ends, if the others take as long as those so far, finished or under way.

    None before an epoch of any is trained.
    """


def measure_progress(record: "StudyRecord", workers: int) -> HowFar:
    """How far the study is, and how long `workers` workers will take for the rest.

    A trial costs what the finished ones cost on average, pruned ones included, so that pruning is in the forecast.
    """
    wanted = record.trials_wanted
    part_done = {trial.number: measure_part_done(record, trial) for trial in record.running}
    done = min(float(wanted), record.finished_count + sum(part_done.values()))
    if (planned := _plan_remaining_seconds(record, part_done)) is not None:
        return HowFar(wanted, min(record.finished_count, wanted), done, planned)
    costs = [trial.seconds for trial in record.trials if trial.state in ("COMPLETE", "PRUNED") and trial.seconds]
    if not costs:
        costs = _forecast_costs(record)
    remaining = None
    if costs:
        each = sum(costs) / len(costs)
        waiting = max(0, wanted - record.finished_count - len(part_done))
        waves, odd = divmod(waiting, max(1, workers))  # as many trials as there may be, and this is asked every second
        left = [each * (1 - part) for part in part_done.values()] + [each] * odd
        remaining = waves * each + measure_makespan(left, max(1, workers))
    return HowFar(wanted, min(record.finished_count, wanted), done, remaining)


def _forecast_costs(record: "StudyRecord") -> list[float]:
    """What the trials under way will have cost at their end, by what they have taken so far."""
    costs = []
    for trial in record.running:
        lease, part = trial.lease, measure_part_done(record, trial)
        if lease is None or lease.seen_at is None or trial.started_at is None or part == 0 or lease.attempts > 1:
            continue
        seconds = (lease.seen_at - trial.started_at.astimezone()).total_seconds()
        if seconds > 0:
            costs.append(seconds / part)
    return costs


def measure_part_done(record: "StudyRecord", trial: "TrialRecord") -> float:
    """The part of a running trial's epochs that is trained, 0 to 1."""
    return min(1.0, count_epochs_of_attempt(trial) / record.count_epochs_wanted(trial))


def _plan_remaining_seconds(record: "StudyRecord", part_done: Mapping[int, float]) -> float | None:
    """What is left of a plan that keeps a time: each round after the other; None where there is no such plan."""
    plan = record.study.spec.round_plan
    if plan is None or plan.epoch_seconds is None:
        return None
    finished = {trial.number for trial in record.trials if trial.is_finished}
    seconds, first = 0.0, 0
    for number_of_round, round_ in enumerate(record.rounds):
        index = number_of_round % len(plan.rounds)
        numbers = range(first, first + round_.part.trials)
        left = sum(1 - part_done.get(number, 0.0) for number in numbers if number not in finished)
        busy = min(plan.count_at_once(index), round_.part.trials)
        seconds += left / busy * round_.part.epochs * plan.scale_epoch_seconds(index, plan.epoch_seconds)
        first += round_.part.trials
    return seconds


def count_epochs_of_attempt(trial: "TrialRecord") -> int:
    """The epochs that the attempt under way has trained: an earlier one may have come further."""
    lease = trial.lease
    return 0 if lease is None or lease.epoch is None else lease.epoch + 1
