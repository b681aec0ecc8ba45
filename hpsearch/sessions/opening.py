"""Opening what exists: a database, a study, its record as it is now."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from hpsearch.errors import StorageError, StorageUnavailableError

if TYPE_CHECKING:
    from hpsearch.storage.database import Database
    from hpsearch.tuning.records import StudyRecord
    from hpsearch.tuning.status import StudyStatus
    from hpsearch.tuning.study import Study, UnreadableStudy
    from hpsearch.tuning.summaries import StudySummary


@contextmanager
def open_study(url: str, name: str) -> "Iterator[Study]":
    """A study; its database is open as long as the block lasts.

    Raises:
        UnknownStudyError: There is none of this name; the message names the near ones.
        StorageError: There is no such database, or it failed.
    """
    from hpsearch.storage.database import Database
    from hpsearch.tuning.study import load_study

    with Database.open(url, check=False) as database:
        yield load_study(database, name)


@contextmanager
def open_record(url: str, name: str) -> "Iterator[StudyRecord]":
    """A study and its trials as they are now; its database, whose integrity is checked first, stays open meanwhile.

    Raises what `open_study` raises.
    """
    from hpsearch.storage.database import Database
    from hpsearch.tuning.records import read_study_record
    from hpsearch.tuning.study import load_study

    with Database.open(url) as database:
        yield read_study_record(load_study(database, name))


@contextmanager
def open_status(url: str, name: str) -> "Iterator[Callable[[], StudyStatus]]":
    """What reads how a study is getting on, and what its best accuracy is worth, as often as it is called.

    Raises what `open_study` raises.
    """
    from hpsearch.reporting.measured import describe_measure
    from hpsearch.sessions.documents import describe_validation_measure
    from hpsearch.tuning.status import read_status

    def read() -> "StudyStatus":
        found = read_status(study)
        try:
            best = found.record.best
            figures = describe_validation_measure(found.record, best)
            return replace(found, measure=describe_measure(found.record, best), validation_measure=figures)
        except StorageUnavailableError:
            raise
        except StorageError as error:  # damaged: all else can be shown
            return replace(found, measure=str(error))

    with open_study(url, name) as study:
        yield read


@contextmanager
def open_database(url: str, *, read_only: bool = False) -> "Iterator[Database]":
    """A database that exists. Raises StorageError where there is none."""
    from hpsearch.storage.database import Database

    with Database.open_read_only(url) if read_only else Database.open(url) as database:
        yield database


def read_all(url: str) -> "tuple[list[StudySummary], list[UnreadableStudy]]":
    """What all studies of a database come to, and those that cannot be read. Raises StorageError if it is absent."""
    from hpsearch.tuning.summaries import read_summaries

    with open_database(url) as database:
        return read_summaries(database)


def list_names(url: str) -> list[str]:
    """The names of the studies of a database. Raises StorageError where there is none."""
    from hpsearch.storage.database import Database
    from hpsearch.tuning.study import list_study_names

    with Database.open(url, check=False) as database:
        return list_study_names(database)
