"""`hpsearch replay`: train a stored trial again and put the curve beside the stored one."""

from typing import Annotated

import typer

from hpsearch.cli.flags import choose_cache_folder, choose_storage, parse_number
from hpsearch.cli.options import WHAT, WHERE, DeviceOption, JsonOption, StorageOption, StudyArgument
from hpsearch.errors import InputError
from hpsearch.sessions.opening import open_record
from hpsearch.views.replay import conclude_replay, describe_epoch
from hpsearch.views.screen import open_console


def replay(
    context: typer.Context,
    study: StudyArgument,
    trial: Annotated[
        str | None, typer.Option("--trial", metavar="N", help="Which trial.", rich_help_panel=WHAT)
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            "--dataset", metavar="PATH", help="Where the images are now, if they were moved.", rich_help_panel=WHERE
        ),
    ] = None,
    device: DeviceOption = "auto",
    storage: StorageOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a stored trial again, and say whether it comes out the same.

    On the same machine, with the same versions and data, it does to the last bit. Where it does not, what differs is
    named. Nothing is stored. Exit code 0 if all is equal, 1 if not.

    Example: [bold]hpsearch replay fashion-mnist-cnn-100k --trial 7[/]
    """
    number = parse_number(trial, "--trial", least=0)
    if number is None:
        raise InputError(f"which trial? give --trial N; hpsearch show {study} lists them")
    from hpsearch.export.replay import Replay

    with open_record(choose_storage(context, storage).url, study) as record:
        stored = record.trial(number)
        replayed = Replay(record.study, stored, device=device, cache_folder=choose_cache_folder(), dataset=dataset)
        console = None if as_json else open_console()
        epochs = []
        if console is not None:
            console.print(f"trial {number} of {study}: {stored.network}", style="bold", soft_wrap=True)
            console.print("epoch  validation stored  replayed  train loss stored  replayed", style="dim")
        for epoch in replayed.epochs():
            epochs.append(epoch)
            if console is not None:
                console.print(describe_epoch(epoch), highlight=False)
        raise typer.Exit(0 if conclude_replay(console, stored, replayed, epochs) else 1)
