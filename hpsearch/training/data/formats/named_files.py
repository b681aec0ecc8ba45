"""The files that a table names: as it says, in a folder beside it, with an ending that is left out."""

import os
from functools import cached_property
from pathlib import Path, PurePath, PureWindowsPath
from typing import Literal
from unicodedata import normalize

from hpsearch.errors import DataError
from hpsearch.training.data.folder_scan import list_folders
from hpsearch.training.data.image_reading import ENDINGS, show_path
from hpsearch.training.data.split_words import find_split_word
from hpsearch.training.data.system_files import is_system_name

_FORMS: tuple[Literal["NFC", "NFD"], ...] = ("NFC", "NFD")
_MOST_FOLDERS = 200
_MOST_CHARACTERS = 1000


class NamedFiles:
    """Finds the files that a table names.

    A name counts from the table's own folder first. Below it the same name can stand in several folders, as `1.png` in
    `train` and `test`: then it is the one whose folder is called after the split that the table has in its own name,
    and otherwise nobody's guess.
    """

    def __init__(self, table: Path) -> None:
        self._table = table
        self._split = find_split_word(table.stem)
        self.moved_from: str | None = None
        """The folder of another machine that whole paths began with, where what is below it was found here."""

    def find(self, text: str) -> Path | None:
        """The file; None where there is none.

        Raises:
            DataError: There are several, and nothing says which is meant.
        """
        # By a link, or by way of `..`, one file is found in several folders.
        found = list({path.resolve(): path for path in self.find_all(text)}.values())
        if len(found) < 2:
            return found[0] if found else None
        meant = [path for path in found if self._split is not None and self._read_split(path) == self._split]
        if len(meant) == 1:
            return meant[0]
        raise DataError(
            f"{show_path(self._table)} names {text.strip()}, and {show_path(found[0])} and {show_path(found[1])} are "
            "both there: write whole paths into the table, or take one of them away"
        )

    def find_all(self, text: str) -> list[Path]:
        """Every file that a name can mean; the one in the table's own folder alone, where there is one."""
        name = text.strip()
        if not name or "\0" in name or len(name) > _MOST_CHARACTERS:
            return []
        names = [name] if "\\" not in name else [name, PureWindowsPath(name).as_posix()]
        # A spreadsheet composes letters and their marks, and an unpacked archive of a Mac does not.
        names = [*dict.fromkeys([*names, *(normalize(form, each) for form in _FORMS for each in names)])]
        for each in names:
            if _is_file(own := self._table.parent / each):
                return [own]
        for each in names:
            if found := self._find_below(each):
                return found
        return self._find_moved(name)

    def _find_moved(self, name: str) -> list[Path]:
        """What a whole path of another machine means here: as much of its end as leads to a file.

        All paths of a table are taken to begin in the same folder. Where a path's own folder is here, the file is
        missing from it and is no other one.
        """
        path: PurePath = PureWindowsPath(name)
        if not path.is_absolute():
            path = PurePath(name)
        if not path.is_absolute() or _is_folder(Path(str(path.parent))):
            return []
        for start in reversed(path.parents):
            if self.moved_from is not None and str(start) != self.moved_from:
                continue
            rest = path.relative_to(start).as_posix()
            found = [own] if _is_file(own := self._table.parent / rest) else self._find_below(rest)
            if found:
                self.moved_from = str(start)
                return found
        return []

    def _find_below(self, name: str) -> list[Path]:
        path = PurePath(name)
        if not path.is_absolute() and len(path.parts) > 1:
            found = [folder / name for folder in self._folders if _is_file(folder / name)]
            if found:
                return found
        if len(path.parts) != 1:
            return [
                candidate
                for folder in ([self._table.parent, *self._folders] if path.suffix.lower() not in ENDINGS else [])
                for ending in ENDINGS
                if _is_file(candidate := folder / f"{name}{ending}")
            ]
        found = self._by_name.get(name.lower()) or self._by_stem.get(name.lower()) or []
        return [path for path in found if name in (path.name, path.stem)] or found

    def _read_split(self, path: Path) -> str | None:
        folders = path.relative_to(self._table.parent).parts[:-1]
        return next((split for folder in folders if (split := find_split_word(folder)) is not None), None)

    @cached_property
    def _folders(self) -> list[Path]:
        """The folders beside the table, and those in them: `images/`, `train/`, `data/images/`."""
        first = list_folders(self._table.parent)
        return [*first, *(below for each in first for below in list_folders(each)[:50])][:_MOST_FOLDERS]

    @cached_property
    def _files(self) -> list[tuple[str, Path]]:
        return [
            (name, folder / name) for folder in [self._table.parent, *self._folders] for name in _list_files(folder)
        ]

    @cached_property
    def _by_name(self) -> dict[str, list[Path]]:
        """In small letters: `1.JPG` is meant where a table says `1.jpg`."""
        found: dict[str, list[Path]] = {}
        for name, path in self._files:
            found.setdefault(name.lower(), []).append(path)
        return found

    @cached_property
    def _by_stem(self) -> dict[str, list[Path]]:
        """Of images, without their ending."""
        found: dict[str, list[Path]] = {}
        for name, path in self._files:
            if path.suffix.lower() in ENDINGS:
                found.setdefault(PurePath(name).stem.lower(), []).append(path)
        return found


def _list_files(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries if not is_system_name(entry.name) and entry.is_file())


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
