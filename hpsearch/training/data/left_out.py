"""What a person gave and is not read: counted by its kind, with the first of each."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from hpsearch.training.data.image_reading import show_path
from hpsearch.training.data.system_files import is_passed_over, is_system_name
from hpsearch.wording import count_of


@dataclass
class LeftOut:
    """Files that are not read, by what they are, each kind with the first of them."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By the name of one, and of several."""
    first: dict[tuple[str, str], Path] = field(default_factory=dict)

    def add(self, one: str, several: str, path: Path) -> None:
        """Note a file."""
        self.counts[one, several] += 1
        self.first.setdefault((one, several), path)

    def describe(self) -> list[str]:
        """A line for each kind: how many, and where the first is."""
        return [
            f"{count_of(count, *kind)} {'is' if count == 1 else 'are'} left out, e.g. {show_path(self.first[kind])}"
            for kind, count in sorted(self.counts.items())
        ]


def note_strays(folder: Path, left_out: LeftOut) -> None:
    """Note the files that lie in a folder of folders."""
    for child in sorted(folder.iterdir()):
        if child.is_file() and not is_system_name(child.name):
            one, several = _kind(child)
            left_out.add(f"{one} outside of any class", f"{several} outside of any class", child)


def note_others(folder: Path, used: Collection[Path], left_out: LeftOut) -> None:
    """Note what lies in a folder beside the files that its data are read from: other files, and folders."""
    for child in sorted(folder.iterdir()):
        if child in used or is_passed_over(child):
            continue
        one, several = ("folder", "folders") if child.is_dir() else _kind(child)
        left_out.add(f"{one} beside the data", f"{several} beside the data", child)


def _kind(path: Path) -> tuple[str, str]:
    """What one such file is called, and several."""
    ending = path.suffix.lower()
    return (f"{ending} file", f"{ending} files") if ending else ("file without an ending", "files without an ending")
