"""The home folder in a path, where no shell has put it."""

import os
from pathlib import Path


def expand_home(path: str | os.PathLike[str]) -> Path:
    """`~/pictures` below the home folder; every other path as it is, also one that begins with ~ and no user's name."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - the method refuses what it does not know
