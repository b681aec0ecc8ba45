"""An .npz file, or a folder of .npy files, with arrays of images and of labels."""

from pathlib import Path

from hpsearch.training.data.archive_reading import read_archive
from hpsearch.training.data.formats.reading import Reading, assemble, prepare_arrays
from hpsearch.training.data.labelled_images import LabelledImages
from hpsearch.training.data.own_images import GivenImages


def recognizes(path: Path) -> bool:
    """A folder whose files are arrays; any file that no other form takes is meant to be an archive."""
    if path.is_dir():
        return any(child.suffix == ".npy" and child.is_file() for child in path.iterdir())
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
    return assemble(place, given.class_names, prepared, reading.least_classes, notes=given.notes, kinds=given.kinds)
