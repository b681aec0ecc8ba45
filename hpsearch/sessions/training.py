"""Training one configuration, under one seed or several, without a search."""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hpsearch.errors import InputError
from hpsearch.sessions.planned import PlannedWork
from hpsearch.sessions.preparation import identify_dataset
from hpsearch.sessions.progress import Progress
from hpsearch.sessions.request import make_absolute
from hpsearch.sessions.stopping import Stopping
from hpsearch.sessions.storage import check_storage
from hpsearch.wording import count_of

if TYPE_CHECKING:
    from hpsearch.dataset import DatasetIdentity
    from hpsearch.storage.database import Database
    from hpsearch.study.trial_config import TrialConfig
    from hpsearch.tuning.records import StudyRecord
    from hpsearch.tuning.study import Study

_LABEL = "config"


@dataclass(frozen=True)
class Training:
    """A configuration to train, as it was asked for."""

    config: "TrialConfig"
    replicates: int
    """How often: under its own seed, then under fresh ones."""
    epochs: int | None = None
    """In place of the configuration's."""
    dataset: str | None = None
    """In place of the configuration's, by name or path."""
    name: str | None = None
    """Of its study; by default one that tells this training from every other."""

    def run(self, work: PlannedWork, progress: Progress, stopping: Stopping) -> "StudyRecord":
        """Train what is left, and open the test split once when nothing is.

        Raises:
            InputError: The configuration does not go with the images, its teacher is not here, or a study of this name
                has other settings; nothing was made.
            DataError: The images cannot be had.
            StorageError: The database cannot be opened or made, or failed.
            StudyStoppedError: Somebody stopped the study.
            HpsearchError: A worker ended with an error that starting it again does not mend.
        """
        from hpsearch.storage.database import Database
        from hpsearch.study.study_name import check_study_name
        from hpsearch.training.data import fetch_dataset
        from hpsearch.training.data.catalogue import CATALOGUE

        if self.name is not None:
            check_study_name(self.name)
        work.choose_hardware(None, most=self.replicates)  # a wrong device makes no study
        place = self.dataset or self.config.dataset.name
        with progress.open_steps() as steps:
            preparation = None if place in CATALOGUE else self.config.dataset.preparation
            identity = identify_dataset(place, work.cache_folder, steps.tell, steps.note, preparation=preparation)
            asked = _change(self.config, identity, self.epochs)
            _check_teacher(work.storage_url, asked)
            if place in CATALOGUE:
                identity = fetch_dataset(place, work.cache_folder, steps.tell)
        digest = hashlib.sha256(asked.model_dump_json().encode()).hexdigest()[:8]
        with Database.open(work.storage_url, create=True) as database:
            study = _make_study(database, self.name or f"train-{digest}", asked, identity, place, self.replicates)
            seeds = count_of(self.replicates, "seed")
            return work.finish(study, f"train      {asked.architecture.describe()}, {seeds}", progress, stopping)


def _check_teacher(url: str, config: "TrialConfig") -> None:
    """Find out before anything is made that the teacher of a configuration is not here, or may not teach it.

    Raises:
        InputError: So it is.
        StorageError: The database cannot be opened or made.
    """
    if config.teacher is None:
        return
    from hpsearch.storage.database import Database
    from hpsearch.storage.url import parse_storage_url, show_url
    from hpsearch.tuning.teacher_choice import describe_missing_teacher, find_teacher_of

    if not check_storage(url):
        raise InputError(describe_missing_teacher(config.teacher, show_url(parse_storage_url(url))))
    with Database.open(url, check=False) as database:
        find_teacher_of(database, config)


def _change(config: "TrialConfig", dataset: "DatasetIdentity", epochs: int | None) -> "TrialConfig":
    from pydantic import ValidationError

    from hpsearch.study.spec import explain_value_error
    from hpsearch.study.trial_config import TrialConfig

    document = config.model_dump()
    document["dataset"] = dataset.model_dump()
    if epochs is not None:
        document["recipe"]["epochs"] = epochs
    try:
        return TrialConfig.model_validate(document)
    except (ValidationError, ValueError) as error:
        reason = explain_value_error(error) if isinstance(error, ValidationError) else str(error)
        raise InputError(f"the configuration does not go with data set {dataset.name!r}: {reason}") from error


def _make_study(
    database: "Database", name: str, config: "TrialConfig", dataset: "DatasetIdentity", place: str, replicates: int
) -> "Study":
    from hpsearch.study.file import parse_study_spec
    from hpsearch.study.trial_plan import plan_replicates
    from hpsearch.tuning.creation import create_or_join_study
    from hpsearch.tuning.teacher_choice import find_teacher_of

    plan = plan_replicates({_LABEL: config}, replicates, seed=config.seed, keeps_first=True)
    name, spec = parse_study_spec(
        {
            "name": name,
            "dataset": make_absolute(place),
            "arch": config.architecture.arch,
            "budget": config.budget or config.count_weights(),
            "trials": replicates,
            "epochs": config.recipe.epochs,
            "seed": config.split_seed,
            "sampler": "random",
            "pruner": "none",
            "validation_fraction": config.validation_fraction,
        }
    )
    return create_or_join_study(
        database, name, spec, dataset, plan, find_teacher=lambda: find_teacher_of(database, config)
    )
