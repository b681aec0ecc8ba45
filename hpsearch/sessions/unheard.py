"""Progress that nobody watches: what a person should hear goes to the log `hpsearch` of Python's logging."""

import logging
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from hpsearch.sessions.how_far import HowFar
    from hpsearch.sessions.progress import Beginning
    from hpsearch.tuning.records import StudyRecord

_log = logging.getLogger("hpsearch")


class UnheardProgress:
    """Steps, view and progress at once: nothing is shown."""

    def open_steps(self) -> Self:
        """Nothing to see."""
        return self

    def begin(self, beginning: "Beginning") -> None:
        """Nothing to see."""

    def open_view(self, record: "StudyRecord") -> Self:
        """Nothing to see."""
        return self

    def tell(self, text: str) -> None:
        """Into the log."""
        _log.debug("%s", text)

    def note(self, text: str) -> None:
        """Into the log."""
        _log.info("%s", text)

    def show(self, record: "StudyRecord", how_far: "HowFar", elapsed_seconds: float) -> None:
        """Nothing to see."""

    def say(self, line: str) -> None:
        """Into the log."""
        _log.info("%s", line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing to clear."""
