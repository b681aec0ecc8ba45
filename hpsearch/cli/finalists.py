"""`hpsearch finalists`: train the best configurations of a search again, under fresh seeds, and say what is certain."""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hpsearch.cli.options import (
    HOW,
    WHAT,
    DeviceOption,
    JsonOption,
    QuietOption,
    StorageOption,
    StudyArgument,
    WorkersOption,
    choose_cache_folder,
    choose_storage,
    parse_number,
)
from hpsearch.cli.planned import PlannedWork
from hpsearch.cli.preparation import parse_workers
from hpsearch.cli.progress import list_failures
from hpsearch.cli.screen import open_console, write_json
from hpsearch.cli.signals import Interrupts

if TYPE_CHECKING:
    from rich.console import Console

    from hpsearch.storage.database import Database
    from hpsearch.tuning.finalists import Comparison, Final, Finalist, Spread
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
    name: Annotated[
        str | None,
        typer.Option(
            "--study",
            metavar="NAME",
            help="The linked study's name.",
            show_default="STUDY-finalists",
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
    split is opened, once for each finalist.

    Example: [bold]hpsearch finalists fashion-mnist-cnn-100k --top 3 --replicates 5[/]
    """
    from hpsearch.study_spec import check_study_name

    asked = _Asked(
        search=study,
        name=check_study_name(name) if name is not None else f"{study[:54]}-finalists",
        top=parse_number(top, "--top", least=1) or _TOP,
        replicates=parse_number(replicates, "--replicates", least=1) or _REPLICATES,
        epochs=parse_number(epochs, "--epochs", least=1),
        work=PlannedWork(choose_storage(context, storage).url, choose_cache_folder(), device, parse_workers(workers)),
    )
    log = None if quiet else open_console(stderr=as_json)
    with Interrupts() as interrupts:
        code = asked.run(interrupts, log, as_json=as_json)
    raise typer.Exit(code)


@dataclass(frozen=True)
class _Asked:
    """One call of the command."""

    search: str
    """The name of the study whose best are trained again."""
    name: str
    """Of the linked study."""
    top: int
    replicates: int
    epochs: int | None
    work: PlannedWork

    def run(self, interrupts: Interrupts, log: "Console | None", *, as_json: bool) -> int:
        """Train, score, show; the exit code."""
        from hpsearch.storage.database import Database
        from hpsearch.tuning.finalists import summarize_finalists
        from hpsearch.tuning.records import read_study_record
        from hpsearch.tuning.study import load_study

        begun = time.time()
        with Database.open(self.work.storage_url) as database:
            searched = read_study_record(load_study(database, self.search))
            study = self._make_study(database, searched)
            labels = ", ".join(study.plan.labels if study.plan else ())
            title = f"finalists  {labels} of {self.search}, {self.replicates} seeds each"
            final = self.work.finish(study, title, log, interrupts)
            summary = summarize_finalists(searched, final)
            if as_json:
                write_json(describe_final(searched, final, summary))
            else:
                show_final(open_console(), searched, final, summary, time.time() - begun)
            if final.is_finished:
                return 0
            if not as_json:
                open_console().print("\nNot all are trained; the same command goes on.", soft_wrap=True)
            return interrupts.exit_code or 1

    def _make_study(self, database: "Database", searched: "StudyRecord") -> "Study":
        from hpsearch.tuning.finalists import plan_finalists
        from hpsearch.tuning.study import create_or_join_study

        study = searched.study
        plan = plan_finalists(searched, top=self.top, replicates=self.replicates, epochs=self.epochs)
        fields: dict[str, Any] = {"trials": len(plan.trials), "pruner": "none", "sampler": "random"}
        fields |= {"epochs": self.epochs} if self.epochs else {}
        return create_or_join_study(database, self.name, study.spec.model_copy(update=fields), study.dataset, plan)


def show_final(
    console: "Console", searched: "StudyRecord", final: "StudyRecord", summary: "Final", seconds: float
) -> None:
    """Write the table and what it means."""
    from rich.table import Table

    from hpsearch.cli.durations import format_duration
    from hpsearch.cli.views import format_accuracy

    console.print()
    console.print(f"Finalists of {searched.study.name}", style="bold", soft_wrap=True)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("finalist", "seeds>", "in the search>", "retrained>", "too much>", "test>", "weights>", "network"):
        right = heading.endswith(">")
        table.add_column(heading.removesuffix(">"), justify="right" if right else "left", no_wrap=True)
    for finalist in summary.finalists:
        table.add_row(
            finalist.label,
            f"{len(finalist.replicates)}{f' ({finalist.failed} failed)' if finalist.failed else ''}",
            format_accuracy(finalist.trial.value),
            format_spread(finalist.validation),
            "-" if finalist.optimism is None else f"{100 * finalist.optimism:+.2f}",
            format_spread(finalist.test),
            f"{finalist.trial.weights:,}" if finalist.trial.weights is not None else "-",
            finalist.trial.network or "",
        )
    console.print(table)
    console.print("accuracies in %, mean ± half of the 95% interval over seeds", style="dim", soft_wrap=True)
    for line in _explain(final, summary):
        console.print(line, soft_wrap=True)
    console.print(f"\ntime {format_duration(seconds)}", style="dim")


def _explain(final: "StudyRecord", summary: "Final") -> list[str]:
    from hpsearch.tuning.finalists import PAIRED_TEST

    lines = [f"failed: {failure}" for failure in list_failures(final)]
    comparison = summary.comparison
    if comparison is not None and comparison.p_value is not None:
        first, second = summary.finalists[:2]
        verdict = "is better than" if comparison.is_distinguishable else "cannot be told from"
        lines.append(
            f"{first.label} {verdict} {second.label}: {100 * comparison.mean_difference:+.2f} on {comparison.pairs} "
            f"seeds, p = {comparison.p_value:.3f} ({PAIRED_TEST}, two-sided)"
        )
    opened = sum(bool(finalist.test) for finalist in summary.finalists)
    if opened:
        lines.append(
            f"the test split was opened {opened} time{'s' * (opened != 1)} after all trainings, once a finalist; "
            "choose by the retrained validation accuracy, not by it"
        )
    return lines


def format_spread(spread: "Spread | None") -> str:
    """In percent: the mean and half of its interval."""
    if spread is None:
        return "-"
    return f"{100 * spread.mean:.2f}" + ("" if spread.half_width is None else f" ± {100 * spread.half_width:.2f}")


def describe_final(searched: "StudyRecord", final: "StudyRecord", summary: "Final") -> dict[str, Any]:
    """The same as a JSON document."""
    return {
        "study": searched.study.name,
        "finalists_study": final.study.name,
        "is_finished": final.is_finished,
        "finalists": [_describe_finalist(finalist) for finalist in summary.finalists],
        "comparison": _describe_comparison(summary.comparison),
    }


def _describe_finalist(finalist: "Finalist") -> dict[str, Any]:
    return {
        "trial": finalist.trial.number,
        "network": finalist.trial.network,
        "weights": finalist.trial.weights,
        "macs": finalist.trial.macs,
        "search_validation_accuracy": finalist.trial.value,
        "replicates": [
            {"trial": trial.number, "validation_accuracy": trial.value, "test_accuracy": trial.test_accuracy}
            for trial in finalist.replicates
        ],
        "failed": finalist.failed,
        "validation": describe_spread(finalist.validation),
        "optimism": finalist.optimism,
        "test": describe_spread(finalist.test),
        "config": dict(finalist.trial.config_json or {}),
    }


def describe_spread(spread: "Spread | None") -> dict[str, Any] | None:
    """As JSON."""
    if spread is None:
        return None
    interval = None if spread.half_width is None else [spread.mean - spread.half_width, spread.mean + spread.half_width]
    return {"n": spread.count, "mean": spread.mean, "sd": spread.deviation, "interval_95": interval}


def _describe_comparison(comparison: "Comparison | None") -> dict[str, Any] | None:
    from hpsearch.tuning.finalists import PAIRED_TEST

    if comparison is None:
        return None
    return {
        "test": PAIRED_TEST,
        "pairs": comparison.pairs,
        "mean_difference": comparison.mean_difference,
        "p_value": comparison.p_value,
        "is_distinguishable": comparison.is_distinguishable,
    }
