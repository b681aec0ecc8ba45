"""`hpsearch data`: the data sets that are known by name, and bringing one here."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hpsearch.cli.completion import complete_datasets
from hpsearch.cli.help import HelpedCommand, HelpedGroup
from hpsearch.cli.options import JsonOption, choose_cache_folder
from hpsearch.storable_text import write_out
from hpsearch.views.screen import LineSteps, SpinnerSteps, open_console, write_json, write_line
from hpsearch.views.tables import make_table

if TYPE_CHECKING:
    from hpsearch.dataset import DatasetIdentity
    from hpsearch.training.data.listing import DatasetListing

app = typer.Typer(
    cls=HelpedGroup, help="The data sets that are known by name, and bringing one here.", no_args_is_help=False
)


@app.callback(invoke_without_command=True)
def show_help(context: typer.Context) -> None:
    """The data sets that are known by name, and bringing one here."""
    if context.invoked_subcommand is None:
        if text := context.get_help():
            write_line(text)
        raise typer.Exit


@app.command("list", cls=HelpedCommand)
def list_known(as_json: JsonOption = False) -> None:
    """Show the data sets that are known by name, and which are here.

    Example: [bold]hpsearch data list[/]
    """
    from hpsearch.training.data.listing import list_datasets

    cache_folder = choose_cache_folder()
    listings = list_datasets(cache_folder)
    if as_json:
        write_json([_describe(listing) for listing in listings])
        return
    table = make_table("name", "images", "classes>", "train>", "test>", "licence/", "here", drops=("train", "test"))
    for listing in listings:
        table.add_row(
            listing.name,
            str(listing.input_shape),
            str(len(listing.class_names)),
            f"{listing.train_count:,}",
            f"{listing.test_count:,}",
            listing.licence,
            "yes" if listing.cached_path else f"no ({listing.size_bytes / 1e6:.0f} MB)",
        )
    console = open_console()
    console.print(table)
    console.print(
        f"\nThey are kept in {cache_folder}. hpsearch data fetch NAME brings one here; --dataset also takes a folder"
        " with one folder of images per class, or an .npz file.",
        soft_wrap=True,
    )


@app.command("fetch", cls=HelpedCommand)
def fetch(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME|PATH",
            help="A data set's name, or a path of your own to check.",
            autocompletion=complete_datasets,
        ),
    ],
) -> None:
    """Bring a data set here, or check one of your own to its last image.

    Example: [bold]hpsearch data fetch fashion-mnist[/]
    """
    console = open_console()
    with SpinnerSteps(console) if console.is_terminal else LineSteps(console) as steps:
        from hpsearch.training.data import fetch_dataset

        identity = fetch_dataset(name, choose_cache_folder(), steps.tell, note=steps.note)
    console.print(
        f"{write_out(identity.name)}: {identity.train_count + identity.test_count:,} images of {identity.input_shape} "
        f"in {identity.class_count} classes; {identity.train_count:,} training{_describe_validation(identity)} and "
        f"{identity.test_count:,} test images; every file is right",
        soft_wrap=True,
    )


def _describe_validation(identity: "DatasetIdentity") -> str:
    count = identity.validation_count
    return "" if count is None else f" ({count:,} of them given to validate on)"


def _describe(listing: "DatasetListing") -> dict[str, Any]:
    return {
        "name": listing.name,
        "input_shape": list(listing.input_shape),
        "class_names": list(listing.class_names),
        "train_count": listing.train_count,
        "test_count": listing.test_count,
        "origin": listing.origin,
        "licence": listing.licence,
        "cached_path": str(listing.cached_path) if listing.cached_path else None,
        "size_bytes": listing.size_bytes,
    }
