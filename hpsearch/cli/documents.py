"""Studies and trials as JSON documents."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hpsearch.tuning.records import StudyRecord, TrialRecord


def describe_study(record: "StudyRecord") -> dict[str, Any]:
    """A study in a list of studies."""
    spec, best = record.study.spec, record.best
    return {
        "name": record.study.name,
        "dataset": spec.dataset,
        "arch": spec.arch,
        "budget": spec.budget,
        "trials": record.counts,
        "trials_wanted": record.trials_wanted,
        "is_finished": record.is_finished,
        "best_trial": best.number if best else None,
        "best_value": best.value if best else None,
        "test_openings": record.test_openings,
    }


def describe_study_whole(record: "StudyRecord") -> dict[str, Any]:
    """A study with all its trials."""
    study = record.study
    return {
        "name": study.name,
        "spec": study.spec.model_dump(mode="json"),
        "space": study.space.model_dump(mode="json"),
        "dataset": study.dataset.model_dump(mode="json"),
        "counts": record.counts,
        "is_finished": record.is_finished,
        "best_trial": record.best.number if record.best else None,
        "test_openings": record.test_openings,
        "trials": [describe_trial(trial) for trial in record.trials],
    }


def describe_trial(trial: "TrialRecord") -> dict[str, Any]:
    """A trial as it is stored."""
    return {
        "number": trial.number,
        "state": trial.state,
        "value": trial.value,
        "weights": trial.weights,
        "macs": trial.macs,
        "epochs": trial.epochs,
        "seconds": trial.seconds,
        "attempts": trial.attempts,
        "reason": trial.reason,
        "traceback": trial.traceback,
        "environment": dict(trial.environment),
        "test_accuracy": trial.test_accuracy,
        "network": trial.network,
        "started_at": trial.started_at.isoformat() if trial.started_at else None,
        "finished_at": trial.finished_at.isoformat() if trial.finished_at else None,
        "parameters": dict(trial.parameters),
        "config": dict(trial.config_json) if trial.config_json is not None else None,
        "curve": _describe_curve(trial),
    }


def describe_best(record: "StudyRecord") -> dict[str, Any]:
    """The best trial; every field of it is null while none is complete."""
    best = record.best
    return {
        "study": record.study.name,
        "trial": best.number if best else None,
        "weights": best.weights if best else None,
        "macs": best.macs if best else None,
        "validation_accuracy": best.value if best else None,
        "test_accuracy": best.test_accuracy if best else None,
        "test_openings": record.test_openings,
        "epochs": best.epochs if best else None,
        "seconds": best.seconds if best else None,
        "network": best.network if best else None,
        "config": dict(best.config_json) if best and best.config_json is not None else None,
    }


def _describe_curve(trial: "TrialRecord") -> list[dict[str, Any]]:
    """All figures of each epoch once the trial is finished, validation accuracies until then."""
    if trial.curve:
        return [dict(vars(point)) for point in trial.curve]
    return [{"epoch": epoch, "validation_accuracy": accuracy} for epoch, accuracy in trial.accuracies.items()]
