"""Which studies a report is about, what is linked to them, and what their best networks get wrong."""

import difflib
from collections.abc import Callable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from hpsearch.errors import DataError, InputError, StorageError, StorageUnavailableError, UnreadableStudyError

if TYPE_CHECKING:
    from hpsearch.reporting.subject import Subject
    from hpsearch.reporting.validation import NoOutcome, ValidationOutcome
    from hpsearch.storage.database import Database
    from hpsearch.study.trial_config import TrialConfig
    from hpsearch.training.data.search_splits import SearchSplits
    from hpsearch.tuning.records import StudyRecord, TrialRecord

_WILD = frozenset("*?[")


def choose_records(
    database: "Database", names: Sequence[str], tell: Callable[[str], None], note: Callable[[str], None]
) -> "list[StudyRecord]":
    """The studies of these names, and those that a pattern matches by data, family and budget; each once.

    Args:
        database: Where.
        names: Names and patterns.
        tell: Hears what is read.
        note: Hears which study that a pattern matches cannot be read.

    Raises:
        UnknownStudyError: There is no study of a name.
        InputError: A pattern matches none.
        StorageError: The database failed.
    """
    from hpsearch.tuning.records import read_study_record
    from hpsearch.tuning.study import list_study_names, load_study

    known = list_study_names(database)
    found: dict[str, StudyRecord] = {}
    for name in names:
        is_pattern = name not in known and bool(_WILD & set(name))
        matching = [each for each in known if fnmatchcase(each, name)] if is_pattern else [name]
        if not matching:
            near = difflib.get_close_matches(name, known, n=3, cutoff=0.3) or known[:5]
            there_is = f"there is {', '.join(near)} (hpsearch list has all)" if near else "there is none yet"
            raise InputError(f"no study matches {name!r}; {there_is}")
        records = []
        for each in matching:
            if each not in found:
                tell(f"reading {each}")
                try:
                    records.append(read_study_record(load_study(database, each)))
                except UnreadableStudyError as error:
                    if not is_pattern:
                        raise
                    note(f"left out: {error}")
        if is_pattern and not records and not found:
            raise InputError(f"no study that matches {name!r} can be read; hpsearch list says why")
        if is_pattern:
            records.sort(key=_rank)
        found |= {record.study.name: record for record in records}
    return list(found.values())


def link_records(database: "Database", records: "Sequence[StudyRecord]") -> "list[Subject]":
    """The subjects of a report: finalists are shown with their search, where that is reported as well.

    Raises:
        StorageError: The database failed.
    """
    from hpsearch.reporting.subject import Subject
    from hpsearch.tuning.finalists import find_search_name
    from hpsearch.tuning.records import read_study_record
    from hpsearch.tuning.study import load_studies

    every, _unreadable = load_studies(database)
    searches = {record.study.name for record in records if record.study.plan is None}
    subjects = []
    for record in records:
        search_name = find_search_name(record.study)
        if search_name in searches:
            continue
        if record.study.plan is None:
            linked = [study for study in every if find_search_name(study) == record.study.name]
            subjects.append(Subject(record, finals=tuple(read_study_record(study) for study in linked)))
            continue
        search = next((study for study in every if study.name == search_name and study.plan is None), None)
        subjects.append(Subject(record, search=read_study_record(search) if search is not None else None))
    return subjects


class Judge:
    """Looks at the validation images with the networks of a report; each data set is read once."""

    def __init__(self, cache_folder: Path, dataset: str | None, tell: Callable[[str], None]) -> None:
        """Where data sets are kept, where somebody says that they are, and who hears what is done."""
        self._cache_folder = cache_folder
        self._dataset = dataset
        self._tell = tell
        self._splits: dict[tuple[str, float | None, int, int], SearchSplits] = {}

    def look_at(self, subject: "Subject") -> "Subject":
        """The subject with what its best networks do.

        Raises:
            StorageUnavailableError: The database does not answer.
        """
        from hpsearch.reporting.subject import choose_judged

        return replace(
            subject, outcomes=tuple(self._judge(subject.record, trial) for trial in choose_judged(subject.record))
        )

    def _judge(self, record: "StudyRecord", trial: "TrialRecord") -> "ValidationOutcome | NoOutcome":
        from hpsearch.reporting.validation import NoOutcome, judge
        from hpsearch.training.inference import TrainedNetwork
        from hpsearch.tuning.artifacts import CONFUSION_PICTURE, load_artifact
        from hpsearch.tuning.records import load_trial_weights

        study = record.study
        self._tell(f"{study.name}: looking at the validation images with trial {trial.number}")
        try:
            config = trial.config
            if config is None:
                raise InputError(f"trial {trial.number} of {study.name!r} has no configuration")
            weights = load_trial_weights(study, trial)
            validation = self._load(study.spec.dataset, config).validation
            images, labels = validation.images.numpy(), validation.labels.numpy()
            return judge(trial, TrainedNetwork(config, weights).compute_logits(images), images, labels)
        except StorageUnavailableError:
            raise
        except (InputError, StorageError) as error:
            self._tell(f"{study.name}: {error}")
            picture = load_artifact(study, trial, CONFUSION_PICTURE)
            return NoOutcome(trial, _explain(error, trial), picture)

    def _load(self, name: str, config: "TrialConfig") -> "SearchSplits":
        """Raises DataError where the images are not here, or are others."""
        from hpsearch.training.data.search_splits import load_search_splits

        place = self._dataset or name
        key = (place, config.held_out_fraction, config.split_seed, config.dataset.rules)
        if key not in self._splits:
            self._splits[key] = load_search_splits(
                place,
                self._cache_folder,
                validation_fraction=key[1],
                split_seed=config.split_seed,
                rules=config.dataset.rules,
            )
        splits = self._splits[key]
        if splits.identity.sha256 != config.dataset.sha256:
            raise DataError(f"data set {place!r} holds other images than the study was made with")
        return splits


def _explain(error: Exception, trial: "TrialRecord") -> str:
    """For the page: the same on every machine, and nothing of where its files are."""
    if isinstance(error, DataError):
        return (
            f"The images that trial {trial.number} was validated on are not where this report was written, so that "
            "neither its confusions nor the images that it gets wrong can be counted here."
        )
    return f"The network of trial {trial.number} cannot be rebuilt: its weights are missing or damaged."


def _rank(record: "StudyRecord") -> tuple[str, str, int, str]:
    spec = record.study.spec
    return record.study.dataset.name, spec.arch, spec.budget, record.study.name
