"""The journal of a test's worker: what it asked of the database, and what it was told, in a file of its own.

Every write is noted twice: before it is sent, and when its transaction came back, refused or with an error that leaves
open what became of it. Each note is one `write` to the operating system, so that it outlives the process, whenever
that is killed.
"""

import itertools
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from optuna.trial import TrialState

from hpsearch.errors import LeaseLostError
from hpsearch.storage import leases, optuna_rows
from hpsearch.storage.database import Database
from hpsearch.storage.leases import Holder, Lease

CLAIM, REPORT, END = "claim", "report", "end"
ACKNOWLEDGED, REFUSED, UNKNOWN = "acknowledged", "refused", "unknown"


@dataclass(frozen=True)
class Operation:
    """A write that a worker asked for, and what came of it as far as the worker knows."""

    what: str
    """`CLAIM`, `REPORT` or `END`."""
    worker: str
    token: str
    trial_id: int | None
    """None of a claim that was given nothing, or never answered."""
    intended_at: float
    """Monotonic seconds, one clock for all processes of the machine."""
    answered_at: float | None = None
    outcome: str = UNKNOWN
    epoch: int | None = None
    """Of a report."""
    value: float | None = None
    """Of a report."""
    state: str | None = None
    """Of an end: what the trial was to be after it, WAITING for a trial given back."""

    @property
    def is_acknowledged(self) -> bool:
        """Whether the worker was told that it is done."""
        return self.outcome == ACKNOWLEDGED


class Journal:
    """Writes one worker's file."""

    def __init__(self, path: Path, worker: str) -> None:
        self.worker = worker
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._numbers = itertools.count()

    def note_intent(self, what: str, **fields: Any) -> int:
        """Note that something is about to be asked; give its number."""
        number = next(self._numbers)
        self._write(number=number, what=what, worker=self.worker, **fields)
        return number

    def note_answer(self, number: int, outcome: str, **fields: Any) -> None:
        """Note what came of it."""
        self._write(number=number, outcome=outcome, **fields)

    def _write(self, **entry: Any) -> None:
        entry |= {"monotonic": time.monotonic(), "wall": time.time()}
        os.write(self._file, (json.dumps(entry) + "\n").encode())


def read_journals(folder: Path) -> list[Operation]:
    """The operations of all journals in a folder, those of one worker in their order."""
    return [operation for path in sorted(folder.glob("*.jsonl")) for operation in _read_journal(path)]


def _read_journal(path: Path) -> Iterator[Operation]:
    operations: dict[int, Operation] = {}
    for line in path.read_text().splitlines():
        entry = json.loads(line)
        moment, number = entry.pop("monotonic"), entry.pop("number")
        del entry["wall"]
        if number in operations:
            operations[number] = replace(operations[number], answered_at=moment, **entry)
        else:
            operations[number] = Operation(intended_at=moment, **({"trial_id": None} | entry))
    yield from operations.values()


class _Sent(threading.local):
    """What the transaction that this thread is in has asked for so far."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.taken: dict[int, int | None] = {}
        self.token = ""


def journal_writes(journal: Journal) -> Callable[[], None]:
    """Let every claim, report and end of this process go through a journal.

    Returns:
        What puts everything back as it was.
    """
    sent = _Sent()
    transaction, take_trial, note_progress = Database.transaction, leases.take_trial, leases.note_progress
    find_taken, end_lease = leases.find_taken, leases.end_lease
    write_values = optuna_rows.write_intermediate_values

    def note(what: str, **fields: Any) -> int:
        sent.numbers.append(journal.note_intent(what, **fields))
        return sent.numbers[-1]

    @contextmanager
    def journalled_transaction(self: Database, **options: Any) -> Iterator[sa.Connection]:
        before, sent.numbers, sent.taken = (sent.numbers, sent.taken), [], {}
        outcome = UNKNOWN
        try:
            with transaction(self, **options) as connection:
                yield connection
            outcome = ACKNOWLEDGED
        except LeaseLostError:
            outcome = REFUSED
            raise
        finally:
            for number in sent.numbers:
                known = {"trial_id": sent.taken[number]} if number in sent.taken else {}
                journal.note_answer(number, outcome, **known)
            sent.numbers, sent.taken = before

    def journalled_take(connection: sa.Connection, study_id: int, maximum: int, holder: Holder) -> Lease | None:
        number = note(CLAIM, token=holder.token)
        lease = take_trial(connection, study_id, maximum, holder)
        sent.taken[number] = lease.trial_id if lease else None
        return lease

    def journalled_find(connection: sa.Connection, study_id: int, holder: Holder) -> Lease | None:
        lease = find_taken(connection, study_id, holder)
        if lease is not None:
            sent.taken[note(CLAIM, token=holder.token)] = lease.trial_id
        return lease

    def journalled_progress(connection: sa.Connection, lease: Lease, **progress: Any) -> None:
        sent.token = lease.token
        note_progress(connection, lease, **progress)

    def journalled_values(connection: sa.Connection, trial_id: int, values: Mapping[int, float]) -> None:
        for epoch, value in values.items():
            note(REPORT, token=sent.token, trial_id=trial_id, epoch=epoch, value=value)
        write_values(connection, trial_id, values)

    def journalled_end(connection: sa.Connection, lease: Lease, state: TrialState, *rest: Any, **named: Any) -> bool:
        sent.token = lease.token
        note(END, token=lease.token, trial_id=lease.trial_id, state=state.name)
        return end_lease(connection, lease, state, *rest, **named)

    patches: list[tuple[Any, str, Any]] = [
        (Database, "transaction", journalled_transaction),
        (leases, "take_trial", journalled_take),
        (leases, "find_taken", journalled_find),
        (leases, "note_progress", journalled_progress),
        (leases, "end_lease", journalled_end),
        (optuna_rows, "write_intermediate_values", journalled_values),
    ]
    originals = [(owner, name, getattr(owner, name)) for owner, name, _ in patches]
    for owner, name, replacement in patches:
        setattr(owner, name, replacement)

    def restore() -> None:
        for owner, name, original in originals:
            setattr(owner, name, original)

    return restore
