"""A person's folder of images, read: every file as a person sees it, all of one size and kind."""

import hashlib
import json
from collections.abc import Sequence
from glob import escape
from pathlib import Path

from hpsearch.dataset import Preparation
from hpsearch.errors import DataError
from hpsearch.training.data.cache import hash_file
from hpsearch.training.data.folder_scan import EXPECTED_LAYOUT, ScannedFolder, scan_folder
from hpsearch.training.data.foreign_files import explain_no_images
from hpsearch.training.data.given_cache import load_given
from hpsearch.training.data.image_collection import ImageCollection, ImageSource
from hpsearch.training.data.image_reading import show_path
from hpsearch.training.data.own_images import GivenImages


def read_folder(
    path: Path, cache_folder: Path, *, least_classes: int = 2, preparation: Preparation | None = None
) -> GivenImages:
    """Every image of a folder with classes, decoded once and then kept in the cache.

    Raises:
        DataError: The layout is another one, or a file is damaged; without a preparation also where one is transparent
            or sizes differ.
        OSError: A folder or file cannot be read.
    """
    scanned = scan_folder(path, least_classes=least_classes)
    files = (*scanned.train, *(scanned.validation or ()), *(scanned.test or ()))
    content = [
        [str(path.absolute()), scanned.left_out.describe(), scanned.notes, describe_preparation(preparation)],
        *([str(file), hash_file(file)] for file, _ in files),
    ]
    key = hashlib.sha256(json.dumps(content).encode()).hexdigest()
    return load_given(cache_folder, key, lambda: _decode(path, scanned, preparation))


def describe_preparation(preparation: Preparation | None) -> str:
    """What the key of cached images holds of how they were prepared."""
    return "" if preparation is None else preparation.model_dump_json()


def _decode(path: Path, scanned: ScannedFolder, preparation: Preparation | None) -> GivenImages:
    collection = ImageCollection(path, preparation, scanned.left_out)
    parts = {"train": scanned.train, "validation": scanned.validation, "test": scanned.test}
    read = {
        split: collection.read_all(ImageSource(file, label) for file, label in files)
        for split, files in parts.items()
        if files is not None
    }
    collection.check()
    given = {split: collection.pack(images) for split, images in read.items() if images}
    check_classes(path, scanned.class_names, {label for _image, label in read["train"]})
    return GivenImages(
        scanned.class_names,
        given["train"],
        given.get("validation"),
        given.get("test"),
        (*scanned.notes, *collection.describe()),
        tuple(collection.describe_kinds()),
    )


def check_classes(path: Path, class_names: Sequence[str], present: set[int]) -> None:
    """Raises DataError where a class has no image to train on."""
    for label, name in enumerate(class_names):
        if label not in present:
            what = next(
                filter(None, map(explain_no_images, _find_folders(path, name))), f"expected is {EXPECTED_LAYOUT}"
            )
            raise DataError(f"class {name!r} in {show_path(path)} holds no images: {what}")


def _find_folders(path: Path, name: str) -> list[Path]:
    """Those of a class: in the folder itself, and in that of each split."""
    if Path(name).name != name:  # of a table, where a class can be called anything
        return []
    return [folder for folder in (path / name, *path.glob(f"*/{escape(name)}")) if folder.is_dir()]
