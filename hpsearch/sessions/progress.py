"""Whom a use case tells what happens: a terminal, a notebook, a log, or nobody."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from hpsearch.sessions.hardware import Hardware
    from hpsearch.sessions.how_far import HowFar
    from hpsearch.study.feasibility import FittedSpace
    from hpsearch.tuning.records import StudyRecord


class Steps(Protocol):
    """Says what is being done before there is anything to see. Use it as a context."""

    def tell(self, text: str) -> None:
        """The step that begins now; the next may take its place."""

    def note(self, text: str) -> None:
        """What a person has to know; it stays."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...


class View(Protocol):
    """Shows a study in progress. Use it as a context."""

    def show(self, record: "StudyRecord", how_far: "HowFar", elapsed_seconds: float) -> None:
        """The study as it stands now."""

    def say(self, line: str) -> None:
        """Something that a person should hear."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...


@dataclass(frozen=True)
class Beginning:
    """A study that is open, before anybody works on it."""

    record: "StudyRecord"
    hardware: "Hardware"
    fitted: "FittedSpace | None"
    """What of its space fits; None where nothing is drawn any more, or nobody asked."""
    storage_url: str
    title: str | None = None
    """What is trained, where that is planned and nothing is searched."""


class Progress(Protocol):
    """Hears of everything that happens, one thing after the other, and is asked nothing."""

    def open_steps(self) -> Steps:
        """For what comes before and after the search."""

    def begin(self, beginning: Beginning) -> None:
        """The study is there: what it is."""

    def open_view(self, record: "StudyRecord") -> View:
        """For the search itself."""
