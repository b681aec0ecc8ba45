"""The history checker: what workers say they did against what the database says happened, after everybody has ended.

At-least-once execution, exactly one accepted result a trial: several workers may train a trial one after the other, and
one that lost its lease may train on without knowing; the database takes the word of one only.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import psutil
import sqlalchemy as sa
from optuna.trial import TrialState

from hpsearch.storage.database import Database
from hpsearch.storage.tables import events, leases
from hpsearch.tuning.study import load_study
from tests.journal import CLAIM, END, REPORT, Operation, read_journals

RELEASES = ("returned", "reaped")
ENDINGS = ("complete", "pruned", "fail", "gave-up")


@dataclass(frozen=True)
class Event:
    """A row of the events table."""

    kind: str
    worker: str | None
    at: float
    """Unix seconds, by the database's clock."""


@dataclass(frozen=True)
class FinalTrial:
    """A trial as the database has it in the end."""

    trial_id: int
    number: int
    state: str
    epochs: int
    """How many its configuration asks for; 0 where it was never drawn."""
    value: float | None
    steps: Mapping[int, float]
    """Intermediate values by epoch."""
    curve: Mapping[int, float]
    """Validation accuracies by epoch, as stored with the finish."""
    token: str | None
    accepted_token: str | None
    attempts: int
    events: Sequence[Event]


@dataclass(frozen=True)
class History:
    """Everything that there is to compare."""

    slots: int
    """How many trials the study asks for."""
    trials: Sequence[FinalTrial]
    operations: Sequence[Operation]


def check_history(folder: Path, storage_url: str, study: str, *, slots: int) -> list[str]:
    """Compare all journals of a folder with a database; what is wrong, a line each."""
    return find_violations(read_history(folder, storage_url, study, slots=slots))


def find_violations(history: History) -> list[str]:
    """What is wrong, a line each; nothing where every promise was kept."""
    return [line for check in _CHECKS for line in check(history)]


def read_history(folder: Path, storage_url: str, study: str, *, slots: int) -> History:
    """Read the journals of a folder and a study."""
    with Database.open(storage_url) as database:
        study_id = load_study(database, study).study_id
        frozen = database.optuna_storage.get_all_trials(study_id)
        with database.transaction() as connection:
            own = sa.select(leases).where(leases.c.study_id == study_id)
            held = {row.trial_id: row for row in connection.execute(own)}
            happened: defaultdict[int, list[Event]] = defaultdict(list)
            query = sa.select(events).where(events.c.study_id == study_id).order_by(events.c.id)
            for row in connection.execute(query):
                happened[row.trial_id].append(Event(row.kind, row.worker, row.at.timestamp()))
    trials = []
    for trial in frozen:
        lease = held.get(trial._trial_id)
        config = trial.user_attrs.get("config")
        trials.append(
            FinalTrial(
                trial_id=trial._trial_id,
                number=trial.number,
                state=trial.state.name,
                epochs=config["recipe"]["epochs"] if config else 0,
                value=trial.value if trial.state != TrialState.FAIL else None,
                steps=trial.intermediate_values,
                curve={point["epoch"]: point["validation_accuracy"] for point in trial.user_attrs.get("curve", ())},
                token=lease.token if lease else None,
                accepted_token=lease.accepted_token if lease else None,
                attempts=lease.attempts if lease else 0,
                events=happened[trial._trial_id],
            )
        )
    return History(slots, trials, read_journals(folder))


def find_orphans(marker: str) -> list[int]:
    """Processes whose environment holds a text: those that a test started, and that should be gone."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and marker in process.environ().values():
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


def _check_slots(history: History) -> Iterator[str]:
    numbers = sorted(trial.number for trial in history.trials)
    if numbers != list(range(history.slots)):
        yield f"slots: {history.slots} trials were asked for, there are {len(numbers)}: {numbers}"


def _check_nothing_is_open(history: History) -> Iterator[str]:
    for trial in history.trials:
        if trial.state in ("RUNNING", "WAITING"):
            yield f"open: trial {trial.number} is {trial.state}"
        elif trial.token is not None:
            yield f"open: trial {trial.number} is {trial.state} and somebody holds its lease"


def _check_one_owner(history: History) -> Iterator[str]:
    """By the database's own account: claimed, let go, claimed ..., and one ending."""
    for trial in history.trials:
        kinds = [event.kind for event in trial.events]
        for before, after in pairwise(["none", *kinds]):
            may_follow = {"claimed": (*RELEASES, *ENDINGS)}.get(before, ("claimed",))
            if after not in may_follow:
                yield f"owner: trial {trial.number} was {after} after {before}"
        if kinds.count("claimed") != trial.attempts:
            yield f"owner: trial {trial.number} counts {trial.attempts} attempts of {kinds.count('claimed')} claims"
    holders: defaultdict[str, set[tuple[str, int | None]]] = defaultdict(set)
    for claim in _acknowledged(history, CLAIM):
        if claim.trial_id is not None:
            holders[claim.token].add((claim.worker, claim.trial_id))
    for token, known in holders.items():
        if len(known) > 1:
            yield f"owner: token {token[:8]} stands for {sorted(known, key=str)}"
    claimed = Counter(claim.trial_id for claim in _distinct_claims(history))
    by_id = {trial.trial_id: trial for trial in history.trials}
    for trial_id, count in claimed.items():
        if trial_id not in by_id:
            yield f"owner: a worker was given trial id {trial_id}, which does not exist"
        elif count > by_id[trial_id].attempts:
            counted = by_id[trial_id].attempts
            yield f"owner: trial {by_id[trial_id].number} was given out {count} times and counts {counted}"


def _check_one_result(history: History) -> Iterator[str]:
    finishing: defaultdict[int | None, dict[str, str | None]] = defaultdict(dict)
    for end in _acknowledged(history, END):
        if end.state != "WAITING":
            finishing[end.trial_id][end.token] = end.state
    for trial in history.trials:
        endings = [event.kind for event in trial.events if event.kind in ENDINGS]
        if len(endings) != 1 and trial.state not in ("RUNNING", "WAITING"):
            yield f"result: trial {trial.number} ended {len(endings)} times: {endings}"
        told = finishing[trial.trial_id]
        if len(told) > 1:
            yield f"result: {len(told)} workers were told that theirs is the result of trial {trial.number}"
        for token, state in told.items():
            if (token, state) != (trial.accepted_token, trial.state):
                yield f"result: a worker was told that trial {trial.number} is {state}, it is {trial.state}"
        sent = {end.token for end in history.operations if end.what == END and end.trial_id == trial.trial_id}
        if trial.state in ("COMPLETE", "PRUNED") and trial.accepted_token not in sent:
            yield f"result: nobody has sent the result of trial {trial.number}"


def _check_reports(history: History) -> Iterator[str]:
    sent: defaultdict[tuple[int | None, int | None], set[float | None]] = defaultdict(set)
    for report in history.operations:
        if report.what == REPORT:
            sent[report.trial_id, report.epoch].add(report.value)
    by_id = {trial.trial_id: trial for trial in history.trials}
    for report in _acknowledged(history, REPORT):
        trial = by_id.get(report.trial_id or 0)
        if trial is None or report.token != trial.accepted_token:
            continue
        if report.epoch is None or trial.steps.get(report.epoch) != report.value:
            yield f"report: epoch {report.epoch} of trial {trial.number} was acknowledged and is not there"
    for trial in history.trials:
        for epoch, value in trial.steps.items():
            if value not in sent[trial.trial_id, epoch]:
                yield f"report: nobody has sent the value of epoch {epoch} of trial {trial.number}"


def _check_steps(history: History) -> Iterator[str]:
    for trial in history.trials:
        if trial.state not in ("COMPLETE", "PRUNED"):
            continue
        epochs = sorted(trial.steps)
        if epochs != list(range(len(epochs))) or not epochs:
            yield f"steps: trial {trial.number} has epochs {epochs}"
            continue
        if trial.state == "COMPLETE" and len(epochs) != trial.epochs:
            yield f"steps: trial {trial.number} is complete after {len(epochs)} of {trial.epochs} epochs"
        if dict(trial.curve) != dict(trial.steps):
            yield f"steps: the curve of trial {trial.number} is not what was reported"
        if trial.value != trial.steps[epochs[-1]]:
            yield f"steps: the value of trial {trial.number} is not its last epoch's"
    reached: dict[str, int] = {}
    for report in history.operations:
        if report.what == REPORT and report.epoch is not None:
            last = reached.get(report.token)
            if last is not None and report.epoch > last + 1:
                yield f"steps: a holder of trial id {report.trial_id} went from epoch {last} to {report.epoch}"
            reached[report.token] = max(report.epoch, last if last is not None else report.epoch)


def _check_fencing(history: History) -> Iterator[str]:
    """Once a second worker was told that a trial is its own, nothing that the first sends later is accepted."""
    claims: defaultdict[int | None, list[Operation]] = defaultdict(list)
    for claim in _distinct_claims(history):
        claims[claim.trial_id].append(claim)
    for write in history.operations:
        if write.what == CLAIM or not write.is_acknowledged:
            continue
        mine = [claim for claim in claims[write.trial_id] if claim.token == write.token]
        for claim in claims[write.trial_id]:
            is_later = bool(mine) and claim.intended_at > (mine[0].answered_at or mine[0].intended_at)
            if claim.token != write.token and is_later and write.intended_at > (claim.answered_at or 0):
                yield f"fence: a {write.what} of {write.worker} was accepted after {claim.worker} had claimed its trial"


def _acknowledged(history: History, what: str) -> Iterator[Operation]:
    return (operation for operation in history.operations if operation.what == what and operation.is_acknowledged)


def _distinct_claims(history: History) -> list[Operation]:
    """One a token: who asks again because an answer was lost is given the same trial."""
    first = {claim.token: claim for claim in _acknowledged(history, CLAIM) if claim.trial_id is not None}
    return sorted(first.values(), key=lambda claim: claim.answered_at or 0.0)


_CHECKS: tuple[Callable[[History], Iterator[str]], ...] = (
    _check_slots,
    _check_nothing_is_open,
    _check_one_owner,
    _check_one_result,
    _check_reports,
    _check_steps,
    _check_fencing,
)
