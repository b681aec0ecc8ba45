"""Files that last: on the disk, and under their name, before anybody is told of them."""

import os
from pathlib import Path


def sync_file(path: Path) -> None:
    """Have a file's bytes on the disk. Raises OSError."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Have a folder's names on the disk: without this a rename can be lost with the power. Raises OSError."""
    if os.name != "posix":
        return  # elsewhere a folder cannot be opened
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
