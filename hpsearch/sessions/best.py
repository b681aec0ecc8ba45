"""The best trial of a study, or the winner of finalists."""

from typing import TYPE_CHECKING

from hpsearch.errors import HpsearchError
from hpsearch.reporting.record_words import describe_counts

if TYPE_CHECKING:
    from hpsearch.tuning.records import StudyRecord, TrialRecord
    from hpsearch.tuning.winner import Winner


class NothingCompleteError(HpsearchError):
    """A study of which no trial is complete has no best one."""


def require_best(record: "StudyRecord") -> "TrialRecord":
    """The best trial.

    Raises:
        NothingCompleteError: No trial is complete, or none has a validation accuracy.
    """
    if record.best is not None:
        return record.best
    name = record.study.name
    if record.counts["COMPLETE"]:
        raise NothingCompleteError(
            f"study {name!r} trains on {record.study.trains_on}, so that none of its trials is the best by validation: "
            f"hpsearch show {name} lists them, hpsearch export {name} --trial N takes one"
        )
    raise NothingCompleteError(
        f"study {name!r} has no complete trial yet ({describe_counts(record)}): "
        f"hpsearch worker {name} goes on with it, hpsearch show {name} says more"
    )


def is_of_finalists(record: "StudyRecord") -> bool:
    """Whether the study trains the finalists of a search."""
    from hpsearch.tuning.finalists import find_search_name

    return find_search_name(record.study) is not None


def load_winner(record: "StudyRecord") -> "Winner":
    """The winner of a study of finalists, or of the finalists of a search.

    Raises:
        InputError: There is none yet; the message says what to type.
    """
    from hpsearch.tuning.winner import find_winner

    return find_winner(record.study.database, record.study.name)


def choose_trials(record: "StudyRecord", count: int | None, number: int | None) -> "list[TrialRecord]":
    """The trial of this number, or so many of the best.

    Raises:
        InputError: There is no such trial.
        NothingCompleteError: No trial is complete yet.
    """
    if number is not None:
        return [record.trial(number)]
    require_best(record)
    return record.ranking[: count or 1]
