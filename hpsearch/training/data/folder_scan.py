"""Which files of a person's folder are which class's, for training, validation and testing; and which are left out."""

import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hpsearch.errors import DataError
from hpsearch.storable_text import find_name_fault
from hpsearch.training.data.folder_layout import (
    are_parts,
    describe_other_ways,
    find_masks,
    is_container,
)
from hpsearch.training.data.foreign_files import explain_no_images
from hpsearch.training.data.image_reading import ENDINGS, show_path
from hpsearch.training.data.left_out import LeftOut, note_strays
from hpsearch.training.data.split_words import find_split_word, read_split
from hpsearch.training.data.system_files import is_passed_over, is_system_name
from hpsearch.wording import count_of

EXPECTED_LAYOUT = "<folder>/<class>/*.png, or <folder>/train/<class>/*.png and <folder>/test/<class>/*.png"
_LINK_BACK = ("link to a folder above it", "links to a folder above them")


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
    given, path = path, _step_in(path, notes)
    left_out = LeftOut()
    splits = _find_splits(path, notes)
    train_folder = splits.get("train", path)
    if "train" in splits:
        note_strays(path, left_out)
    classes = name_classes(_list_class_folders(train_folder, left_out))
    if len(classes) < least_classes:
        raise DataError(
            f"{show_path(train_folder)} holds {count_of(len(classes), 'folder')} with images, and a data set needs at "
            f"least two classes; expected is {EXPECTED_LAYOUT}{describe_other_ways(given)}"
        )
    _refuse_other_names(train_folder, classes, given)
    notes += _note_same_folders(train_folder, classes)
    names = tuple(classes)
    others = {
        split: _list_others(splits[split], names, left_out) if split in splits else None
        for split in ("validation", "test")
    }
    train = _list_files(classes, names, left_out)
    notes += _note_masks([file for file, _label in train])
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
    return sorted(child for child in folder.iterdir() if child.is_dir() and not is_passed_over(child))


def list_image_paths(folder: Path, left_out: LeftOut, above: frozenset[Path] = frozenset()) -> list[Path]:
    """The files in a folder and below that may be images, sorted: all but systems' own.

    Links to folders are followed, but not to one of those `above`: that would be without end.
    """
    found = []
    here = above | {folder.resolve()}
    for child in sorted(folder.iterdir()):
        if is_passed_over(child):
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


def holds_images(folder: Path) -> bool:
    """Whether images lie right in it."""
    return any(
        child.suffix.lower() in ENDINGS and not is_system_name(child.name) and child.is_file()
        for child in folder.iterdir()
    )


def _step_in(path: Path, notes: list[str], *, is_split: bool = False) -> Path:
    """Past folders that hold nothing but one folder of folders, as archives unpack, and past `images/`."""
    while True:
        folders = list_folders(path)
        inner = folders if len(folders) == 1 else [folder for folder in folders if is_container(folder.name)]
        if len(inner) != 1 or holds_images(path) or holds_images(inner[0]) or len(list_folders(inner[0])) < 2:
            return path
        if not is_split and read_split(inner[0].name) == "train":
            return path
        if beside := [folder.name for folder in folders if folder != inner[0]]:
            are = "is" if len(beside) == 1 else "are"
            notes.append(f"the data are taken from {show_path(inner[0])}; beside it {', '.join(beside)} {are} left out")
        else:
            notes.append(f"the data are taken from {show_path(inner[0])}, the only folder in there")
        path = inner[0]


def _find_splits(path: Path, notes: list[str]) -> dict[str, Path]:
    """The folders whose children are classes, by their split; none where the classes lie right in `path`."""
    folders = {folder.name: folder for folder in list_folders(path)}
    named = {name: split for name in folders if (split := read_split(name)) is not None}
    # training_set and test_set, seg_train and seg_test: two splits or more, and folders in each.
    loose = {
        name: split
        for name in folders.keys() - named.keys()
        if (split := find_split_word(name)) is not None and _holds_folders_alone(folders[name])
    }
    if len({"train"} | set(loose.values()) | set(named.values())) > 1 and "train" in {*loose.values(), *named.values()}:
        named |= loose
    flat = {name for name in named if _is_flat(folders[name])}
    if len(named) == len(folders) and flat == set(named) and len(set(named.values())) > 1:
        raise DataError(
            f"{show_path(path)} has images right in {' and '.join(sorted(named))}, which are splits and no classes: "
            f"put each image into a folder of its class; expected is {EXPECTED_LAYOUT}{describe_other_ways(path)}"
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
            f"belongs to the search into train, and the rest away, or give {show_path(splits['train'])} alone"
        )
    return splits


def _holds_folders_alone(folder: Path) -> bool:
    return not holds_images(folder) and bool(list_folders(folder))


def _is_flat(folder: Path) -> bool:
    """Whether images lie in it that are in no class: right in it, or in its only folder, called `images`."""
    below = list_folders(folder)
    return holds_images(folder) or (len(below) == 1 and is_container(below[0].name) and _is_flat(below[0]))


def _refuse_other_names(folder: Path, classes: Mapping[str, Path], given: Path) -> None:
    """Raise DataError where folders of images are called after something else than what is on them."""
    if unsorted := next((path for name, path in classes.items() if is_container(name)), None):
        raise DataError(
            f"{show_path(unsorted)} holds images that are in no folder of a class; expected is {EXPECTED_LAYOUT}"
            f"{describe_other_ways(given)}"
        )
    if are_parts([*classes]):
        raise DataError(
            f"{' and '.join([*classes][:2])} in {show_path(folder)} are parts by their names, and no classes; "
            f"expected is {EXPECTED_LAYOUT}{describe_other_ways(given)}"
        )
    below = [{child.name for child in list_folders(path)} for path in classes.values()]
    if all({read_split(name) for name in names} >= {"train", "test"} for names in below):
        raise DataError(
            f"the classes in {show_path(folder)} hold train and test each, and all of it would be trained on: put the "
            f"splits above the classes; expected is {EXPECTED_LAYOUT}"
        )


def _note_same_folders(folder: Path, classes: Mapping[str, Path]) -> list[str]:
    """A line where all folders of images hold the same folders: which of both are the classes?"""
    if any(holds_images(path) for path in classes.values()):
        return []
    below = [tuple(child.name for child in list_folders(path)) for path in classes.values()]
    if len(set(below)) > 1 or len(below) < 2 or len(below[0]) < 2:
        return []
    inner = f"{', '.join(below[0][:3])}{' and more' * (len(below[0]) > 3)}"
    return [
        f"{', '.join([*classes][:3])} are the classes, and each holds the folders {inner}: if those are the "
        f"classes, give one of the former, {show_path(folder / next(iter(classes)))}"
    ]


def _note_masks(files: Sequence[Path]) -> list[str]:
    masks = find_masks(files)
    if not masks:
        return []
    which = count_of(len(masks), "image is", "images are")
    return [
        f"{which} called as a mask of another is, e.g. {show_path(masks[0])}: each counts as an image of its class; "
        "move masks away"
    ]


def _list_class_folders(folder: Path, left_out: LeftOut) -> list[Path]:
    note_strays(folder, left_out)
    folders = []
    for class_folder in list_folders(folder):
        if _leads_back(class_folder):
            left_out.add(*_LINK_BACK, class_folder)
            continue
        folders.append(class_folder)
        if not list_image_paths(class_folder, LeftOut()):
            what = explain_no_images(class_folder) or f"expected is {EXPECTED_LAYOUT}"
            raise DataError(f"{show_path(class_folder)} holds no images: {what}")
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
