"""What a run of MLflow lacks, compared with the trial that it stands for: a pure decision."""

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from hpsearch.tracking.tracked_trial import Point, TrackedTrial

PREFIX = "hpsearch."
KEY, TRIAL, DIGEST = f"{PREFIX}key", f"{PREFIX}trial", f"{PREFIX}digest"

_LARGEST = sys.float_info.max
"""What MLflow's databases keep in place of infinity."""


@dataclass(frozen=True)
class KnownRun:
    """A run as MLflow has it."""

    run_id: str
    parameters: Mapping[str, str]
    series: Mapping[str, Mapping[int, float]]
    """By name, the values by step."""


@dataclass(frozen=True)
class Missing:
    """What a run lacks."""

    parameters: Mapping[str, str]
    series: Mapping[str, tuple[Point, ...]]


def list_parameters(trial: TrackedTrial) -> dict[str, str]:
    """A trial's parameters as MLflow takes them; how it ended is none, for it changes."""
    values = {**trial.fixed, **trial.columns}
    return {name: str(value) for name, value in values.items() if name != "state"}


def find_missing(run: KnownRun, trial: TrackedTrial) -> Missing | None:
    """What the run lacks to be the trial; None where it says something else, which cannot be changed."""
    wanted = list_parameters(trial)
    if any(wanted.get(name) != value for name, value in run.parameters.items()):
        return None
    missing: dict[str, tuple[Point, ...]] = {}
    for name, points in trial.series.items():
        known = run.series.get(name, {})
        if not known.keys() <= {point.epoch for point in points}:
            return None
        if any(point.epoch in known and not _is_same(known[point.epoch], point.value) for point in points):
            return None
        missing[name] = tuple(point for point in points if point.epoch not in known)
    if not run.series.keys() <= trial.series.keys():
        return None
    parameters = {name: value for name, value in wanted.items() if name not in run.parameters}
    return Missing(parameters, {name: points for name, points in missing.items() if points})


def _is_same(kept: float, value: float) -> bool:
    if math.isnan(value):
        return math.isnan(kept)
    return math.isclose(kept, max(-_LARGEST, min(_LARGEST, value)), rel_tol=1e-9, abs_tol=1e-300)
