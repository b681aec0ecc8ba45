"""A folder with a folder of image files for each class, perhaps below train, val and test."""

from pathlib import Path

from hpsearch.training.data.folder_reading import read_folder
from hpsearch.training.data.formats.reading import Reading
from hpsearch.training.data.own_images import GivenImages


def recognizes(path: Path) -> bool:
    """Any folder: what is wrong with it is said while it is read."""
    return path.is_dir()


def read(reading: Reading) -> GivenImages:
    """Every image. Raises DataError, OSError."""
    return read_folder(
        reading.path,
        reading.cache_folder,
        least_classes=reading.least_classes,
        preparation=reading.preparation,
    )
