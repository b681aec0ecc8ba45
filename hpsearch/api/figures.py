"""The figures of a study, as Matplotlib has them."""

from typing import TYPE_CHECKING, Literal, get_args

from hpsearch.errors import InputError

if TYPE_CHECKING:
    from hpsearch.reporting.canvas import Figure
    from hpsearch.tuning.records import StudyRecord, TrialRecord

FigureKind = Literal["history", "curves", "parameters", "importance", "confusion"]

_BEST_CURVES = 5
_MOST_AXES = 8
_MOST_LINES = 100


def make_figure(record: "StudyRecord", kind: FigureKind, trial: "TrialRecord | None") -> "Figure":
    """Draw one of a study's figures.

    Raises:
        InputError: There is no such figure, or nothing to draw yet.
    """
    match kind:
        case "history":
            return _draw_history(record)
        case "curves":
            return _draw_curves(record, trial)
        case "parameters":
            return _draw_parameters(record)
        case "importance":
            from hpsearch.reporting.space_figures import draw_importance

            return draw_importance.make(_measure_importance(record))
        case "confusion":
            return _draw_confusion(record, trial)
    raise InputError(f"figure {kind!r} is not known: give {', '.join(get_args(FigureKind))}")


def _draw_history(record: "StudyRecord") -> "Figure":
    from hpsearch.reporting.trial_figures import draw_course

    if not any(trial.value is not None for trial in record.trials):
        raise InputError(f"no trial of {record.study.name!r} is finished: there is no history to draw yet")
    starts, first = [], 0
    for round_ in record.rounds:
        starts.append(first)
        first += round_.part.trials
    return draw_course.make(record.trials, starts)


def _draw_curves(record: "StudyRecord", trial: "TrialRecord | None") -> "Figure":
    from hpsearch.reporting.figures import draw_learning_curve
    from hpsearch.reporting.trial_figures import draw_best_curves

    if trial is not None:
        if not trial.curve:
            raise InputError(f"trial {trial.number} is {trial.state}: it has no curve yet")
        title = f"trial {trial.number}: {trial.network or ''}"
        return draw_learning_curve.make(trial.curve, title)
    best = [trial for trial in record.distinct_ranking[:_BEST_CURVES] if trial.curve]
    if not best:
        raise InputError(f"no trial of {record.study.name!r} is complete: there are no curves to draw yet")
    return draw_best_curves.make(best)


def _draw_parameters(record: "StudyRecord") -> "Figure":
    from hpsearch.reporting.space_figures import draw_parallel_coordinates

    names = list(_measure_importance(record))[:_MOST_AXES]
    return draw_parallel_coordinates.make(record.ranking[:_MOST_LINES], record.study.space, names)


def _measure_importance(record: "StudyRecord") -> dict[str, float]:
    from hpsearch.tuning.importance import FEWEST_TRIALS, measure_importance

    shares = measure_importance(record)
    if not shares:
        raise InputError(
            f"what mattered is not known: it takes {FEWEST_TRIALS} complete trials that differ in accuracy, and "
            f"{record.study.name!r} has {len(record.ranking)} complete"
        )
    return shares


def _draw_confusion(record: "StudyRecord", trial: "TrialRecord | None") -> "Figure":
    from hpsearch.reporting.figures import draw_confusion_matrix
    from hpsearch.sessions.best import require_best
    from hpsearch.tuning.records import load_confusion

    chosen = trial or require_best(record)
    counts = load_confusion(record.study, chosen)
    if counts is None:
        raise InputError(f"trial {chosen.number} is {chosen.state}: it has no confusion matrix")
    title = f"trial {chosen.number}: {chosen.network or ''}"
    return draw_confusion_matrix.make(counts, record.study.dataset.class_names, title)
