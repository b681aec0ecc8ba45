"""A trial as experiment trackers want it: columns for their tables, series over the epochs with their times, facts."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import PurePath
from typing import Any, Literal, Protocol

import tomli_w

from hpsearch.study.search_space import Value
from hpsearch.study.trial_config import TrialConfig
from hpsearch.tuning.records import StudyRecord, TrialRecord
from hpsearch.tuning.study import Study
from hpsearch.tuning.suggest import fixed_parameters

Outcome = Literal["added", "updated", "unchanged"]

_KEY_CHARACTERS = 16


@dataclass(frozen=True)
class Point:
    """A figure after an epoch."""

    epoch: int
    """From 1: so many epochs were trained."""
    value: float
    seconds: float
    """When, since 1970; from one epoch to the next only training is counted, not an interruption."""


@dataclass(frozen=True)
class TrackedTrial:
    """What trackers are told of a trial."""

    number: int
    state: str
    columns: Mapping[str, Value]
    """What trials are compared by: how they ended, their size, their parameters as drawn or planned."""
    fixed: Mapping[str, Value]
    """The parameters that the space fixed."""
    series: Mapping[str, tuple[Point, ...]]
    """By name: the curve, and the test score where the test split was opened."""
    facts: Mapping[str, str]
    config: str
    """As TOML, which `hpsearch train` takes."""
    label: str | None
    """What it is a replicate of, in a study whose trials are planned."""
    started: float | None
    """Seconds since 1970, as `finished`."""
    finished: float | None

    @property
    def name(self) -> str:
        """Its name below that of the study."""
        return f"trial-{self.number}"

    @property
    def digest(self) -> str:
        """SHA-256 over all of it: what was told with the same one needs no update."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    def write_markdown(self) -> str:
        """Its facts, and its configuration."""
        rows = [f"| {name} | {' '.join(fact.split()).replace('|', '/')} |" for name, fact in self.facts.items()]
        return "\n".join(["| | |", "|---|---|", *rows, "", "```toml", self.config.rstrip(), "```", ""])


@dataclass(frozen=True)
class TrackedStudy:
    """What trackers are told of a study."""

    name: str
    key: str
    """Tells it from other studies of its name."""
    objective: str
    """The series whose last point is the objective."""
    trials: tuple[TrackedTrial, ...]
    """Those that have something to show: a trial that nobody drew yet has not."""

    @property
    def columns(self) -> dict[str, list[Value]]:
        """What stands in each column, in the order in which the columns come up."""
        names = dict.fromkeys(name for trial in self.trials for name in trial.columns)
        return {name: [trial.columns[name] for trial in self.trials if name in trial.columns] for name in names}


class Tracker(Protocol):
    """Where trials are tracked."""

    def check(self, trials: Sequence[TrackedTrial]) -> None:
        """Find out before anything is written whether these trials can be.

        Raises:
            HpsearchError: They cannot.
        """
        ...

    def track(self, trial: TrackedTrial) -> Outcome:
        """Add a trial, bring the one that is there up to date, or leave it.

        Raises:
            HpsearchError: It cannot be written.
        """
        ...


def describe_study(record: StudyRecord) -> TrackedStudy:
    """A study for trackers.

    Raises:
        StorageError: A configuration cannot be read.
    """
    study, spec = record.study, record.study.spec
    # Not of the whole spec: it changes where a later version adds a field.
    identity = [study.name, study.dataset.sha256, spec.arch, spec.budget, spec.epochs, spec.seed, spec.sampler]
    drawn = [(trial, trial.config) for trial in record.trials]
    return TrackedStudy(
        name=study.name,
        key=hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:_KEY_CHARACTERS],
        objective="validation_accuracy" if study.is_validated else "train_loss",
        trials=tuple(_describe_trial(study, trial, config) for trial, config in drawn if config is not None),
    )


def _describe_trial(study: Study, trial: TrialRecord, config: TrialConfig) -> TrackedTrial:
    columns: dict[str, Any] = {"state": trial.state, "weights": config.count_weights(), "macs": config.count_macs()}
    planned = study.plan.trials[trial.number] if study.plan is not None else None
    if planned is not None:
        columns |= {"label": planned.label, "replicate": planned.replicate, **config.recipe.model_dump(mode="json")}
    dataset = config.dataset
    facts: dict[str, Any] = {
        "study": study.name,
        "trial": trial.number,
        "state": trial.state,
        "label": planned and planned.label,
        "replicate": planned and planned.replicate,
        "network": config.architecture.describe(),
        "recipe": config.recipe.describe(),
        "weights": columns["weights"],
        "macs": columns["macs"],
        "epochs": trial.epochs,
        "seed": config.seed,
        # Somebody's own folder by its last part only: the rest tells of their machine.
        "dataset": PurePath(dataset.name).name,
        "dataset_sha256": dataset.sha256,
        "reason": trial.reason,
    }
    return TrackedTrial(
        number=trial.number,
        state=trial.state,
        columns=columns | dict(trial.parameters),
        fixed={} if planned else fixed_parameters(study.space),
        series=_list_series(trial),
        facts={name: str(fact) for name, fact in facts.items() if fact is not None},
        config=tomli_w.dumps(config.model_dump(mode="json", exclude_none=True)),
        label=None if planned is None else planned.label,
        started=_count_seconds(trial.started_at),
        finished=_count_seconds(trial.finished_at) if trial.is_finished else None,
    )


def _list_series(trial: TrialRecord) -> dict[str, tuple[Point, ...]]:
    started = seconds = _count_seconds(trial.started_at) or 0.0
    series: dict[str, list[Point]] = {}
    for result in trial.curve:
        seconds += result.seconds
        for name in ("train_loss", "validation_loss", "validation_accuracy", "lr"):
            value = getattr(result, name)
            if value is not None:
                series.setdefault(name, []).append(Point(result.epoch + 1, value, seconds))
    if not trial.curve and trial.accuracies:  # so far nothing else is known of it, nor when
        points = [Point(epoch + 1, accuracy, started) for epoch, accuracy in trial.accuracies.items()]
        series["validation_accuracy"] = points
    if trial.test_scores:
        score = trial.test_scores[0]
        opened = _count_seconds(score.opened_at) or 0.0
        series["test_accuracy"] = [Point(trial.epochs, score.accuracy, opened)]
        series["test_loss"] = [Point(trial.epochs, score.loss, opened)]
    return {name: tuple(points) for name, points in series.items()}


def _count_seconds(moment: datetime | None) -> float | None:
    """Since 1970. Optuna gives local time without its zone, which is what a moment without one is taken for."""
    return None if moment is None else moment.timestamp()
