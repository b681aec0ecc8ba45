"""A person's image files, as the network was given its own: bytes, grey or red, green, blue, of the right size."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hpsearch.dataset import InputShape, Preparation
from hpsearch.errors import DataError, InputError
from hpsearch.storable_text import write_out
from hpsearch.training.data.byte_arrays import ByteArray
from hpsearch.training.data.folder_scan import list_image_paths
from hpsearch.training.data.image_reading import ENDINGS, NoImageError, read_image
from hpsearch.training.data.left_out import LeftOut
from hpsearch.training.data.pixel_findings import measure_brightness


@dataclass(frozen=True)
class ListedImages:
    """The files that are meant, and what was passed over in the folders among them."""

    files: tuple[Path, ...]
    named: frozenset[Path]
    """Those that were given by themselves, and not found in a folder."""


@dataclass(frozen=True, eq=False)
class ReadImages:
    """The images that could be read, in the order of their files, and why the others could not."""

    files: tuple[Path, ...]
    images: ByteArray
    """(n, channels, height, width)"""
    failures: tuple[str, ...]
    """A line for each file that could not be taken: the others are answered all the same."""
    left_out: tuple[str, ...] = ()
    """What was in a folder and is no image."""


def list_images(paths: Sequence[Path]) -> ListedImages:
    """The files that are meant: each as it is given, and of a folder all files in it and below, sorted.

    Raises:
        InputError: A path does not exist, or a folder holds no files.
    """
    files: list[Path] = []
    named: list[Path] = []
    for path in paths:
        try:
            if path.is_dir():
                found = _list_folder(path)
            elif path.is_file():
                found = [path]
                named.append(path)
            else:
                trouble = "is no file" if path.exists() else "does not exist"
                raise InputError(f"{_show(path)} {trouble}: give an image file or a folder of them")
        except (OSError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise InputError(f"{_show(path)} cannot be read: {reason}") from error
        if not found:
            raise InputError(f"folder {_show(path)} holds no images: it has no file that ends in {', '.join(ENDINGS)}")
        files += found
    return ListedImages(tuple(files), frozenset(named))


def read_images(
    listed: ListedImages, shape: InputShape, *, resizes: bool = False, preparation: Preparation | None = None
) -> ReadImages:
    """The pixels of image files, as a data set's own are read: turned as their camera says, 16 bits brought to 8.

    Args:
        listed: The files.
        shape: Of the images that the network takes.
        resizes: Whether images of another size are resized instead of refused.
        preparation: The rule by which the network's own images became of this shape; where there is one, images of any
            size are taken by it.

    Raises:
        InputError: The network takes no image files.
    """
    if shape.channels not in (1, 3):
        raise InputError(f"this network takes {shape.channels} channels: image files have 1 (grey) or 3 (RGB)")
    files: list[Path] = []
    images: list[ByteArray] = []
    failures: list[str] = []
    left_out: list[str] = []
    for file in listed.files:
        try:
            images.append(_read_image(file, shape, preparation, resizes=resizes))
        except NoImageError as error:
            is_meant = file in listed.named or file.suffix.lower() in ENDINGS
            (failures if is_meant else left_out).append(str(error))
        except DataError as error:
            failures.append(str(error))
        else:
            files.append(file)
    stacked = np.stack(images) if images else np.empty((0, *shape), dtype=np.uint8)
    return ReadImages(tuple(files), stacked, tuple(failures), tuple(left_out))


def read_pixel_rows(path: Path, shape: InputShape, *, preparation: Preparation | None = None) -> ReadImages:
    """The images in the rows of a table, each called by its own column of names, or by its place, from 1.

    Raises:
        InputError: The table cannot be read, its rows are no images, or they have another shape than the network takes.
    """
    from hpsearch.training.data.formats.pixel_table import read_rows
    from hpsearch.training.data.formats.reading import prepare_arrays

    try:
        rows = read_rows(path)
    except OSError as error:
        raise InputError(f"{_show(path)} cannot be read: {error.strerror or error}") from error
    images = prepare_arrays(rows.images, preparation)
    if images.shape[1:] == (1, *shape[1:]) and shape.channels == 3:
        images = np.repeat(images, 3, axis=1)
    if images.shape[1:] != tuple(shape):
        given = InputShape(*images.shape[1:])
        raise InputError(f"the rows of {_show(path)} are images of {given}, and this network takes {shape}")
    left_out = ("its column of labels is not looked at: hpsearch evaluate measures",) if rows.labels else ()
    return ReadImages(tuple(Path(name) for name in rows.names), images, (), left_out)


def read_table(path: Path, shape: InputShape, *, resizes: bool, preparation: Preparation | None = None) -> ReadImages:
    """The images that a table holds, as rows of pixels or as names of files; the arguments are those of `read_images`.

    Raises:
        InputError: The table cannot be read, or holds neither.
    """
    from hpsearch.training.data.formats import path_table, pixel_table
    from hpsearch.training.data.formats.table_file import open_table

    try:
        if pixel_table.recognizes(path):
            return read_pixel_rows(path, shape, preparation=preparation)
        if not path_table.recognizes(path):
            columns = ", ".join(open_table(path).columns)[:200]
            raise InputError(
                f"{_show(path)} has the columns {write_out(columns)}: it holds no image a row, and no names of files "
                "that are beside it"
            )
        files, missing = path_table.list_named_files(path)
    except OSError as error:
        raise InputError(f"{_show(path)} cannot be read: {error.strerror or error}") from error
    read = read_images(ListedImages(tuple(files), frozenset(files)), shape, resizes=resizes, preparation=preparation)
    return replace(read, left_out=(*missing.describe(), *read.left_out))


def compare_brightness(images: ByteArray, usual: object) -> str | None:
    """What to say of images (n, c, h, w) that are all brighter or darker than 98 of 100 training images were.

    Args:
        images: In bytes.
        usual: What the bundle's manifest says of the training images; None, or no such thing, in older ones.
    """
    if not isinstance(usual, Mapping) or len(images) == 0:
        return None
    low, high = usual.get("low"), usual.get("high")
    if not (isinstance(low, int | float) and isinstance(high, int | float)):
        return None
    mean = measure_brightness(images)["mean"]
    if low <= mean <= high:
        return None
    inverted = low <= 255 - mean <= high
    advice = "; inverted they would be within: is it dark on light where the training images are light on dark?"
    return (
        f"mean brightness {mean:.0f} of 255, and training images have {low:.0f} to {high:.0f}: the "
        f"network has not seen such images, and its probabilities mean little{advice if inverted else ''}"
    )


def _list_folder(folder: Path) -> list[Path]:
    return list_image_paths(folder, LeftOut())


def _read_image(file: Path, shape: InputShape, preparation: Preparation | None, *, resizes: bool) -> ByteArray:
    image = read_image(file, preparation=preparation)
    width, height = image.size
    if not resizes and (width, height) != (shape.width, shape.height):
        raise DataError(
            f"{_show(file)} is {width}x{height}, and this network takes {shape.width}x{shape.height} "
            "(width x height): --resize makes it so"
        )
    return image.convert(shape.channels, (shape.width, shape.height))


def _show(path: Path) -> str:
    return f"'{write_out(str(path))}'"
