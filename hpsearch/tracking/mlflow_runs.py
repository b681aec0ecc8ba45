"""Trials as MLflow keeps them: an experiment named after the study, a run a trial.

MLflow only ever adds to a run. So a run that is there gets what it lacks, and one that says something else (an epoch
that was trained again, after its first result was lost with its worker) is deleted there and made anew.
"""

import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hpsearch.errors import HpsearchError, InputError
from hpsearch.tracking.mlflow_address import MlflowAddress
from hpsearch.tracking.mlflow_update import DIGEST, KEY, PREFIX, TRIAL, KnownRun, Missing, find_missing, list_parameters
from hpsearch.tracking.packages import INSTALL_COMMAND, require_package
from hpsearch.tracking.tracked_trial import Outcome, TrackedStudy, TrackedTrial

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

_SETTINGS = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "15",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
"""What MLflow's own environment variables are while it works for us, unless somebody set them: it would wait for
minutes, tell its makers that it is used, and print."""
_STATUSES = {"COMPLETE": "FINISHED", "PRUNED": "KILLED", "FAIL": "FAILED", "RUNNING": "RUNNING", "WAITING": "SCHEDULED"}
"""As MLflow's own storage for Optuna has them."""
_NOTE = "mlflow.note.content"
_KIND = {"mlflow.experimentKind": "custom_model_development"}
"""That of which MLflow's pages show curves first, not conversations."""
_MOST_CHARACTERS = 5000
"""Of a tag, which every server takes."""
_MOST_METRICS = 500
_PAGE_RUNS = 1000


class MlflowRuns:
    """A study's experiment."""

    def __init__(self, address: MlflowAddress, study: TrackedStudy) -> None:
        """Nothing is made yet.

        Raises:
            InputError: MLflow is not installed.
        """
        require_package("mlflow", what="--mlflow")
        self.address = address
        self.experiment_id: str | None = None
        self._study = study
        self._runs: dict[int, list[Run]] = {}
        self._opened: MlflowClient | None = None

    def check(self, trials: Sequence[TrackedTrial]) -> None:
        """Find out before anything is written whether runs can be.

        Raises:
            InputError: A database holds something else, or the experiment was deleted.
            TrackerError: It does not answer, or refuses.
        """
        self.address.probe()
        if self.address.is_server:
            with self._calling():
                self._find_experiment()

    def track(self, trial: TrackedTrial) -> Outcome:
        """Add a run, give the one that is there what it lacks, or leave it.

        Raises:
            InputError: The experiment was deleted.
            TrackerError: MLflow does not answer, or refuses.
        """
        with self._calling():
            if self.experiment_id is None:
                self._begin()
            return self._track(trial)

    def find_run_id(self, number: int) -> str | None:
        """The run of a trial that was tracked."""
        runs = self._runs.get(number)
        return runs[0].info.run_id if runs else None

    @property
    def _client(self) -> "MlflowClient":
        if self._opened is None:
            try:
                from mlflow import MlflowClient
            except ImportError as error:  # mlflow-tracing has the name as well
                raise InputError(f"--mlflow needs mlflow-skinny, not installed here: {INSTALL_COMMAND}") from error
            self._opened = MlflowClient(self.address.uri, registry_uri=self.address.uri)
        return self._opened

    def _begin(self) -> None:
        """Find or make the experiment, and find its runs of this study."""
        self.experiment_id = self._find_experiment() or self._client.create_experiment(self._study.name, tags=_KIND)
        token = None
        while True:
            page = self._client.search_runs(
                [self.experiment_id],
                filter_string=f"tags.`{KEY}` = '{self._study.key}'",
                max_results=_PAGE_RUNS,
                order_by=["attributes.start_time ASC"],
                page_token=token,
            )
            for run in page:
                self._runs.setdefault(int(run.data.tags[TRIAL]), []).append(run)
            token = page.token
            if not token:
                return

    def _find_experiment(self) -> str | None:
        found = self._client.get_experiment_by_name(self._study.name)
        if found is None:
            return None
        if found.lifecycle_stage != "active":
            raise InputError(
                f"experiment {self._study.name!r} was deleted from MLflow at {self.address.shown}: restore it there, "
                f"with mlflow experiments restore --experiment-id {found.experiment_id}"
            )
        return str(found.experiment_id)

    def _track(self, trial: TrackedTrial) -> Outcome:
        runs = self._runs.get(trial.number, [])
        if not runs:
            self._add(trial)
            return "added"
        run, *doubles = runs
        for double in doubles:  # an answer was lost on the way, so MLflow asked again
            self._client.delete_run(double.info.run_id)
        self._runs[trial.number] = [run]
        if run.data.tags.get(DIGEST) == trial.digest:
            return "updated" if doubles else "unchanged"
        missing = find_missing(self._read(run), trial)
        if missing is None:
            self._client.delete_run(run.info.run_id)
            self._add(trial)
        else:
            self._complete(run.info.run_id, trial, missing, stale=_list_stale_tags(run, trial))
        return "updated"

    def _add(self, trial: TrackedTrial) -> None:
        run = self._client.create_run(
            str(self.experiment_id),
            start_time=_count_milliseconds(trial.started or 0.0),
            tags={KEY: self._study.key, TRIAL: str(trial.number)},
            run_name=trial.name,
        )
        self._runs[trial.number] = [run]
        everything = Missing(list_parameters(trial), trial.series)
        self._complete(run.info.run_id, trial, everything, stale=[])

    def _complete(self, run_id: str, trial: TrackedTrial, missing: Missing, *, stale: Sequence[str]) -> None:
        """Write what a run lacks; its digest last, which says that nothing does."""
        from mlflow.entities import Metric, Param, RunTag

        client = self._client
        tags = [RunTag(name, text) for name, text in _list_tags(trial).items()]
        client.log_batch(run_id, params=[Param(*item) for item in missing.parameters.items()], tags=tags)
        for name in stale:
            client.delete_tag(run_id, name)
        metrics = [
            Metric(name, point.value, _count_milliseconds(point.seconds), point.epoch)
            for name, points in missing.series.items()
            for point in points
        ]
        for start in range(0, len(metrics), _MOST_METRICS):
            client.log_batch(run_id, metrics=metrics[start : start + _MOST_METRICS])
        status = _STATUSES[trial.state]
        if trial.finished is None:
            client.update_run(run_id, status=status)
        else:
            client.set_terminated(run_id, status=status, end_time=_count_milliseconds(trial.finished))
        client.set_tag(run_id, DIGEST, trial.digest)

    def _read(self, run: "Run") -> KnownRun:
        run_id = run.info.run_id
        series = {
            name: {metric.step: metric.value for metric in self._client.get_metric_history(run_id, name)}
            for name in run.data.metrics
        }
        return KnownRun(run_id, dict(run.data.params), series)

    @contextmanager
    def _calling(self) -> Iterator[None]:
        """MLflow at work: it waits no longer than we want, says nothing, and its errors become ours."""
        before = logging.root.manager.disable
        added = {name: value for name, value in _SETTINGS.items() if name not in os.environ}
        os.environ.update(added)
        logging.disable(logging.CRITICAL)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        except HpsearchError:
            raise
        except Exception as error:
            if not isinstance(error, OSError) and not _is_of_mlflow(error):
                raise
            raise self.address.explain(error) from error
        finally:
            logging.disable(before)
            for name in added:
                os.environ.pop(name, None)


def _is_of_mlflow(error: Exception) -> bool:
    from mlflow.exceptions import MlflowException

    return isinstance(error, MlflowException)


def _list_tags(trial: TrackedTrial) -> dict[str, str]:
    facts = {f"{PREFIX}{name}": fact[:_MOST_CHARACTERS] for name, fact in trial.facts.items()}
    return facts | {"mlflow.source.name": "hpsearch", _NOTE: trial.write_markdown()[:_MOST_CHARACTERS]}


def _list_stale_tags(run: "Run", trial: TrackedTrial) -> list[str]:
    wanted = {KEY, DIGEST, *_list_tags(trial)}
    return [name for name in run.data.tags if name.startswith(PREFIX) and name not in wanted]


def _count_milliseconds(seconds: float) -> int:
    return round(1000 * seconds)
