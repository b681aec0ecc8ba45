"""Which files of a person's folder are which class's, for training, validation and testing; and which are left out."""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hpsearch.errors import DataError
from hpsearch.storable_text import find_name_fault
from hpsearch.training.data.image_reading import ENDINGS, show_path
from hpsearch.training.data.system_files import is_system_name
from hpsearch.wording import count_of

EXPECTED_LAYOUT = "<folder>/<class>/*.png, or <folder>/train/<class>/*.png and <folder>/test/<class>/*.png"
_SPLITS = {
    "train": "train",
    "training": "train",
    "test": "test",
    "testing": "test",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
}
"""What people call the folders of their splits."""
_LINK_BACK = ("link to a folder above it", "links to a folder above them")


@dataclass
class LeftOut:
    """Files that are not read, by what they are, each kind with the first of them."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By the name of one, and of several."""
    first: dict[tuple[str, str], Path] = field(default_factory=dict)

    def add(self, one: str, several: str, path: Path) -> None:
        """Note a file."""
        self.counts[one, several] += 1
        self.first.setdefault((one, several), path)

    def describe(self) -> list[str]:
        """A line for each kind: how many, and where the first is."""
        return [
            f"{count_of(count, *kind)} {'is' if count == 1 else 'are'} left out, e.g. {show_path(self.first[kind])}"
            for kind, count in sorted(self.counts.items())
        ]


@dataclass(frozen=True)
class ScannedFolder:
    """The files of a folder, by split and class; `None` for a split that is not there."""

    class_names: tuple[str, ...]
    train: tuple[tuple[Path, int], ...]
    """Each file with its label."""
    validation: tuple[tuple[Path, int], ...] | None
    test: tuple[tuple[Path, int], ...] | None
    left_out: LeftOut
    notes: tuple[str, ...] = ()


def scan_folder(path: Path, *, least_classes: int = 2) -> ScannedFolder:
    """Find the classes and their files; nothing is read yet.

    Raises:
        DataError: There are fewer classes than it takes, a class has no image or a name that nothing can store, or the
            layout says two things at once.
        OSError: A folder cannot be read.
    """
    notes: list[str] = []
    path = _step_in(path, notes)
    left_out = LeftOut()
    splits = _find_splits(path, notes)
    train_folder = splits.get("train", path)
    if "train" in splits:
        _note_strays(path, left_out)
    classes = name_classes(_list_class_folders(train_folder, left_out))
    if len(classes) < least_classes:
        raise DataError(
            f"{show_path(train_folder)} holds {len(classes)} folders with images, and a data set needs at least two "
            f"classes; expected is {EXPECTED_LAYOUT}"
        )
    names = tuple(classes)
    others = {
        split: _list_others(splits[split], names, left_out) if split in splits else None
        for split in ("validation", "test")
    }
    train = _list_files(classes, names, left_out)
    return ScannedFolder(names, train, others["validation"], others["test"], left_out, tuple(notes))


def name_classes(folders: Iterable[Path]) -> dict[str, Path]:
    """Class folders by their names in Unicode's composed form, whichever form the file system has: sorted.

    Raises:
        DataError: A name cannot be stored or shown, or two folders have the same.
    """
    classes: dict[str, Path] = {}
    for folder in folders:
        if fault := find_name_fault(folder.name):
            raise DataError(f"the name of the class folder {show_path(folder)} {fault}: rename it")
        name = unicodedata.normalize("NFC", folder.name)
        if name in classes:
            raise DataError(
                f"{show_path(folder)} and {show_path(classes[name])} have names that look the same: rename one, or put "
                "their files together"
            )
        classes[name] = folder
    return dict(sorted(classes.items()))


def list_folders(folder: Path) -> list[Path]:
    """The folders in a folder that a person made."""
    return sorted(child for child in folder.iterdir() if child.is_dir() and not is_system_name(child.name))


def list_image_paths(folder: Path, left_out: LeftOut, above: frozenset[Path] = frozenset()) -> list[Path]:
    """The files in a folder and below that may be images, sorted: all but systems' own.

    Links to folders are followed, but not to one of those `above`: that would be without end.
    """
    found = []
    here = above | {folder.resolve()}
    for child in sorted(folder.iterdir()):
        if is_system_name(child.name):
            continue
        if _leads_back(child, here):
            left_out.add(*_LINK_BACK, child)
        elif child.is_dir():
            found += list_image_paths(child, left_out, here)
        elif child.is_file():
            found.append(child)
        else:
            one = "link that leads nowhere or thing that is no file"
            left_out.add(one, "links that lead nowhere and things that are no files", child)
    return found


def _leads_back(path: Path, above: Collection[Path] = ()) -> bool:
    """Whether it is a link to one of those folders, or to any that it lies in: other classes are in there."""
    if not (path.is_symlink() and path.is_dir()):
        return False
    target = path.resolve()
    return target in above or path.parent.resolve().is_relative_to(target)


def _holds_files(folder: Path) -> bool:
    """Whether images lie right in it."""
    return any(
        child.suffix.lower() in ENDINGS and not is_system_name(child.name) and child.is_file()
        for child in folder.iterdir()
    )


def _step_in(path: Path, notes: list[str], *, is_split: bool = False) -> Path:
    """Past folders that hold nothing but one folder of folders, as archives unpack."""
    while True:
        folders = list_folders(path)
        if len(folders) != 1 or _holds_files(path) or _holds_files(folders[0]) or len(list_folders(folders[0])) < 2:
            return path
        if not is_split and _SPLITS.get(folders[0].name.lower()) == "train":
            return path
        path = folders[0]
        notes.append(f"the data are taken from {show_path(path)}, the only folder in there")


def _find_splits(path: Path, notes: list[str]) -> dict[str, Path]:
    """The folders whose children are classes, by their split; none where the classes lie right in `path`."""
    folders = {folder.name: folder for folder in list_folders(path)}
    named = {name: _SPLITS[name.lower()] for name in folders if name.lower() in _SPLITS}
    flat = {name for name in named if _holds_files(folders[name])}
    # training_set and test_set, seg_train and seg_test: two splits or more, and folders in each.
    loose = {name: split for name in folders.keys() - named.keys() if (split := _read_split(folders[name])) is not None}
    if len({"train"} | set(loose.values()) | set(named.values())) > 1 and "train" in {*loose.values(), *named.values()}:
        named |= loose
    if named and len(named) == len(folders) and flat == set(named) and len(named) > 1:
        raise DataError(
            f"{show_path(path)} has images right in {' and '.join(sorted(named))}, which are splits and no classes: "
            f"put each image into a folder of its class; expected is {EXPECTED_LAYOUT}"
        )
    # Images right below train/ make it a class by that name: somebody sorts trains from ships.
    if "train" not in {named[name] for name in named.keys() - flat}:
        return {}
    splits: dict[str, Path] = {}
    for name in sorted(named):
        if name in flat:
            notes.append(
                f"{show_path(folders[name])} holds images without classes and is left out: hpsearch predict labels them"
            )
        elif named[name] in splits:
            raise DataError(
                f"{show_path(path)} has {splits[named[name]].name} and {name}, two folders for one split: put them "
                "together"
            )
        else:
            splits[named[name]] = _step_in(folders[name], notes, is_split=True)
    if strangers := sorted(folders.keys() - named.keys()):
        raise DataError(
            f"{show_path(path)} has {', '.join(strangers)} beside train; known are train, val and test: move what "
            "belongs to the search into train, and the rest away"
        )
    return splits


def _read_split(folder: Path) -> str | None:
    """The split that a folder of folders has in its name; None where there is none, or more than one."""
    found = {_SPLITS[word] for word in re.split(r"[^a-z]+", folder.name.lower()) if word in _SPLITS}
    is_split = len(found) == 1 and not _holds_files(folder) and list_folders(folder)
    return found.pop() if is_split else None


def _note_strays(folder: Path, left_out: LeftOut) -> None:
    for child in sorted(folder.iterdir()):
        if child.is_file() and not is_system_name(child.name):
            one, several = _kind(child)
            left_out.add(f"{one} outside of any class", f"{several} outside of any class", child)


def note_others(folder: Path, used: Collection[Path], left_out: LeftOut) -> None:
    """Note what lies in a folder beside the files that its data are read from: other files, and folders."""
    for child in sorted(folder.iterdir()):
        if child in used or is_system_name(child.name):
            continue
        one, several = ("folder", "folders") if child.is_dir() else _kind(child)
        left_out.add(f"{one} beside the data", f"{several} beside the data", child)


def _kind(path: Path) -> tuple[str, str]:
    """What one such file is called, and several."""
    ending = path.suffix.lower()
    return (f"{ending} file", f"{ending} files") if ending else ("file without an ending", "files without an ending")


def _list_class_folders(folder: Path, left_out: LeftOut) -> list[Path]:
    _note_strays(folder, left_out)
    folders = []
    for class_folder in list_folders(folder):
        if _leads_back(class_folder):
            left_out.add(*_LINK_BACK, class_folder)
            continue
        folders.append(class_folder)
        if not list_image_paths(class_folder, LeftOut()):
            raise DataError(f"{show_path(class_folder)} holds no images; expected is {EXPECTED_LAYOUT}")
    return folders


def _list_others(folder: Path, names: Sequence[str], left_out: LeftOut) -> tuple[tuple[Path, int], ...]:
    classes = name_classes(_list_class_folders(folder, left_out))
    if strangers := sorted(classes.keys() - set(names)):
        raise DataError(
            f"{show_path(classes[strangers[0]])} is a class without training images; known are {', '.join(names)}"
        )
    return _list_files(classes, names, left_out)


def _list_files(classes: dict[str, Path], names: Sequence[str], left_out: LeftOut) -> tuple[tuple[Path, int], ...]:
    return tuple(
        (file, names.index(name)) for name, folder in classes.items() for file in list_image_paths(folder, left_out)
    )
