"""`hpsearch finalists`: train the best configurations of a search again, under fresh seeds, and say what is certain."""

import time
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from hpsearch.cli.flags import StorageChoice, choose_cache_folder, choose_storage, parse_number, parse_workers
from hpsearch.cli.options import (
    HOW,
    WHAT,
    DeviceOption,
    Int8TrainingOption,
    JsonOption,
    QuietOption,
    StorageOption,
    StudyArgument,
    WorkersOption,
)
from hpsearch.cli.signals import Interrupts
from hpsearch.errors import InputError
from hpsearch.sessions.documents import describe_final
from hpsearch.sessions.finalists import REPLICATES, TOP, Finalists
from hpsearch.sessions.planned import PlannedWork
from hpsearch.views.finalists import show_final
from hpsearch.views.screen import open_console, write_json
from hpsearch.views.terminal import TerminalProgress

if TYPE_CHECKING:
    from hpsearch.study.trial_config import TrainsOn


def finalists(
    context: typer.Context,
    study: StudyArgument,
    top: Annotated[
        str, typer.Option("--top", metavar="K", help="The K best distinct configurations.", rich_help_panel=WHAT)
    ] = str(TOP),
    replicates: Annotated[
        str, typer.Option("--replicates", metavar="N", help="Fresh seeds for each of them.", rich_help_panel=WHAT)
    ] = str(REPLICATES),
    epochs: Annotated[
        str | None,
        typer.Option(
            "--epochs",
            metavar="N",
            help="Epochs of each training.",
            show_default="as in the search",
            rich_help_panel=HOW,
        ),
    ] = None,
    int8: Int8TrainingOption = False,
    on: Annotated[
        str,
        typer.Option(
            "--on",
            metavar="train|train+validation",
            help="The images to train on. With train+validation nothing is left to validate on: the test split alone "
            "measures the networks, and selects none.",
            rich_help_panel=HOW,
        ),
    ] = "train",
    name: Annotated[
        str | None,
        typer.Option(
            "--study",
            metavar="NAME",
            help="The linked study's name.",
            show_default="STUDY-finalists, or STUDY-finalists-all with --on train+validation",
            rich_help_panel=WHAT,
        ),
    ] = None,
    workers: WorkersOption = "auto",
    device: DeviceOption = "auto",
    storage: StorageOption = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Train the best configurations of a search again, under fresh seeds, and say what is certain.

    A search's best value is the largest of many, so it promises too much: the retrained mean does not. The trainings
    are trials of a linked study, STUDY-finalists, which the same command goes on with. When all are finished the test
    split is opened, once for each finalist. [bold]hpsearch export STUDY --finalist[/] takes the winner away.

    Example: [bold]hpsearch finalists fashion-mnist-cnn-100k --top 3 --replicates 5[/]
    """
    from hpsearch.study.study_name import check_study_name

    trains_on, chosen = _parse_on(on), choose_storage(context, storage)
    asked = Finalists(
        search=study,
        name=check_study_name(name) if name is not None else None,
        top=parse_number(top, "--top", least=1) or TOP,
        replicates=parse_number(replicates, "--replicates", least=1) or REPLICATES,
        epochs=parse_number(epochs, "--epochs", least=1),
        trains_on=trains_on,
        int8=int8,
    )
    work = PlannedWork(chosen.url, choose_cache_folder(), device, parse_workers(workers))
    raise typer.Exit(_finish(asked, work, chosen, (quiet, as_json)))


def _parse_on(text: str) -> "TrainsOn":
    """Read `--on`.

    Raises:
        InputError: It is none of the two.
    """
    from hpsearch.study.trial_config import TrainsOn
    from hpsearch.wording import quote

    allowed: tuple[TrainsOn, ...] = get_args(TrainsOn)
    for known in allowed:
        if text == known:
            return known
    raise InputError(f"--on {quote(text)} is not allowed: give {' or '.join(allowed)}")


def _finish(asked: Finalists, work: PlannedWork, storage: StorageChoice, shown: tuple[bool, bool]) -> int:
    """Train, score, show; the exit code."""
    begun, (quiet, as_json) = time.monotonic(), shown
    with Interrupts() as interrupts:
        progress = TerminalProgress(None if quiet else open_console(stderr=as_json))
        result = asked.run(work, progress, interrupts)
        final = result.final
        is_useful = final.is_finished and final.counts["COMPLETE"] > 0
        if as_json:
            write_json(describe_final(result.searched, final, result.summary))
        else:
            console = open_console()
            show_final(console, result.searched, final, result.summary, time.monotonic() - begun)
            if is_useful:
                command = storage.complete_command(f"hpsearch export {final.study.name} --finalist")
                console.print(f"\nNext\n  {command}", soft_wrap=True)
            elif not final.is_finished:
                console.print("\nNot all are trained; the same command goes on.", soft_wrap=True)
        if is_useful:
            return 0
        return 1 if final.is_finished else interrupts.exit_code or 1
