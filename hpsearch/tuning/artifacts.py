"""The files that were kept with a trial when it finished."""

from hpsearch.storage.artifacts import find_artifact_id, read_artifact
from hpsearch.tuning.records import TrialRecord
from hpsearch.tuning.study import Study

CONFUSION_PICTURE = "confusion-validation.png"
"""The confusion matrix on the validation split."""


def load_artifact(study: Study, trial: TrialRecord, filename: str) -> bytes | None:
    """The file of this name; None where there is none.

    Raises:
        StorageError: The database failed.
    """
    database = study.database
    with database.errors():
        attributes = database.optuna_storage.get_trial(trial.trial_id).system_attrs
    artifact_id = find_artifact_id(attributes, filename)
    if artifact_id is None:
        return None
    with database.transaction() as connection:
        return read_artifact(connection, artifact_id)
