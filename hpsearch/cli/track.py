"""`hpsearch track`: a study where TensorBoard or MLflow shows it."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hpsearch.cli.flags import choose_storage
from hpsearch.cli.options import OUTPUT, JsonOption, StorageOption, StudyArgument
from hpsearch.errors import HpsearchError, InputError
from hpsearch.reporting.record_words import describe_counts
from hpsearch.sessions.opening import open_record
from hpsearch.views.screen import open_console, write_json
from hpsearch.wording import count_of

if TYPE_CHECKING:
    from rich.console import Console

    from hpsearch.tracking.mlflow_address import MlflowAddress
    from hpsearch.tracking.mlflow_runs import MlflowRuns
    from hpsearch.tracking.tensorboard_runs import TensorBoardRuns
    from hpsearch.tracking.tracked_trial import Outcome, TrackedStudy, Tracker


class NothingToTrackError(HpsearchError):
    """A study of which no trial has anything to show."""


def track(
    context: typer.Context,
    study: StudyArgument,
    tensorboard: Annotated[
        Path | None,
        typer.Option(
            "--tensorboard",
            metavar="FOLDER",
            help="Write event files into FOLDER/STUDY, for [bold]tensorboard --logdir[/].",
            show_default=False,
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    mlflow: Annotated[
        str | None,
        typer.Option(
            "--mlflow",
            metavar="URI",
            help="Write runs into an experiment named STUDY: http(s)://HOST:PORT of a server, sqlite:///FILE.db or "
            "postgresql://USER@HOST/DATABASE. MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or PGPASSWORD, "
            "keep a password out of it.",
            show_default=False,
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    storage: StorageOption = None,
    as_json: JsonOption = False,
) -> None:
    r"""Show a study in TensorBoard or MLflow: every trial with its curve, its parameters and the objective.

    The same command again adds what is new, also while the study goes on. Test scores are shown where the test split
    was opened, and it is not opened for this. Needs [bold]pip install 'hpsearch\[tracking]'[/].

    Example: [bold]hpsearch track fashion-mnist-cnn-100k --tensorboard runs --mlflow sqlite:///mlflow.db[/]
    """
    if tensorboard is None and mlflow is None:
        raise InputError("nothing says where to: give --tensorboard FOLDER, --mlflow URI or both")
    url = choose_storage(context, storage).url
    from hpsearch.tracking.mlflow_address import parse_mlflow_uri
    from hpsearch.tracking.tracked_trial import describe_study

    address = parse_mlflow_uri(mlflow) if mlflow is not None else None
    with open_record(url, study) as record:
        tracking = _open_tracking(describe_study(record), tensorboard, address)
    if not tracking.study.trials:
        raise NothingToTrackError(
            f"study {study!r} has no trial with anything to show yet ({describe_counts(record)}): "
            f"hpsearch status {study} says who works on it"
        )
    tracking.run(open_console(stderr=True))
    left_out = [trial.number for trial in record.trials if trial.number not in tracking.outcomes]
    if as_json:
        write_json(tracking.describe() | {"left_out": left_out})
        return
    console = open_console()
    for line, hint in tracking.list_results():
        console.print(line, soft_wrap=True)
        console.print(f"  {hint}", style="dim", soft_wrap=True)
    if left_out:
        console.print(f"{len(left_out)} {'has' if len(left_out) == 1 else 'have'} nothing to show yet", soft_wrap=True)


@dataclass(frozen=True)
class _Tracking:
    """A study on its way to its trackers."""

    study: "TrackedStudy"
    tensorboard: "TensorBoardRuns | None"
    mlflow: "MlflowRuns | None"
    outcomes: "dict[int, dict[str, Outcome]]" = field(default_factory=dict)
    """By number: what each tracker did with a trial."""

    def run(self, log: "Console") -> None:
        """Tell every tracker of its trials, if all of them can take them; a bar on a terminal meanwhile."""
        from rich.progress import track as show_bar

        both: dict[str, Tracker | None] = {"tensorboard": self.tensorboard, "mlflow": self.mlflow}
        trackers = {name: tracker for name, tracker in both.items() if tracker is not None}
        for tracker in trackers.values():
            tracker.check(self.study.trials)
        hidden = not log.is_terminal
        for trial in show_bar(self.study.trials, "tracking", console=log, transient=True, disable=hidden):
            self.outcomes[trial.number] = {name: tracker.track(trial) for name, tracker in trackers.items()}

    def list_results(self) -> list[tuple[str, str]]:
        """For each tracker what was done, and what to type or open to see it."""
        results = []
        if self.tensorboard:
            folder = str(self.tensorboard.folder)
            results.append((f"{folder}: {self._describe('tensorboard')}", f"tensorboard --logdir {quote(folder)}"))
        if self.mlflow:
            shown = self.mlflow.address.shown
            page = f"{shown}/#/experiments/{self.mlflow.experiment_id}"
            command = f"mlflow ui --backend-store-uri {quote(shown)}  (pip install mlflow)"
            hint = page if self.mlflow.address.is_server else command
            results.append((f"experiment {self.study.name} in {shown}: {self._describe('mlflow')}", hint))
        return results

    def describe(self) -> dict[str, Any]:
        """What was done, as a JSON document."""
        document: dict[str, Any] = {"study": self.study.name, "tensorboard": None, "mlflow": None}
        if self.tensorboard:
            document["tensorboard"] = {"folder": str(self.tensorboard.folder), **self._count("tensorboard")}
        if self.mlflow:
            place = {"uri": self.mlflow.address.shown, "experiment_id": self.mlflow.experiment_id}
            document["mlflow"] = place | self._count("mlflow")
        find = self.mlflow.find_run_id if self.mlflow else lambda _number: None
        trials = [
            {"number": number, "tensorboard": None, "mlflow": None, **outcomes, "mlflow_run_id": find(number)}
            for number, outcomes in self.outcomes.items()
        ]
        return document | {"trials": trials}

    def _count(self, name: str) -> dict[str, int]:
        counted = Counter(outcomes[name] for outcomes in self.outcomes.values())
        return {outcome: counted[outcome] for outcome in ("added", "updated", "unchanged")}

    def _describe(self, name: str) -> str:
        counts = [f"{count:,} {outcome}" for outcome, count in self._count(name).items() if count]
        return f"{count_of(len(self.outcomes), 'trial')} ({', '.join(counts)})"


def _open_tracking(study: "TrackedStudy", folder: Path | None, address: "MlflowAddress | None") -> _Tracking:
    """Nothing is written yet."""
    from hpsearch.clock import SystemClock
    from hpsearch.tracking.mlflow_runs import MlflowRuns
    from hpsearch.tracking.tensorboard_runs import TensorBoardRuns

    return _Tracking(
        study,
        TensorBoardRuns(folder, study, SystemClock()) if folder is not None else None,
        MlflowRuns(address, study) if address is not None else None,
    )
