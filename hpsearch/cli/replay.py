"""`hpsearch replay`: train a stored trial again and put the curve beside the stored one."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hpsearch.cli.options import (
    WHAT,
    WHERE,
    DeviceOption,
    JsonOption,
    StorageOption,
    StudyArgument,
    choose_cache_folder,
    choose_storage,
    parse_number,
)
from hpsearch.errors import InputError
from hpsearch.views.screen import open_console, write_json
from hpsearch.views.search import format_accuracy

if TYPE_CHECKING:
    from rich.console import Console

    from hpsearch.export.replay import Replay, ReplayedEpoch
    from hpsearch.tuning.records import TrialRecord


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
    from hpsearch.storage.database import Database
    from hpsearch.tuning.records import read_study_record
    from hpsearch.tuning.study import load_study

    with Database.open(choose_storage(context, storage).url) as database:
        record = read_study_record(load_study(database, study))
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
                console.print(_describe_epoch(epoch), highlight=False)
        raise typer.Exit(_conclude(console, stored, replayed, epochs))


def _describe_epoch(epoch: "ReplayedEpoch") -> str:
    stored, now = epoch.stored, epoch.replayed
    line = (
        f"{stored.epoch + 1:5}  {format_accuracy(stored.validation_accuracy):>17}"
        f"  {format_accuracy(now.validation_accuracy):>8}"
        f"  {stored.train_loss:17.5f}  {now.train_loss:8.5f}"
    )
    return line + ("" if epoch.is_equal else "  differs")


def _measure_difference(epoch: "ReplayedEpoch") -> float:
    """In validation accuracy; 0 where nothing is validated."""
    return abs((epoch.stored.validation_accuracy or 0.0) - (epoch.replayed.validation_accuracy or 0.0))


def _conclude(console: "Console | None", trial: "TrialRecord", replay: "Replay", epochs: "list[ReplayedEpoch]") -> int:
    equal = [epoch.is_equal for epoch in epochs]
    weights = replay.has_equal_weights()
    differences = replay.find_differences()
    is_equal = all(equal) and len(epochs) == len(trial.curve) and weights is not False
    if console is None:
        document: dict[str, Any] = {
            "trial": trial.number,
            "is_equal": is_equal,
            "weights_equal": weights,
            "failure": replay.failure,
            "epochs": [
                {"stored": vars(epoch.stored), "replayed": vars(epoch.replayed), "is_equal": epoch.is_equal}
                for epoch in epochs
            ],
            "differences": {name: {"then": then, "now": now} for name, (then, now) in differences.items()},
        }
        write_json(document)
        return 0 if is_equal else 1
    console.print()
    if replay.failure is not None:
        console.print(f"training ended: {replay.failure}", soft_wrap=True)
    if is_equal:
        what = "the curve" if weights is None else "the curve and the weights"
        console.print(f"equal to the last bit: {what}, {len(epochs)} epochs", style="bold green", soft_wrap=True)
    else:
        largest = max(map(_measure_difference, epochs), default=0.0)
        by = f", in validation accuracy by up to {100 * largest:.2f} points" if trial.accuracies else ""
        console.print(
            f"not equal: {equal.count(False)} of {len(trial.curve)} epochs differ{by}",
            style="bold red",
            soft_wrap=True,
        )
    for name, (then, now) in differences.items():
        console.print(f"{name}: then {then}, now {now}", soft_wrap=True)
    if not is_equal and not differences:
        console.print("versions, hardware and data are as they were", soft_wrap=True)
    return 0 if is_equal else 1
