"""Drafts: a file that is written beside its place, to be renamed into it once it is whole."""

import contextlib
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

_SIDE_FILES = ("", "-journal", "-wal", "-shm")


@contextmanager
def draft_file(target: Path) -> Iterator[Path]:
    """The path of a file beside `target` that does not exist yet; what is left there at the end is removed.

    Drafts of processes of this machine that were killed are removed as well. Raises OSError.
    """
    for path, process in _find_drafts(target):
        if not psutil.pid_exists(process):
            _remove(path)
    draft = target.with_name(f".{target.name}.{_host()}-{os.getpid()}.draft")
    try:
        yield draft
    finally:
        _remove(draft)


def _find_drafts(target: Path) -> Iterator[tuple[Path, int]]:
    head = f".{target.name}.{_host()}-"
    for path in target.parent.iterdir():
        if path.name.startswith(head) and path.name.endswith(".draft"):
            with contextlib.suppress(ValueError):
                yield path, int(path.name.removeprefix(head).removesuffix(".draft"))


def _remove(draft: Path) -> None:
    for ending in _SIDE_FILES:
        draft.with_name(draft.name + ending).unlink(missing_ok=True)


def _host() -> str:
    return socket.gethostname().replace("/", "_") or "localhost"
