"""A study in a database: made once, joined by whoever comes with the same spec, refused to everybody else."""

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.storages import BaseStorage
from pydantic import ValidationError

from hpsearch.dataset import DatasetIdentity
from hpsearch.errors import HpsearchError, InputError, StorageError
from hpsearch.feasibility import fit_space
from hpsearch.search_space import SearchSpace
from hpsearch.storage.database import Database
from hpsearch.storage.url import show_url
from hpsearch.study_spec import StudySpec, check_study_name
from hpsearch.trial_plan import TrialPlan
from hpsearch.tuning.note import build_note_attributes

optuna.logging.set_verbosity(optuna.logging.ERROR)

_SPEC, _DATASET = "hpsearch:spec", "hpsearch:dataset"
_FINGERPRINT, _SPACE = "hpsearch:fingerprint", "hpsearch:space"
_PLAN = "hpsearch:plan"


class StudyDiffersError(InputError):
    """A study of that name exists and searches something else."""


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
    is_new: bool = field(default=False, compare=False)
    """Whether whoever opened it made it."""


def create_or_join_study(
    database: Database, name: str, spec: StudySpec, dataset: DatasetIdentity, plan: TrialPlan | None = None
) -> Study:
    """The study of this name, made now if there is none; with a plan its trials are those, and none is drawn.

    Raises:
        BudgetTooSmallError: Nothing in the spec's space fits the budget.
        StudyDiffersError: A study of this name has another spec or other data; each differing field is named.
        StorageError: The database failed.
    """
    space = spec.space
    if plan is None:
        space = fit_space(spec.arch, spec.space, spec.budget, dataset.input_shape, dataset.class_count).space
    attributes = {
        _SPEC: spec.model_dump(mode="json"),
        _DATASET: dataset.model_dump(mode="json"),
        _FINGERPRINT: spec.fingerprint(),
        **({} if plan is None else {_PLAN: plan.model_dump(mode="json")}),
        _SPACE: space.model_dump(mode="json"),
    }
    with database.errors(), database.lock_creation():
        storage = database.optuna_storage
        study_id = _find_study_id(storage, name)
        if study_id is None:
            study_id = storage.create_new_study([optuna.study.StudyDirection.MAXIMIZE], name)
        found = storage.get_study_user_attrs(study_id)
        if _SPEC not in found and storage.get_n_trials(study_id):
            raise StorageError(
                f"study {name!r} in {show_url(database.url)} is none of hpsearch's: give another --study"
            )
        if _SPACE not in found:  # new, or its maker died here
            for key, value in build_note_attributes(name, spec, dataset, space).items():
                storage.set_study_system_attr(study_id, key, value)
            for key, value in attributes.items():
                storage.set_study_user_attr(study_id, key, value)
            return Study(name, study_id, spec, dataset, space, database, plan, is_new=True)
    study = _read_study(database, study_id, name, found)
    _check_same(study, spec, dataset, plan)
    return study


def load_study(database: Database, name: str) -> Study:
    """The study of this name.

    Raises:
        UnknownStudyError: There is none; the message names the near ones.
        StorageError: The database failed, or what it holds of the study cannot be read.
    """
    with database.errors():
        study_id = _find_study_id(database.optuna_storage, name)
        if study_id is None:
            raise _unknown(database, name)
        attributes = database.optuna_storage.get_study_user_attrs(study_id)
    return _read_study(database, study_id, name, attributes)


def list_study_names(database: Database) -> list[str]:
    """The names of all studies of hpsearch in the database, sorted."""
    with database.errors():
        studies = database.optuna_storage.get_all_studies()
    return sorted(study.study_name for study in studies if _SPEC in study.user_attrs)


def _find_study_id(storage: BaseStorage, name: str) -> int | None:
    try:
        return storage.get_study_id_from_name(name)
    except KeyError:
        return None


def _unknown(database: Database, name: str) -> UnknownStudyError:
    names = list_study_names(database)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.4) or names[:5]
    place = show_url(database.url)
    if not near:
        return UnknownStudyError(f"there is no study {name!r}: {place} has none yet; hpsearch run makes one")
    return UnknownStudyError(
        f"there is no study {name!r} in {place}; there is {', '.join(near)} (hpsearch list has all)"
    )


def _read_study(database: Database, study_id: int, name: str, attributes: Mapping[str, Any]) -> Study:
    try:
        return Study(
            name=check_study_name(name),
            study_id=study_id,
            spec=StudySpec.model_validate_json(json.dumps(attributes[_SPEC])),
            dataset=DatasetIdentity.model_validate_json(json.dumps(attributes[_DATASET])),
            space=SearchSpace.model_validate_json(json.dumps(attributes[_SPACE])),
            database=database,
            plan=TrialPlan.model_validate(attributes[_PLAN]) if _PLAN in attributes else None,
        )
    except (KeyError, ValidationError) as error:
        raise StorageError(
            f"study {name!r} in {show_url(database.url)} is none of hpsearch's, or of another version of it"
        ) from error


def _check_same(study: Study, spec: StudySpec, dataset: DatasetIdentity, plan: TrialPlan | None) -> None:
    differences = study.spec.find_differences(spec)
    if study.dataset.sha256 == dataset.sha256:
        differences.pop("dataset", None)  # the same images, by another path
    else:
        differences["dataset content"] = (study.dataset.sha256[:12], dataset.sha256[:12])
    if study.plan != plan:
        differences["planned trials"] = (_describe_plan(study.plan), _describe_plan(plan))
    if differences:
        fields = "; ".join(f"{field}: it has {mine}, given {theirs}" for field, (mine, theirs) in differences.items())
        raise StudyDiffersError(
            f"study {study.name!r} exists with other settings ({fields}): give the same, or another --study NAME"
        )


def _describe_plan(plan: TrialPlan | None) -> str:
    if plan is None:
        return "none, they are drawn"
    return f"{len(plan.trials)} of {', '.join(plan.labels[:3])}{' ...' if len(plan.labels) > 3 else ''}"
