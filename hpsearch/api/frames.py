"""Studies as pandas tables."""

from typing import TYPE_CHECKING

from hpsearch.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from hpsearch.tuning.records import StudyRecord


def make_trial_frame(record: "StudyRecord") -> "pd.DataFrame":
    """A row a trial, by number; the parameters as columns `params_NAME`, as Optuna has them."""
    _check_pandas()
    import pandas

    names = sorted({name for trial in record.trials for name in trial.parameters})
    rows = [
        {
            "number": trial.number,
            "state": trial.state,
            "validation_accuracy": trial.value if record.study.is_validated else None,
            "int8_validation_accuracy": trial.int8_accuracy,
            "test_accuracy": trial.test_accuracy,
            "weights": trial.weights,
            "macs": trial.macs,
            "epochs": trial.epochs,
            "seconds": trial.seconds,
            "network": trial.network,
            "label": trial.label,
            "round": record.find_round(trial),
            "promoted_from": trial.promoted_from,
            "given_by": trial.given_by,
            "reason": trial.reason,
        }
        | {f"params_{name}": trial.parameters.get(name) for name in names}
        for trial in record.trials
    ]
    frame = pandas.DataFrame(rows)
    for column in ("weights", "macs", "round", "promoted_from"):
        if column in frame:
            frame[column] = frame[column].astype("Int64")
    return frame.set_index("number") if rows else frame


def make_curve_frame(record: "StudyRecord") -> "pd.DataFrame":
    """A row an epoch of every trial; epochs count from 0."""
    _check_pandas()
    import pandas

    rows = []
    for trial in record.trials:
        if trial.curve:
            rows += [{"trial": trial.number} | vars(point) for point in trial.curve]
        else:
            rows += [
                {"trial": trial.number, "epoch": epoch, "validation_accuracy": accuracy}
                for epoch, accuracy in trial.accuracies.items()
            ]
    columns = ("trial", "epoch", "train_loss", "validation_loss", "validation_accuracy", "lr", "seconds")
    return pandas.DataFrame(rows, columns=list(columns))


def _check_pandas() -> None:
    from importlib.util import find_spec

    if find_spec("pandas") is None:
        raise InputError("tables need pandas: pip install 'hpsearch[notebook]'")
