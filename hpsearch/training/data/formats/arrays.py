"""An .npz file, or a folder of .npz or .npy files, with arrays of images and of labels."""

from pathlib import Path

from hpsearch.training.data.archive_reading import SPLIT_NAMES, read_archive
from hpsearch.training.data.array_file import list_array_files
from hpsearch.training.data.folder_scan import list_folders
from hpsearch.training.data.formats.reading import Reading, assemble, prepare_arrays
from hpsearch.training.data.image_reading import show_path
from hpsearch.training.data.labelled_images import LabelledImages
from hpsearch.training.data.left_out import LeftOut, note_others
from hpsearch.training.data.own_images import GivenImages
from hpsearch.training.data.split_words import find_split_word, read_split


def recognizes(path: Path) -> bool:
    """A folder whose files are arrays; any file that no other form takes is meant to be an archive.

    One array beside folders of images does not make it one; an archive a split does.
    """
    if path.is_dir():
        files = list_array_files(path)
        names = {file.stem.lower() for file in files}
        is_pair = any(names.issuperset(pair) for pairs in SPLIT_NAMES.values() for pair in pairs)
        splits = {read_split(file.stem) for file in files if file.suffix.lower() == ".npz"} - {None}
        return is_pair or len(splits) > 1 or (bool(files) and not list_folders(path))
    return path.is_file()


def read(reading: Reading) -> GivenImages:
    """Every image. Raises DataError, OSError."""
    # One array of a pair that was named alone stands for those in its folder.
    place = reading.path.parent if reading.path.suffix.lower() == ".npy" else reading.path
    given = read_archive(reading.path, least_classes=reading.least_classes)
    parts = {"train": given.train, "validation": given.validation, "test": given.test}
    prepared = {
        split: LabelledImages.from_arrays(prepare_arrays(part.images.numpy(), reading.preparation), part.labels.numpy())
        for split, part in parts.items()
        if part is not None
    }
    left_out = LeftOut()
    if place.is_dir():
        note_others(place, set(list_array_files(place)), left_out)
    beside = _list_other_splits(place) if place.is_file() and reading.least_classes > 1 else []
    notes = (*given.notes, *left_out.describe(), *beside)
    return assemble(place, given.class_names, prepared, reading.least_classes, notes=notes, kinds=given.kinds)


def _list_other_splits(path: Path) -> list[str]:
    """A line for the files of other splits that lie beside one: `test.npz` beside `train.npz`."""
    split = find_split_word(path.stem)
    if split is None:
        return []
    others = [
        show_path(file)
        for file in list_array_files(path.parent)
        if file.suffix.lower() == ".npz" and find_split_word(file.stem) not in (None, split)
    ]
    are = "is" if len(others) == 1 else "are"
    return [f"{', '.join(others)} beside it {are} left out: give the folder to take them, too"] if others else []
