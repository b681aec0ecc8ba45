"""`hpsearch report`: a study, or several side by side, as a page."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hpsearch.cli.options import (
    OUTPUT,
    WHERE,
    QuietOption,
    StorageOption,
    choose_cache_folder,
    choose_storage,
)
from hpsearch.cli.screen import LineSteps, SpinnerSteps, open_console, write_line
from hpsearch.errors import InputError

if TYPE_CHECKING:
    from hpsearch.reporting.document import Report

_FORMATS = ("html", "md")


def report(
    context: typer.Context,
    studies: Annotated[
        list[str],
        typer.Argument(
            metavar="STUDY...",
            help="Names of studies, or patterns such as 'fashion-mnist-cnn-*'; several come side by side.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="The folder for the report.", rich_help_panel=OUTPUT)
    ] = Path("reports"),
    page_format: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="html|md",
            help="One HTML page that needs nothing else; or a folder with README.md and a PNG file for each picture.",
            rich_help_panel=OUTPUT,
        ),
    ] = "html",
    dataset: Annotated[
        str | None,
        typer.Option(
            "--dataset",
            metavar="PATH",
            help="Where this machine has the studies' data: the best networks are shown with the validation images "
            "that they get wrong.",
            show_default="as each study has it",
            rich_help_panel=WHERE,
        ),
    ] = None,
    storage: StorageOption = None,
    quiet: QuietOption = False,
) -> None:
    """Write a page on a study: the best network drawn, trials, curves, what mattered, what it gets wrong, finalists.

    Of a study file's trainings it has the table beside the printed figures; of several studies a comparison first. The
    test split stays closed: test scores are shown where it was opened before. The same study gives the same bytes.

    Example: [bold]hpsearch report fashion-mnist-cnn-100k[/]
    """
    _check_format(page_format)
    url = choose_storage(context, storage).url
    from hpsearch.sessions.report_files import ReportPlace, name_report
    from hpsearch.sessions.report_subjects import Judge, choose_records, link_records
    from hpsearch.storage.database import Database

    with _show_steps(quiet=quiet) as steps, Database.open(url) as database:
        records = choose_records(database, studies, steps.tell, steps.note)
        linked = link_records(database, records)
        place = ReportPlace(out, name_report([subject.record.study.name for subject in linked]), page_format)
        place.check()
        steps.tell("preparing to draw")
        from hpsearch.reporting.report import build_report

        judge = Judge(choose_cache_folder(), dataset, steps.tell)
        document = build_report([judge.look_at(subject) for subject in linked])
        place.write(_render(document, page_format, steps.tell))
    write_line(str(place.page))


def _check_format(given: str) -> None:
    from hpsearch.wording import quote

    if given not in _FORMATS:
        raise InputError(f"--format {quote(given)} is not allowed: give {' or '.join(_FORMATS)}")


def _show_steps(*, quiet: bool) -> SpinnerSteps | LineSteps:
    """On stderr, so that stdout has the page's path alone."""
    console = open_console(stderr=True)
    if quiet:
        return LineSteps(None)
    return SpinnerSteps(console) if console.is_terminal else LineSteps(console)


def _render(document: "Report", page_format: str, tell: Callable[[str], None]) -> dict[str, bytes]:
    """The report's files by name; of an HTML page the one."""
    from hpsearch.reporting.document import draw_pictures
    from hpsearch.reporting.html_page import render_html
    from hpsearch.reporting.markdown_page import render_markdown

    pictures = draw_pictures(document, tell)
    tell("writing")
    if page_format == "md":
        return render_markdown(document, pictures)
    return {"page.html": render_html(document, pictures)}
