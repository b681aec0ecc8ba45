"""Studies, trials and networks as HTML that stands alone: no script, no style sheet, nothing fetched."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from hpsearch.durations import format_duration
from hpsearch.reporting.record_words import describe_counts, describe_rounds, list_failures
from hpsearch.sessions.how_far import count_epochs_of_attempt
from hpsearch.views.networks import list_trial_facts
from hpsearch.views.search import describe_network, format_accuracy

if TYPE_CHECKING:
    from hpsearch.network.architecture import Architecture
    from hpsearch.sessions.how_far import HowFar
    from hpsearch.sessions.ladder import Rung
    from hpsearch.tuning.records import StudyRecord, TrialRecord

_CELL = "padding:1px 12px 1px 0;vertical-align:top"
_NUMBER = f"{_CELL};text-align:right;font-variant-numeric:tabular-nums"
_WORD = f"{_CELL};text-align:left"
_DIM = "opacity:.65"


def write_study(record: "StudyRecord") -> str:
    """What a search's last block says: the best network, layer by layer, and its figures."""
    best, name = record.best, escape(record.study.name)
    counts = escape(describe_counts(record))
    if best is None:
        failures = [("failed", failure) for failure in list_failures(record)]
        state = f"no trial is complete yet ({counts})" if not record.is_finished else f"no trial is complete ({counts})"
        return _block(f"<b>{name}</b>: {state}", _facts(failures))
    if record.is_finished:
        heading = f"The best of {record.trials_wanted} trials of {name} is trial {best.number}"
    else:
        heading = f"The best so far, of {record.finished_count} finished trials of {name}, is trial {best.number}"
    facts = [*list_trial_facts(record, best), ("trials", describe_counts(record))]
    facts += [("failed", failure) for failure in list_failures(record)]
    return _block(f"<b>{heading}</b>", _layers(record, best), _facts(facts))


def write_trial(record: "StudyRecord", trial: "TrialRecord") -> str:
    """A trial layer by layer, with its figures."""
    state = f"<b>trial {trial.number}</b> of {escape(record.study.name)}: {trial.state}"
    facts = [("reason", trial.reason)] if trial.reason else []
    return _block(state, _layers(record, trial), _facts([*facts, *list_trial_facts(record, trial)]))


def write_text(text: str) -> str:
    """Lines as they are, in letters of one width."""
    return f'<pre style="line-height:1.35">{escape(text)}</pre>'


def write_ladder(rungs: "Sequence[Rung]") -> str:
    """The best network of each rung, and which no other beats."""
    from hpsearch.sessions.ladder import is_unbeaten

    rows = []
    for rung in rungs:
        spec, best = rung.record.study.spec, rung.best
        rows.append(
            [
                escape(rung.record.study.name),
                spec.arch,
                escape(spec.limits.describe_briefly()),
                f"{best.weights:,}" if best and best.weights is not None else "-",
                format_accuracy(best.value if best else None),
                format_accuracy(best.test_accuracy if best else None),
                f"{rung.record.finished_count} of {rung.record.trials_wanted}",
                "*" if is_unbeaten(rung, rungs) else "",
                escape((best.network or "") if best else ""),
            ]
        )
    headings = ("study", "arch", "limits", "weights", "validation", "test", "trials", "", "network")
    note = "* no other network here is as accurate in validation with as few weights"
    return _block(_table(headings, rows, (3, 4, 5)), f'<div style="{_DIM}">{note}</div>')


def write_progress(record: "StudyRecord", how_far: "HowFar", elapsed_seconds: float, said: Sequence[str] = ()) -> str:
    """A study in progress: how far it is, the best so far, what each worker does."""
    percent = 100 * how_far.trials_done / max(1, how_far.wanted)
    bar = (
        '<div style="background:rgba(127,127,127,.25);height:8px;border-radius:4px;max-width:560px;margin:6px 0">'
        f'<div style="background:#0b5394;height:8px;border-radius:4px;width:{percent:.1f}%"></div></div>'
    )
    time = f"{format_duration(elapsed_seconds)} so far"
    if how_far.remaining_seconds is not None and not record.is_finished:
        time += f", about {format_duration(how_far.remaining_seconds)} to go"
    head = f"<b>{escape(record.study.name)}</b>: {how_far.finished} of {how_far.wanted} trials; {escape(time)}"
    facts = [("trials", describe_counts(record))]
    if rounds := describe_rounds(record):
        facts.append(("rounds", rounds))
    if (best := record.best) is not None:
        facts.append(
            (
                "best",
                f"{format_accuracy(best.value)} validation, {best.weights:,} weights, trial {best.number}, "
                f"{describe_network(best)}",
            )
        )
    return _block(head, bar, _facts(facts), _workers(record), *(f"<div>{escape(line)}</div>" for line in said))


def write_lines(lines: Iterable[str]) -> str:
    """Lines as they are."""
    return _block(*(f'<div style="{_DIM}">{escape(line)}</div>' for line in lines))


def _block(*parts: str) -> str:
    return f'<div style="line-height:1.45">{"".join(part for part in parts if part)}</div>'


def _facts(facts: Iterable[tuple[str, str]]) -> str:
    return _table(
        (), [(f'<span style="{_DIM}">{escape(name)}</span>', escape(value)) for name, value in facts], numbers=()
    )


def _layers(record: "StudyRecord", trial: "TrialRecord") -> str:
    config = trial.config
    if config is None:
        return ""
    architecture: Architecture = config.architecture
    dataset, budget = record.study.dataset, record.study.spec.budget
    shape, classes = dataset.input_shape, dataset.class_count
    weights, macs = architecture.count_weights(shape, classes), architecture.count_macs(shape, classes)
    rows: list[Sequence[str]] = [("input", f"{classes} classes", escape(str(shape)), "", "")]
    rows += [tuple(map(escape, layer.write_cells())) for layer in architecture.walk_layers(shape, classes)]
    share = f"{weights * 1000 // budget / 10}% of {budget:,} weights" if budget is not None else ""
    rows.append(("<b>total</b>", share, "", f"<b>{weights:,}</b>", f"<b>{macs:,}</b>"))
    return _table(("layer", "what", "output", "weights", "MACs"), rows, numbers=(2, 3, 4))


def _workers(record: "StudyRecord") -> str:
    rows = []
    for trial in record.running:
        lease = trial.lease
        wanted = record.count_epochs_wanted(trial)
        rows.append(
            (
                escape((lease.worker or "?") if lease and lease.is_live else "(gone)"),
                str(trial.number),
                escape(describe_network(trial) or "drawing ..."),
                f"{trial.weights:,}" if trial.weights is not None else "",
                f"{count_epochs_of_attempt(trial)}/{wanted}",
                format_accuracy(lease.validation_accuracy if lease else None),
            )
        )
    headings = ("worker", "trial", "network", "weights", "epoch", "validation")
    return _table(headings, rows, numbers=(1, 3, 4, 5)) if rows else ""


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int]) -> str:
    """Cells are HTML already."""
    if not rows:
        return ""
    styles = [_NUMBER if column in numbers else _WORD for column in range(len(rows[0]))]
    head = "".join(
        f'<th style="{style};{_DIM};font-weight:normal">{heading}</th>'
        for style, heading in zip(styles, headings, strict=False)
    )
    body = "".join(
        "<tr>" + "".join(f'<td style="{style}">{cell}</td>' for style, cell in zip(styles, row, strict=True)) + "</tr>"
        for row in rows
    )
    return f'<table style="border-collapse:collapse;margin:4px 0">{f"<tr>{head}</tr>" if head else ""}{body}</table>'
