"""What a part of a report is about: a study, what is linked to it, and what its networks do with validation images."""

from dataclasses import dataclass

from hpsearch.errors import InputError
from hpsearch.reporting.validation import NoOutcome, ValidationOutcome
from hpsearch.tuning.finalists import Final, summarize_finalists
from hpsearch.tuning.plan_summary import LabelSummary, PlanSummary, summarize_plan
from hpsearch.tuning.records import StudyRecord, TrialRecord

_MOST_JUDGED = 3


@dataclass(frozen=True)
class Subject:
    """A study as it is reported."""

    record: StudyRecord
    finals: tuple[StudyRecord, ...] = ()
    """The studies that train the best of this search again."""
    search: StudyRecord | None = None
    """The search whose finalists this study trains, where it is still there."""
    outcomes: tuple[ValidationOutcome | NoOutcome, ...] = ()

    @property
    def summary(self) -> PlanSummary | None:
        """What its labels came to, where its trials are planned."""
        return None if self.record.study.plan is None else summarize_plan(self.record)


def summarize_linked(search: StudyRecord, final: StudyRecord) -> Final | str:
    """What finalists came to, or a sentence that says why they do not belong to the search."""
    try:
        return summarize_finalists(search, final)
    except InputError:
        return (
            f"The study {final.study.name} trains finalists of another study that was called {search.study.name} "
            "before: they are not shown here."
        )


def choose_judged(record: StudyRecord) -> list[TrialRecord]:
    """The trials whose networks are shown with what they get wrong.

    Of a search the best one. Of planned trials those of whom a confusion matrix is printed, otherwise those of the
    best label; the replicate in the middle stands for its label.
    """
    if not record.study.is_validated:
        return []
    if record.study.plan is None:
        return [record.best] if record.best is not None else []
    labels = [mine for mine in summarize_plan(record).labels if mine.validation is not None]
    chosen = [mine for mine in labels if mine.printed.confusion is not None]
    if not chosen and labels:
        chosen = [max(labels, key=lambda mine: mine.validation.mean if mine.validation else 0.0)]
    return [_choose_middle(mine) for mine in chosen[:_MOST_JUDGED]]


def _choose_middle(mine: LabelSummary) -> TrialRecord:
    """Of an even number the lower one."""
    ranked = sorted(mine.complete, key=lambda trial: (trial.value or 0.0, trial.number))
    return ranked[(len(ranked) - 1) // 2]
