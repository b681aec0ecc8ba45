"""What operating systems, file managers and storage devices put into folders by themselves: never a person's data."""

_FOLDERS = frozenset({"__macosx", "@eadir", "$recycle.bin", "system volume information", "lost+found", "#recycle"})
_FILES = frozenset({"thumbs.db", "desktop.ini", "icon\r"})


def is_system_name(name: str) -> bool:
    """Whether a file or folder of this name is no person's: hidden, or a system's own."""
    return name.startswith(".") or name.lower() in _FOLDERS or name.lower() in _FILES
