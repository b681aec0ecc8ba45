"""What an operator does to a study: stop, resume, requeue, enqueue, delete."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hpsearch.errors import UnreadableStudyError
from hpsearch.sessions.opening import open_study

if TYPE_CHECKING:
    from hpsearch.tuning.operations import Resumption as Resumption
    from hpsearch.tuning.operations import Stop as Stop
    from hpsearch.tuning.records import StudyRecord


@dataclass(frozen=True)
class Queued:
    """Trials that wait for a worker now."""

    numbers: tuple[int, ...]
    is_stopped: bool
    """Whether the study is, so that no worker takes them."""
    parameters: int = 0
    """How many were given with it."""


def stop(url: str, name: str, *, now: bool) -> "Stop | None":
    """Let no worker take another trial; what was found, or None where the study is finished.

    Args:
        url: The database's.
        name: The study's.
        now: Whether the trials that run are given back, not finished first.
    """
    from hpsearch.tuning.operations import stop_study
    from hpsearch.tuning.records import read_study_record

    with open_study(url, name) as study:
        return None if read_study_record(study).is_finished else stop_study(study, gives_back=now)


def resume(url: str, name: str, *, trials: int | None, added: int | None) -> "Resumption":
    """Let workers take trials again, and perhaps more of them.

    Raises:
        InputError: It has more trials already, or goes in rounds that this number does not fill.
    """
    from hpsearch.tuning.operations import resume_study

    with open_study(url, name) as study:
        return resume_study(study, trials=trials, added=added)


def requeue(url: str, name: str, numbers: Sequence[int]) -> Queued:
    """Put trials that failed back into the queue.

    Raises:
        InputError: One of them did not fail, or there is none of its number.
    """
    from hpsearch.tuning.operations import requeue_trials
    from hpsearch.tuning.records import read_study_record

    with open_study(url, name) as study:
        requeued = requeue_trials(study, numbers)
        return Queued(tuple(requeued), read_study_record(study).course.is_stopped)


def enqueue(url: str, name: str, config: Path) -> Queued:
    """Put a configuration, of a bundle or a file of parameters, before those that are still to be drawn.

    Raises:
        InputError: It cannot be read, a parameter is out of the study's space, or the study has all its trials.
    """
    from hpsearch.export.parameter_file import read_parameters
    from hpsearch.tuning.operations import enqueue_trial
    from hpsearch.tuning.records import read_study_record

    parameters = read_parameters(config)
    with open_study(url, name) as study:
        number = enqueue_trial(study, parameters)
        return Queued((number,), read_study_record(study).course.is_stopped, len(parameters))


def delete(
    url: str, name: str, confirm: "Callable[[StudyRecord | UnreadableStudyError], None]"
) -> "StudyRecord | None":
    """Delete a study with all its trials; what it was, or None where it could not be read.

    Args:
        url: The database's.
        name: The study's.
        confirm: Is told what would be lost, and raises what keeps it.
    """
    from hpsearch.storage.database import Database
    from hpsearch.tuning.operations import delete_study, delete_unreadable_study
    from hpsearch.tuning.records import read_study_record
    from hpsearch.tuning.study import load_study

    with Database.open(url, check=False) as database:
        try:
            study = load_study(database, name)
            record = read_study_record(study)
        except UnreadableStudyError as error:
            confirm(error)
            delete_unreadable_study(database, name)
            return None
        confirm(record)
        delete_study(study)
        return record
