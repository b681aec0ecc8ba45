"""Which network teaches a study, and whether it may.

A teacher has to know the same images, and none of those that its students are validated on: what it learned of them, it
would pass on, and the students' validation accuracies would promise too much.
"""

import hashlib

from hpsearch.dataset import DatasetIdentity
from hpsearch.epoch_result import EpochResult
from hpsearch.errors import InputError, StorageError
from hpsearch.storage import blobs, optuna_rows, stored_blobs
from hpsearch.storage.database import Database
from hpsearch.study.spec import StudySpec
from hpsearch.study.teacher import Teacher
from hpsearch.study.trial_config import TrialConfig
from hpsearch.tuning.records import StudyRecord, TrialRecord, load_trial_weights, read_study_record
from hpsearch.tuning.study import Study, load_study, load_study_teacher
from hpsearch.tuning.study_teacher import GivenTeacher, StudyTeacher


def check_teacher(database: Database, spec: StudySpec, dataset: DatasetIdentity) -> tuple[StudyRecord, TrialRecord]:
    """The study that a spec names as its teacher, and its best trial, if that may teach.

    Raises:
        UnknownStudyError: There is no such study.
        InputError: It has nothing that may teach this one; the message says what to type instead.
    """
    assert spec.teacher is not None
    record = read_study_record(load_study(database, spec.teacher))
    name = record.study.name
    if not record.study.is_validated:
        raise InputError(
            f"study {name!r} trains on {record.study.trains_on}, so that it knows the images that its students would "
            "be validated on: give a --teacher that holds them out"
        )
    _check_images(name, record.study.dataset, dataset)
    best, config = record.best, record.best.config if record.best else None
    if best is None or config is None:
        raise InputError(
            f"study {name!r} has no complete trial to learn from: hpsearch show {name} says more; "
            "give another --teacher"
        )
    _check_split(name, config, spec.validation_fraction, spec.seed)
    return record, best


def choose_teacher(database: Database, spec: StudySpec, dataset: DatasetIdentity) -> GivenTeacher:
    """The best network of the study that a spec names as its teacher.

    Raises:
        UnknownStudyError: There is no such study.
        InputError: It has nothing that may teach this one.
        StorageError: The weights of its best trial are missing or damaged.
    """
    record, best = check_teacher(database, spec, dataset)
    weights = load_trial_weights(record.study, best)
    digest = hashlib.sha256(weights).hexdigest()
    identity = Teacher(study=record.study.name, trial=best.number, weights_sha256=digest)
    assert best.config is not None
    return GivenTeacher(
        StudyTeacher(identity=identity, config=best.config, validation_accuracy=best.value),
        weights,
    )


def find_teacher_of(database: Database, config: TrialConfig) -> GivenTeacher:
    """The teacher that a configuration names, by the hash of its weights, wherever the database has them.

    Raises:
        InputError: It has them nowhere, or the teacher may not teach this configuration.
        StorageError: The database failed.
    """
    assert config.teacher is not None
    given = _find_weights(database, config.teacher)
    if given is None:
        raise InputError(describe_missing_teacher(config.teacher, database.shown))
    name, taught = config.teacher.study, given.teacher.config
    _check_images(name, taught.dataset, config.dataset)
    if config.is_validated:
        _check_split(name, taught, config.validation_fraction, config.split_seed)
    return given


def describe_missing_teacher(teacher: Teacher, place: str) -> str:
    """The sentence for a configuration whose teacher is not in a storage."""
    return (
        f"the configuration learns from {teacher.describe()}, whose weights are not in storage {place!r}: "
        "name the --storage that has them, or take the teacher out of the configuration"
    )


def load_teacher_weights(study: Study) -> bytes:
    """The weights of a study's teacher, as safetensors.

    Raises:
        StorageError: They are missing, damaged or others than the study was made with.
    """
    assert study.teacher is not None
    with study.database.transaction() as connection:
        content = blobs.read_study_blob(connection, study.study_id, stored_blobs.TEACHER)
    if content is None or hashlib.sha256(content).hexdigest() != study.teacher.identity.weights_sha256:
        raise StorageError(
            f"the weights of the teacher of {study.name!r} are missing from the database: restore it from a copy"
        )
    return content


def _check_images(name: str, known: DatasetIdentity, dataset: DatasetIdentity) -> None:
    same = (known.sha256, known.input_shape, known.class_names) == (
        dataset.sha256,
        dataset.input_shape,
        dataset.class_names,
    )
    if not same:
        raise InputError(
            f"study {name!r} was trained on other data ({_describe_images(known)}; here {_describe_images(dataset)}): "
            "give a --teacher of the same data, or its --dataset"
        )


def _describe_images(dataset: DatasetIdentity) -> str:
    return f"{dataset.name}, {dataset.class_count} classes of {dataset.input_shape}, {dataset.sha256[:12]}"


def _check_split(name: str, config: TrialConfig, fraction: float, seed: int) -> None:
    """A teacher that holds out other images has been trained on some of those that its students are validated on."""
    if not config.is_validated:
        raise InputError(
            f"the teacher of study {name!r} was trained on {config.trains_on}, so that it knows the images that its "
            "students would be validated on: take another"
        )
    mend = []
    if config.split_seed != seed:
        mend.append(f"--seed {config.split_seed}")
    if config.validation_fraction != fraction:
        mend.append(f"validation_fraction = {config.validation_fraction:g} in a study file")
    if mend:
        raise InputError(
            f"the best network of study {name!r} was trained on images that are held out here (it holds out "
            f"{config.validation_fraction:g} by seed {config.split_seed}, this {fraction:g} by seed {seed}), so that "
            f"validation accuracies would promise too much: give {' and '.join(mend)}"
        )


def _find_weights(database: Database, wanted: Teacher) -> GivenTeacher | None:
    with database.transaction() as connection:
        places = blobs.find_weights(connection, wanted.weights_sha256)
    for study_id, trial_id in places:
        is_of_study = trial_id < 0
        known = load_study_teacher(database, study_id) if is_of_study else _read_trial(database, trial_id, wanted)
        if known is None:
            continue
        with database.transaction() as connection:
            content = blobs.read_blob(
                connection, trial_id, stored_blobs.TEACHER if is_of_study else stored_blobs.WEIGHTS
            )
        if content is not None:
            return GivenTeacher(known.model_copy(update={"identity": wanted}), content)
    return None


def _read_trial(database: Database, trial_id: int, wanted: Teacher) -> StudyTeacher | None:
    with database.transaction() as connection:
        config = optuna_rows.read_attribute(connection, trial_id, "config")
        curve = optuna_rows.read_attribute(connection, trial_id, "curve")
    if config is None:
        return None
    accuracy = EpochResult(**curve[-1]).validation_accuracy if curve else None
    return StudyTeacher(identity=wanted, config=TrialConfig.model_validate(config), validation_accuracy=accuracy)
