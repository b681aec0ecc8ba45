"""A worker process for tests: a real queue on a real database, a scripted trainer, and a journal of what it did.

`python -m tests.scripted_worker STORAGE STUDY NAME JOURNAL [SECONDS_PER_EPOCH [LEASE_SECONDS]]`
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

from hpsearch.clock import SystemClock
from hpsearch.storage.database import Database
from hpsearch.tuning.claimed_trial import ClaimedTrial
from hpsearch.tuning.claims import NoTrial, TrialQueue
from hpsearch.tuning.study import load_study
from hpsearch.worker.loop import StopSignal, Worker, WorkerSettings
from tests.scripted import ScriptedTrainer


class JournalledQueue(TrialQueue):
    """Writes down every claim and every finish of its own, as soon as it knows of it."""

    journal: Path

    def write(self, **entry: Any) -> None:
        """Append a line; what stands in the file when the process is killed, happened."""
        with self.journal.open("a") as file:
            file.write(json.dumps(entry) + "\n")

    def claim(self) -> ClaimedTrial | NoTrial:
        """Claim, and write down what came of it."""
        claimed = super().claim()
        if isinstance(claimed, ClaimedTrial):
            self.write(event="claimed", trial=claimed.number, token=claimed.lease.token)
            complete = claimed.complete

            def journalled_complete(weights: bytes) -> None:
                complete(weights)
                self.write(event="completed", trial=claimed.number, token=claimed.lease.token)

            claimed.complete = journalled_complete  # type: ignore[method-assign]
        return claimed


def main(
    storage: str, study_name: str, name: str, journal: str, seconds_per_epoch: str = "0", lease_seconds: str = "30"
) -> None:
    """Work until the study is finished."""
    lease = float(lease_seconds)
    settings = WorkerSettings(
        storage, study_name, "cpu", Path(), name, lease_seconds=lease, heartbeat_seconds=lease / 4
    )
    pause = float(seconds_per_epoch)
    with Database.open(storage, check=False) as database:
        queue = JournalledQueue(load_study(database, study_name), name, "cpu", lease_seconds=lease)
        queue.journal = Path(journal)
        trainer = ScriptedTrainer(lambda _epoch: time.sleep(pause))
        Worker(settings, queue, trainer, StopSignal(), lambda _line: None, SystemClock()).work()


if __name__ == "__main__":
    main(*sys.argv[1:])
