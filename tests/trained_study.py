"""A study whose trials were really trained, in milliseconds, on an archive of a few kilobytes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hpsearch.export.bundle import ExportOrder, export_trials
from hpsearch.storage.database import Database
from hpsearch.study.file import parse_study_spec
from hpsearch.training.data import describe_dataset, load_search_splits
from hpsearch.training.loop import TrainingSession
from hpsearch.tuning.claims import ClaimedTrial, NoTrial, TrialQueue
from hpsearch.tuning.creation import create_or_join_study
from hpsearch.tuning.records import StudyRecord, read_study_record
from hpsearch.tuning.study import load_study
from tests.cli_runs import write_tiny_archive
from tests.tiny_training import CPU

STUDY = "study"


BUNDLE_FILES = frozenset(
    {
        "README.md",
        "config.json",
        "config.toml",
        "confusion.png",
        "curve.png",
        "manifest.json",
        "model.safetensors",
        "trained-on.bin",
    }
)
"""What every bundle has."""


@dataclass(frozen=True)
class TrainedStudy:
    """Where it lies."""

    folder: Path

    @property
    def storage_url(self) -> str:
        """A SQLite file."""
        return f"sqlite:///{self.folder / 'hpsearch.db'}"

    @property
    def archive(self) -> Path:
        """The data set."""
        return self.folder / "tiny.npz"

    @property
    def cache_folder(self) -> Path:
        """With nothing in it."""
        return self.folder / "cache"

    @contextmanager
    def open(self) -> Iterator[StudyRecord]:
        """The study as it stands in its database."""
        with Database.open(self.storage_url) as database:
            yield read_study_record(load_study(database, STUDY))

    def order(self, **fields: Any) -> ExportOrder:
        """An export whose pictures are a few bytes; weights as safetensors alone, where nothing else is said."""
        given: dict[str, Any] = {
            "cache_folder": self.cache_folder,
            "draw_curve": lambda curve, title: f"curve of {len(curve)} epochs: {title}".encode(),
            "draw_confusion": lambda counts, names, title: f"{counts} {names} {title}".encode(),
            "format": "safetensors",
        }
        return ExportOrder(**given | fields)

    def export(self, folder: Path, number: int = 0, **fields: Any) -> Path:
        """Export one trial."""
        with self.open() as record:
            (path,) = export_trials(record.study, [record.trial(number)], folder, self.order(**fields))
        return path


def train_study(folder: Path, *, trials: int = 1, false_accuracy: float | None = None, **fields: Any) -> TrainedStudy:
    """Train a study's trials in a folder; `false_accuracy` is recorded in place of what each last epoch gave."""
    trained = TrainedStudy(folder)
    folder.mkdir(parents=True, exist_ok=True)
    archive = str(write_tiny_archive(trained.archive))
    given = {"name": STUDY, "dataset": archive, "arch": "fcn", "budget": "2k", "trials": trials, "epochs": 2}
    name, spec = parse_study_spec(given | {"pruner": "none", "sampler": "random"} | fields)
    splits = load_search_splits(archive, trained.cache_folder)
    with Database.open(trained.storage_url, create=True) as database:
        study = create_or_join_study(database, name, spec, describe_dataset(archive, trained.cache_folder))
        queue = TrialQueue(study, "worker", "cpu")
        while not isinstance(trial := queue.claim(), NoTrial):
            assert isinstance(trial, ClaimedTrial)
            session = TrainingSession(trial.config, splits, CPU)
            for result in session.epochs():
                accuracy = result.validation_accuracy if false_accuracy is None else false_accuracy
                trial.report(replace(result, validation_accuracy=accuracy))
            trial.complete(session.weights(), confusion=session.confusion())
    return trained
