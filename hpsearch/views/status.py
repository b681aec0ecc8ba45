"""How a study is getting on: once, in its place on a terminal until it ends, or as lines."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, Self

from hpsearch.clock import Clock
from hpsearch.durations import format_duration
from hpsearch.errors import StorageUnavailableError
from hpsearch.reporting.record_words import describe_counts, describe_rounds
from hpsearch.sessions.documents import describe_standing
from hpsearch.sessions.how_far import measure_progress
from hpsearch.views.search import format_accuracy
from hpsearch.wording import count_of

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from hpsearch.tuning.status import HeldTrial, StudyStatus

CompleteCommand = Callable[[str], str]
"""Makes a command to type next refer to the same database."""

_REFRESH_SECONDS = 2.0
_LONGEST_REASON = 100


class StatusView(Protocol):
    """Shows a study's status again and again."""

    def show(self, status: "StudyStatus") -> None:
        """The study as it stands now."""

    def show_absence(self, error: StorageUnavailableError, seconds: float) -> None:
        """The database has not answered for so long."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...


def watch_study(read: "Callable[[], StudyStatus]", view: StatusView, clock: Clock) -> None:
    """Show a study until it is finished; a database that is away is waited for."""
    away_since: float | None = None
    with view:
        while True:
            try:
                found = read()
            except StorageUnavailableError as error:
                away_since = clock.monotonic() if away_since is None else away_since
                view.show_absence(error, clock.monotonic() - away_since)
            else:
                away_since = None
                view.show(found)
                if found.record.is_finished:
                    return
            clock.sleep(_REFRESH_SECONDS)


class LivePicture:
    """The status in its place on a terminal; the last one stays."""

    def __init__(self, console: "Console", complete: CompleteCommand) -> None:
        from rich.live import Live
        from rich.text import Text

        self._complete = complete
        self._last: RenderableType = Text("reading ...")
        self._live = Live(self._last, console=console, auto_refresh=False)

    def show(self, status: "StudyStatus") -> None:
        """Draw it anew."""
        self._last = draw_status(status, self._complete)
        self._live.update(self._last, refresh=True)

    def show_absence(self, error: StorageUnavailableError, seconds: float) -> None:
        """Say it below what was known."""
        from rich.console import Group
        from rich.text import Text

        line = f"no answer for {format_duration(seconds)}, trying again: {error}"
        self._live.update(Group(self._last, Text(line, style="yellow")), refresh=True)

    def __enter__(self) -> Self:
        self._live.start(refresh=True)
        return self

    def __exit__(self, *error: object) -> None:
        self._live.stop()


class Lines:
    """A line whenever something has changed: where there is no terminal."""

    def __init__(self, console: "Console") -> None:
        self._console = console
        self._last = ""
        self._is_away = False

    def show(self, status: "StudyStatus") -> None:
        """Write the line."""
        line = describe_in_a_line(status)
        if line != self._last or self._is_away:
            self._console.print(line, soft_wrap=True)
        self._last, self._is_away = line, False

    def show_absence(self, error: StorageUnavailableError, seconds: float) -> None:
        """Write it once."""
        if not self._is_away:
            self._console.print(f"no answer, trying again: {error}", soft_wrap=True)
        self._is_away = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing to clear."""


def describe_status(status: "StudyStatus") -> dict[str, Any]:
    """The status as a JSON document."""
    record, pace = status.record, status.pace
    course = record.course
    return describe_standing(record) | {
        "validation_measure": status.validation_measure,
        "at": status.at.isoformat(),
        "is_stopped": course.is_stopped,
        "stopped_at": course.stopped_at.isoformat() if course.stopped_at else None,
        "stop_reason": course.stop_reason,
        "gives_back": course.gives_back,
        "workers": [dict(vars(trial)) for trial in status.held],
        "trials_per_hour": pace.trials_per_hour if pace else None,
        "epochs_per_hour": pace.epochs_per_hour if pace else None,
        "remaining_seconds": _forecast(status),
        "deaths": status.deaths,
        "returns": status.returns,
    }


def describe_in_a_line(status: "StudyStatus") -> str:
    """The status in a line of a log."""
    record, best = status.record, status.record.best
    parts = [f"{record.finished_count} of {record.trials_wanted} finished ({describe_counts(record)})"]
    parts.append(f"{status.live_workers} at work" if not record.course.is_stopped else "stopped")
    if best is not None:
        parts.append(f"best {format_accuracy(best.value)} (trial {best.number})")
    if status.deaths:
        parts.append(f"{status.deaths} deaths")
    return f"{record.study.name}: {', '.join(parts)}"


def draw_status(status: "StudyStatus", complete: CompleteCommand) -> "RenderableType":
    """The status as a person reads it."""
    from rich.console import Group
    from rich.text import Text

    from hpsearch.views.networks import draw_facts

    record = status.record
    name = Text(record.study.name, style="bold")
    facts = [
        ("trials", f"{record.finished_count} of {record.trials_wanted} finished: {describe_counts(record)}"),
        *([("rounds", rounds)] if (rounds := describe_rounds(record)) else []),
        ("state", _describe_state(status, complete)),
        ("pace", _describe_pace(status)),
        ("best", _describe_best(status)),
        *([("measure", status.measure)] if status.measure else []),
        ("lost", f"{count_of(status.deaths, 'worker died', 'workers died')}, {status.returns} given back"),
    ]
    parts: list[RenderableType] = [name, draw_facts(facts)]
    if status.held:
        parts += [Text(), _draw_held(status)]
    return Group(*parts)


def _describe_state(status: "StudyStatus", complete: CompleteCommand) -> str:
    record = status.record
    course, study = record.course, record.study.name
    if record.is_finished:
        return "finished"
    if course.stopped_at is not None:
        ago = format_duration(max(0.0, (status.at - course.stopped_at).total_seconds()))
        rest = "their trials are given back" if course.gives_back else "they finish their trials"
        workers = f", {rest}" if status.live_workers else ""
        command = complete(f"hpsearch resume {study}")
        return f"stopped {ago} ago: {_cut(course.stop_reason or '')}{workers}; {command} goes on"
    if not status.live_workers:
        return f"nobody works on it: {complete(f'hpsearch worker {study}')} does"
    return count_of(status.live_workers, "worker is at work", "workers are at work")


def _describe_pace(status: "StudyStatus") -> str:
    parts = []
    if pace := status.pace:
        over = format_duration(pace.seconds)
        parts.append(f"{pace.trials_per_hour:.1f} trials and {pace.epochs_per_hour:.0f} epochs an hour, over {over}")
    if (remaining := _forecast(status)) is not None:
        parts.append(f"about {format_duration(remaining)} to go")
    return "; ".join(parts) or "not known: no trial finished within the last hour"


def _forecast(status: "StudyStatus") -> float | None:
    if not status.live_workers or status.record.is_finished:
        return None
    return measure_progress(status.record, status.live_workers).remaining_seconds


def _describe_best(status: "StudyStatus") -> str:
    best = status.record.best
    if not status.record.study.is_validated:
        return "cannot be known: nothing is held out to validate on"
    if best is None:
        return "none is complete yet"
    return f"{format_accuracy(best.value)} validation, trial {best.number}: {best.weights:,} weights, {best.network}"


def _draw_held(status: "StudyStatus") -> "RenderableType":
    from hpsearch.views.tables import make_table

    headings = ("worker/", "device", "trial>", "attempt>", "epoch>", "validation>", "last seen>", "lease>")
    table = make_table(*headings, drops=("attempt", "lease", "device"))
    for trial in status.held:
        table.add_row(
            trial.worker or "-",
            trial.device or "-",
            str(trial.number),
            str(trial.attempt),
            f"{trial.epochs}/{trial.epochs_wanted}",
            format_accuracy(trial.validation_accuracy),
            f"{format_duration(trial.silent_seconds)} ago" if trial.silent_seconds is not None else "-",
            _describe_lease(trial),
            style=None if trial.is_live else "yellow",
        )
    return table


def _describe_lease(trial: "HeldTrial") -> str:
    if trial.is_live and trial.lease_seconds is not None:
        return f"{trial.lease_seconds:.0f} s left"
    return "ended: gone"


def _cut(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _LONGEST_REASON else f"{flat[: _LONGEST_REASON - 3]}..."
