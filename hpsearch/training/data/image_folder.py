"""A person's own folder of images: one folder per class, with or without train/ and test/ above them."""

import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
from PIL import Image

from hpsearch.dataset import DatasetIdentity, InputShape
from hpsearch.errors import DataError
from hpsearch.training.data.byte_arrays import ByteArray
from hpsearch.training.data.decoded_images import load_decoded
from hpsearch.training.data.image_reading import ENDINGS
from hpsearch.training.data.labelled_images import LabelledImages
from hpsearch.training.data.stratification import hold_out_test

_CHANNELS_BY_MODE = {"L": 1, "RGB": 3}
_EXPECTED_LAYOUT = "<folder>/<class>/*.png, or <folder>/train/<class>/*.png and <folder>/test/<class>/*.png"


class PixelFormat(NamedTuple):
    """What one image file says of itself; `mode` is Pillow's word (`L` is grey)."""

    width: int
    height: int
    mode: str

    def __str__(self) -> str:
        return f"{self.width}x{self.height} {'grey' if self.mode == 'L' else self.mode}"


@dataclass(frozen=True)
class ImageFile:
    """One image: where it lies, its class, and the SHA-256 of the file's bytes."""

    path: Path
    label: int
    sha256: str
    pixel_format: PixelFormat


@dataclass(frozen=True)
class ImageFolder:
    """The images of a folder, divided into the training split and the test split, neither decoded yet."""

    name: str
    class_names: tuple[str, ...]
    train_files: tuple[ImageFile, ...]
    test_files: tuple[ImageFile, ...]
    pixel_format: PixelFormat

    @classmethod
    def locate(cls, path: Path, name: str) -> Self:
        """Read every file once and check that all are alike. Raises DataError naming the first that is not."""
        train_folder, test_folder = _find_split_folders(path)
        class_names = tuple(folder.name for folder in _list_class_folders(train_folder))
        if len(class_names) < 2:
            raise DataError(
                f"{train_folder} holds {len(class_names)} folders with images, and a data set needs at least two"
                f" classes; expected is {_EXPECTED_LAYOUT}"
            )
        train_files = _read_files(train_folder, class_names)
        if test_folder is not None:
            test_files = _read_files(test_folder, class_names)
        else:
            split = hold_out_test(np.array([file.label for file in train_files], dtype=np.int64))
            everything = train_files
            train_files = tuple(everything[index] for index in split.kept)
            test_files = tuple(everything[index] for index in split.held_out)
        pixel_format = _agree_on_format(path, (*train_files, *test_files))
        return cls(name, class_names, train_files, test_files, pixel_format)

    @property
    def identity(self) -> DatasetIdentity:
        """Who these images are; the hash is over classes, labels and file contents, not over paths or file names."""
        content = json.dumps([self.class_names, _list_content(self.train_files), _list_content(self.test_files)])
        return DatasetIdentity(
            name=self.name,
            sha256=hashlib.sha256(content.encode()).hexdigest(),
            input_shape=InputShape(
                _CHANNELS_BY_MODE[self.pixel_format.mode], self.pixel_format.height, self.pixel_format.width
            ),
            class_names=self.class_names,
            train_count=len(self.train_files),
            test_count=len(self.test_files),
        )

    def check_every_image(self) -> None:
        """Decode every file and forget the pixels. Raises DataError naming the first that cannot be read."""
        for file in (*self.train_files, *self.test_files):
            _decode_file(file)

    def load_train(self, cache_folder: Path) -> LabelledImages:
        """The training split, the validation part included. Raises DataError for a file that cannot be read."""
        return load_image_files(self.train_files, cache_folder)


def load_image_files(files: Sequence[ImageFile], cache_folder: Path) -> LabelledImages:
    """The images (n, c, h, w) and labels (n,) of files that are all alike, decoded once and then kept in the cache."""
    key = hashlib.sha256(json.dumps(_list_content(files)).encode()).hexdigest()
    return load_decoded(cache_folder, key, lambda: _decode_files(files))


def _list_content(files: Iterable[ImageFile]) -> list[tuple[int, str]]:
    return [(file.label, file.sha256) for file in files]


def _list_folders(folder: Path) -> list[Path]:
    return sorted(child for child in folder.iterdir() if child.is_dir() and not child.name.startswith("."))


def _list_image_paths(folder: Path) -> list[Path]:
    return sorted(
        child
        for child in folder.iterdir()
        if child.suffix.lower() in ENDINGS and not child.name.startswith(".") and child.is_file()
    )


def _find_split_folders(path: Path) -> tuple[Path, Path | None]:
    """The folders whose children are classes: for training, and for testing where there is one."""
    folders = {folder.name: folder for folder in _list_folders(path)}
    # Images right below train/ make it a class by that name: somebody sorts trains from ships.
    splits = {name for name in ("train", "test") if name in folders and not _list_image_paths(folders[name])}
    if "train" not in splits:
        return path, None
    if strangers := sorted(folders.keys() - splits):
        raise DataError(
            f"{path} has {', '.join(strangers)} beside train; only train and test are known:"
            " move what belongs to the search into train (its validation part is chosen there)"
        )
    return folders["train"], folders.get("test")


def _list_class_folders(folder: Path) -> list[Path]:
    class_folders = _list_folders(folder)
    for class_folder in class_folders:
        if not _list_image_paths(class_folder):
            raise DataError(f"{class_folder} holds no images; expected is {_EXPECTED_LAYOUT}")
    return class_folders


def _read_files(folder: Path, class_names: Sequence[str]) -> tuple[ImageFile, ...]:
    """Every image below `folder`, ordered by class and content, so that other file names change nothing."""
    labels = {name: label for label, name in enumerate(class_names)}
    files = []
    for class_folder in _list_class_folders(folder):
        if class_folder.name not in labels:
            raise DataError(f"{class_folder} is a class without training images; known are {', '.join(class_names)}")
        label = labels[class_folder.name]
        files += [_read_file(path, label) for path in _list_image_paths(class_folder)]
    return tuple(sorted(files, key=lambda file: (file.label, file.sha256)))


def _read_file(path: Path, label: int) -> ImageFile:
    content = path.read_bytes()
    try:
        with Image.open(io.BytesIO(content)) as image:
            pixel_format = PixelFormat(*image.size, image.mode)
    except _UNREADABLE as error:
        raise _describe_unreadable(path) from error
    return ImageFile(path, label, hashlib.sha256(content).hexdigest(), pixel_format)


def _agree_on_format(folder: Path, files: Sequence[ImageFile]) -> PixelFormat:
    """The size and mode that most images have. Raises DataError naming the first that has another."""
    usual = Counter(file.pixel_format for file in files).most_common(1)[0][0]
    for file in sorted(files, key=lambda file: file.path):
        if file.pixel_format != usual:
            raise DataError(
                f"{file.path} is {file.pixel_format} where most images in {folder} are {usual};"
                " convert all to one size and to grey or RGB, or take it away"
            )
    if usual.mode not in _CHANNELS_BY_MODE:
        raise DataError(f"{files[0].path} has the mode {usual.mode}; convert the images to grey (L) or RGB")
    return usual


_UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)
"""What Pillow raises for files that are no images or broken ones, by their format."""


def _describe_unreadable(path: Path) -> DataError:
    return DataError(f"{path} cannot be read as an image; repair it or take it away")


def _decode_file(file: ImageFile) -> ByteArray:
    """The pixels of one file, (height, width) or (height, width, 3)."""
    try:
        with Image.open(file.path) as image:
            return np.asarray(image, dtype=np.uint8)
    except _UNREADABLE as error:
        raise _describe_unreadable(file.path) from error


def _decode_files(files: Sequence[ImageFile]) -> LabelledImages:
    labels = np.array([file.label for file in files], dtype=np.int64)
    first = files[0].pixel_format
    channels = _CHANNELS_BY_MODE[first.mode]
    images = np.empty((len(files), channels, first.height, first.width), dtype=np.uint8)
    for position, file in enumerate(files):
        pixels = _decode_file(file)
        if pixels.shape[:2] != images.shape[2:]:
            raise DataError(f"{file.path} was changed while the data set was being read; start again")
        images[position] = pixels.reshape(first.height, first.width, channels).transpose(2, 0, 1)
    return LabelledImages.from_arrays(images, labels)
