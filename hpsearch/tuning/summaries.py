"""What each study of a database comes to: `hpsearch list`, which reads of all trials the best one alone."""

from collections.abc import Mapping, Sequence
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
    """The first of the ranking that the study's record has."""
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
    with database.reading() as reader:
        counted = stored_totals.count_states(reader)
        best = stored_totals.list_best_trials(reader)
        openings = stored_totals.count_test_scores(reader)
        summaries = []
        for study in studies:
            key = study.study_id
            try:
                summaries.append(
                    _summarize(reader, study, counted.get(key, {}), best.get(key, []), openings.get(key, 0))
                )
            except UnreadableStudyError as error:
                unreadable.append(UnreadableStudy(study.name, str(error)))
    return summaries, unreadable


def _summarize(
    reader: Reader, study: Study, counted: Mapping[str, int], equals: Sequence[tuple[int, int]], openings: int
) -> StudySummary:
    course = stored_course.read_course(reader, study.study_id)
    try:
        best = _read_best(reader, study, equals)
    except (ValueError, TypeError, KeyError, IndexError, RecursionError) as error:  # of what should be JSON of ours
        if isinstance(error, HpsearchError):
            raise
        raise describe_unreadable_trials(study, error) from error
    return StudySummary(study, {state: counted.get(state, 0) for state in STATES}, course, best, openings)


def _read_best(reader: Reader, study: Study, equals: Sequence[tuple[int, int]]) -> TrialRecord | None:
    """The first of `equals`, by number, which have the highest value; with rounds the best of the last one."""
    if not equals or not study.is_validated:
        return None
    trial_id, _number = equals[0]
    if (plan := study.spec.round_plan) is not None:
        complete = stored_totals.list_values(reader, study.study_id)
        trial_id, *_ = min(complete, key=lambda each: (-plan.locate(each[1]).round, -each[2], each[1]))
    trial = stored_totals.read_trial(reader, study.study_id, trial_id)
    scores = stored_course.read_test_scores(reader, study.study_id).get(trial_id, ())
    return make_trial_record(trial, None, is_validated=True, reason=None, scores=scores)
