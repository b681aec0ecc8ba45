"""A person's folder of images, read: every file as a person sees it, all of one size and kind."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hpsearch.errors import DataError
from hpsearch.training.data.cache import hash_file
from hpsearch.training.data.folder_scan import EXPECTED_LAYOUT, LeftOut, ScannedFolder, scan_folder
from hpsearch.training.data.given_cache import load_given
from hpsearch.training.data.image_reading import (
    ENDINGS,
    NoImageError,
    ReadImage,
    UnfitImageError,
    read_image,
    show_path,
)
from hpsearch.training.data.labelled_images import LabelledImages
from hpsearch.training.data.own_images import GivenImages

_Files = Sequence[tuple[Path, int]]
_Images = list[tuple[ReadImage, int]]


@dataclass
class _Seen:
    """What was met while reading."""

    read: int = 0
    turned: int = 0
    deep: int = 0
    more_pages: int = 0
    grey: int = 0
    unfit: list[str] = field(default_factory=list)
    """Why images cannot be taken, a line each."""
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    odd: dict[tuple[int, int], Path] = field(default_factory=dict)
    """The first file of each size."""

    def note(self, path: Path, image: ReadImage) -> None:
        """Count an image."""
        self.read += 1
        self.turned += image.is_turned
        self.deep += image.is_deep
        self.more_pages += image.pages > 1
        self.grey += image.is_grey
        self.sizes[image.size] += 1
        self.odd.setdefault(image.size, path)

    def describe(self) -> list[str]:
        """A line for each thing that was done to the images."""
        of = f"of {self.read:,} images"
        notes = []
        if self.turned:
            notes.append(f"{self.turned:,} {of} are turned as the orientation in their EXIF data says")
        if self.deep:
            notes.append(f"{self.deep:,} {of} have 16 bits a pixel: 0..65535 is brought to 0..255")
        if self.more_pages:
            notes.append(f"{self.more_pages:,} {of} have several pages: the first one is read, the others are left out")
        if 0 < self.grey < self.read:
            notes.append(f"{self.grey:,} {of} are grey and are read as colour images, as the others are")
        return notes

    def check(self, folder: Path) -> None:
        """Raises DataError where images cannot be taken or sizes differ: how many, the first, what mends them all."""
        if self.unfit:
            raise DataError(
                f"{self.unfit[0]}; {len(self.unfit):,} of {len(self.unfit) + self.read:,} images in "
                f"{show_path(folder)} cannot be taken as they are: convert all of them to grey (L) or RGB, e.g. with "
                f"ImageMagick: mogrify -background white -alpha remove -alpha off {show_path(folder)}/*/*"
            )
        if len(self.sizes) > 1:
            (usual, _count), *others = self.sizes.most_common()
            count, size = sum(number for _size, number in others), others[0][0]
            width, height = usual
            raise DataError(
                f"{show_path(self.odd[size])} is {size[0]}x{size[1]} where most images in {show_path(folder)} are "
                f"{width}x{height}: {count:,} of them, of {self.read:,}, have another size; take them away or bring "
                f"all to one size, e.g. with ImageMagick: mogrify -resize '{width}x{height}!' {show_path(folder)}/*/*"
            )


def read_folder(path: Path, cache_folder: Path, *, least_classes: int = 2) -> GivenImages:
    """Every image of a folder with classes, decoded once and then kept in the cache.

    Raises:
        DataError: The layout is another one, a file is damaged or transparent, or sizes differ.
        OSError: A folder or file cannot be read.
    """
    scanned = scan_folder(path, least_classes=least_classes)
    files = (*scanned.train, *(scanned.validation or ()), *(scanned.test or ()))
    content = [
        [str(path.absolute()), scanned.left_out.describe()],
        *([str(file), hash_file(file)] for file, _ in files),
    ]
    key = hashlib.sha256(json.dumps(content).encode()).hexdigest()
    return load_given(cache_folder, key, lambda: _decode(path, scanned))


def _decode(path: Path, scanned: ScannedFolder) -> GivenImages:
    seen = _Seen()
    parts = {"train": scanned.train, "validation": scanned.validation, "test": scanned.test}
    read = {split: _read_files(files, scanned.left_out, seen) for split, files in parts.items() if files is not None}
    seen.check(path)
    channels = 1 if seen.grey == seen.read else 3
    given = {split: _pack(images, channels) for split, images in read.items() if images}
    _check_classes(path, scanned.class_names, read["train"])
    notes = (*scanned.notes, *scanned.left_out.describe(), *seen.describe())
    return GivenImages(scanned.class_names, given["train"], given.get("validation"), given.get("test"), notes)


def _read_files(files: _Files, left_out: LeftOut, seen: _Seen) -> _Images:
    images = []
    for path, label in files:
        try:
            image = read_image(path)
        except UnfitImageError as error:
            seen.unfit.append(str(error))
            continue
        except NoImageError:
            if path.suffix.lower() in ENDINGS:
                raise
            left_out.add(f"{path.suffix.lower() or 'nameless'} files that are no images are", path)
            continue
        seen.note(path, image)
        images.append((image, label))
    return images


def _pack(images: _Images, channels: int) -> LabelledImages:
    """As tensors (n, c, h, w) and (n,); all are of one size."""
    width, height = images[0][0].size
    pixels = np.empty((len(images), channels, height, width), dtype=np.uint8)
    for position, (image, _label) in enumerate(images):
        pixels[position] = image.convert(channels)
    return LabelledImages.from_arrays(pixels, np.array([label for _image, label in images], dtype=np.int64))


def _check_classes(path: Path, class_names: Sequence[str], images: _Images) -> None:
    there = {label for _image, label in images}
    for label, name in enumerate(class_names):
        if label not in there:
            raise DataError(f"class {name!r} in {show_path(path)} holds no images; expected is {EXPECTED_LAYOUT}")
