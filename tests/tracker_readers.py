"""What TensorBoard and MLflow themselves read from what was written for them, and trials to write."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpsearch.epoch_result import EpochResult
from hpsearch.tuning.claims import ClaimedTrial, TrialQueue
from hpsearch.tuning.study import Study

SECONDS = 1.5
"""Of an epoch of `train_scripted`."""


def make_point(epoch: int, *, slip: float = 0.0) -> EpochResult:
    """An epoch whose figures all differ."""
    return EpochResult(
        epoch=epoch,
        train_loss=2.0 - 0.1 * epoch,
        validation_loss=2.5 - 0.1 * epoch,
        validation_accuracy=0.5 + 0.01 * epoch + slip,
        seconds=SECONDS,
        lr=0.1 / (epoch + 1),
    )


def claim(study: Study) -> ClaimedTrial:
    """The next trial."""
    trial = TrialQueue(study, "worker", "cpu").claim()
    assert isinstance(trial, ClaimedTrial)
    return trial


def train_scripted(study: Study, ending: str, *, epochs: int = 3) -> ClaimedTrial:
    """Train the next trial, without a network, to this end; RUNNING leaves it in the midst."""
    trial = claim(study)
    for epoch in range(epochs):
        trial.report(make_point(epoch))
    match ending:
        case "COMPLETE":
            trial.complete(b"weights")
        case "PRUNED":
            trial.prune()
        case "FAIL":
            trial.fail("the loss is no longer finite")
    return trial


@dataclass(frozen=True)
class Row:
    """A row of the HParams tab."""

    columns: Mapping[str, Any]
    status: str
    metrics: Mapping[str, float]
    sessions: int


def read_table(folder: Path) -> dict[str, Row]:
    """The HParams tab as TensorBoard has it, by the name of the row; its metrics are means over the row's sessions."""
    from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
    from tensorboard.context import RequestContext
    from tensorboard.plugins import base_plugin
    from tensorboard.plugins.hparams import api_pb2, backend_context, get_experiment, list_session_groups

    multiplexer = plugin_event_multiplexer.EventMultiplexer()
    multiplexer.AddRunsFromDirectory(str(folder))
    multiplexer.Reload()
    provider = data_provider.MultiplexerDataProvider(multiplexer, str(folder))
    backend = backend_context.Context(base_plugin.TBContext(data_provider=provider))
    context = RequestContext()
    experiment = get_experiment.Handler(context, backend, "", api_pb2.GetExperimentRequest()).run()
    request = api_pb2.ListSessionGroupsRequest(
        allowed_statuses=list(api_pb2.Status.values()),
        aggregation_type=api_pb2.AGGREGATION_AVG,
        col_params=[api_pb2.ColParams(hparam=info.name) for info in experiment.hparam_infos]
        + [api_pb2.ColParams(metric=info.name) for info in experiment.metric_infos],
        slice_size=1000,
    )
    answer = list_session_groups.Handler(context, backend, "", request).run()
    return {
        group.name: Row(
            columns={name: _read_value(value) for name, value in group.hparams.items()},
            status=api_pb2.Status.Name(group.sessions[0].status),
            metrics={metric.name.tag: metric.value for metric in group.metric_values},
            sessions=len(group.sessions),
        )
        for group in answer.session_groups
    }


def read_events(folder: Path) -> Any:
    """The event files of a folder in TensorBoard's own reader."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    reader = EventAccumulator(str(folder))
    reader.Reload()
    return reader


def read_scalars(folder: Path) -> dict[str, list[tuple[int, float, float]]]:
    """By tag: step, value and seconds since 1970 of each point."""
    reader = read_events(folder)
    return {
        tag: [(event.step, event.value, event.wall_time) for event in reader.Scalars(tag)]
        for tag in reader.Tags()["scalars"]
    }


def list_event_files(folder: Path) -> list[Path]:
    """All that TensorBoard reads below a folder."""
    return sorted(path for path in folder.rglob("*") if "tfevents" in path.name)


def _read_value(value: Any) -> Any:
    return getattr(value, value.WhichOneof("kind"))
