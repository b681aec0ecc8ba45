"""Making a study: once, joined by whoever comes with the same spec, refused to everybody else."""

from dataclasses import replace

from hpsearch.dataset import DatasetIdentity
from hpsearch.errors import InputError, StorageError
from hpsearch.storage.database import Database
from hpsearch.study.fitting import fit_spec
from hpsearch.study.origin import Origin
from hpsearch.study.search_space import SearchSpace
from hpsearch.study.spec import StudySpec
from hpsearch.study.trial_plan import TrialPlan
from hpsearch.tuning.study import (
    DATASET,
    PLAN,
    SPACE,
    SPEC,
    TEACHER,
    WARM_START,
    Study,
    find_id,
    load_attributes,
    read_study,
)
from hpsearch.tuning.study_teacher import FindTeacher
from hpsearch.tuning.warm_start import Beginning, Predecessor, add_given_trial, plan_beginning


class StudyDiffersError(InputError):
    """A study of that name exists and searches something else."""


def create_or_join_study(
    database: Database,
    name: str,
    spec: StudySpec,
    dataset: DatasetIdentity,
    plan: TrialPlan | None = None,
    predecessor: Predecessor | None = None,
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
        space = fit_spec(spec, dataset).space
    else:
        spec = spec.settle_portfolio(is_planned=True)
    with database.errors(), database.lock_creation():
        study_id = find_id(database, name)
        found = {} if study_id is None else load_attributes(database, study_id, name)
        if SPACE not in found:  # there is none, or its maker died before it was one
            if spec.has_open_plan:
                raise InputError(f"study {name!r} was deleted in this moment: type the same command again")
            beginning = _decide_beginning(spec, space, plan, predecessor, find_teacher)
            study_id = _make_study(database, study_id, name, dataset, space, plan, beginning, is_ours=SPEC in found)
            decided = (plan, beginning.warm_start, beginning.study_teacher)
            return Study(name, study_id, beginning.spec, dataset, space, database, *decided, is_new=True)
    assert study_id is not None
    study = read_study(database, study_id, name, found)
    _check_same(study, spec, dataset, plan, predecessor)
    return study


def _decide_beginning(
    spec: StudySpec,
    space: SearchSpace,
    plan: TrialPlan | None,
    predecessor: Predecessor | None,
    find_teacher: FindTeacher | None,
) -> Beginning:
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
    beginning: Beginning,
    *,
    is_ours: bool,
) -> int:
    """Write all that a study is, its first trials with it, in one transaction."""
    from optuna.study import StudyDirection

    from hpsearch.storage import blobs, stored_blobs
    from hpsearch.storage.optuna_rows import write_study_attributes
    from hpsearch.tuning.note import build_note_attributes, write_note

    storage, spec, warm_start = database.optuna_storage, beginning.spec, beginning.warm_start
    given = beginning.teacher
    if study_id is None:
        direction = "MAXIMIZE" if plan is None or plan.is_validated else "MINIMIZE"
        study_id = storage.create_new_study([StudyDirection[direction]], name)
    elif not is_ours and storage.get_n_trials(study_id):
        raise StorageError(f"study {name!r} in {database.shown} is none of hpsearch's: give another --study")
    attributes = {
        SPEC: spec.model_dump(mode="json"),
        DATASET: dataset.model_dump(mode="json"),
        **({} if plan is None else {PLAN: plan.model_dump(mode="json")}),
        **({} if warm_start is None else {WARM_START: warm_start.model_dump(mode="json")}),
        **({} if given is None else {TEACHER: given.teacher.model_dump(mode="json")}),
        SPACE: space.model_dump(mode="json"),
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
        study.database.optuna_storage.set_study_user_attr(study.study_id, PLAN, plan.model_dump(mode="json"))


def _check_same(
    study: Study,
    spec: StudySpec,
    dataset: DatasetIdentity,
    plan: TrialPlan | None,
    predecessor: Predecessor | None,
) -> None:
    differences = study.spec.find_differences(spec)
    if study.dataset.sha256 == dataset.sha256:
        differences.pop("dataset", None)  # the same images, by another path
    else:
        differences["dataset content"] = (study.dataset.sha256[:12], dataset.sha256[:12])
    if study.dataset.rules != dataset.rules:
        differences["rules by which own images are read"] = (str(study.dataset.rules), str(dataset.rules))
    if plan is not None:  # nothing is drawn, and the default space may have changed since
        differences = {name: pair for name, pair in differences.items() if not name.startswith("space.")}
    differences |= _find_plan_differences(study.plan, plan)
    begun_from = study.warm_start.study if study.warm_start else None
    if predecessor is not None and predecessor.is_asked and predecessor.name != begun_from:
        differences["from"] = (begun_from or "no other study", predecessor.name)
    if differences:
        fields = "; ".join(f"{field}: it has {mine}, given {theirs}" for field, (mine, theirs) in differences.items())
        more = ""
        if differences.keys() == {"trials"}:
            more = f"; hpsearch resume {study.name} --trials {differences['trials'][1]} changes how many it asks for"
        raise StudyDiffersError(
            f"study {study.name!r} exists with other settings ({fields}): give the same, or another --study NAME{more}"
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
