"""What can go wrong through no fault of ours, each with the sentence a person reads and the exit code.

The command line turns an `HpsearchError` into one line on stderr. Any other exception is a bug and keeps its traceback.
"""

from typing import ClassVar


class HpsearchError(Exception):
    """Something a person can mend; the message says what was given, what is allowed and what to type next."""

    exit_code: ClassVar[int] = 1


class InputError(HpsearchError, ValueError):
    """A flag, file or value that cannot be taken as it was given."""

    exit_code: ClassVar[int] = 2


class DataError(InputError):
    """A data set that is missing, damaged or of another shape than it says."""


class DataUnavailableError(DataError):
    """A data set that no source could give; the message says what was tried and what would help."""


class StorageError(HpsearchError):
    """A database that cannot be opened, is damaged, or is none of ours."""

    exit_code: ClassVar[int] = 3


class StorageUnavailableError(StorageError):
    """A database that does not answer now and may answer again: the connection broke, the server starts, a lock."""


class UnreadableStudyError(StorageError):
    """What a sound database holds of one study cannot be read: the others can, and it can be deleted."""


class OutOfMemoryError(HpsearchError):
    """A trial that the device's memory cannot hold, now or ever: it is tried again a few times."""


class TrainingError(HpsearchError):
    """Training that cannot go on: the trial fails with this message as its reason."""


class DivergedError(TrainingError):
    """The loss or the weights are no longer finite."""


class TrainingInterrupted(Exception):  # noqa: N818 - an answer to `should_stop`, no error of the trial
    """Training stopped between two batches because `should_stop` said so; the epoch under way is lost."""


class LeaseLostError(HpsearchError):
    """Another worker holds the trial now; nothing more may be written for it."""
