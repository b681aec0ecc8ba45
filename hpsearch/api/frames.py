"""Studies as pandas tables."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hpsearch.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from hpsearch.sessions.ladder import Rung
    from hpsearch.sessions.search_forecast import SearchForecast
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


def make_example_frame(made: "SearchForecast") -> "pd.DataFrame":
    """A row for the example of each depth."""
    _check_pandas()
    import pandas

    rows = []
    for example in made.examples:
        config = example.config
        footprint = config.count_footprint()
        rows.append(
            {
                made.depth_name: example.depth,
                "network": config.architecture.describe(),
                "weights": config.count_weights(),
                "macs": config.count_macs(),
                "ram_int8_bytes": footprint.ram_int8_bytes,
                "flash_int8_bytes": footprint.flash_int8_bytes,
                "epoch_seconds": example.epoch_seconds,
            }
        )
    return pandas.DataFrame(rows).set_index(made.depth_name)


def make_ladder_frame(rungs: "Sequence[Rung]") -> "pd.DataFrame":
    """A row a rung, by the name of its study."""
    _check_pandas()
    import pandas

    from hpsearch.sessions.ladder import is_unbeaten

    rows: list[dict[str, Any]] = [
        {"study": rung.record.study.name, "arch": rung.record.study.spec.arch}
        | dict(rung.record.study.spec.limits.named)
        | {
            "weights": best.weights if (best := rung.best) else None,
            "macs": best.macs if best else None,
            "validation_accuracy": best.value if best else None,
            "test_accuracy": best.test_accuracy if best else None,
            "is_on_frontier": is_unbeaten(rung, rungs),
            "is_finished": rung.record.is_finished,
            "seconds": rung.seconds,
            "network": best.network if best else None,
        }
        for rung in rungs
    ]
    return pandas.DataFrame(rows).set_index("study")


def _check_pandas() -> None:
    from importlib.util import find_spec

    if find_spec("pandas") is None:
        raise InputError("tables need pandas: pip install 'hpsearch[notebook]'")
