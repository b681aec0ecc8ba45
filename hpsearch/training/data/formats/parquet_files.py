"""Parquet files as Hugging Face has them: a column of images as the bytes of their files, and a column of labels."""

import json
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpsearch.errors import DataError, InputError
from hpsearch.storable_text import find_name_fault, write_out
from hpsearch.training.data.folder_scan import list_folders
from hpsearch.training.data.formats.labels import number_labels
from hpsearch.training.data.formats.reading import Reading, add_left_out, assemble
from hpsearch.training.data.image_collection import ImageCollection, ImageSource
from hpsearch.training.data.image_reading import show_path
from hpsearch.training.data.left_out import LeftOut, note_others
from hpsearch.training.data.own_images import GivenImages
from hpsearch.training.data.split_words import SPLIT_WORDS
from hpsearch.whole_number import read_whole_number

INSTALL_COMMAND = "pip install 'hpsearch[parquet]'"
_ENDINGS = (".parquet", ".pq")
_MAGIC = b"PAR1"
_IMAGES = ("image", "img", "images", "picture", "photo", "pixel_values")
_LABELS = ("label", "labels", "class", "target", "fine_label", "coarse_label")
_ROWS_AT_ONCE = 256

_HIDDEN = "-1"
"""The label of rows whose labels are kept secret."""
_PURPOSES = {"validation": "validate on", "test": "test"}


@dataclass(frozen=True)
class _Columns:
    image: str
    label: str
    class_names: tuple[str, ...] | None
    """As the file says; None where its labels are names, or numbers without."""
    left_out: tuple[str, ...]


def recognizes(path: Path) -> bool:
    """A Parquet file, or a folder with some, or with a folder `data` of them."""
    if path.is_file():
        with path.open("rb") as file:
            return file.read(4) == _MAGIC
    return path.is_dir() and bool(_list_files(path))


def read(reading: Reading) -> GivenImages:
    """Every image of the file, or of the folder's files, whose names say train, validation or test.

    Raises:
        InputError: pyarrow is not installed.
        DataError: A file is damaged, or has no column of images and labels.
    """
    files = [reading.path] if reading.path.is_file() else _list_files(reading.path)
    try:
        import pyarrow.parquet  # type: ignore[import-untyped]  # noqa: F401 - to say what is missing
    except ImportError as error:
        raise InputError(f"{show_path(reading.path)} is read through pyarrow: {INSTALL_COMMAND}") from error
    given = reading.keep("parquet", files, lambda: _read(reading, files))
    left_out = LeftOut()
    if reading.path.is_dir():
        note_others(reading.path, {*files, *(file.parent for file in files)}, left_out)
    return add_left_out(given, left_out)


def _list_files(folder: Path) -> list[Path]:
    here = sorted(path for path in folder.iterdir() if path.suffix.lower() in _ENDINGS and path.is_file())
    if here:
        return here
    below = {child.name: child for child in list_folders(folder)}
    return [] if "data" not in below else _list_files(below["data"]) if set(below) == {"data"} else []


def _name_split(path: Path) -> str:
    """`train-00000-of-00001.parquet` is to train; so is what names no split."""
    words = path.stem.lower().replace("_", "-").replace(".", "-").split("-")
    return next((SPLIT_WORDS[word] for word in words if word in SPLIT_WORDS), "train")


def _read(reading: Reading, files: Sequence[Path]) -> GivenImages:
    contents: dict[str, list[tuple[Path, bytes]]] = defaultdict(list)
    labels: dict[str, list[str]] = defaultdict(list)
    named: tuple[str, ...] | None = None
    notes: list[str] = []
    for path in files:
        columns, rows = _open(path)
        named = named or columns.class_names
        split = _name_split(path)
        for row, (content, label) in enumerate(rows):
            contents[split].append((Path(f"{path} row {row + 1}"), content))
            labels[split].append(label)
        if columns.left_out and not notes:
            notes.append(f"columns that are left out: {', '.join(columns.left_out)[:200]}")
    for split in ("validation", "test"):
        if set(labels.get(split, ())) == {_HIDDEN}:
            del labels[split], contents[split]
            notes.append(f"the rows to {_PURPOSES[split]} have {_HIDDEN} for a label, which is none, and are left out")
    class_names, numbers = _number(reading.path, labels, named)
    collection = ImageCollection(reading.path, reading.preparation)
    parts = {
        split: collection.read_all(
            ImageSource(name, int(label), content)
            for (name, content), label in zip(contents[split], numbers[split], strict=True)
        )
        for split in contents
    }
    collection.check()
    packed = {split: collection.pack(images) for split, images in parts.items() if images}
    return assemble(
        reading.path,
        class_names,
        packed,
        reading.least_classes,
        notes=[*notes, *collection.describe()],
        kinds=collection.describe_kinds(),
    )


def _number(
    path: Path, labels: Mapping[str, list[str]], named: tuple[str, ...] | None
) -> tuple[tuple[str, ...], dict[str, list[int]]]:
    """The classes, and the numbers of the labels in each split."""
    everything = [label for each in labels.values() for label in each]
    if not everything:
        raise DataError(f"{show_path(path)} holds no rows")
    if named is None:
        class_names, numbers = number_labels(path, everything)
        flat = numbers.tolist()
    else:
        class_names = named
        flat = _number_named(path, everything, named)
        if not 0 <= min(flat) <= max(flat) < len(named):
            raise DataError(
                f"{show_path(path)} has labels from {min(flat)} to {max(flat)} and names {len(named)} classes: -1 is "
                "what rows without a label have"
            )
        used = sorted(set(flat))
        if len(used) < len(named):  # a part of a data set: those without an image are no classes here
            class_names, flat = tuple(named[number] for number in used), [used.index(number) for number in flat]
    begun, found = 0, {}
    for split, each in labels.items():
        found[split] = flat[begun : begun + len(each)]
        begun += len(each)
    return class_names, found


def _number_named(path: Path, labels: Sequence[str], named: Sequence[str]) -> list[int]:
    """The numbers of labels that are numbers, or names, of classes that the file names."""
    for name in named:
        if fault := find_name_fault(name):
            raise DataError(f"{show_path(path)} calls a class '{write_out(name)[:40]}', which {fault}: rename it")
    numbers = {name: number for number, name in enumerate(named)}
    found = [numbers[label] if label in numbers else read_whole_number(label) for label in labels]
    stranger = next((label for label, number in zip(labels, found, strict=True) if number is None), None)
    if stranger is not None:
        raise DataError(
            f"{show_path(path)} has the label '{write_out(stranger)[:40]}', which is neither a number nor one of the "
            f"{len(named)} classes that it names"
        )
    return [number for number in found if number is not None]


def _open(path: Path) -> tuple[_Columns, Iterator[tuple[bytes, str]]]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(path)
        columns = _find_columns(path, file.schema_arrow)
    except (pa.ArrowException, OSError, UnicodeError) as error:
        raise _explain(path, error) from error
    return columns, _list_rows(path, file, columns)


def _list_rows(path: Path, file: Any, columns: _Columns) -> Iterator[tuple[bytes, str]]:
    import pyarrow as pa

    row = 0
    try:
        for batch in file.iter_batches(_ROWS_AT_ONCE, columns=[columns.image, columns.label]):
            images, labels = batch.column(columns.image).to_pylist(), batch.column(columns.label).to_pylist()
            for image, label in zip(images, labels, strict=True):
                row += 1
                if image is None or label is None:
                    missing = "an image" if image is None else "a label"
                    raise DataError(f"row {row:,} of {show_path(path)} is without {missing}: leave it out of the file")
                content = image.get("bytes") if isinstance(image, dict) else image
                if not isinstance(content, bytes):
                    raise DataError(
                        f"the images in {show_path(path)} are no bytes of image files but "
                        f"{'paths' if content is None or isinstance(content, str) else type(content).__name__}: write "
                        "them with datasets' Image feature, embedded"
                    )
                if not isinstance(label, str | int | float):
                    raise DataError(
                        f"row {row:,} of {show_path(path)} has a {type(label).__name__} for a label: an image has "
                        "one class here, by its number or its name"
                    )
                yield content, str(label)
    except (pa.ArrowException, OSError, UnicodeError) as error:
        raise _explain(path, error) from error


def _find_columns(path: Path, schema: Any) -> _Columns:
    names = list(schema.names)
    by_name = {name.lower(): name for name in names}
    image = next((by_name[name] for name in _IMAGES if name in by_name), None)
    label = next((by_name[name] for name in _LABELS if name in by_name), None)
    if image is None or label is None:
        raise DataError(
            f"{show_path(path)} has the columns {', '.join(names)[:200]}; expected are one of images (image, img) and "
            "one of labels (label, fine_label)"
        )
    others = tuple(name for name in names if name not in (image, label))
    return _Columns(image, label, _read_class_names(schema, label), others)


def _read_class_names(schema: Any, label: str) -> tuple[str, ...] | None:
    """The names that Hugging Face keeps in the file's metadata."""
    try:
        document = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        names = document["info"]["features"][label]["names"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    is_fit = isinstance(names, list) and names and all(isinstance(name, str) and name for name in names)
    composed = [unicodedata.normalize("NFC", name) for name in names] if is_fit else []
    return tuple(composed) if composed and len(set(composed)) == len(composed) else None


def _explain(path: Path, error: Exception) -> DataError:
    return DataError(f"{show_path(path)} cannot be read as Parquet: {' '.join(str(error).split())[:200]}")
