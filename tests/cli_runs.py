"""Running the command line in a test: in this process or as one of its own, on a data set of a few kilobytes."""

import io
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pytest

from hpsearch.cli import main
from hpsearch.dataset import DatasetIdentity
from hpsearch.errors import HpsearchError
from hpsearch.storage.database import Database
from hpsearch.study.file import parse_study_spec
from hpsearch.tuning.records import StudyRecord, TrialRecord, read_study_record
from hpsearch.tuning.study import Study, load_study
from tests.scripted import TINY_DATASET

if TYPE_CHECKING:
    from tests.forked_workers import ForkedCommand

FINISH_SECONDS = 900


@dataclass
class Ended:
    """What a command left behind."""

    code: int
    out: str
    err: str


@dataclass
class CommandRoom:
    """An empty folder to type commands in, with a cache folder and no storage in the environment."""

    folder: Path
    capsys: pytest.CaptureFixture[str] | None = None
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def storage(self) -> str:
        """The database that a command makes by default, from anywhere."""
        return f"sqlite:///{self.folder / 'hpsearch.db'}"

    def take(self, prepared: Path) -> Self:
        """Copy what was prepared once in another folder, its cache as well."""
        shutil.copytree(prepared, self.folder, dirs_exist_ok=True)
        return self

    def type(self, *arguments: str) -> Ended:
        """Run a command in this process."""
        assert self.capsys is not None
        self.capsys.readouterr()
        code = main([*arguments])
        out, err = self.capsys.readouterr()
        return Ended(code, out, err)

    def start(self, *arguments: str, **keywords: Any) -> "subprocess.Popen[str]":
        """Start a command as a process of its own."""
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
        command = [sys.executable, "-m", "hpsearch", *arguments]
        environment = os.environ | self.environment
        return subprocess.Popen(command, cwd=self.folder, env=environment, text=True, **pipes | keywords)

    def fork(self, *arguments: str, terminal: int | None = None) -> "ForkedCommand":
        """Start a command as a process of its own that has imported everything, its workers as well.

        Its output goes to files, or with its input to the terminal that a descriptor is open on.
        """
        from tests.forked_workers import ForkedCommand

        return ForkedCommand(arguments, self.environment, self.folder, terminal)

    def run(self, *arguments: str) -> Ended:
        """Run a command as a process of its own."""
        with self.start(*arguments) as process:
            out, err = process.communicate(timeout=FINISH_SECONDS)
        return Ended(process.returncode, out, err)

    def read(self, name: str) -> StudyRecord:
        """A study as it stands in the room's database."""
        with Database.open(self.storage) as database:
            return read_study_record(load_study(database, name))

    def wait_for_a_running_trial(self, name: str, *, is_reported: bool = False) -> None:
        """Wait until a trial runs; of which epochs are stored, if asked.

        A worker stores epochs once a second, so that of short trials none is ever seen running with one.
        """
        until = time.monotonic() + FINISH_SECONDS
        while time.monotonic() < until:
            with suppress(HpsearchError):  # the study is still being made
                record = self.read(name)
                if any(trial.epochs or not is_reported for trial in record.running):
                    return
                assert not record.is_finished, "all trials have ended before one was seen to run: give them more epochs"
            time.sleep(0.2)
        pytest.fail("no trial began")

    def list_files(self) -> list[str]:
        """Everything in the folder."""
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*"))


def type_apart(folder: Path, *arguments: str) -> Ended:
    """Run a command in this process and in a folder, outside of any test: for fixtures that several tests share.

    Its workers are forked, and its cache is the folder's own.
    """
    from hpsearch.engines import local as supervisor
    from tests.forked_workers import start_forked

    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.chdir(folder)
        patch.setenv("HPSEARCH_CACHE", str(folder / "cache"))
        patch.delenv("HPSEARCH_STORAGE", raising=False)
        patch.setattr(supervisor, "start_process", start_forked)
        code = main([*arguments])
    return Ended(code, out.getvalue(), err.getvalue())


def make_room(folder: Path, environment: Mapping[str, str]) -> CommandRoom:
    """A room whose processes see this environment."""
    return CommandRoom(folder, environment=dict(environment))


def write_tiny_archive(path: Path, *, count: int = 400, side: int = 8) -> Path:
    """An .npz of images whose brightness tells which of 3 classes they are of."""
    generator = np.random.default_rng(0)
    labels = np.arange(count) % 3
    images = generator.integers(0, 80, (count, side, side)) + 80 * labels[:, None, None]
    np.savez(path, images=images.astype(np.uint8), labels=labels)
    return path


def make_trial(number: int, state: str = "COMPLETE", **fields: Any) -> TrialRecord:
    """A trial's record, without a database."""
    given: dict[str, Any] = {
        "trial_id": number + 1,
        "number": number,
        "state": state,
        "value": None,
        "weights": 1990,
        "macs": 1900,
        "network": "20-16 relu",
        "label": None,
        "parameters": {},
        "config_json": None,
        "accuracies": {},
        "epochs": len(fields.get("accuracies", ())),
        "curve": (),
        "seconds": None,
        "reason": None,
        "environment": {},
        "traceback": None,
        "started_at": None,
        "finished_at": None,
        "lease": None,
        "test_scores": (),
    }
    return TrialRecord(**given | fields)


def make_record(*trials: TrialRecord, dataset: DatasetIdentity = TINY_DATASET, **fields: Any) -> StudyRecord:
    """A study's record, without a database."""
    given = {"dataset": "tiny", "arch": "fcn", "budget": "2k", "trials": 4, "epochs": 10}
    name, spec = parse_study_spec(given | fields)
    study = Study(name, 1, spec, dataset, spec.space, database=None)  # type: ignore[arg-type]
    return StudyRecord(study, trials)
