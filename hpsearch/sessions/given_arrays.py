"""Images and labels that somebody has in memory, as a data set that workers can read: an .npz file in the cache.

The file is named by its content, so that the same arrays are the same data set, and the same study, tomorrow.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hpsearch.durable_file import sync_file, sync_folder
from hpsearch.errors import DataError
from hpsearch.sessions.given_items import is_items, stack_items
from hpsearch.training.data import describe_dataset

FOLDER = "arrays"
"""In the cache folder."""

_NAMES = ("images", "labels", "test_images", "test_labels")
_SPLITS = {
    **dict.fromkeys(("train", "training"), ""),
    **dict.fromkeys(("validation", "valid", "val", "dev"), "val_"),
    **dict.fromkeys(("test", "testing"), "test_"),
}
"""What stands before `images` and `labels` in the names of a split's arrays."""
_HASH_CHARACTERS = 12

Array = npt.NDArray[Any]


def keep_arrays(given: Any, cache_folder: Path) -> Path:
    """Write the arrays where they are not written yet.

    Args:
        given: (images, labels), or (images, labels, test images, test labels), also as Keras has them, ((images,
            labels), (test images, test labels)), or these by the names of an .npz file (`images`, `labels`,
            `test_images`, `test_labels`, `class_names`). Images (n, height, width), (n, height, width, 1 or 3) or
            (n, 1 or 3, height, width), bytes or floats from 0 to 1; labels (n,), class 0 first, or names. NumPy arrays,
            PyTorch tensors, lists. Or a data set whose items are (image, label), as torchvision and Hugging Face have
            it; or pairs or data sets by the names of their splits: train, validation, test.
        cache_folder: Where data sets are kept.

    Returns:
        The file.

    Raises:
        DataError: They are no data set, and nothing is kept of them, or the file cannot be written.
    """
    arrays = _number_labels({name: _read(name, value) for name, value in _name(given).items()})
    path = cache_folder / FOLDER / f"arrays-{_hash(arrays)[:_HASH_CHARACTERS]}.npz"
    if path.exists():
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, arrays)
    except OSError as error:
        raise DataError(f"the arrays cannot be written to {str(path)!r}: {error.strerror or error}") from error
    try:
        describe_dataset(str(path), cache_folder)
    except DataError:
        path.unlink(missing_ok=True)
        raise
    return path


def _name(given: Any) -> dict[str, Any]:
    if isinstance(given, Mapping):
        splits = {_SPLITS.get(str(name).lower()): part for name, part in given.items()}
        if None not in splits and "" in splits and all(_is_pair(part) or is_items(part) for part in splits.values()):
            return _name_splits(splits)  # type: ignore[arg-type]
        return dict(given)
    if is_items(given):
        return _name_splits({"": given})
    if len(given) == 2 and all(_is_pair(part) or is_items(part) for part in given):
        return _name_splits({"": given[0], "test_": given[1]})
    if len(given) not in (2, 4):
        raise DataError(
            f"{len(given)} arrays are given as the data set: give (images, labels), or (images, labels, test_images, "
            "test_labels)"
        )
    return dict(zip(_NAMES, given, strict=False))


def _name_splits(splits: Mapping[str, Any]) -> dict[str, Any]:
    """The arrays of each split by its prefix, and the classes of the first one that names them."""
    arrays: dict[str, Any] = {}
    for prefix, part in splits.items():
        images, labels, classes = stack_items(part) if is_items(part) else (*part, None)
        arrays |= {f"{prefix}images": images, f"{prefix}labels": labels}
        if classes is not None:
            arrays.setdefault("class_names", list(classes))
    return arrays


def _is_pair(given: Any) -> bool:
    """Whether it is (images, labels) itself."""
    return isinstance(given, tuple | list) and len(given) == 2 and getattr(given[0], "ndim", 0) >= 3


def _is_labels(name: str) -> bool:
    return "label" in name.lower() or "y" in name.lower().split("_")


def _is_images(name: str) -> bool:
    return "image" in name.lower() or "x" in name.lower().split("_")


def _read(name: str, value: Any) -> Array:
    """As an array; of images the channels last, as an .npz file has them."""
    detach = getattr(value, "detach", None)  # of a tensor
    try:
        array: Array = np.asarray(value if detach is None else detach().cpu().numpy())
    except (TypeError, ValueError) as error:
        raise DataError(f"{name} of the given arrays {_explain_no_array(name, value, error)}") from error
    if _is_images(name) and array.ndim == 4 and array.shape[1] in (1, 3) and array.shape[3] not in (1, 3):
        array = array.transpose(0, 2, 3, 1)
    if array.dtype == object and _is_labels(name) and all(isinstance(label, str) for label in array.flat):
        array = array.astype(str)
    if array.dtype.hasobject:
        raise DataError(f"{name} of the given arrays holds Python objects: give numbers")
    return np.ascontiguousarray(array)


def _explain_no_array(name: str, value: Any, error: Exception) -> str:
    images = value if _is_images(name) and isinstance(value, list | tuple) else ()
    sizes = sorted({tuple(image.shape) for image in images if hasattr(image, "shape")})
    if len(sizes) > 1:
        return f"are of several sizes, such as {sizes[0]} and {sizes[1]}: bring all to one"
    return f"is no array: {error}"


def _number_labels(arrays: dict[str, Array]) -> dict[str, Array]:
    """Labels that are names as numbers, with the names as the classes, in the order of the alphabet."""
    named = {name: array for name, array in arrays.items() if _is_labels(name) and array.dtype.kind == "U"}
    if not named or "class_names" in arrays:
        return arrays
    classes = np.unique(np.concatenate([array.ravel() for array in named.values()]))
    return arrays | {name: np.searchsorted(classes, array) for name, array in named.items()} | {"class_names": classes}


def _hash(arrays: Mapping[str, Array]) -> str:
    content = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        content.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        content.update(array.tobytes())
    return content.hexdigest()


def _write(path: Path, arrays: Mapping[str, Array]) -> None:
    """Whole or not at all, whoever else writes the same."""
    import tempfile

    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".draft", delete=False) as file:
        draft = Path(file.name)
    try:
        with draft.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]
        draft.chmod(0o644)
        sync_file(draft)
        draft.replace(path)
        sync_folder(path.parent)
    finally:
        draft.unlink(missing_ok=True)
