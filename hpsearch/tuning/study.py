"""A study in a database: what it is, and finding it."""

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hpsearch.dataset import DatasetIdentity
from hpsearch.errors import HpsearchError, InputError, UnreadableStudyError
from hpsearch.storage.database import Database
from hpsearch.storage.stored_trials import find_study_id as find_stored_id
from hpsearch.storage.stored_trials import read_study_attributes, read_study_names
from hpsearch.study.older_spaces import complete_space
from hpsearch.study.search_space import SearchSpace
from hpsearch.study.spec import StudySpec
from hpsearch.study.study_name import check_study_name
from hpsearch.study.trial_config import TrainsOn
from hpsearch.study.trial_plan import TrialPlan
from hpsearch.tuning.stored_beginning import WarmStart
from hpsearch.tuning.study_teacher import StudyTeacher

SPEC, DATASET = "hpsearch:spec", "hpsearch:dataset"
SPACE = "hpsearch:space"
"""The attribute that is written last: a study without it was never made."""
PLAN, WARM_START, TEACHER = "hpsearch:plan", "hpsearch:warm_start", "hpsearch:teacher"


class StudyStoppedError(HpsearchError):
    """The study is stopped: nobody may claim its trials until somebody resumes it."""


class UnknownStudyError(InputError):
    """No study of that name; the message names the near ones."""


@dataclass(frozen=True)
class Study:
    """A study that is open: what it searches, on which data, and where it is kept."""

    name: str
    study_id: int
    spec: StudySpec
    dataset: DatasetIdentity
    space: SearchSpace
    """What is really drawn from: the spec's space without what cannot fit."""
    database: Database
    plan: TrialPlan | None = None
    """Its trials, where they are known beforehand instead of drawn."""
    warm_start: WarmStart | None = None
    """Where its first trials come from, if from another study."""
    teacher: StudyTeacher | None = None
    """Whom its trials learn from beside the labels, if from anybody."""
    is_new: bool = field(default=False, compare=False)
    """Whether whoever opened it made it."""

    @property
    def trains_on(self) -> TrainsOn:
        """What its trials train on; a study of drawn trials always holds a validation split out."""
        return "train" if self.plan is None else self.plan.trains_on

    @property
    def is_validated(self) -> bool:
        """Whether its objective is the validation accuracy; otherwise it is the training loss, and selects nothing."""
        return self.plan is None or self.plan.is_validated


def load_study(database: Database, name: str) -> Study:
    """The study of this name.

    Raises:
        UnknownStudyError: There is none; the message names the near ones.
        UnreadableStudyError: What the database holds of the study cannot be read.
        StorageError: The database failed.
    """
    study_id = find_id(database, name)
    if study_id is None:
        raise _unknown(database, name)
    attributes = load_attributes(database, study_id, name)
    return read_study(database, study_id, name, attributes)


def load_study_teacher(database: Database, study_id: int) -> StudyTeacher | None:
    """Whom the trials of the study with this id learn from; None of a study without a teacher, and of none."""
    with database.reading() as reader:
        return _read_teacher(read_study_attributes(reader, study_id))


@dataclass(frozen=True)
class UnreadableStudy:
    """A study of which the database holds something that cannot be read: it must not hide the others."""

    name: str
    reason: str
    """With what to type."""


def load_studies(database: Database) -> tuple[list[Study], list[UnreadableStudy]]:
    """Every study of the database, sorted by name, and those that cannot be read.

    Raises:
        StorageError: The database failed.
    """
    studies, unreadable = [], []
    for name in list_study_names(database):
        try:
            studies.append(load_study(database, name))
        except UnreadableStudyError as error:
            unreadable.append(UnreadableStudy(name, str(error)))
        except UnknownStudyError:  # it was deleted in this moment
            continue
    return studies, unreadable


def list_study_names(database: Database) -> list[str]:
    """The names of all studies of hpsearch in the database, sorted; also of those that cannot be read."""
    with database.reading() as reader:
        return read_study_names(reader, SPEC)


def find_study_id(database: Database, name: str) -> int:
    """The id of the study of this name, whatever is stored of it.

    Raises:
        UnknownStudyError: There is none.
        StorageError: The database failed.
    """
    study_id = find_id(database, name)
    if study_id is None:
        raise _unknown(database, name)
    return study_id


def load_attributes(database: Database, study_id: int, name: str) -> dict[str, Any]:
    """What is stored of the study with this id. Raises UnreadableStudyError, StorageError."""
    try:
        with database.reading() as reader:
            return read_study_attributes(reader, study_id)
    except (ValueError, RecursionError) as error:  # they should be JSON
        if isinstance(error, HpsearchError):
            raise
        raise _unreadable(database.shown, name) from error


def find_id(database: Database, name: str) -> int | None:
    """The id of the study of this name; None where there is none."""
    with database.reading() as reader:
        return find_stored_id(reader, name)


def _unknown(database: Database, name: str) -> UnknownStudyError:
    names = list_study_names(database)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.4) or names[:5]
    place = database.shown
    if not near:
        return UnknownStudyError(f"there is no study {name!r}: {place} has none yet; hpsearch run makes one")
    return UnknownStudyError(
        f"there is no study {name!r} in {place}; there is {', '.join(near)} (hpsearch list has all)"
    )


def read_study(database: Database, study_id: int, name: str, attributes: Mapping[str, Any]) -> Study:
    """The study of these attributes. Raises UnreadableStudyError."""
    try:
        return Study(
            name=check_study_name(name),
            study_id=study_id,
            # A study that was made before there was a portfolio has none.
            spec=StudySpec.model_validate_json(json.dumps({"portfolio": False} | attributes[SPEC])),
            dataset=DatasetIdentity.model_validate_json(json.dumps(attributes[DATASET])),
            space=SearchSpace.model_validate_json(
                json.dumps(complete_space(attributes[SPEC]["arch"], attributes[SPACE]))
            ),
            database=database,
            plan=TrialPlan.model_validate(attributes[PLAN]) if PLAN in attributes else None,
            warm_start=WarmStart.model_validate(attributes[WARM_START]) if WARM_START in attributes else None,
            teacher=_read_teacher(attributes),
        )
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise _unreadable(database.shown, name) from error


def _unreadable(place: str, name: str) -> UnreadableStudyError:
    return UnreadableStudyError(
        f"study {name!r} in {place} cannot be read: it is none of hpsearch's, of another version of it, or "
        f"damaged; hpsearch delete {name} removes it"
    )


def _read_teacher(attributes: Mapping[str, Any]) -> StudyTeacher | None:
    return StudyTeacher.model_validate(attributes[TEACHER]) if TEACHER in attributes else None
