"""A study's teacher in either kind of database: pinned once, kept with the study, gone with it."""

import hashlib
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from hpsearch.errors import StorageError
from hpsearch.storage import blobs, stored_blobs, tables
from hpsearch.storage.database import Database
from hpsearch.study.file import parse_study_spec
from hpsearch.tuning.claimed_trial import ClaimedTrial
from hpsearch.tuning.claims import TrialQueue
from hpsearch.tuning.creation import create_or_join_study
from hpsearch.tuning.operations import delete_study
from hpsearch.tuning.study import Study, load_study
from hpsearch.tuning.teacher_choice import choose_teacher, find_teacher_of, load_teacher_weights
from tests.scripted import TINY_DATASET, finish_trials, make_study


@pytest.fixture
def database(storage_url: str) -> Iterator[Database]:
    with Database.open(storage_url, create=True) as opened:
        yield opened


def make_student(database: Database) -> Study:
    given = {"name": "student", "dataset": "tiny", "arch": "fcn", "budget": "2k", "trials": 2, "epochs": 3}
    name, spec = parse_study_spec(given | {"pruner": "none", "sampler": "random", "teacher": "teacher"})
    return create_or_join_study(
        database, name, spec, TINY_DATASET, find_teacher=lambda: choose_teacher(database, spec, TINY_DATASET)
    )


def test_the_best_trial_is_pinned_and_a_better_one_later_changes_nothing(database: Database) -> None:
    teacher = make_study(database, "teacher")
    finish_trials(teacher, 0.5, 0.7, 0.6)
    student = make_student(database)
    assert student.teacher is not None
    identity = student.teacher.identity
    assert (identity.study, identity.trial) == ("teacher", 1)
    assert identity.weights_sha256 == hashlib.sha256(b"weights").hexdigest()
    assert student.teacher.validation_accuracy == 0.7
    finish_trials(teacher, 0.9)
    assert make_student(database).teacher == load_study(database, "student").teacher == student.teacher
    trial = TrialQueue(student, "worker", "cpu").claim()
    assert isinstance(trial, ClaimedTrial)
    assert trial.config.teacher == identity


def test_the_weights_live_and_die_with_the_study_that_learns_from_them(database: Database) -> None:
    teacher = make_study(database, "teacher")
    finish_trials(teacher, 0.5)
    student = make_student(database)
    delete_study(teacher)
    assert make_student(database) == student
    assert load_teacher_weights(student) == b"weights"
    trial = TrialQueue(student, "worker", "cpu").claim()
    assert isinstance(trial, ClaimedTrial)
    found = find_teacher_of(database, trial.config)
    assert (found.teacher, found.weights) == (student.teacher, b"weights")
    with database.transaction() as connection:
        blobs.write_study_blob(connection, student.study_id, stored_blobs.TEACHER, b"others")
    with pytest.raises(StorageError, match="the weights of the teacher of 'student' are missing"):
        load_teacher_weights(student)
    trial.give_back("the study is to be deleted")
    delete_study(student)
    with database.transaction() as connection:
        assert list(connection.execute(sa.select(tables.blobs.c.kind))) == []
