"""A report on one study, or on several side by side."""

from collections.abc import Sequence

from hpsearch.reporting.comparison_part import write_comparison_part
from hpsearch.reporting.document import Part, Report
from hpsearch.reporting.plan_part import write_plan_part
from hpsearch.reporting.search_part import write_search_part
from hpsearch.reporting.subject import Subject


def build_report(subjects: Sequence[Subject]) -> Report:
    """What there is to say of these studies; their pictures are not drawn yet."""
    parts = [_write_part(subject) for subject in subjects]
    if len(subjects) == 1:
        return Report(subjects[0].record.study.name, tuple(parts))
    return Report(f"{len(subjects)} studies side by side", (write_comparison_part(subjects), *parts))


def _write_part(subject: Subject) -> Part:
    summary = subject.summary
    return write_search_part(subject) if summary is None else write_plan_part(subject, summary)
