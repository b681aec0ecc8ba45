"""What a search looks like while it goes on: live on a terminal, a line for each trial in a log, or nothing."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Self

from hpsearch.durations import format_duration
from hpsearch.reporting.record_words import describe_rounds
from hpsearch.sessions.how_far import HowFar, count_epochs_of_attempt
from hpsearch.views.screen import write_error_line
from hpsearch.wording import count_of

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.table import Table

    from hpsearch.tuning.records import StudyRecord, TrialRecord

_WIDE = 96
"""Columns from which a worker's line has all that is known."""
_NARROW_WORKER = 18
_QUIET_SECONDS = 60.0
"""A log says at least that often how far a search is."""
_NAMED_RUNNING = 4
"""Trials under way that a line names; of more it says how many."""


class LiveView:
    """A picture of the study that stays in its place, and is gone at the end."""

    def __init__(self, console: "Console", already_finished: frozenset[int] = frozenset()) -> None:
        from rich.live import Live
        from rich.text import Text

        self._live = Live(Text("starting the workers ..."), console=console, transient=True, refresh_per_second=4)
        self._console = console
        self._ends = _Ends(console, already_finished)

    def show(self, record: "StudyRecord", how_far: HowFar, elapsed_seconds: float) -> None:
        """Write a line for each trial that has finished since, above the picture, and draw it anew."""
        self._ends.tell(record, how_far, elapsed_seconds)
        self._live.update(draw_study(record, how_far, elapsed_seconds))

    def say(self, line: str) -> None:
        """Write above the picture."""
        self._console.print(line, style="yellow", soft_wrap=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._live.stop()


class LineView:
    """A line for every trial that finishes, and where none does one a minute: what one wants in a log."""

    def __init__(self, console: "Console", already_finished: frozenset[int]) -> None:
        self._console = console
        self._ends = _Ends(console, already_finished)
        self._quiet_since = 0.0

    def show(self, record: "StudyRecord", how_far: HowFar, elapsed_seconds: float) -> None:
        """Write a line for each trial that has finished since, or how far those under way are."""
        if self._ends.tell(record, how_far, elapsed_seconds):
            self._quiet_since = elapsed_seconds
        elif elapsed_seconds - self._quiet_since >= _QUIET_SECONDS and (words := describe_running(record, how_far)):
            self._quiet_since = elapsed_seconds
            self.say(f"[{format_duration(elapsed_seconds)}] {words}")

    def say(self, line: str) -> None:
        """Write the line."""
        self._console.print(line, soft_wrap=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing to clear."""


class _Ends:
    """A line for every trial that finishes."""

    def __init__(self, console: "Console", already_finished: frozenset[int]) -> None:
        self._console = console
        self._known = set(already_finished)

    def tell(self, record: "StudyRecord", how_far: HowFar, elapsed_seconds: float) -> bool:
        """Write a line for each trial that has finished since; whether there is one."""
        new = [trial for trial in record.trials if trial.is_finished and trial.number not in self._known]
        for trial in new:
            self._known.add(trial.number)
            state = f"{len(self._known)} of {how_far.wanted} finished"
            line = f"[{format_duration(elapsed_seconds)}] {describe_end(trial)}; {state}{_best_in_short(record)}"
            self._console.print(line, soft_wrap=True)
        return bool(new)


class SilentView:
    """Shows nothing; trouble goes to stderr."""

    def show(self, record: "StudyRecord", how_far: HowFar, elapsed_seconds: float) -> None:
        """Nothing."""

    def say(self, line: str) -> None:
        """On stderr."""
        write_error_line(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing to clear."""


def describe_end(trial: "TrialRecord") -> str:
    """How a trial ended, in words."""
    if trial.state == "FAIL":
        return f"trial {trial.number} failed: {trial.reason or 'for no known reason'}"
    seconds = f", {format_duration(trial.seconds)}" if trial.seconds is not None else ""
    how = f"pruned after {count_of(trial.epochs, 'epoch')}" if trial.state == "PRUNED" else "complete"
    weights = f"{trial.weights:,} weights" if trial.weights is not None else ""
    if trial.promoted_from is not None:
        how = f"({trial.promoted_from} for {count_of(trial.epochs, 'epoch')}) {how}"
    return f"trial {trial.number} {how}: {format_accuracy(trial.value)}, {weights}, {describe_network(trial)}{seconds}"


def describe_running(record: "StudyRecord", how_far: HowFar) -> str:
    """How far the trials are that a worker has: `trial 0 at epoch 12 of 62, 91.20%; about 11m 40s to go`."""
    running = [trial for trial in record.running if trial.lease is not None and trial.lease.is_live]
    if not running:
        return ""
    if len(running) > _NAMED_RUNNING:
        words = [f"{len(running)} trials under way, {how_far.finished} of {how_far.wanted} finished"]
    else:
        words = [_describe_epoch(record, trial) for trial in running]
    if how_far.remaining_seconds is not None:
        words.append(f"about {format_duration(how_far.remaining_seconds)} to go")
    return "; ".join(words)


def _describe_epoch(record: "StudyRecord", trial: "TrialRecord") -> str:
    accuracy = trial.lease.validation_accuracy if trial.lease else None
    reached = f", {format_accuracy(accuracy)}" if accuracy is not None else ""
    done, wanted = count_epochs_of_attempt(trial), record.count_epochs_wanted(trial)
    return f"trial {trial.number} at epoch {done} of {wanted}{reached}"


def describe_network(trial: "TrialRecord") -> str:
    """A trial's network, behind its label where its study is planned; empty while it is not drawn."""
    return ": ".join(word for word in (trial.label, trial.network) if word)


def format_accuracy(accuracy: float | None) -> str:
    """A fraction as percent: `89.13%`, or a dash."""
    return "-" if accuracy is None else f"{accuracy:.2%}"


def draw_study(record: "StudyRecord", how_far: HowFar, elapsed_seconds: float) -> "RenderableType":
    """The picture of a study in progress."""
    from rich.console import Group
    from rich.padding import Padding

    parts: list[RenderableType] = [
        _draw_bar(record, how_far),
        _draw_counts(record, how_far, elapsed_seconds),
        *_draw_rounds(record),
        _draw_best(record),
        _Workers(record),
    ]
    # The terminal echoes a Ctrl-C behind the last line: without room it would wrap, and the picture leave a trace.
    return Padding(Group(*parts), (0, 3, 0, 0))


def _draw_bar(record: "StudyRecord", how_far: HowFar) -> "RenderableType":
    from rich.progress_bar import ProgressBar
    from rich.table import Table

    grid = Table.grid(padding=(0, 2), expand=True)
    grid.add_column(ratio=1)
    grid.add_column(no_wrap=True)
    bar = ProgressBar(total=how_far.wanted, completed=how_far.trials_done)
    grid.add_row(bar, f"{how_far.finished} of {how_far.wanted} trials")
    return grid


def _draw_counts(record: "StudyRecord", how_far: HowFar, elapsed_seconds: float) -> "RenderableType":
    from rich.text import Text

    counts = record.counts
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(f"{counts['COMPLETE']} complete", style="green")
    line.append(f"  {counts['PRUNED']} pruned", style="yellow")
    line.append(f"  {counts['FAIL']} failed", style="red" if counts["FAIL"] else "dim")
    line.append(f"  {counts['RUNNING']} running", style="cyan")
    line.append(f"   {format_duration(elapsed_seconds)} so far")
    if how_far.remaining_seconds is not None:
        line.append(f", about {format_duration(how_far.remaining_seconds)} to go")
    return line


def _draw_rounds(record: "StudyRecord") -> "list[RenderableType]":
    from rich.text import Text

    words = describe_rounds(record)
    return [Text(f"rounds     {words}", no_wrap=True, overflow="ellipsis")] if words else []


def _draw_best(record: "StudyRecord") -> "RenderableType":
    from rich.text import Text

    line = Text(no_wrap=True, overflow="ellipsis")
    best = record.best
    if best is None:
        why = "none is complete yet" if record.study.is_validated else "cannot be known: nothing is held out"
        return line.append(f"best       {why}", style="dim")
    line.append("best       ")
    line.append(format_accuracy(best.value), style="bold green")
    line.append(f" validation   {best.weights:,} weights   trial {best.number}   ")
    return line.append(describe_network(best), style="dim")


class _Workers:
    """A line for each trial under way; without its weights, and without a bar, where there is no room."""

    def __init__(self, record: "StudyRecord") -> None:
        self._record = record

    def __rich_console__(self, _console: "Console", options: "ConsoleOptions") -> "Iterator[Table]":
        yield _draw_workers(self._record, is_wide=options.max_width >= _WIDE)


def _draw_workers(record: "StudyRecord", *, is_wide: bool) -> "Table":
    from rich.progress_bar import ProgressBar
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", expand=True)
    table.add_column("worker", no_wrap=True, overflow="ellipsis", max_width=None if is_wide else _NARROW_WORKER)
    table.add_column("trial", justify="right", no_wrap=True)
    table.add_column("network", no_wrap=True, overflow="ellipsis", ratio=1)
    if is_wide:
        table.add_column("weights", justify="right", no_wrap=True)
    table.add_column("epoch", justify="right", no_wrap=True)
    if is_wide:
        table.add_column("", width=10)
    table.add_column("validation", justify="right", no_wrap=True)
    for trial in record.running:
        lease = trial.lease
        wanted = record.count_epochs_wanted(trial)
        epochs = count_epochs_of_attempt(trial)
        cells: list[RenderableType] = [
            (lease.worker or "?") if lease and lease.is_live else "(gone)",
            str(trial.number),
            describe_network(trial) or "drawing ...",
            *([f"{trial.weights:,}" if trial.weights is not None else ""] if is_wide else []),
            f"{epochs}/{wanted}",
            *([ProgressBar(total=wanted, completed=epochs, width=10)] if is_wide else []),
            format_accuracy(lease.validation_accuracy if lease else None),
        ]
        table.add_row(*cells)
    if not record.running:
        table.add_row("...", "", "the workers are starting")
    return table


def _best_in_short(record: "StudyRecord") -> str:
    best = record.best
    return f", best {format_accuracy(best.value)} (trial {best.number})" if best else ""
