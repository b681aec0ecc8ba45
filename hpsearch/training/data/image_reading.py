"""One image file as a person sees it: turned as its camera says, 16 bits brought to 8, grey or red, green, blue.

What searches, what evaluates and what predicts read files through here.
"""

import io
import struct
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from hpsearch.dataset import Preparation
from hpsearch.errors import DataError
from hpsearch.storable_text import write_out
from hpsearch.training.data.byte_arrays import ByteArray
from hpsearch.training.data.file_heads import HEAD_BYTES, name_head, read_head

FORMATS = ("JPEG", "PNG", "PPM", "BMP", "TIFF", "WEBP", "GIF")
"""Pillow's own decoders that start no programs; what the file is called says nothing."""
ENDINGS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
"""Files with these names are meant to be images: one that is none is an error, not a stray."""

_GREY, _COLOUR, _DEEP = ("1", "L"), ("RGB", "CMYK", "YCbCr"), ("I;16", "I;16L", "I;16B", "I;16N", "I")
_ORIENTATION = 274
UNREADABLE = (
    *(OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, EOFError, MemoryError, struct.error),
    *(zlib.error, Image.DecompressionBombError, Image.DecompressionBombWarning),
)
"""What Pillow raises for files that are no images, or broken ones, by their format: also what looks like a bug of ours.

A TIFF without a width is a TypeError, one with a tag that is not there a KeyError.
"""


class NoImageError(DataError):
    """A file that is no image of a kind that is known: a stray, perhaps."""


class UnfitImageError(DataError):
    """An image that cannot become bytes of grey or red, green, blue without a decision of the person's."""


@dataclass(frozen=True, eq=False)
class ReadImage:
    """The pixels of a file: bytes (height, width) if grey, (height, width, 3) if not, and what was done to it."""

    pixels: ByteArray
    is_turned: bool
    """Whether its camera had said to turn it."""
    is_deep: bool
    """Whether it had 16 bits a pixel."""
    pages: int
    """Of which the first is read."""
    mode: str = "L"
    """Pillow's word for what the file has: `RGB`, `P` for a palette, `I;16` for 16 bits."""
    original_size: tuple[int, int] | None = None
    """Width and height in the file, as a person sees it; None where nothing was scaled."""
    is_on_white: bool = False
    """Whether it can be looked through and was laid on white."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]

    @property
    def is_grey(self) -> bool:
        """Whether it has one channel."""
        return self.pixels.ndim == 2

    def convert(self, channels: int, size: tuple[int, int] | None = None) -> ByteArray:
        """The image as bytes (channels, height, width), resized where a size (width, height) is given."""
        image = Image.fromarray(self.pixels)
        mode = "L" if channels == 1 else "RGB"
        if image.mode != mode:
            image = image.convert(mode)
        if size is not None and image.size != size:
            image = image.resize(size, Image.Resampling.BILINEAR)
        pixels = np.asarray(image, dtype=np.uint8)
        return pixels.reshape(*pixels.shape[:2], channels).transpose(2, 0, 1)


def read_image(path: Path, content: bytes | None = None, *, preparation: Preparation | None = None) -> ReadImage:
    """Read an image file, or what was read of it already, and prepare it where a rule is given.

    Raises:
        NoImageError: It is none of a kind that is known.
        UnfitImageError: It is transparent without a rule that lays it on white, or its pixels are no bytes.
        DataError: It is damaged, or cannot be read.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of damaged data beside the pixels; else for each file anew
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path if content is None else io.BytesIO(content), formats=FORMATS) as image:
                return _decode(path, image, preparation)
    except DataError:
        raise
    except UnidentifiedImageError as error:
        reason = _explain_no_image(read_head(path) if content is None else content[:HEAD_BYTES])
        raise NoImageError(f"{show_path(path)} cannot be read as an image: {reason}") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        most = (Image.MAX_IMAGE_PIXELS or 0) / 1e6
        raise DataError(
            f"{show_path(path)} cannot be read as an image: it has more than {most:.0f} million pixels, or says so; "
            "scale it down or take it away"
        ) from error
    except UNREADABLE as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise DataError(f"{show_path(path)} cannot be read as an image: {reason}; repair it or take it away") from error


def _explain_no_image(head: bytes) -> str:
    if not head:
        return "it is empty"
    if (found := name_head(head)) is not None:
        return f"it is {found[0]}, and that is not read: {found[1]}"
    return "it is no image (known are JPEG, PNG, PPM, BMP, TIFF, WebP, GIF)"


def show_path(path: Path) -> str:
    """A path as a message has it: on one line, whatever bytes are in it."""
    return write_out(str(path))


def prepare_pixels(pixels: ByteArray, preparation: Preparation) -> ByteArray:
    """Pixels (height, width) or (height, width, 3) as a square of the rule's size, grey if it says so."""
    image = Image.fromarray(pixels)
    if preparation.grey and image.mode != "L":
        image = image.convert("L")
    size = (preparation.size, preparation.size)
    if image.size != size:
        # Scales until the shorter side fits and takes the middle, in one step, over all pixels that are covered.
        image = ImageOps.fit(image, size, Image.Resampling.BILINEAR)
    return np.asarray(image, dtype=np.uint8)


def _decode(path: Path, image: Image.Image, preparation: Preparation | None) -> ReadImage:
    pages = getattr(image, "n_frames", 1)
    is_turned = image.getexif().get(_ORIENTATION, 1) in range(2, 9)
    is_deep, mode = image.mode in _DEEP, image.mode
    image.load()
    turned = ImageOps.exif_transpose(image) if is_turned else image
    if preparation is None:
        pixels = _bring_to_bytes(path, turned) if is_deep else np.asarray(_drop_alpha(path, turned), dtype=np.uint8)
        return ReadImage(pixels, is_turned, is_deep, pages, mode)
    plain = None if is_deep else _lay_on_white(turned)
    pixels = _bring_to_bytes(path, turned) if is_deep else np.asarray(plain or _drop_alpha(path, turned))
    prepared = prepare_pixels(pixels, preparation)
    return ReadImage(prepared, is_turned, is_deep, pages, mode, turned.size, is_on_white=plain is not None)


def _bring_to_bytes(path: Path, image: Image.Image) -> ByteArray:
    """16 bits as 8: 65535 becomes 255. What has its range cut to 12 bits stays dark, which is said elsewhere."""
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65_535:
        raise UnfitImageError(
            f"{show_path(path)} has values from {values.min()} to {values.max()}: bring them to 8 or 16 bits"
        )
    return ((values * 255 + 32_767) // 65_535).astype(np.uint8)


def _has_alpha(image: Image.Image) -> bool:
    return image.mode in ("LA", "La", "RGBA", "RGBa", "PA") or "transparency" in image.info


def _lay_on_white(image: Image.Image) -> Image.Image | None:
    """An image that can be looked through on white, in L or RGB; None for any other."""
    if not _has_alpha(image):
        return None
    whole = image.convert("RGBA")
    if whole.getchannel("A").getextrema()[0] == 255:
        return None
    plain = Image.alpha_composite(Image.new("RGBA", whole.size, "white"), whole).convert("RGB")
    return plain.convert("L") if image.mode in ("LA", "La") else plain


def _drop_alpha(path: Path, image: Image.Image) -> Image.Image:
    """The image in L or RGB; one that can be looked through needs a background, which only a rule names."""
    if _has_alpha(image):
        whole = image.convert("RGBA")
        lowest = whole.getchannel("A").getextrema()[0]
        if isinstance(lowest, tuple) or lowest < 255:
            kind = f"{image.mode} with transparency" if "transparency" in image.info else image.mode
            raise UnfitImageError(f"{show_path(path)} has the mode {kind} and is transparent")
        plain = whole.convert("RGB")
        return plain.convert("L") if image.mode == "LA" or (_is_grey(plain) and image.mode == "P") else plain
    if image.mode in _GREY:
        return image if image.mode == "L" else image.convert("L")
    if image.mode == "P":
        plain = image.convert("RGB")
        return plain.convert("L") if _is_grey(plain) else plain
    if image.mode not in _COLOUR:
        raise UnfitImageError(f"{show_path(path)} has the mode {image.mode}")
    return image if image.mode == "RGB" else image.convert("RGB")


def _is_grey(image: Image.Image) -> bool:
    pixels = np.asarray(image)
    return bool((pixels == pixels[..., :1]).all())
