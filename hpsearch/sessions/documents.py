"""Studies and trials as JSON documents."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hpsearch.tuning.finalists import Comparison, Final, Finalist, Spread
    from hpsearch.tuning.records import StudyRecord, TrialRecord
    from hpsearch.tuning.summaries import StudySummary


_OF_A_TRIAL = (
    *(
        "number",
        "state",
        "validation_accuracy",
        "int8_validation_accuracy",
        "test_accuracy",
        "reason",
        "weights",
        "macs",
    ),
    *("footprint", "epochs", "seconds", "attempts", "traceback", "environment", "network", "label", "started_at"),
    *("finished_at", "given_by", "round", "promoted_from", "replicate_of", "parameters", "config", "curve"),
)
"""What a trial's document has, so that a study without one has the same."""


def describe_standing(record: "StudyRecord | StudySummary") -> dict[str, Any]:
    """How far a study is, and its best: what every document of a study begins with."""
    best = record.best
    return {
        "study": record.study.name,
        "counts": dict(record.counts),
        "trials_wanted": record.trials_wanted,
        "is_finished": record.is_finished,
        "best_trial": best.number if best else None,
        "best_validation_accuracy": best.value if best else None,
    }


def describe_study(record: "StudyRecord | StudySummary") -> dict[str, Any]:
    """A study in a list of studies."""
    spec = record.study.spec
    return describe_standing(record) | {
        "dataset": spec.dataset,
        "arch": spec.arch,
        "budget": spec.budget,
        "limits": spec.limits.named,
        "target": spec.target,
        "int8": bool(spec.int8),
        "test_openings": record.test_openings,
    }


def describe_study_whole(record: "StudyRecord") -> dict[str, Any]:
    """A study with all its trials."""
    study = record.study
    return describe_standing(record) | {
        "spec": study.spec.model_dump(mode="json"),
        "space": study.space.model_dump(mode="json"),
        "dataset": study.dataset.model_dump(mode="json"),
        "origin": study.plan.origin.model_dump(mode="json") if study.plan and study.plan.origin else None,
        "from": study.warm_start.model_dump(mode="json") if study.warm_start else None,
        "teacher": _describe_teacher(record),
        "test_openings": record.test_openings,
        "trials": [describe_trial(record, trial) for trial in record.trials],
    }


def describe_result(trial: "TrialRecord") -> dict[str, Any]:
    """What came of a trial: what every document of one begins with."""
    return {
        "number": trial.number,
        "state": trial.state,
        "validation_accuracy": trial.value,
        "int8_validation_accuracy": trial.int8_accuracy,
        "test_accuracy": trial.test_accuracy,
        "reason": trial.reason,
    }


def describe_trial(record: "StudyRecord", trial: "TrialRecord") -> dict[str, Any]:
    """A trial as it is stored."""
    return describe_result(trial) | {
        "weights": trial.weights,
        "macs": trial.macs,
        "footprint": asdict(trial.footprint) if trial.footprint is not None else None,
        "epochs": trial.epochs,
        "seconds": trial.seconds,
        "attempts": trial.attempts,
        "traceback": trial.traceback,
        "environment": dict(trial.environment),
        "network": trial.network,
        "label": trial.label,
        "started_at": trial.started_at.isoformat() if trial.started_at else None,
        "finished_at": trial.finished_at.isoformat() if trial.finished_at else None,
        "given_by": trial.given_by,
        "round": record.find_round(trial),
        "promoted_from": trial.promoted_from,
        "replicate_of": record.replicates.get(trial.number),
        "parameters": dict(trial.parameters),
        "config": dict(trial.config_json) if trial.config_json is not None else None,
        "curve": _describe_curve(trial),
    }


def describe_best(record: "StudyRecord", best: "TrialRecord | None" = None) -> dict[str, Any]:
    """The best trial, where no other is given, and what its figures are worth; each None while there is none."""
    best = best or record.best
    trial = dict.fromkeys(_OF_A_TRIAL) if best is None else describe_trial(record, best)
    return trial | {
        "study": record.study.name,
        "validation_measure": describe_validation_measure(record, best),
        "test_openings": record.test_openings,
        "teacher": _describe_teacher(record),
    }


def describe_validation_measure(record: "StudyRecord", best: "TrialRecord | None") -> dict[str, Any] | None:
    """What the validation accuracy is worth, in the words of `evaluate`; None where that is not stored."""
    from hpsearch.reporting.measured import count_validation

    counted = None if best is None else count_validation(record, best)
    if counted is None:
        return None
    return {
        "images": counted.images,
        "standard_error": counted.standard_error,
        "largest_class_share": counted.largest_share,
        "balanced_accuracy": counted.balanced_accuracy,
    }


def _describe_teacher(record: "StudyRecord") -> dict[str, Any] | None:
    """Whom the trials learn from; None for the labels alone."""
    teacher = record.study.teacher
    if teacher is None:
        return None
    return teacher.identity.model_dump(mode="json") | {
        "arch": teacher.config.architecture.arch,
        "network": teacher.config.architecture.describe(),
        "weights": teacher.config.count_weights(),
        "validation_accuracy": teacher.validation_accuracy,
    }


def _describe_curve(trial: "TrialRecord") -> list[dict[str, Any]]:
    """All figures of each epoch once the trial is finished, validation accuracies until then."""
    if trial.curve:
        return [dict(vars(point)) for point in trial.curve]
    return [{"epoch": epoch, "validation_accuracy": accuracy} for epoch, accuracy in trial.accuracies.items()]


def describe_final(searched: "StudyRecord", final: "StudyRecord", summary: "Final") -> dict[str, Any]:
    """What `hpsearch finalists` says."""
    return {
        "study": searched.study.name,
        "finalists_study": final.study.name,
        "trains_on": final.study.trains_on,
        "is_finished": final.is_finished,
        "finalists": [_describe_finalist(finalist) for finalist in summary.finalists],
        "comparison": _describe_comparison(summary.comparison),
    }


def _describe_finalist(finalist: "Finalist") -> dict[str, Any]:
    return {
        "trial": finalist.trial.number,
        "network": finalist.trial.network,
        "weights": finalist.trial.weights,
        "macs": finalist.trial.macs,
        "search_validation_accuracy": finalist.trial.value,
        "replicates": [describe_result(trial) for trial in finalist.replicates],
        "failed": finalist.failed,
        "validation": describe_spread(finalist.validation),
        "optimism": finalist.optimism,
        "int8": describe_spread(finalist.int8),
        "test": describe_spread(finalist.test),
        "config": dict(finalist.trial.config_json or {}),
    }


def describe_spread(spread: "Spread | None") -> dict[str, Any] | None:
    """As JSON."""
    return None if spread is None else spread.describe()


def _describe_comparison(comparison: "Comparison | None") -> dict[str, Any] | None:
    from hpsearch.tuning.finalists import PAIRED_TEST

    if comparison is None:
        return None
    return {
        "test": PAIRED_TEST,
        "split": comparison.split,
        "pairs": comparison.pairs,
        "mean_difference": comparison.mean_difference,
        "p_value": comparison.p_value,
        "is_distinguishable": comparison.is_distinguishable,
    }
