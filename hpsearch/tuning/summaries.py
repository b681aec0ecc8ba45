"""What each study of a database comes to: `hpsearch list`, which reads of all trials the best one alone."""

from collections.abc import Mapping
from dataclasses import dataclass

from hpsearch.errors import HpsearchError, UnreadableStudyError
from hpsearch.storage import stored_course, stored_totals
from hpsearch.storage.database import Database
from hpsearch.storage.reader import Reader
from hpsearch.storage.stored_rows import StudyCourse
from hpsearch.storage.stored_trials import FINISHED
from hpsearch.tuning.records import STATES, TrialRecord, describe_unreadable_trials, make_trial_record
from hpsearch.tuning.study import Study, UnreadableStudy, load_studies


@dataclass(frozen=True)
class StudySummary:
    """A study, and what its trials come to at one moment."""

    study: Study
    counts: Mapping[str, int]
    """The number of trials in each of `STATES`."""
    course: StudyCourse
    best: TrialRecord | None
    """As the study's record has it: the highest validation accuracy; of equals, the longest trained, the earliest."""
    test_openings: int
    """How often the test split was opened for this study."""

    @property
    def trials_wanted(self) -> int:
        """How many trials the study asks for by now."""
        return self.course.trials or self.study.spec.trials

    @property
    def finished_count(self) -> int:
        """Trials that are complete, pruned or failed."""
        return sum(self.counts[state] for state in FINISHED)

    @property
    def is_finished(self) -> bool:
        """Whether every trial that the study asks for is finished."""
        return self.finished_count >= self.trials_wanted


def read_summaries(database: Database) -> tuple[list[StudySummary], list[UnreadableStudy]]:
    """Every study of the database, by name, and those that cannot be read.

    Raises:
        StorageError: The database failed.
    """
    studies, unreadable = load_studies(database)
    summaries = []
    for study in studies:
        try:
            summaries.append(read_summary(study))
        except UnreadableStudyError as error:
            unreadable.append(UnreadableStudy(study.name, str(error)))
    return summaries, unreadable


def read_summary(study: Study) -> StudySummary:
    """Have the database count a study's trials, and read the best.

    Raises:
        UnreadableStudyError: What the database holds of the best trial cannot be read.
        StorageError: The database failed.
    """
    with study.database.reading() as reader:
        counted = stored_totals.count_states(reader, study.study_id)
        course = stored_course.read_course(reader, study.study_id)
        openings = stored_totals.count_test_scores(reader, study.study_id)
        try:
            best = _read_best(reader, study)
        except (ValueError, TypeError, KeyError, IndexError, RecursionError) as error:
            if isinstance(error, HpsearchError):
                raise
            raise describe_unreadable_trials(study, error) from error
    return StudySummary(study, {state: counted.get(state, 0) for state in STATES}, course, best, openings)


def _read_best(reader: Reader, study: Study) -> TrialRecord | None:
    if not study.is_validated:
        return None
    equals = stored_totals.list_best_trials(reader, study.study_id)
    if not equals:
        return None
    plan = study.spec.round_plan
    trial_id, _number = (
        equals[0] if plan is None else min(equals, key=lambda each: (-plan.locate(each[1]).round, each[1]))
    )
    trial = stored_totals.read_trial(reader, study.study_id, trial_id)
    scores = stored_course.read_test_scores(reader, study.study_id).get(trial_id, ())
    return make_trial_record(trial, None, is_validated=True, reason=None, scores=scores)
