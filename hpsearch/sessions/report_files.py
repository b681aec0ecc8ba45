"""Where a report goes: a page or a folder that is whole or absent, in place of an earlier report at most."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hpsearch.errors import InputError
from hpsearch.output_folder import REPORT_PAGE, is_html_report, is_markdown_report

_PAGE_SUFFIXES = (".html", ".htm", ".md")


def name_report(studies: Sequence[str]) -> str:
    """How the report on these studies is called."""
    first, *others = studies
    return first if not others else f"{first}-and-{len(others)}-more"


@dataclass(frozen=True)
class ReportPlace:
    """The page or the folder of a report."""

    folder: Path
    name: str
    format: str
    """html or md."""

    @property
    def target(self) -> Path:
        """What is written: a file or a folder."""
        return self.folder / (f"{self.name}.html" if self.format == "html" else self.name)

    @property
    def page(self) -> Path:
        """What a person opens."""
        return self.target if self.format == "html" else self.target / "README.md"

    def check(self) -> None:
        """Look whether the report can be written, before anything is drawn.

        Raises:
            InputError: Something else is in its place, or the folder cannot be, or is called as a page.
        """
        if self.folder.suffix.lower() in _PAGE_SUFFIXES and not self.folder.is_dir():
            raise InputError(
                f"--out {str(self.folder)!r} is a page's name, and the page has one ({self.target.name}): give the "
                f"folder that it goes into, --out {str(self.folder.parent)!r}"
            )
        try:
            self._check()
        except OSError as error:
            raise self._refuse(error) from error

    def write(self, files: Mapping[str, bytes]) -> None:
        """Write it: killed at any moment, the report is there whole, or not at all.

        Raises:
            InputError: It cannot be written.
        """
        from hpsearch.draft_folder import draft_folder, write_durably

        try:
            with draft_folder(self.target) as draft:
                new = draft / "new"
                new.mkdir()
                for name, content in files.items():
                    write_durably(new / name, content)
                self._check()  # what is there now
                self._publish(new, draft / "old")
        except OSError as error:
            raise self._refuse(error) from error

    def _publish(self, new: Path, old: Path) -> None:
        """A file takes the place of another at once; a folder can do so only where there is none."""
        from hpsearch.durable_file import sync_folder

        sync_folder(new)
        if self.format == "html":
            (page,) = new.iterdir()
            page.replace(self.target)
        else:
            if self.target.exists():
                self.target.rename(old)
            new.rename(self.target)
        sync_folder(self.folder)

    def _check(self) -> None:
        """Raises InputError where something else is there, OSError where nobody can look."""
        for parent in (self.folder, *self.folder.parents):
            if parent.exists() and not parent.is_dir():
                raise NotADirectoryError(20, "Not a directory", str(parent))
        target = self.target
        if target.is_symlink():
            raise self._refuse_other("it is a link")
        if target.exists() and (difference := self._find_difference()):
            raise self._refuse_other(difference)

    def _find_difference(self) -> str | None:
        """What shows that the thing in the report's place is none of ours; None where it is one."""
        from hpsearch.reporting import markdown_page

        if self.format == "html":
            if not self.target.is_file():
                return "it is no file"
            return None if is_html_report(self.target) else "no report of hpsearch"
        if not self.target.is_dir():
            return "it is no folder"
        names = {path.name for path in self.target.iterdir()}
        if not names:
            return None
        if REPORT_PAGE not in names:
            return f"no {REPORT_PAGE} of a report"
        if not is_markdown_report(self.target / REPORT_PAGE):
            return f"{REPORT_PAGE} is no report of hpsearch"
        page = (self.target / REPORT_PAGE).read_text(encoding="utf-8", errors="replace")
        others = sorted(names - markdown_page.list_files(page))
        return f"{others[0]} is no part of a report" if others else None

    def _refuse_other(self, difference: str) -> InputError:
        return InputError(
            f"{str(self.target)!r} exists and is something else ({difference}): remove it, or give another folder with "
            "--out"
        )

    def _refuse(self, error: OSError) -> InputError:
        return InputError(
            f"cannot write {str(self.target)!r}: {error.strerror or error}; give another folder with --out"
        )
