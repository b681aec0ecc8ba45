"""Writing a report: which studies, what is linked to them, drawn and put in its place."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hpsearch.errors import InputError

if TYPE_CHECKING:
    from hpsearch.reporting.document import Report
    from hpsearch.storage.database import Database

Tell = Callable[[str], None]
FORMATS = ("html", "md")


def _ignore(_line: str) -> None:
    """Nobody hears it."""


def write_report(
    database: "Database",
    names: Sequence[str],
    folder: Path,
    page_format: str,
    cache_folder: Path,
    *,
    dataset: str | None = None,
    tell: Tell = _ignore,
    note: Tell = _ignore,
) -> Path:
    """Write a page on studies; the page.

    Args:
        database: Where they are.
        names: Theirs, or patterns.
        folder: Where the page is put.
        page_format: html or md.
        cache_folder: Where data sets are kept.
        dataset: Where the images are, if not where the studies say.
        tell: Hears what is being done.
        note: Hears what a person has to know.

    Raises:
        InputError: There is no such format, something else is in its place, or a study is unknown.
        StorageError: The database failed.
    """
    check_format(page_format)
    from hpsearch.sessions.report_files import ReportPlace, name_report
    from hpsearch.sessions.report_subjects import Judge, choose_records, link_records

    records = choose_records(database, names, tell, note)
    linked = link_records(database, records)
    place = ReportPlace(folder, name_report([subject.record.study.name for subject in linked]), page_format)
    place.check()
    tell("preparing to draw")
    from hpsearch.reporting.report import build_report

    judge = Judge(cache_folder, dataset, tell)
    document = build_report([judge.look_at(subject) for subject in linked])
    place.write(_render(document, page_format, tell))
    return place.page


def check_format(given: str) -> None:
    """Raises InputError where there is no such format."""
    from hpsearch.wording import quote

    if given not in FORMATS:
        raise InputError(f"--format {quote(given)} is not allowed: give {' or '.join(FORMATS)}")


def _render(document: "Report", page_format: str, tell: Tell) -> dict[str, bytes]:
    """The report's files by name; of an HTML page the one."""
    from hpsearch.reporting.document import draw_pictures
    from hpsearch.reporting.html_page import render_html
    from hpsearch.reporting.markdown_page import render_markdown

    pictures = draw_pictures(document, tell)
    tell("writing")
    if page_format == "md":
        return render_markdown(document, pictures)
    return {"page.html": render_html(document, pictures)}
