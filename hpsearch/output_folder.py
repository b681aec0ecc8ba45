"""What hpsearch writes, known by what is in it: so that it is never taken for somebody's data where it lies among them.

Nothing is written for that alone: whoever walks through `exports` finds bundles there and nothing else.
"""

import contextlib
import os
from pathlib import Path

MARKDOWN_MARK = "<!-- hpsearch report -->"
"""What a report in Markdown begins with."""
HTML_MARK = '<meta name="generator" content="hpsearch report">'
"""What stands within the first characters of one in HTML."""
REPORT_PAGE = "README.md"
"""A report in Markdown is a folder with this page in it."""
TRACKED = "hpsearch.json"
"""The file that says of a folder of TensorBoard's which study it holds."""
DRAFT = ".draft"
"""What the name of a folder ends with that is not whole yet."""
_OF_BUNDLES = ("manifest.json", "model.safetensors")
_HEAD_BYTES = 400


def is_output_folder(folder: Path) -> bool:
    """Whether it is a bundle, a report or a log of a study's, or holds such and nothing else. Raises OSError."""
    if all((folder / name).is_file() for name in _OF_BUNDLES) or (folder / TRACKED).is_file():
        return True
    if is_markdown_report(folder / REPORT_PAGE):
        return True
    is_empty = True
    with os.scandir(folder) as children:  # of a hundred thousand images the first says enough
        for child in children:
            if child.name.startswith(".") and not _is_draft(child.name):
                continue
            if not _is_output(Path(child)):
                return False
            is_empty = False
    return not is_empty


def is_markdown_report(page: Path) -> bool:
    """Whether a file is there and a report of hpsearch; one that cannot be read is none."""
    return _read_head(page).startswith(MARKDOWN_MARK.encode())


def is_html_report(page: Path) -> bool:
    """Whether a file is there and a report of hpsearch; one that cannot be read is none."""
    return HTML_MARK.encode() in _read_head(page)


def _read_head(path: Path) -> bytes:
    with contextlib.suppress(OSError):
        if path.is_file():
            with path.open("rb") as file:
                return file.read(_HEAD_BYTES)
    return b""


def _is_output(path: Path) -> bool:
    if path.is_symlink():  # which may lead back
        return False
    if path.is_dir():
        return _is_draft(path.name) or is_output_folder(path)
    return path.suffix == ".html" and is_html_report(path)


def _is_draft(name: str) -> bool:
    return name.startswith(".") and name.endswith(DRAFT)
