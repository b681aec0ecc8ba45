"""The finalist to take away: which configuration, and the weights of which of its replicates.

The configuration is the one with the highest retrained mean. Of its replicates the best one would again be the largest
of several, and so promise too much: the one in the middle stands for the configuration. The test split has no say.
"""

from dataclasses import dataclass
from typing import Any

from hpsearch.errors import InputError
from hpsearch.storage.database import Database
from hpsearch.tuning.finalists import Final, Finalist, find_search_name, name_finalists, summarize_finalists
from hpsearch.tuning.records import StudyRecord, TrialRecord, read_study_record
from hpsearch.tuning.study import list_study_names, load_studies, load_study


@dataclass(frozen=True)
class Winner:
    """The first of the finalists, and the replicate that stands for it."""

    search: StudyRecord
    record: StudyRecord
    """Of the finalists' study."""
    final: Final
    trial: TrialRecord
    """The replicate, of the finalists' study."""

    @property
    def finalist(self) -> Finalist:
        """The configuration."""
        return self.final.finalists[0]

    def describe(self) -> dict[str, Any]:
        """As JSON: how it was selected, and what all its replicates gave."""
        plan, finalist = self.record.study.plan, self.finalist
        is_validated = self.record.study.is_validated
        return {
            "search": self.search.study.name,
            "search_trial": finalist.trial.number,
            "search_validation_accuracy": finalist.trial.value,
            "optimism": finalist.optimism,
            "finalists": len(self.final.finalists),
            "selected_by": f"{'retrained mean' if is_validated else 'search'} validation accuracy",
            "replicate": plan.trials[self.trial.number].replicate if plan is not None else None,
            "replicate_selected_by": "median validation accuracy" if is_validated else "first seed",
            "failed": finalist.failed,
            "validation": finalist.validation.describe() if finalist.validation else None,
            **({"int8": finalist.int8.describe()} if finalist.int8 else {}),
            "test": finalist.test.describe() if finalist.test else None,
        }


def find_winner(database: Database, name: str) -> Winner:
    """The winner of a study of finalists, or of the finalists of a search.

    Raises:
        UnknownStudyError: There is no study of this name.
        InputError: It has no finalists, several studies of them, or some not trained; the message says what to type.
    """
    record = read_study_record(load_study(database, _find_finalists(database, name)))
    search_name = find_search_name(record.study) or ""
    if search_name not in list_study_names(database):
        raise InputError(
            f"study {search_name!r}, whose finalists {record.study.name!r} trains, is not in this database: "
            f"hpsearch export {record.study.name} --trial N takes one of its trials"
        )
    return choose_winner(read_study_record(load_study(database, search_name)), record)


def choose_winner(search: StudyRecord, record: StudyRecord) -> Winner:
    """Decide, once all are trained.

    Raises:
        InputError: Not all are, or none is complete.
    """
    final = summarize_finalists(search, record)
    name = record.study.name
    if not record.is_finished:
        raise InputError(
            f"{record.finished_count} of {record.trials_wanted} trainings of {name!r} are finished, and the winner is "
            f"known when all are: {write_finalists_command(search, record)} goes on"
        )
    finalist = final.finalists[0]
    if not finalist.replicates:
        raise InputError(f"no replicate of {finalist.label} in {name!r} is complete: hpsearch show {name} says why")
    return Winner(search, record, final, choose_replicate(finalist))


def choose_replicate(finalist: Finalist) -> TrialRecord:
    """The replicate of median validation accuracy, of an even number the lower one; where none is known, the first."""
    replicates = finalist.replicates
    if finalist.validation is None:
        return replicates[0]
    ranked = sorted(replicates, key=lambda trial: (trial.value or 0.0, trial.number))
    return ranked[(len(ranked) - 1) // 2]


def _find_finalists(database: Database, name: str) -> str:
    """The study of finalists that is meant: the named one itself, or the only one of the named search."""
    study = load_study(database, name)
    if find_search_name(study) is not None:
        return name
    if study.plan is not None:
        raise InputError(
            f"study {name!r} trains a given configuration and has no finalists: "
            f"hpsearch export {name} --trial N takes one of its trials"
        )
    others, _unreadable = load_studies(database)
    linked = [other.name for other in others if find_search_name(other) == name]
    if not linked:
        raise InputError(f"study {name!r} has no finalists yet: hpsearch finalists {name} trains them")
    if len(linked) > 1:
        raise InputError(
            f"study {name!r} has finalists in {', '.join(linked)}: say which, hpsearch export {linked[0]} --finalist"
        )
    return linked[0]


def write_finalists_command(search: StudyRecord, record: StudyRecord) -> str:
    """The command that made the study."""
    study, plan = record.study, record.study.plan
    words = ["hpsearch finalists", search.study.name]
    if plan is not None:
        replicates = max(trial.replicate for trial in plan.trials) + 1
        words += ["--top", str(len(plan.labels)), "--replicates", str(replicates)]
    if study.spec.epochs != search.study.spec.epochs:
        words += ["--epochs", str(study.spec.epochs)]
    if not study.is_validated:
        words += ["--on", study.trains_on]
    int8 = plan is not None and any(trial.config.recipe.int8_epochs for trial in plan.trials)
    if int8:
        words += ["--int8"]
    if study.name != name_finalists(search.study.name, study.trains_on, int8=int8):
        words += ["--study", study.name]
    return " ".join(words)
