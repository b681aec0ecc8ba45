"""A study file that says what to train: make its study, work on it, and sum it up."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hpsearch.sessions.planned import PlannedWork
from hpsearch.sessions.preparation import check_splits, identify_dataset
from hpsearch.sessions.progress import Progress
from hpsearch.sessions.request import make_absolute
from hpsearch.sessions.session import find_ending
from hpsearch.sessions.stopping import Ending, Stopping
from hpsearch.sessions.storage import check_storage
from hpsearch.wording import count_of

if TYPE_CHECKING:
    from hpsearch.storage.database import Database
    from hpsearch.study.planned import PlannedStudy
    from hpsearch.tuning.plan_summary import PlanSummary
    from hpsearch.tuning.study import Study


@dataclass(frozen=True)
class PlannedResult:
    """What came of the trainings."""

    summary: "PlanSummary"
    ending: Ending
    seconds: float
    """That it took."""


def train_planned_study(
    planned: "PlannedStudy", work: PlannedWork, progress: Progress, stopping: Stopping
) -> PlannedResult:
    """Train what is left of a study file, and open the test split once for each label when nothing is.

    Raises:
        InputError: A network is over its budget or does not go with the images, or a study of this name has other
            settings; then nothing was made.
        DataError: The data cannot be had.
        StorageError: The database cannot be opened or made, or failed.
        StudyStoppedError: Somebody stopped the study.
        HpsearchError: A worker ended with an error that starting it again does not mend.
    """
    from hpsearch.tuning.plan_summary import summarize_plan

    begun = time.monotonic()
    count = len(planned.trainings) * planned.replicates
    work.choose_hardware(None, most=count)  # a wrong device makes no study
    with progress.open_steps() as steps:
        database, study = open_planned_study(work.storage_url, planned, work.cache_folder, steps.tell, steps.note)
    with database:
        title = f"trainings  {count}: {len(planned.trainings)} with {count_of(planned.replicates, 'seed')} each"
        record = work.finish(study, title, progress, stopping)
        summary = summarize_plan(record, planned.origin)
    return PlannedResult(summary, find_ending(record, stopping), time.monotonic() - begun)


def open_planned_study(
    url: str,
    planned: "PlannedStudy",
    cache_folder: Path,
    tell: Callable[[str], None],
    note: Callable[[str], None] | None = None,
) -> "tuple[Database, Study]":
    """Check what is cheap, bring the data, then make or join the study; the caller closes its database.

    Raises:
        InputError: A network is over its budget or does not go with the images, or a study of this name has other
            settings; then nothing was made.
        DataError: The data cannot be had.
        StorageError: The database cannot be opened or made.
    """
    from hpsearch.storage.database import Database
    from hpsearch.training.data import fetch_dataset
    from hpsearch.training.data.catalogue import CATALOGUE
    from hpsearch.tuning.creation import create_or_join_study, store_origin
    from hpsearch.tuning.study import list_study_names

    planned = replace(planned, dataset=make_absolute(planned.dataset))
    dataset = identify_dataset(planned.dataset, cache_folder, tell, note, preparation=planned.preparation)
    is_there = check_storage(url)
    plan = planned.make_plan(dataset)
    spec = planned.make_spec(plan)
    if is_there:
        with Database.open(url, check=False) as database:
            if planned.name in list_study_names(database):
                create_or_join_study(database, planned.name, spec, dataset, plan)
    if planned.dataset in CATALOGUE:
        fetch_dataset(planned.dataset, cache_folder, tell)
    check_splits(spec, dataset, cache_folder)
    database = Database.open(url, create=True, check=False)
    try:
        study = create_or_join_study(database, planned.name, spec, dataset, plan)
        store_origin(study, planned.origin)
    except BaseException:
        database.close()
        raise
    return database, study
