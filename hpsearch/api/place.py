"""Where a program's studies and data sets are."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hpsearch.home import expand_home
from hpsearch.sessions.storage import find_storage

if TYPE_CHECKING:
    from hpsearch.storage.database import Database
    from hpsearch.tuning.records import StudyRecord

Location = str | os.PathLike[str] | None
"""Of a database: its URL, the path of a SQLite file, or None for what the environment says, else hpsearch.db here."""


@dataclass(frozen=True)
class Place:
    """A database and a cache folder."""

    url: str = field(repr=False)
    """With its password."""
    cache_folder: Path

    @contextmanager
    def open(self) -> "Iterator[Database]":
        """The database, as long as the block lasts. Raises StorageError where there is none."""
        from hpsearch.storage.database import Database

        with Database.open(self.url, check=False) as database:
            yield database

    @contextmanager
    def open_record(self, name: str) -> "Iterator[StudyRecord]":
        """A study and its trials as they are now; its database is open as long as the block lasts."""
        from hpsearch.sessions.opening import open_study
        from hpsearch.tuning.records import read_study_record

        with open_study(self.url, name) as study:
            yield read_study_record(study)


def find_place(storage: Location, cache_folder: str | os.PathLike[str] | None = None) -> Place:
    """As somebody says, else as the environment says.

    Raises:
        StorageError: It is no database URL.
        DataError: This user has no home folder for the cache.
    """
    from hpsearch.training.data.cache import default_cache_folder

    url = find_storage(storage, os.environ)
    folder = default_cache_folder(os.environ) if cache_folder is None else expand_home(cache_folder)
    return Place(url, folder.absolute())
