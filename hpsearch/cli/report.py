"""`hpsearch report`: a study, or several side by side, as a page."""

from pathlib import Path
from typing import Annotated

import typer

from hpsearch.cli.flags import choose_cache_folder, choose_storage
from hpsearch.cli.options import OUTPUT, WHERE, QuietOption, StorageOption
from hpsearch.sessions.reporting import check_format, write_report
from hpsearch.views.screen import LineSteps, SpinnerSteps, open_console, write_line

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
    check_format(page_format)
    url = choose_storage(context, storage).url
    from hpsearch.sessions.opening import open_database

    with _show_steps(quiet=quiet) as steps, open_database(url) as database:
        page = write_report(
            database,
            studies,
            out,
            page_format,
            choose_cache_folder(),
            dataset=dataset,
            tell=steps.tell,
            note=steps.note,
        )
    write_line(str(page))


def _show_steps(*, quiet: bool) -> SpinnerSteps | LineSteps:
    """On stderr, so that stdout has the page's path alone."""
    console = open_console(stderr=True)
    if quiet:
        return LineSteps(None)
    return SpinnerSteps(console) if console.is_terminal else LineSteps(console)
