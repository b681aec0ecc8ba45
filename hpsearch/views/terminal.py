"""A search on a terminal or in a log: what it is, how it goes on."""

from typing import TYPE_CHECKING

from hpsearch.reporting.record_words import describe_length, describe_selection
from hpsearch.sessions.preparation import describe_beginning, describe_left_out, describe_repetition
from hpsearch.sessions.storage import warn_of_many_workers
from hpsearch.views.screen import LineSteps, SpinnerSteps
from hpsearch.views.search import LineView, LiveView, SilentView

if TYPE_CHECKING:
    from rich.console import Console

    from hpsearch.sessions.progress import Beginning, View
    from hpsearch.tuning.records import StudyRecord


class TerminalProgress:
    """Live on a terminal, lines elsewhere, nothing without a console."""

    def __init__(self, console: "Console | None") -> None:
        self._console = console

    def open_steps(self) -> SpinnerSteps | LineSteps:
        """What is being done, before and after the search."""
        return open_steps(self._console)

    def begin(self, beginning: "Beginning") -> None:
        """Write what the study is."""
        console = self._console
        if console is None:
            return
        for line in describe_start(beginning):
            console.print(line, soft_wrap=not console.is_terminal)

    def open_view(self, record: "StudyRecord") -> "View":
        """The search as it goes on."""
        return open_view(self._console, record)


def describe_start(beginning: "Beginning") -> list[str]:
    """What a study is, in lines with a head each; of one whose trainings are planned the title is enough."""
    record = beginning.record
    study, spec = record.study, record.study.spec
    sharing = [] if beginning.hardware.note is None else [f"note       {beginning.hardware.note}"]
    if beginning.title is not None:
        return [f"{beginning.title}, in study {study.name}; {beginning.hardware.describe()}", *sharing]
    lines = [
        f"study      {study.name}: {describe_length(record)}; each a {spec.arch} of {spec.limits.describe()}",
        f"data       {study.dataset.name}: {study.dataset.train_count:,} training images of "
        f"{study.dataset.input_shape}, {study.dataset.class_count} classes",
        f"search     sampler {spec.sampler}, {describe_selection(spec)}, seed {spec.seed}; "
        f"{beginning.hardware.describe()}",
    ]
    if beginning.fitted is not None:
        lines += [f"left out   {line}" for line in describe_left_out(beginning.fitted)]
        if repetition := describe_repetition(beginning.record.study.spec, beginning.fitted.space):
            lines.append(f"note       {repetition}")
    lines += [f"{what:<10} {line}" for what, line in describe_beginning(record)]
    lines += sharing
    if warning := warn_of_many_workers(beginning.storage_url, beginning.hardware.workers):
        lines.append(f"note       {warning}")
    if record.is_finished:
        lines.append(f"finished   all {record.trials_wanted} trials are finished; nothing is added")
    elif record.trials and not study.is_new:
        lines.append(f"going on   {record.finished_count} of {record.trials_wanted} trials are finished")
    return lines


def open_steps(console: "Console | None") -> SpinnerSteps | LineSteps:
    """A spinner on a terminal, lines elsewhere, nothing without a console."""
    return SpinnerSteps(console) if console is not None and console.is_terminal else LineSteps(console)


def open_view(console: "Console | None", record: "StudyRecord") -> "View":
    """Live on a terminal, lines elsewhere, nothing without a console."""
    if console is None:
        return SilentView()
    finished = frozenset(trial.number for trial in record.trials if trial.is_finished)
    return LiveView(console, finished) if console.is_terminal else LineView(console, finished)


def open_lines(console: "Console", record: "StudyRecord") -> "View":
    """Lines, also on a terminal: what several workers say stays above each other."""
    return LineView(console, frozenset(trial.number for trial in record.trials if trial.is_finished))
