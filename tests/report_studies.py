"""Studies for reports: a search, its finalists and a planned study, and how a page of them is read."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from hpsearch.epoch_result import EpochResult
from hpsearch.network.architecture import FcnArchitecture
from hpsearch.reporting.report import build_report
from hpsearch.reporting.subject import Subject
from hpsearch.reporting.validation import judge
from hpsearch.storage.stored_rows import TestScore
from hpsearch.study.origin import Origin, PrintedFigures, Source
from hpsearch.study.recipe import Recipe
from hpsearch.study.search_space import Choices, IntRange
from hpsearch.study.trial_config import TrainsOn, TrialConfig
from hpsearch.study.trial_plan import TrialPlan, plan_replicates
from hpsearch.tuning.records import StudyRecord, TrialRecord
from hpsearch.tuning.suggest import searched_distributions
from tests.cli_runs import make_record, make_trial
from tests.report_pages import ReadPage, read_quickly
from tests.scripted import TINY_DATASET

HOSTILE = "<script>alert('x')</script> & \"q\" ```c``` |*_[a](http://evil.example/)"
"""Words that a page must show and not obey."""
SPACE = make_record().study.space


def make_config(width: int = 12, **recipe: Any) -> TrialConfig:
    architecture = FcnArchitecture(widths=(width,), batch_norm=False)
    return TrialConfig(
        architecture=architecture, recipe=Recipe(**({"epochs": 3} | recipe)), dataset=TINY_DATASET, seed=1
    )


def make_done(number: int, value: float, state: str = "COMPLETE", **fields: Any) -> TrialRecord:
    """A finished trial with a curve that ends at this accuracy."""
    config = fields.pop("config", None) or make_config(8 + number, lr=0.001 * (number + 1))
    accuracies = {epoch: value - 0.1 + 0.05 * epoch for epoch in range(3)}
    curve = tuple(EpochResult(epoch, 1.0, 0.9, accuracy, 0.5, 0.1) for epoch, accuracy in accuracies.items())
    given: dict[str, Any] = {
        "value": value,
        "accuracies": accuracies,
        "curve": curve,
        "seconds": 1.5,
        "parameters": {name: _choose(SPACE.distributions[name], number) for name in searched_distributions(SPACE)},
        "config_json": config.model_dump(mode="json"),
        "environment": {"torch": "2.10.0", "hardware": "a machine"},
    }
    return make_trial(number, state, **given | fields)


def _choose(distribution: Any, number: int) -> Any:
    match distribution:
        case Choices(values=values):
            return values[number % len(values)]
        case IntRange(low=low, high=high):
            return low + number % (high - low + 1)
    return distribution.low + 0.01 * number * (distribution.high - distribution.low)


def score(trial: TrialRecord, accuracy: float) -> TrialRecord:
    return replace(trial, test_scores=(TestScore(trial.trial_id, datetime(2026, 1, 1, tzinfo=UTC), accuracy, 1.0, 20),))


SEARCH = make_record(
    score(make_done(0, 0.8), 0.75),
    make_done(1, 0.9),
    make_done(2, 0.7),
    make_done(3, 0.6),
    make_done(4, 0.5, "PRUNED"),
    make_trial(5, "FAIL", reason=HOSTILE),
    make_trial(6, "RUNNING"),
    trials=8,
    epochs=3,
)


def plan_record(name: str, plan: TrialPlan, *trials: TrialRecord) -> StudyRecord:
    record = make_record(*trials, trials=len(plan.trials), name=name)
    return replace(record, study=replace(record.study, name=name, plan=plan))


def make_finalists(search: StudyRecord, *, on: TrainsOn = "train") -> StudyRecord:
    configs = {f"trial {number}": search.trial(number).config for number in (1, 0)}
    plan = plan_replicates({k: v for k, v in configs.items() if v}, 2, trains_on=on, search=search.study.name)
    values = (0.86, 0.82, 0.88, 0.80)
    trials = [
        score(make_done(number, value, label=planned.label, config=planned.config), value - 0.02)
        for number, (planned, value) in enumerate(zip(plan.trials, values, strict=True))
    ]
    if on != "train":
        trials = [replace(trial, value=None, accuracies={}) for trial in trials]
    return plan_record(f"{search.study.name}-finalists", plan, *trials)


ORIGIN = Origin(
    title="Which of the two?",
    source=Source(report="004.txt", place="table 1"),
    printed={
        "small": PrintedFigures(
            weights=900,
            validation_percent=80.0,
            test_percent=78.5,
            test_spread_percent=2.1,
            confusion=((8, 2, 0), (1, 9, 0), (0, 0, 10)),
            note="printed so",
        ),
        "large": PrintedFigures(test_percent=90.0, training_seconds=62, highest_validation_percent=91.0),
    },
)


def make_planned(origin: Origin = ORIGIN, *, trials_on: TrainsOn = "train") -> StudyRecord:
    plan = plan_replicates({"small": make_config(12), "large": make_config(24)}, 2, origin=origin, trains_on=trials_on)
    trials = [
        score(make_done(0, 0.80, label="small"), 0.79),
        score(make_done(1, 0.90, label="large"), 0.89),
        score(make_done(2, 0.84, label="small"), 0.81),
        make_trial(3, "FAIL", label="large", reason="diverged"),
    ]
    if trials_on != "train":
        trials = [replace(trial, value=None, accuracies={}) for trial in trials]
    return plan_record("planned", plan, *trials)


def look(trial: TrialRecord) -> Any:
    """An outcome on six images of which two are taken for another class."""
    labels = np.array([0, 0, 1, 1, 2, 2])
    logits = np.eye(3)[[0, 1, 1, 1, 2, 0]] * np.array([1, 2, 3, 1, 1, 5])[:, None]
    return judge(trial, logits, np.zeros((6, 1, 8, 8), np.uint8), labels)


def read(*subjects: Subject) -> ReadPage:
    return read_quickly(build_report(subjects))


def assert_sound(page: ReadPage) -> None:
    """Nothing is fetched, nothing runs, every picture has words, every link leads somewhere."""
    assert "default-src 'none'; img-src data:" in page.source
    assert page.tags.isdisjoint({"script", "iframe", "object", "embed", "link", "base", "form", "svg"})
    assert all(reference.startswith("data:image/png;base64,") for reference in page.references)
    assert all(image["alt"] and image["width"] and image["height"] for image in page.images)
    assert all(link.removeprefix("#") in page.ids for link in page.links)
    assert len(set(page.ids)) == len(page.ids)
    assert not re.search(r"@import|url\(|\son[a-z]+=", page.source.partition("<body>")[0])
    assert all(table.caption and all(table.headings) for table in page.tables)
    assert all(len(row) == len(table.headings) for table in page.tables for row in table.rows)
