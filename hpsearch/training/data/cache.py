"""The folder that keeps fetched data sets, and how a file gets into it: whole or not at all."""

import errno
import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import platformdirs

from hpsearch.durable_file import sync_file, sync_folder
from hpsearch.errors import DataError
from hpsearch.home import expand_home

CACHE_VARIABLE = "HPSEARCH_CACHE"
"""The environment variable that moves the cache folder."""

_FULL = {errno.ENOSPC, errno.EDQUOT}
CACHE_ERRNOS = frozenset({*_FULL, errno.EROFS})
"""Error numbers that speak of the cache's own disk, never of a source."""


def default_cache_folder(environment: Mapping[str, str]) -> Path:
    """The folder for data sets: what `HPSEARCH_CACHE` names, else the platform's place for caches.

    Raises DataError where there is no home folder.
    """
    try:
        if named := environment.get(CACHE_VARIABLE):
            return expand_home(named)
        return platformdirs.user_cache_path("hpsearch") / "datasets"
    except RuntimeError as error:  # neither HOME nor an entry in the list of users
        raise DataError(f"this user has no home folder to keep data sets in ({error}): {_advise()}") from error


def _advise() -> str:
    try:
        example = f"{tempfile.gettempdir()}/hpsearch-cache"
    except OSError:  # there is no temporary folder either
        example = "FOLDER"
    return f"set {CACHE_VARIABLE} to a folder that can be written to, e.g. {CACHE_VARIABLE}={example}"


def hash_file(path: Path, kind: str = "sha256") -> str:
    """The SHA-256 of the file's bytes, or another hash of hashlib's, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()


def install_file(finished: Path, destination: Path) -> None:
    """Move `finished` to `destination` on the same disk so that a crash leaves the old state or the new, never a half.

    Raises OSError.
    """
    sync_file(finished)
    finished.replace(destination)
    sync_folder(destination.parent)


@contextmanager
def explain_cache_errors(cache_folder: Path) -> Iterator[None]:
    """Turn an OSError into the sentence that names the folder and how to move it. Raises DataError."""
    try:
        yield
    except OSError as error:
        trouble = "is full" if error.errno in _FULL else "cannot be written to"
        raise DataError(
            f"the cache folder {cache_folder} {trouble} ({error.strerror or error}); make room or {_advise()}"
        ) from error
