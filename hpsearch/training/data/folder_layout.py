"""What people's names say: folders of a split, of no class in particular, of a part; and files that may have labels."""

import re
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path

from hpsearch.training.data.foreign_files import name_form
from hpsearch.training.data.image_reading import ENDINGS, show_path
from hpsearch.training.data.system_files import is_passed_over, is_system_name

_CONTAINERS = frozenset({"images", "image", "imgs", "img", "jpegimages", "jpg", "jpegs", "png", "pngs"})
_DATA = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".npz", ".parquet")
"""Endings of files that may be a data set, or say which image is what."""
_NEVER_DATA = (".pdf", ".ico", ".htm", ".html")
"""Of files that tell of a data set."""
_PART = re.compile(r"(.*?)(?<![a-z])(part|batch|fold|chunk|shard)[ _-]*\d+", re.IGNORECASE)

_MASK = re.compile(r"(.+?)[ _-](mask|seg|segmentation)([ _-]?\d+)?", re.IGNORECASE)


def is_container(name: str) -> bool:
    """Whether a folder is called after what lies in it and not after a class."""
    return name.lower() in _CONTAINERS


def are_parts(names: Sequence[str]) -> bool:
    """Whether names are those of parts of one whole: `images_part_1` and `images_part_2`."""
    matches = [_PART.fullmatch(name) for name in names]
    return len(names) > 1 and all(matches) and len({match[1].lower() for match in matches if match}) == 1


def find_prefixes(stems: Iterable[str]) -> list[str]:
    """The few words that the names of many files begin with: cat and dog of `cat.0` and `dog.0`."""
    words = [match[0].lower() for stem in stems if (match := re.match(r"[^\W\d_]{2,}", stem))]
    found = sorted(set(words))
    return found if 2 <= len(found) <= max(2, len(words) // 4) else []


def find_masks(files: Sequence[Path]) -> list[Path]:
    """The files that are called after another one beside them and its mask: `7_mask.png` beside `7.png`."""
    stems = {file.with_suffix("") for file in files}
    return sorted(
        file
        for file in files
        if (match := _MASK.fullmatch(file.stem)) is not None and file.with_name(match[1]) in stems
    )


def describe_other_ways(path: Path) -> str:
    """What else in a folder may say which image is what, as the rest of a sentence; empty where nothing does."""
    files = [
        *_list_files(path),
        *(file for folder in sorted(path.iterdir()) if folder.is_dir() for file in _list_files(folder)),
    ]
    data = [file for file in files if file.name.lower().endswith(_DATA)]
    # A list of images is often a .txt file, but most of these say what a data set is.
    lists = [file for file in files if file.suffix.lower() == ".txt" and "readme" not in file.name.lower()]
    if data := [file for file in data if "submission" not in file.name.lower()] or lists:
        shown = ", ".join(show_path(file) for file in data[:3])
        more = f" and {len(data) - 3} more" if len(data) > 3 else ""
        return f"; a file of labels or of images is given by its own path: {shown}{more}"
    candidates = [file for file in files if file.suffix.lower() not in _NEVER_DATA]
    if foreign := next((form for file in candidates if (form := name_form(file)) is not None), None):
        return f"; {foreign}"
    prefixes = find_prefixes(file.stem for file in files if file.suffix.lower() in ENDINGS)
    if prefixes:
        shown = f"{', '.join(prefixes[:3])}{' and more' * (len(prefixes) > 3)}"
        return f"; their names begin with {shown}: are those the classes?"
    return ""


def _list_files(folder: Path) -> list[Path]:
    if is_passed_over(folder):
        return []
    return sorted(
        islice((child for child in folder.iterdir() if child.is_file() and not is_system_name(child.name)), 10_000)
    )
