"""Folders that are whole or absent: written beside their place, renamed into it."""

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hpsearch.durable_file import sync_file, sync_folder
from hpsearch.output_folder import DRAFT

try:
    import fcntl
except ImportError:  # not on Windows; there the drafts of killed processes stay until somebody removes them
    fcntl = None  # type: ignore[assignment]


@contextmanager
def draft_folder(target: Path) -> Iterator[Path]:
    """A new, empty folder beside `target`; unless it is published it is gone at the end, with the parents made for it.

    Drafts of the same target whose processes were killed are removed first. Raises OSError.
    """
    missing = [folder for folder in target.parents if not folder.exists()]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _remove_dead_drafts(target)
        draft, lock = _make_locked(target)
        try:
            yield draft
        finally:
            shutil.rmtree(draft, ignore_errors=True)
            if lock is not None:
                os.close(lock)
    finally:
        for folder in missing:
            with contextlib.suppress(OSError):  # something is in it, or it was never made
                folder.rmdir()


def write_durably(path: Path, content: bytes) -> None:
    """Write a file, on the disk when this returns. Raises OSError."""
    path.write_bytes(content)
    sync_file(path)


def publish_folder(draft: Path, target: Path) -> None:
    """Give a draft its name, at once. Raises OSError, also where something that is not empty has the name already."""
    sync_folder(draft)
    draft.rename(target)
    sync_folder(target.parent)


def _make_locked(target: Path) -> tuple[Path, int | None]:
    """A folder that this process holds a lock on, as long as it lives: nobody else takes it for a dead one's."""
    while True:
        draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}{DRAFT}")
        draft.mkdir()
        lock = _lock(draft)
        if draft.is_dir():  # nobody took it away before it was locked
            return draft, lock
        if lock is not None:
            os.close(lock)


def _lock(folder: Path) -> int | None:
    """Lock a folder; None where that cannot be done, or another process has."""
    if fcntl is None:
        return None
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _remove_dead_drafts(target: Path) -> None:
    head = f".{target.name}."
    for path in target.parent.iterdir():
        is_draft = path.name.startswith(head) and path.name.endswith(DRAFT) and not path.is_symlink()
        if is_draft and (lock := _lock(path)) is not None:
            shutil.rmtree(path, ignore_errors=True)
            os.close(lock)
