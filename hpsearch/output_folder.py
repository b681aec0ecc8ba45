"""Folders that hpsearch makes for what it writes: marked, so that they are never taken for somebody's data."""

import contextlib
from pathlib import Path

from hpsearch.durable_file import sync_file

MARK = ".hpsearch"
"""The file that says so, in the outermost folder that was made."""
_TEXT = "hpsearch made this folder for what it writes, and passes over it where it looks for images.\n"
_OF_BUNDLES = ("manifest.json", "model.safetensors")


def make_output_folder(folder: Path) -> list[Path]:
    """Make a folder and its parents; those that were made, the innermost first. Raises OSError."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if missing:
            (missing[-1] / MARK).write_text(_TEXT, encoding="utf-8")
            sync_file(missing[-1] / MARK)
    except OSError:  # a full disk
        with contextlib.suppress(OSError):
            remove_made([path for path in missing if path.exists()])
        raise
    return missing


def remove_made(made: list[Path]) -> None:
    """Take away folders that were made and hold nothing. Raises OSError where one of them holds something."""
    for folder in made:
        if {path.name for path in folder.iterdir()} == {MARK}:
            (folder / MARK).unlink()
        folder.rmdir()


def is_output_folder(folder: Path) -> bool:
    """Whether hpsearch made it, or it is a bundle that somebody has brought here. Raises OSError."""
    return (folder / MARK).is_file() or all((folder / name).is_file() for name in _OF_BUNDLES)
