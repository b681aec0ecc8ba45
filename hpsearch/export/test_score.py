"""Opening the test split: for one trial at a time, after it was selected on validation, and never unrecorded."""

from collections.abc import Sequence
from pathlib import Path

from hpsearch.errors import DataError
from hpsearch.storage.stored_rows import TestScore
from hpsearch.training.data.test_split import open_test_split
from hpsearch.training.device import choose_device
from hpsearch.training.evaluation import evaluate
from hpsearch.training.rebuild import rebuild_network
from hpsearch.tuning.records import TrialRecord, load_trial_weights, read_study_record, store_test_score
from hpsearch.tuning.study import Study


def score_on_test(
    study: Study, trials: Sequence[TrialRecord], *, device: str, cache_folder: Path, dataset: str | None = None
) -> list[TestScore]:
    """The test scores of trials in one opening of the split: recorded ones as they are, new ones recorded before seen.

    `dataset` says where the images are, if not where the study says.

    Raises:
        InputError: A trial is not complete.
        DataError: The data set is missing, or another one than the study was made with.
        StorageError: The weights are missing or damaged.
    """
    with study.database.lock_scoring(study.study_id):  # another run may be about to open it, too
        record = read_study_record(study)
        unscored = [trial for trial in trials if not record.trial(trial.number).test_scores]
        if unscored:
            _score(study, unscored, dataset or study.spec.dataset, device=device, cache_folder=cache_folder)
            record = read_study_record(study)
    return [record.trial(trial.number).test_scores[0] for trial in trials]


def _score(study: Study, trials: Sequence[TrialRecord], dataset: str, *, device: str, cache_folder: Path) -> None:
    chosen = choose_device(device)
    identity = study.dataset
    split = open_test_split(dataset, cache_folder, rules=identity.rules, preparation=identity.preparation)
    if split.identity.sha256 != study.dataset.sha256:
        raise DataError(f"data set {dataset!r} holds other images than study {study.name!r} was made with")
    for trial in trials:
        config = trial.config
        if config is None:
            raise DataError(f"trial {trial.number} of {study.name!r} has no configuration")
        network = rebuild_network(config, load_trial_weights(study, trial), chosen)
        result = evaluate(network, split.test_images.images, split.test_images.labels, chosen)
        store_test_score(study, trial, accuracy=result.accuracy, loss=result.loss, images=len(split.test_images))
