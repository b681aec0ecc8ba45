"""Studies and trials in TensorBoard's own form: the bytes of an event file, the same ones for the same trial.

Written with TensorBoard's records and messages, but not by its writer: that one runs a thread, names its files after
the host, and imports all of TensorFlow where it is installed.
"""

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hpsearch.study.search_space import Value
from hpsearch.tracking.tracked_trial import TrackedStudy, TrackedTrial

Kind = type[bool] | type[float] | type[str]

_FILE_VERSION, _WRITER = "brain.Event:2", "hpsearch"


def encode_study(study: TrackedStudy) -> bytes:
    """What the HParams tab has of a study: its columns and its objective."""
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2  # type: ignore[import-untyped]

    experiment = api_pb2.Experiment(
        hparam_infos=[_describe_column(name, values) for name, values in study.columns.items()],
        metric_infos=[api_pb2.MetricInfo(name=api_pb2.MetricName(tag=study.objective))],
    )
    data = plugin_data_pb2.HParamsPluginData(experiment=experiment)
    return _write_records(0.0, [_make_event(0.0, [_make_hparams_value(metadata.EXPERIMENT_TAG, data)])])


def encode_trial(trial: TrackedTrial, kinds: Mapping[str, Kind]) -> bytes:
    """A trial's curve, its row in the HParams tab, what it is in words; `kinds` are those of the study's columns."""
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

    started = trial.started or 0.0
    start = plugin_data_pb2.SessionStartInfo(group_name=trial.label or trial.name, start_time_secs=started)
    for name, value in trial.columns.items():
        kind = kinds[name]
        if kind is bool:
            start.hparams[name].bool_value = value
        elif kind is float:
            start.hparams[name].number_value = value
        else:
            start.hparams[name].string_value = str(value)
    begin = plugin_data_pb2.HParamsPluginData(session_start_info=start)
    events = [
        _make_event(started, [_make_hparams_value(metadata.SESSION_START_INFO_TAG, begin), _make_text_value(trial)]),
        *_make_scalar_events(trial),
    ]
    if trial.finished is not None:
        status = api_pb2.STATUS_FAILURE if trial.state == "FAIL" else api_pb2.STATUS_SUCCESS
        end = plugin_data_pb2.SessionEndInfo(status=status, end_time_secs=trial.finished)
        data = plugin_data_pb2.HParamsPluginData(session_end_info=end)
        events.append(_make_event(trial.finished, [_make_hparams_value(metadata.SESSION_END_INFO_TAG, data)]))
    return _write_records(started, events)


def _describe_column(name: str, values: Sequence[Value]) -> Any:
    """A column with the values that stand in it, as TensorBoard itself would find them out."""
    from tensorboard.plugins.hparams import api_pb2

    kind = _find_kind(values)
    info = api_pb2.HParamInfo(name=name, differs=len({*map(str, values)}) > 1)
    if kind is float:
        numbers = [float(value) for value in values]
        info.type = api_pb2.DATA_TYPE_FLOAT64
        info.domain_interval.min_value, info.domain_interval.max_value = min(numbers), max(numbers)
    else:
        info.type = api_pb2.DATA_TYPE_BOOL if kind is bool else api_pb2.DATA_TYPE_STRING
        info.domain_discrete.extend(sorted({kind(value) for value in values}))
    return info


def find_kinds(study: TrackedStudy) -> dict[str, Kind]:
    """What stands in each column."""
    return {name: _find_kind(values) for name, values in study.columns.items()}


def _find_kind(values: Iterable[Value]) -> Kind:
    """What TensorBoard may take all of a column for: text where its values are of several kinds."""
    kinds = {type(value) for value in values}
    if kinds == {bool}:
        return bool
    return float if kinds <= {int, float} else str


def _make_scalar_events(trial: TrackedTrial) -> list[Any]:
    """An event an epoch, which has all that was measured then."""
    from tensorboard.compat.proto.summary_pb2 import Summary  # type: ignore[import-untyped]

    by_moment: dict[tuple[int, float], list[Any]] = {}
    for name, points in trial.series.items():
        for point in points:
            value = Summary.Value(tag=name, simple_value=point.value)
            by_moment.setdefault((point.epoch, point.seconds), []).append(value)
    return [_make_event(seconds, values, step=epoch) for (epoch, seconds), values in sorted(by_moment.items())]


def _make_text_value(trial: TrackedTrial) -> Any:
    from tensorboard.plugins.text.summary_v2 import text_pb  # type: ignore[import-untyped]

    return text_pb("trial", trial.write_markdown()).value[0]


def _make_hparams_value(tag: str, data: Any) -> Any:
    """As `metadata.create_summary_metadata` makes it, but with its columns in the same order every time."""
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.plugins.hparams import metadata

    data.version = metadata.PLUGIN_DATA_VERSION
    content = data.SerializeToString(deterministic=True)
    plugin = SummaryMetadata.PluginData(plugin_name=metadata.PLUGIN_NAME, content=content)
    return Summary.Value(tag=tag, metadata=SummaryMetadata(plugin_data=plugin), tensor=metadata.NULL_TENSOR)


def _make_event(seconds: float, values: Sequence[Any], *, step: int = 0) -> Any:
    from tensorboard.compat.proto.event_pb2 import Event  # type: ignore[import-untyped]
    from tensorboard.compat.proto.summary_pb2 import Summary

    return Event(wall_time=seconds, step=step, summary=Summary(value=values))


def _write_records(seconds: float, events: Sequence[Any]) -> bytes:
    from tensorboard.compat.proto.event_pb2 import Event, SourceMetadata
    from tensorboard.summary.writer.record_writer import RecordWriter  # type: ignore[import-untyped]

    head = Event(wall_time=seconds, file_version=_FILE_VERSION, source_metadata=SourceMetadata(writer=_WRITER))
    buffer = io.BytesIO()
    writer = RecordWriter(buffer)
    for event in (head, *events):
        writer.write(event.SerializeToString(deterministic=True))
    return buffer.getvalue()
