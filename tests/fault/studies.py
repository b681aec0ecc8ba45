"""Studies of fault tests: made and read by processes that hold no connection meanwhile."""

from typing import Any

from hpsearch.storage.database import Database
from hpsearch.tuning.records import StudyRecord, read_study_record
from hpsearch.tuning.study import load_study
from tests.scripted import make_study


def make(storage: str, *, name: str = "study", **fields: Any) -> None:
    """Make a study that scripted workers can work on."""
    with Database.open(storage, create=True) as database:
        make_study(database, name, **fields)


def read(storage: str, *, name: str = "study") -> StudyRecord:
    """The study as it stands."""
    with Database.open(storage) as database:
        return read_study_record(load_study(database, name))
