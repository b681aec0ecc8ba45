"""`hpsearch finalists`: train the best configurations of a search again, under fresh seeds, and say what is certain."""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from hpsearch.cli.options import (
    HOW,
    WHAT,
    DeviceOption,
    Int8TrainingOption,
    JsonOption,
    QuietOption,
    StorageChoice,
    StorageOption,
    StudyArgument,
    WorkersOption,
    choose_cache_folder,
    choose_storage,
    parse_number,
    parse_workers,
)
from hpsearch.cli.planned import PlannedWork
from hpsearch.cli.signals import Interrupts
from hpsearch.errors import InputError
from hpsearch.sessions.documents import describe_final
from hpsearch.sessions.hardware import choose_hardware
from hpsearch.tuning.record_words import list_failures
from hpsearch.views.screen import open_console, write_json

if TYPE_CHECKING:
    from rich.console import Console

    from hpsearch.storage.database import Database
    from hpsearch.study.trial_config import TrainsOn
    from hpsearch.tuning.finalists import Final
    from hpsearch.tuning.records import StudyRecord
    from hpsearch.tuning.study import Study

_TOP, _REPLICATES = 3, 5


def finalists(
    context: typer.Context,
    study: StudyArgument,
    top: Annotated[
        str, typer.Option("--top", metavar="K", help="The K best distinct configurations.", rich_help_panel=WHAT)
    ] = str(_TOP),
    replicates: Annotated[
        str, typer.Option("--replicates", metavar="N", help="Fresh seeds for each of them.", rich_help_panel=WHAT)
    ] = str(_REPLICATES),
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
    from hpsearch.study.spec import check_study_name

    trains_on, chosen = _parse_on(on), choose_storage(context, storage)
    asked = _Asked(
        search=study,
        name=check_study_name(name) if name is not None else None,
        top=parse_number(top, "--top", least=1) or _TOP,
        replicates=parse_number(replicates, "--replicates", least=1) or _REPLICATES,
        epochs=parse_number(epochs, "--epochs", least=1),
        trains_on=trains_on,
        int8=int8,
        storage=chosen,
        work=PlannedWork(chosen.url, choose_cache_folder(), device, parse_workers(workers)),
    )
    log = None if quiet else open_console(stderr=as_json)
    with Interrupts() as interrupts:
        code = asked.run(interrupts, log, as_json=as_json)
    raise typer.Exit(code)


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


@dataclass(frozen=True)
class _Asked:
    """One call of the command."""

    search: str
    """The name of the study whose best are trained again."""
    name: str | None
    """Of the linked study; None for what it is called by default."""
    top: int
    replicates: int
    epochs: int | None
    trains_on: "TrainsOn"
    int8: bool
    storage: StorageChoice
    work: PlannedWork

    def run(self, interrupts: Interrupts, log: "Console | None", *, as_json: bool) -> int:
        """Train, score, show; the exit code."""
        from hpsearch.storage.database import Database
        from hpsearch.tuning.finalists import summarize_finalists
        from hpsearch.tuning.records import read_study_record
        from hpsearch.tuning.study import load_study

        begun = time.monotonic()
        # A wrong device makes no study.
        choose_hardware(self.work.device, self.work.workers, most=self.top * self.replicates)
        with Database.open(self.work.storage_url) as database:
            searched = read_study_record(load_study(database, self.search))
            study = self._make_study(database, searched)
            labels = ", ".join(study.plan.labels if study.plan else ())
            on = "" if study.is_validated else f" on {self.trains_on}"
            title = f"finalists  {labels} of {self.search}, {self.replicates} seeds each{on}"
            final = self.work.finish(study, title, log, interrupts)
            summary = summarize_finalists(searched, final)
            if as_json:
                write_json(describe_final(searched, final, summary))
            else:
                show_final(open_console(), searched, final, summary, time.monotonic() - begun)
            if final.is_finished:
                if not as_json and final.counts["COMPLETE"]:
                    command = self.storage.complete_command(f"hpsearch export {study.name} --finalist")
                    open_console().print(f"\nNext\n  {command}", soft_wrap=True)
                return 0 if final.counts["COMPLETE"] else 1
            if not as_json:
                open_console().print("\nNot all are trained; the same command goes on.", soft_wrap=True)
            return interrupts.exit_code or 1

    def _make_study(self, database: "Database", searched: "StudyRecord") -> "Study":
        from hpsearch.tuning.finalists import name_finalists, plan_finalists
        from hpsearch.tuning.study import create_or_join_study
        from hpsearch.tuning.teacher_choice import find_teacher_of

        study = searched.study
        name = self.name or name_finalists(self.search, self.trains_on, int8=self.int8)
        plan = plan_finalists(
            searched,
            top=self.top,
            replicates=self.replicates,
            epochs=self.epochs,
            trains_on=self.trains_on,
            int8=self.int8,
        )
        fields: dict[str, Any] = {"trials": len(plan.trials), "pruner": "none", "sampler": "random"}
        fields |= {"epochs": self.epochs} if self.epochs else {}
        spec, first = study.spec.model_copy(update=fields), plan.trials[0].config
        return create_or_join_study(
            database, name, spec, study.dataset, plan, find_teacher=lambda: find_teacher_of(database, first)
        )


def show_final(
    console: "Console", searched: "StudyRecord", final: "StudyRecord", summary: "Final", seconds: float
) -> None:
    """Write the table and what it means."""
    from hpsearch.durations import format_duration
    from hpsearch.reporting.finalist_words import conclude, write_interval
    from hpsearch.reporting.words import write_count, write_percent, write_points, write_spread
    from hpsearch.views.tables import make_table

    console.print()
    console.print(f"Finalists of {searched.study.name}", style="bold", soft_wrap=True)
    has_int8 = any(finalist.int8 for finalist in summary.finalists)
    headings = ("finalist", "seeds>", "in the search>", "retrained>", "95% interval>", "too much>")
    table = make_table(
        *headings,
        *(("in int8>",) if has_int8 else ()),
        "test>",
        "weights>",
        "network/",
        drops=("weights", "in the search"),
    )
    for finalist in summary.finalists:
        table.add_row(
            finalist.label,
            f"{len(finalist.replicates)}{f' ({finalist.failed} failed)' if finalist.failed else ''}",
            write_percent(finalist.trial.value),
            write_spread(finalist.validation),
            write_interval(finalist.validation),
            write_points(finalist.optimism),
            *((write_spread(finalist.int8),) if has_int8 else ()),
            write_spread(finalist.test),
            write_count(finalist.trial.weights),
            finalist.trial.network or "",
        )
    console.print(table)
    console.print(
        "accuracies in %, mean ± standard deviation over seeds, and the 95% interval of the mean",
        style="dim",
        soft_wrap=True,
    )
    if not final.study.is_validated:
        console.print(
            "trained on every image that is not of the test split, so that no validation accuracy can be known; the "
            "order is that of the search",
            soft_wrap=True,
        )
    for failure in list_failures(final):
        console.print(f"failed: {failure}", soft_wrap=True)
    for sentence in conclude(final, summary):
        console.print(sentence, soft_wrap=True)
    console.print(f"\ntime {format_duration(seconds)}", style="dim")
