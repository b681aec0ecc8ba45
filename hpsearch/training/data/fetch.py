"""A fetch: the files of a catalogue entry come into the cache, once and whole, from the first source that is right."""

import gzip
import os
import shutil
import tempfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

from filelock import FileLock, Timeout

from hpsearch.errors import DataUnavailableError
from hpsearch.training.data.cache import CACHE_ERRNOS, explain_cache_errors, install_file
from hpsearch.training.data.catalogue import CatalogueEntry
from hpsearch.training.data.pinned_file import PinnedFile
from hpsearch.training.data.sources import Source, SourceError, SystemFolder

Report = Callable[[str], None]
"""Told in one line each what is being tried."""

_PARTIAL_PREFIX = ".partial-"


def find_faults(entry: CatalogueEntry, folder: Path) -> dict[PinnedFile, str]:
    """The files of the entry that are missing from `folder` or damaged there, each with what is wrong with it."""
    faults = {file: file.describe_fault(folder / file.name) for file in entry.files}
    return {file: fault for file, fault in faults.items() if fault is not None}


def fetch_entry(
    entry: CatalogueEntry, cache_folder: Path, report: Report, sources: Sequence[Source] | None = None
) -> Path:
    """Bring every file of the entry into `cache_folder/<name>`, whose path is returned; whole files stay as they are.

    Of several processes one fetches and the others wait. Sources are asked in order for what is still missing, and
    believed only as far as the hashes agree. Raises DataUnavailableError when none could give a file, DataError when
    the cache folder cannot be written to.
    """
    folder = cache_folder / entry.name
    # What a killed fetch left is cleared away even when it had come to the end, if we may.
    has_leavings = any(folder.glob(f"{_PARTIAL_PREFIX}*")) and os.access(folder, os.W_OK)
    if not has_leavings and not find_faults(entry, folder):
        return folder
    with explain_cache_errors(cache_folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock")
        try:
            lock.acquire(blocking=False)
        except Timeout:
            report(f"{entry.name}: waiting for another process that is fetching it")
            lock.acquire()
        try:
            _fetch_missing(entry, folder, report, entry.sources if sources is None else sources)
        finally:
            lock.release()
    return folder


def _fetch_missing(entry: CatalogueEntry, folder: Path, report: Report, sources: Sequence[Source]) -> None:
    """Ask one source after the other; the lock is held."""
    for abandoned in folder.glob(f"{_PARTIAL_PREFIX}*"):
        shutil.rmtree(abandoned)  # of a process that was killed: whoever holds the lock is alone here
    faults = find_faults(entry, folder)
    for file, fault in faults.items():
        if fault != "is missing":
            report(f"{entry.name}: {file.name} in the cache {fault}; it is fetched again")
    tried: list[str] = []
    if any((folder / file.compressed_name).is_file() for file in faults):
        # A person put the compressed files into the cache by hand, as the remedy says.
        sources = (SystemFolder(folder), *sources)
    for source in sources:
        if not faults:
            return
        report(f"{entry.name}: trying {source.description}")
        for reason in _take_from(source, list(faults), folder):
            report(f"{entry.name}: {source.description}: {reason}")
            tried.append(f"{source.description}: {reason}")
        faults = find_faults(entry, folder)
    if faults:
        raise DataUnavailableError(
            f"the data set {entry.name} could not be fetched. Tried: {'; '.join(tried)}."
            f" What helps: {entry.remedy.format(folder=folder)}"
        )


def _take_from(source: Source, wanted: Sequence[PinnedFile], folder: Path) -> list[str]:
    """Install what the source delivers and is right; the reasons why the rest was not taken."""
    # Below the cache folder, so that a finished file is renamed into place and never copied.
    with tempfile.TemporaryDirectory(prefix=_PARTIAL_PREFIX, dir=folder, ignore_cleanup_errors=True) as temporary:
        delivered = Path(temporary)
        try:
            source.deliver(wanted, delivered)
        except SourceError as error:
            return [str(error)]
        except OSError as error:
            if error.errno in CACHE_ERRNOS:
                raise
            return [str(error)]
        reasons = []
        for file in wanted:
            fault = _decompress(file, delivered) or file.describe_fault(delivered / file.name)
            if fault is None:
                install_file(delivered / file.name, folder / file.name)
            else:
                reasons.append(f"{file.name} {fault}")
        return reasons


def _decompress(file: PinnedFile, delivered: Path) -> str | None:
    """Unpack the file where it was delivered compressed; what is wrong with it, or None."""
    compressed, plain = delivered / file.compressed_name, delivered / file.name
    if plain.exists() or not compressed.exists():
        return None
    try:
        with gzip.open(compressed) as packed, plain.open("wb") as output:
            # One byte more than expected is enough to see that it is wrong, however much it would unpack to.
            output.write(packed.read(file.size_bytes + 1))
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        return f"is damaged ({error})"
    return None
