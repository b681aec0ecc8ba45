"""A study, for programs: what it is and came to, and what can be done with it."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from hpsearch.api.exporting import Format, export_chosen
from hpsearch.api.place import Place
from hpsearch.api.plain_numbers import make_all_plain
from hpsearch.api.study_view import StudyView
from hpsearch.api.trial import Trial
from hpsearch.api.wording import speaks_python
from hpsearch.errors import InputError
from hpsearch.home import expand_home
from hpsearch.wording import quote

if TYPE_CHECKING:
    from hpsearch.api.bundle import Bundle
    from hpsearch.api.working import Duration, Hear
    from hpsearch.sessions.background import Background
    from hpsearch.study.trial_config import TrainsOn
    from hpsearch.tuning.records import StudyRecord, TrialRecord

Callback = Callable[["Study", Trial], None]
"""Hears of each trial as it ends."""

_LOOK_SECONDS = 1.0
_IDLE_SECONDS = 90.0
"""Without a worker that lives: longer than a worker takes to start or to be started again."""


class Study(StudyView):
    """A study in a database: its trials, what they came to, and what can be done with it.

    Every attribute asks the database, so that a study that other processes work on shows how far they are.
    """

    def __init__(self, name: str, place: Place, background: "Background | None" = None) -> None:
        """Use `hpsearch.search` or `hpsearch.open_study`."""
        super().__init__(name, place)
        self._background = background

    @speaks_python
    def report(self, folder: str | os.PathLike[str] = ".", *, format: str = "html") -> Path:  # noqa: A002
        """Write a page on it: the best network drawn, trials, curves, what mattered, what it gets wrong.

        Args:
            folder: Where the page, or the folder of a Markdown page, is put.
            format: html for one page that holds everything, md for a folder.

        Returns:
            The page.

        Raises:
            InputError: Something else is in its place, or there is no such format.
            StorageError: The database failed.
        """
        from hpsearch.sessions.reporting import write_report

        with self._place.open() as database:
            return write_report(database, [self._name], expand_home(folder), format, self._place.cache_folder)

    @speaks_python
    def export(
        self,
        folder: str | os.PathLike[str] = "exports",
        *,
        top: int = 1,
        format: Format = "all",  # noqa: A002
        int8: bool = False,
    ) -> "list[Bundle]":
        """Write its best trials as folders of files that run anywhere, verified first.

        Args:
            folder: Where the bundles' own folders are put.
            top: How many, the best first. Of finished finalists it is the winner alone.
            format: all (what the installed packages can write), safetensors or onnx.
            int8: Whether also as ONNX in 8-bit whole numbers.

        Raises:
            NothingCompleteError: No trial is complete yet.
            InputError: Something else is in the way, or nothing can be written.
        """
        from hpsearch.sessions.best import is_of_finalists, load_winner, require_best

        with self._place.open_record(self._name) as record:
            finalist, source, chosen = None, record, record.ranking[:top]
            if record.is_finished and is_of_finalists(record):
                winner = load_winner(record)
                finalist, source, chosen = winner.describe(), winner.record, [winner.trial]
            elif not chosen:
                require_best(record)
            return export_chosen(
                self._place, source, chosen, expand_home(folder), model_format=format, int8=int8, finalist=finalist
            )

    @speaks_python
    def finalists(
        self,
        *,
        top: int = 3,
        replicates: int = 5,
        epochs: int | None = None,
        on: "TrainsOn" = "train",
        int8: bool = False,
        name: str | None = None,
        workers: int | Literal["auto"] = "auto",
        device: str = "auto",
        progress: bool = True,
        callbacks: Sequence[Callback] = (),
    ) -> "Study":
        """Train its best configurations again, under fresh seeds, to say what is certain.

        The trainings are trials of a linked study, with which the same call goes on. When all are finished the test
        split is opened, once for each finalist; `best` of the linked study is then the winner's median training.

        Args:
            top: The best distinct configurations.
            replicates: Fresh seeds for each of them.
            epochs: Of each training; by default as in the search.
            on: The images to train on: train, or train+validation, which leaves none to validate on.
            int8: Whether each training ends in whole numbers of 8 bits.
            name: The linked study's.
            workers: As `search` has it.
            device: As `search` has it.
            progress: As `search` has it.
            callbacks: As `search` has it.

        Returns:
            The linked study.

        Raises:
            InputError: There is nothing to train again, or a study of the linked name has other settings.
            StudyStoppedError: Somebody stopped the linked study.
            HpsearchError: A worker ended with an error that starting it again does not mend.
        """
        from hpsearch.api.working import read_count, train_planned
        from hpsearch.sessions.finalists import Finalists
        from hpsearch.study.study_name import check_study_name

        if on not in ("train", "train+validation"):
            raise InputError(f"on {quote(on)} is not allowed: give train or train+validation")
        asked = Finalists(
            search=self._name,
            name=None if name is None else check_study_name(name),
            top=read_count(top, "top"),
            replicates=read_count(replicates, "replicates"),
            epochs=None if epochs is None else read_count(epochs, "epochs"),
            trains_on=on,
            int8=int8,
        )
        record = train_planned(
            lambda work, told, stopping: asked.run(work, told, stopping).final,
            self._place,
            workers=workers,
            device=device,
            progress=progress,
            hear=relay_to(callbacks, self._place),
        )
        return Study(record.study.name, self._place)

    @speaks_python
    def stop(self, *, now: bool = False) -> Self:
        """Let no worker anywhere take another trial; nothing is lost.

        Args:
            now: Whether the trials that run are given back, not finished first.
        """
        from hpsearch.sessions import operations

        operations.stop(self._place.url, self._name, now=now)
        return self

    @speaks_python
    def resume(self, trials: int | None = None, *, added: int | None = None) -> Self:
        """Let workers take trials again, and change how many it asks for; `work` and `search` then go on with it.

        Args:
            trials: So many in all from now on.
            added: So many more than before, in place of `trials`.

        Raises:
            InputError: It has more trials already, or goes in rounds that this number does not fill.
        """
        from hpsearch.sessions import operations

        operations.resume(self._place.url, self._name, trials=trials, added=added)
        return self

    @speaks_python
    def enqueue(self, parameters: Mapping[str, Any]) -> int:
        """Put a trial with given parameters before those that are still to be drawn; a sampler draws the rest.

        Returns:
            The trial's number.

        Raises:
            InputError: A parameter is unknown or out of the study's space, or the study has all its trials already.
        """
        from hpsearch.tuning.operations import enqueue_trial

        with self._place.open_record(self._name) as record:
            return enqueue_trial(record.study, make_all_plain(parameters))

    @speaks_python
    def work(
        self,
        *,
        timeout: "Duration | None" = None,
        workers: int | str | None = "auto",
        device: str = "auto",
        progress: bool = True,
        callbacks: Sequence[Callback] = (),
        wait: bool = True,
    ) -> Self:
        """Go on with it on this machine, beside whoever else works on it; at its end the test split is opened, once.

        Args:
            timeout: End after so long: seconds, text such as 90s, 15m, 2h, or a timedelta.
            workers: Processes; auto is one per CPU core, or per GPU.
            device: auto, cpu, cuda, cuda:1, mps.
            progress: Whether to show how far it is.
            callbacks: Each is called with this study and a trial as that ends.
            wait: False to return at once, while a process of its own works.

        Raises:
            StudyStoppedError: It is stopped; `resume` lets it go on.
            HpsearchError: A worker ended with an error that starting it again does not mend.
        """
        from hpsearch.api.working import work_on

        self._background = work_on(
            self._name,
            self._place,
            timeout=timeout,
            workers=workers,
            device=device,
            progress=progress,
            hear=relay_to(callbacks, self._place),
            wait=wait,
        )
        return self

    @speaks_python
    def wait(self, timeout: "Duration | None" = None) -> Self:
        """Wait until it is finished or stopped, nobody works on it any more, or `timeout` has passed.

        Raises:
            InputError: `timeout` is none; 0 looks once.
            HpsearchError: The process that this one had started for it ended with an error.
        """
        from hpsearch.api.working import read_seconds

        limit = 0.0 if timeout == 0 else read_seconds(timeout, "timeout")
        begun = seen = time.monotonic()
        while True:
            with self._place.open_record(self._name) as record:
                is_over = (record.is_finished and not self._is_at_work()) or record.course.is_stopped
                is_alive = any(trial.lease is not None and trial.lease.is_live for trial in record.running)
            now = time.monotonic()
            seen = now if is_alive or self._is_at_work() else seen
            if self._background is not None:
                self._background.check()
            if is_over or now - seen > _IDLE_SECONDS or (self._background is not None and not self._is_at_work()):
                return self
            if limit is not None and now - begun >= limit:
                return self
            time.sleep(_LOOK_SECONDS if limit is None else max(0.0, min(_LOOK_SECONDS, begun + limit - now)))

    def _is_at_work(self) -> bool:
        return self._background is not None and self._background.is_running


def relay_to(callbacks: Sequence[Callback], place: Place) -> "Hear | None":
    """What tells callbacks of trials; None where there are none."""
    if not callbacks:
        return None

    def hear(record: "StudyRecord", trial: "TrialRecord") -> None:
        for callback in callbacks:
            callback(Study(record.study.name, place), Trial(place, record, trial))

    return hear
