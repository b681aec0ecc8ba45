"""A person's image files, as the network was given its own: bytes, grey or red, green, blue, of the right size."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from hpsearch.dataset import InputShape
from hpsearch.errors import InputError
from hpsearch.training.data.labelled_images import ByteArray

ENDINGS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
"""Files with these names in a folder are taken for images; those that a data set's folder takes, too."""

_FORMATS = ("JPEG", "PNG", "PPM", "BMP", "TIFF", "WEBP")
"""Pillow's own decoders; some others start programs."""
_MODES = {1: "L", 3: "RGB"}
_CONVERTIBLE = ("1", "L", "P", "RGB")
_UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning)


def list_images(paths: Sequence[Path]) -> list[Path]:
    """The files that are meant: each as it is given, and of a folder all images in it and below, sorted.

    Raises:
        InputError: A path does not exist, or a folder holds no images.
    """
    files: list[Path] = []
    for path in paths:
        try:
            found = _list_folder(path) if path.is_dir() else [path]
            if not path.is_dir() and not path.is_file():
                trouble = "is no file" if path.exists() else "does not exist"
                raise InputError(f"{str(path)!r} {trouble}: give an image file or a folder of them")
        except (OSError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise _unreadable(path, error) from error
        if not found:
            raise InputError(f"folder {str(path)!r} holds no images: it has no file that ends in {', '.join(ENDINGS)}")
        files += found
    return files


def read_images(files: Sequence[Path], shape: InputShape, *, resizes: bool = False) -> ByteArray:
    """The pixels of image files: bytes (n, channels, height, width).

    Args:
        files: The files.
        shape: Of the images that the network takes.
        resizes: Whether images of another size are resized instead of refused.

    Raises:
        InputError: A file is no image, is damaged, has another size, or is neither grey nor RGB; it is named.
    """
    images = np.empty((len(files), *shape), dtype=np.uint8)
    for position, file in enumerate(files):
        images[position] = _read_image(file, shape, resizes=resizes)
    return images


def _list_folder(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in ENDINGS
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    )


def _read_image(file: Path, shape: InputShape, *, resizes: bool) -> ByteArray:
    if shape.channels not in _MODES:
        raise InputError(f"this network takes {shape.channels} channels: image files have 1 (grey) or 3 (RGB)")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(file, formats=_FORMATS) as image:
                _check_image(file, image, shape, resizes=resizes)
                image.load()
                converted = image.convert(_MODES[shape.channels]) if image.mode != _MODES[shape.channels] else image
                if converted.size != (shape.width, shape.height):
                    converted = converted.resize((shape.width, shape.height), Image.Resampling.BILINEAR)
                pixels: ByteArray = np.asarray(converted, dtype=np.uint8)
    except InputError:
        raise
    except _UNREADABLE as error:
        raise _unreadable(file, error) from error
    return pixels.reshape(shape.height, shape.width, shape.channels).transpose(2, 0, 1)


def _check_image(file: Path, image: Image.Image, shape: InputShape, *, resizes: bool) -> None:
    """Before anything is decoded."""
    if not resizes and image.size != (shape.width, shape.height):
        raise InputError(
            f"{str(file)!r} is {image.width}x{image.height}, and this network takes {shape.width}x{shape.height} "
            "(width x height): --resize makes it so"
        )
    if image.mode not in _CONVERTIBLE or "transparency" in image.info:
        kind = f"{image.mode} with transparency" if "transparency" in image.info else image.mode
        raise InputError(f"{str(file)!r} has the mode {kind}: convert it to grey (L) or RGB")


def _unreadable(path: Path, error: BaseException) -> InputError:
    if isinstance(error, UnidentifiedImageError):
        reason = "it is no image (known are JPEG, PNG, PPM, BMP, TIFF, WebP)"
    else:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return InputError(f"{str(path)!r} cannot be read as an image: {reason}")
