"""An .npz file, or a folder of .npy files, with arrays of images and of labels."""

from pathlib import Path

from hpsearch.training.data.archive_reading import SPLIT_NAMES, read_archive
from hpsearch.training.data.folder_scan import list_folders
from hpsearch.training.data.formats.reading import Reading, assemble, prepare_arrays
from hpsearch.training.data.labelled_images import LabelledImages
from hpsearch.training.data.left_out import LeftOut, note_others
from hpsearch.training.data.own_images import GivenImages


def recognizes(path: Path) -> bool:
    """A folder whose files are arrays; any file that no other form takes is meant to be an archive.

    One array beside folders of images does not make it one.
    """
    if path.is_dir():
        names = {child.stem.lower() for child in path.iterdir() if child.suffix == ".npy" and child.is_file()}
        is_pair = any(names.issuperset(pair) for pairs in SPLIT_NAMES.values() for pair in pairs)
        return is_pair or (bool(names) and not list_folders(path))
    return path.is_file()


def read(reading: Reading) -> GivenImages:
    """Every image. Raises DataError, OSError."""
    # One array of a pair that was named alone stands for the folder that both are in.
    place = reading.path.parent if reading.path.suffix == ".npy" else reading.path
    given = read_archive(place, least_classes=reading.least_classes)
    parts = {"train": given.train, "validation": given.validation, "test": given.test}
    prepared = {
        split: LabelledImages.from_arrays(prepare_arrays(part.images.numpy(), reading.preparation), part.labels.numpy())
        for split, part in parts.items()
        if part is not None
    }
    left_out = LeftOut()
    if place.is_dir():
        note_others(place, set(place.glob("*.npy")), left_out)
    notes = (*given.notes, *left_out.describe())
    return assemble(place, given.class_names, prepared, reading.least_classes, notes=notes, kinds=given.kinds)
