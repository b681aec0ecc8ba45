"""A worker process for tests: the real command, a real database, a scripted trainer, a journal of what it did.

It runs in a process that `tests.worker_processes` forks.
"""

import functools
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from hpsearch import cli
from hpsearch.cli import worker as worker_command
from hpsearch.sessions import work as sessions_work
from hpsearch.tuning.study import Study
from hpsearch.worker.protocols import WorkerSettings
from tests.journal import Journal, journal_writes
from tests.scripted import ScriptedTrainer

Script = Callable[["WorkerScript", int], None]
"""What happens before an epoch: it may raise, signal, kill, wait. A function of a module, for it travels by name."""


@dataclass(frozen=True)
class WorkerScript:
    """How a worker process behaves."""

    storage: str
    study: str
    name: str
    """Empty for the one that the command gives it."""
    folder: Path
    """Where its journal, its log and its flags lie."""
    seconds_per_epoch: float = 0.0
    lease_seconds: float = 30.0
    heartbeat_seconds: float | None = None
    """A quarter of the lease unless given."""
    checkpoint_seconds: float = 0.0
    outage_seconds: float = 300.0
    before_epoch: Script | None = None
    prepare: Callable[["WorkerScript"], None] | None = None
    """Called once before the command."""
    arguments: tuple[str, ...] = ()
    """More of the command's arguments."""

    @property
    def journal(self) -> Path:
        """Its own file of what it asked and was told."""
        return self.folder / f"{self.name}.jsonl"

    @property
    def log(self) -> Path:
        """What it says."""
        return self.folder / f"{self.name}.log"

    def flag(self, name: str) -> Path:
        """A file by which a script and its test speak with each other."""
        return self.folder / f"{self.name}.{name}"


def work(script: WorkerScript) -> None:
    """Be `hpsearch worker` until it ends; its exit code is the process's."""
    _speak_into(script.log)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # who forks us ignores it
    os.environ["HPSEARCH_STORAGE"] = script.storage
    os.environ["HPSEARCH_TEST_FOLDER"] = str(script.folder)
    journal_writes(Journal(script.journal, script.name))
    put_script_in(script)
    if script.prepare is not None:
        script.prepare(script)
    sys.exit(cli.main(["worker", script.study, "--device", "cpu", *script.arguments]))


def put_script_in(script: WorkerScript) -> None:
    """Leases of the script's length, no figures, and in place of training what the script says: torch is not loaded."""

    def before_epoch(epoch: int) -> None:
        time.sleep(script.seconds_per_epoch)
        if script.before_epoch is not None:
            script.before_epoch(script, epoch)

    def open_study_trainer(_study: Study, _settings: WorkerSettings) -> ScriptedTrainer:
        return ScriptedTrainer(before_epoch)

    trainer = ModuleType("hpsearch.worker.trainer")
    trainer.open_study_trainer = open_study_trainer  # type: ignore[attr-defined]
    sys.modules[trainer.__name__] = trainer
    sessions_work.illustrate = lambda training: []
    worker_command.choose_cache_folder = Path  # type: ignore[attr-defined]
    heartbeat = script.heartbeat_seconds or script.lease_seconds / 4

    def make_settings(**given: object) -> WorkerSettings:
        changed: dict[str, object] = {
            "lease_seconds": script.lease_seconds,
            "heartbeat_seconds": heartbeat,
            "checkpoint_seconds": script.checkpoint_seconds,
            "report_seconds": 0.0,
            "outage_seconds": script.outage_seconds,
        }
        if script.name:
            changed["worker"] = script.name
        return WorkerSettings(**given | changed)  # type: ignore[arg-type]

    sessions_work.WorkerSettings = functools.wraps(WorkerSettings)(make_settings)  # type: ignore[misc, assignment]


def _speak_into(log: Path) -> None:
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(file, 1)
    os.dup2(file, 2)
