"""A study in a database: made once, joined by whoever comes with the same spec, refused to everybody else."""

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from hpsearch.dataset import DatasetIdentity
from hpsearch.errors import HpsearchError, InputError, StorageError, UnreadableStudyError
from hpsearch.storage.database import Database
from hpsearch.storage.stored_trials import find_study_id as find_stored_id
from hpsearch.storage.stored_trials import read_study_attributes, read_study_names
from hpsearch.study.feasibility import fit_space
from hpsearch.study.older_spaces import complete_space
from hpsearch.study.origin import Origin
from hpsearch.study.search_space import SearchSpace
from hpsearch.study.spec import StudySpec, check_study_name
from hpsearch.study.trial_config import TrainsOn
from hpsearch.study.trial_plan import TrialPlan
from hpsearch.tuning.stored_beginning import WarmStart
from hpsearch.tuning.study_teacher import FindTeacher, StudyTeacher

if TYPE_CHECKING:
    from hpsearch.tuning.warm_start import Beginning, Predecessor

_SPEC, _DATASET = "hpsearch:spec", "hpsearch:dataset"
_SPACE = "hpsearch:space"
_PLAN, _WARM_START, _TEACHER = "hpsearch:plan", "hpsearch:warm_start", "hpsearch:teacher"


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


def create_or_join_study(
    database: Database,
    name: str,
    spec: StudySpec,
    dataset: DatasetIdentity,
    plan: TrialPlan | None = None,
    predecessor: "Predecessor | None" = None,
    find_teacher: FindTeacher | None = None,
) -> Study:
    """The study of this name, made now if there is none; with a plan its trials are those, and none is drawn.

    Args:
        database: Where.
        name: The study's.
        spec: What it searches.
        dataset: On which data.
        plan: Its trials, where they are known beforehand.
        predecessor: Whose best configurations a study that is made now begins with.
        find_teacher: Finds the teacher of a study that is made now, where the spec or the plan names one.

    Raises:
        BudgetTooSmallError: Nothing in the spec's space fits the budget.
        StudyDiffersError: A study of this name has another spec, other data or another predecessor; each differing
            field is named.
        InputError: A study is to be made, and nothing of its predecessor fits it, or its teacher may not teach it.
        StorageError: The database failed.
    """
    space = spec.space
    if plan is None:
        space = fit_space(spec.arch, spec.space, spec.budget, dataset.input_shape, dataset.class_count).space
    else:
        spec = spec.settle_portfolio(is_planned=True)
    with database.errors(), database.lock_creation():
        study_id = _find_study_id(database, name)
        found = {} if study_id is None else _load_attributes(database, study_id, name)
        if _SPACE not in found:  # there is none, or its maker died before it was one
            if spec.has_open_plan:
                raise InputError(f"study {name!r} was deleted in this moment: type the same command again")
            beginning = _decide_beginning(spec, space, plan, predecessor, find_teacher)
            study_id = _make_study(database, study_id, name, dataset, space, plan, beginning, is_ours=_SPEC in found)
            decided = (plan, beginning.warm_start, beginning.study_teacher)
            return Study(name, study_id, beginning.spec, dataset, space, database, *decided, is_new=True)
    assert study_id is not None
    study = _read_study(database, study_id, name, found)
    _check_same(study, spec, dataset, plan, predecessor)
    return study


def _decide_beginning(
    spec: StudySpec,
    space: SearchSpace,
    plan: TrialPlan | None,
    predecessor: "Predecessor | None",
    find_teacher: FindTeacher | None,
) -> "Beginning":
    from hpsearch.tuning.warm_start import Beginning, plan_beginning

    beginning = Beginning(spec) if plan is not None else plan_beginning(spec, space, predecessor)
    wanted = spec.teacher if plan is None else plan.teacher
    if wanted is None:
        return beginning
    if find_teacher is None:
        raise ValueError(f"a study that learns from {wanted} is to be made, and nobody finds its teacher")
    return replace(beginning, teacher=find_teacher())


def _make_study(
    database: Database,
    study_id: int | None,
    name: str,
    dataset: DatasetIdentity,
    space: SearchSpace,
    plan: TrialPlan | None,
    beginning: "Beginning",
    *,
    is_ours: bool,
) -> int:
    """Write all that a study is, its first trials with it, in one transaction."""
    from optuna.study import StudyDirection

    from hpsearch.storage import blobs, stored_blobs
    from hpsearch.storage.optuna_rows import write_study_attributes
    from hpsearch.tuning.note import build_note_attributes, write_note
    from hpsearch.tuning.warm_start import add_given_trial

    storage, spec, warm_start = database.optuna_storage, beginning.spec, beginning.warm_start
    given = beginning.teacher
    if study_id is None:
        direction = "MAXIMIZE" if plan is None or plan.is_validated else "MINIMIZE"
        study_id = storage.create_new_study([StudyDirection[direction]], name)
    elif not is_ours and storage.get_n_trials(study_id):
        raise StorageError(f"study {name!r} in {database.shown} is none of hpsearch's: give another --study")
    attributes = {
        _SPEC: spec.model_dump(mode="json"),
        _DATASET: dataset.model_dump(mode="json"),
        **({} if plan is None else {_PLAN: plan.model_dump(mode="json")}),
        **({} if warm_start is None else {_WARM_START: warm_start.model_dump(mode="json")}),
        **({} if given is None else {_TEACHER: given.teacher.model_dump(mode="json")}),
        _SPACE: space.model_dump(mode="json"),
    }
    taught_by = None if given is None else given.teacher.describe()
    with database.transaction(claims_of=study_id) as connection:
        note = write_note(name, spec, dataset, space, plan, given=len(beginning.trials), teacher=taught_by)
        write_study_attributes(connection, study_id, attributes, build_note_attributes(note, plan))
        if given is not None:
            blobs.write_study_blob(connection, study_id, stored_blobs.TEACHER, given.weights)
        for trial in beginning.trials:
            add_given_trial(connection, study_id, trial.parameters, given_by=trial.given_by)
    return study_id


def load_study(database: Database, name: str) -> Study:
    """The study of this name.

    Raises:
        UnknownStudyError: There is none; the message names the near ones.
        UnreadableStudyError: What the database holds of the study cannot be read.
        StorageError: The database failed.
    """
    study_id = _find_study_id(database, name)
    if study_id is None:
        raise _unknown(database, name)
    attributes = _load_attributes(database, study_id, name)
    return _read_study(database, study_id, name, attributes)


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


def store_origin(study: Study, origin: Origin) -> None:
    """Keep what a study file says by now of a planned study's origin; its trials stay as they are.

    The command stays the one that it was made with: whoever joins may have typed another.
    """
    if study.plan is None:
        return
    if study.plan.origin is not None and study.plan.origin.command is not None:
        origin = origin.model_copy(update={"command": study.plan.origin.command})
    if study.plan.origin == origin:
        return
    plan = study.plan.model_copy(update={"origin": origin})
    with study.database.errors():
        study.database.optuna_storage.set_study_user_attr(study.study_id, _PLAN, plan.model_dump(mode="json"))


def list_study_names(database: Database) -> list[str]:
    """The names of all studies of hpsearch in the database, sorted; also of those that cannot be read."""
    with database.reading() as reader:
        return read_study_names(reader, _SPEC)


def find_study_id(database: Database, name: str) -> int:
    """The id of the study of this name, whatever is stored of it.

    Raises:
        UnknownStudyError: There is none.
        StorageError: The database failed.
    """
    study_id = _find_study_id(database, name)
    if study_id is None:
        raise _unknown(database, name)
    return study_id


def _load_attributes(database: Database, study_id: int, name: str) -> dict[str, Any]:
    try:
        with database.reading() as reader:
            return read_study_attributes(reader, study_id)
    except (ValueError, RecursionError) as error:  # they should be JSON
        if isinstance(error, HpsearchError):
            raise
        raise _unreadable(database.shown, name) from error


def _find_study_id(database: Database, name: str) -> int | None:
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


def _read_study(database: Database, study_id: int, name: str, attributes: Mapping[str, Any]) -> Study:
    try:
        return Study(
            name=check_study_name(name),
            study_id=study_id,
            # A study that was made before there was a portfolio has none.
            spec=StudySpec.model_validate_json(json.dumps({"portfolio": False} | attributes[_SPEC])),
            dataset=DatasetIdentity.model_validate_json(json.dumps(attributes[_DATASET])),
            space=SearchSpace.model_validate_json(
                json.dumps(complete_space(attributes[_SPEC]["arch"], attributes[_SPACE]))
            ),
            database=database,
            plan=TrialPlan.model_validate(attributes[_PLAN]) if _PLAN in attributes else None,
            warm_start=WarmStart.model_validate(attributes[_WARM_START]) if _WARM_START in attributes else None,
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
    return StudyTeacher.model_validate(attributes[_TEACHER]) if _TEACHER in attributes else None


def _check_same(
    study: Study,
    spec: StudySpec,
    dataset: DatasetIdentity,
    plan: TrialPlan | None,
    predecessor: "Predecessor | None",
) -> None:
    differences = study.spec.find_differences(spec)
    if study.dataset.sha256 == dataset.sha256:
        differences.pop("dataset", None)  # the same images, by another path
    else:
        differences["dataset content"] = (study.dataset.sha256[:12], dataset.sha256[:12])
    if plan is not None:  # nothing is drawn, and the default space may have changed since
        differences = {name: pair for name, pair in differences.items() if not name.startswith("space.")}
    differences |= _find_plan_differences(study.plan, plan)
    begun_from = study.warm_start.study if study.warm_start else None
    if predecessor is not None and predecessor.is_asked and predecessor.name != begun_from:
        differences["from"] = (begun_from or "no other study", predecessor.name)
    if differences:
        fields = "; ".join(f"{field}: it has {mine}, given {theirs}" for field, (mine, theirs) in differences.items())
        raise StudyDiffersError(
            f"study {study.name!r} exists with other settings ({fields}): give the same, or another --study NAME"
        )


def _find_plan_differences(mine: TrialPlan | None, theirs: TrialPlan | None) -> dict[str, tuple[str, str]]:
    if mine is not None and theirs is not None:
        if mine.trains_on != theirs.trains_on:
            return {"trains_on": (mine.trains_on, theirs.trains_on)}
        if None not in (mine.search, theirs.search) and mine.search != theirs.search:
            return {"search": (str(mine.search), str(theirs.search))}
        if mine.trials == theirs.trials:
            return {}
    elif mine is theirs:
        return {}
    return {"planned trials": (_describe_plan(mine), _describe_plan(theirs))}


def _describe_plan(plan: TrialPlan | None) -> str:
    if plan is None:
        return "none, they are drawn"
    return f"{len(plan.trials)} of {', '.join(plan.labels[:3])}{' ...' if len(plan.labels) > 3 else ''}"
