"""`hpsearch data`: the data sets that are known by name, and bringing one here."""

from typing import TYPE_CHECKING, Annotated

import typer

from hpsearch.cli.completion import complete_datasets
from hpsearch.cli.flags import choose_cache_folder, parse_number
from hpsearch.cli.help import HelpedCommand, HelpedGroup
from hpsearch.cli.options import GreyOption, ImageSizeOption, JsonOption
from hpsearch.errors import InputError
from hpsearch.storable_text import write_out
from hpsearch.views.datasets import describe_listing, describe_validation, draw_listings, show_classes
from hpsearch.views.screen import LineSteps, SpinnerSteps, open_console, write_json, write_line

if TYPE_CHECKING:
    pass

_LARGEST = 1024
"""Of --image-size, as a data set's `ImageSize` has it; a test compares them."""

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
    from hpsearch.sessions.datasets import list_datasets

    cache_folder = choose_cache_folder()
    listings = list_datasets(cache_folder)
    if as_json:
        write_json([describe_listing(listing) for listing in listings])
        return
    console = open_console()
    console.print(draw_listings(listings))
    console.print(
        f"\nThey are kept in {cache_folder}. hpsearch data fetch NAME brings one here; --dataset also takes a path: a "
        "folder with a folder of images per class, an .npz file, a CSV of pixels or of paths and labels, Parquet, IDX.",
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
    image_size: ImageSizeOption = None,
    grey: GreyOption = False,
) -> None:
    """Bring a data set here, or check one of your own to its last image and show what is in it.

    A path may be a folder with a folder of images per class, perhaps below train, val and test; an .npz file or a
    folder of .npz or .npy files; a CSV with a column a pixel, or with paths of images beside it and labels; Parquet
    files; IDX files.

    Example: [bold]hpsearch data fetch fashion-mnist[/]

    Example: [bold]hpsearch data fetch photos/ --image-size 64[/]
    """
    size = parse_number(image_size, "--image-size", least=4)
    if grey and size is None:
        raise InputError("--grey goes with --image-size: give both, e.g. --image-size 64 --grey")
    if size is not None and size > _LARGEST:
        raise InputError(f"--image-size {size} is not allowed: give a number from 4 to {_LARGEST:,}")
    console = open_console()
    with SpinnerSteps(console) if console.is_terminal else LineSteps(console) as steps:
        from hpsearch.dataset import Preparation
        from hpsearch.sessions.datasets import inspect_dataset

        preparation = None if size is None else Preparation(size=size, grey=grey)
        found = inspect_dataset(name, choose_cache_folder(), preparation, steps)
    identity = found.identity
    if found.classes:
        show_classes(console, found)
    console.print(
        f"{write_out(identity.name)}: {identity.train_count + identity.test_count:,} images of {identity.input_shape} "
        f"in {identity.class_count} classes; {identity.train_count:,} training{describe_validation(identity)} and "
        f"{identity.test_count:,} test images; every file is right",
        soft_wrap=True,
    )
