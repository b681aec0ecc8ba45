"""A search in a notebook: one piece of HTML that is kept up to date in its place. No widgets, no script."""

from typing import TYPE_CHECKING, Any, Self

from hpsearch.views.html import write_lines, write_progress
from hpsearch.views.terminal import describe_start

if TYPE_CHECKING:
    from hpsearch.sessions.how_far import HowFar
    from hpsearch.sessions.progress import Beginning
    from hpsearch.tuning.records import StudyRecord


class _Shown:
    """HTML, and a line of text for where there is none."""

    def __init__(self, html: str, text: str) -> None:
        self._html, self._text = html, text

    def _repr_html_(self) -> str:
        return self._html

    def __repr__(self) -> str:
        return self._text


class NotebookProgress:
    """Steps, view and progress at once, in one display."""

    def __init__(self) -> None:
        self._handle: Any = None
        self._notes: list[str] = []
        self._shown: tuple[StudyRecord, HowFar, float] | None = None

    def open_steps(self) -> Self:
        """In the same place."""
        return self

    def open_view(self, record: "StudyRecord") -> Self:
        """In the same place."""
        return self

    def begin(self, beginning: "Beginning") -> None:
        """What the study is; of a finished one nothing, as the study itself says more."""
        lines = describe_start(beginning)
        self._update(write_lines([*self._notes, *lines]), lines[0])

    def tell(self, text: str) -> None:
        """Below what is shown already."""
        if self._shown is None:
            self._update(write_lines([*self._notes, f"{text} ..."]), text)
        else:
            self._draw(f"{text} ...")

    def note(self, text: str) -> None:
        """It stays."""
        self._notes.append(text)
        self.tell("going on")

    def show(self, record: "StudyRecord", how_far: "HowFar", elapsed_seconds: float) -> None:
        """The study as it stands now."""
        self._shown = (record, how_far, elapsed_seconds)
        self._draw()

    def say(self, line: str) -> None:
        """It stays."""
        self._notes.append(line)
        self._draw()

    def _draw(self, *passing: str) -> None:
        if self._shown is None:
            self._update(write_lines([*self._notes, *passing]), "hpsearch")
            return
        record, how_far, _seconds = self._shown
        text = f"{record.study.name}: {how_far.finished} of {how_far.wanted} trials"
        self._update(write_progress(*self._shown, [*self._notes, *passing]), text)

    def _update(self, html: str, text: str) -> None:
        from IPython.display import display

        if self._handle is None:
            self._handle = display(_Shown(html, text), display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(_Shown(html, text))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """What a step said in passing goes."""
        if self._shown is not None:
            self._draw()
