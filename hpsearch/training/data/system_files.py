"""What systems, file managers, storage devices and hpsearch put into folders by themselves: never a person's data."""

from pathlib import Path

from hpsearch.output_folder import is_output_folder

_FOLDERS = frozenset(
    {"__macosx", "@eadir", "$recycle.bin", "system volume information", "lost+found", "#recycle", "__pycache__"}
)
_MARKS = ("pyvenv.cfg", "CACHEDIR.TAG")
"""Files that say of a folder that programs fill it: of virtual environments, and of caches by common agreement."""
_FILES = frozenset(
    {"thumbs.db", "desktop.ini", "icon\r", "hpsearch.db", "hpsearch.db.lock", "hpsearch.db-journal", "hpsearch.db-wal"}
)


def is_system_name(name: str) -> bool:
    """Whether a file or folder of this name is no person's: hidden, or a system's own."""
    return name.startswith(".") or name.lower() in _FOLDERS or name.lower() in _FILES


def is_passed_over(path: Path) -> bool:
    """Whether a thing in a folder is no person's: by its name, or because hpsearch writes there. Raises OSError."""
    if is_system_name(path.name):
        return True
    return path.is_dir() and (is_output_folder(path) or any((path / mark).is_file() for mark in _MARKS))
