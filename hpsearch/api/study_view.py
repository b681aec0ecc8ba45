"""What a study is and what it came to, for programs: it reads the database when it is asked."""

from typing import TYPE_CHECKING

from hpsearch.api.figures import FigureKind
from hpsearch.api.place import Place
from hpsearch.api.trial import Trial
from hpsearch.api.wording import say_in_python, speaks_python

if TYPE_CHECKING:
    import pandas as pd

    from hpsearch.dataset import DatasetIdentity
    from hpsearch.reporting.canvas import Figure
    from hpsearch.study.spec import StudySpec


class StudyView:
    """What can be read of a study in a database.

    Every attribute asks the database, so that a study that other processes work on shows how far they are.
    """

    def __init__(self, name: str, place: Place) -> None:
        self._name = name
        self._place = place

    @property
    def name(self) -> str:
        """As in the database."""
        return self._name

    @property
    def storage(self) -> str:
        """The database's URL, without its password."""
        from hpsearch.storage.url import parse_storage_url, show_url

        return show_url(parse_storage_url(self._place.url))

    @property
    @speaks_python
    def spec(self) -> "StudySpec":
        """What it searches: data set, family, budget, space, sampler, pruner, trials, epochs, seed."""
        with self._place.open_record(self._name) as record:
            return record.study.spec

    @property
    @speaks_python
    def dataset(self) -> "DatasetIdentity":
        """On which images: name, shape, classes, hash of their content."""
        with self._place.open_record(self._name) as record:
            return record.study.dataset

    @property
    @speaks_python
    def trials(self) -> list[Trial]:
        """All trials so far, by number."""
        with self._place.open_record(self._name) as record:
            return [Trial(self._place, record, trial) for trial in record.trials]

    @property
    @speaks_python
    def best(self) -> Trial:
        """The complete trial of the highest validation accuracy; of finished finalists, the winner's median replicate.

        Where there are rounds, those of the last one come before all others.

        Raises:
            NothingCompleteError: No trial is complete yet.
        """
        from hpsearch.sessions.best import is_of_finalists, load_winner, require_best

        with self._place.open_record(self._name) as record:
            if record.is_finished and is_of_finalists(record):
                winner = load_winner(record)
                return Trial(self._place, winner.record, winner.trial)
            return Trial(self._place, record, require_best(record))

    @property
    @speaks_python
    def is_finished(self) -> bool:
        """Whether every trial that it asks for is complete, pruned or failed."""
        with self._place.open_record(self._name) as record:
            return record.is_finished

    @property
    @speaks_python
    def counts(self) -> dict[str, int]:
        """The number of trials in each state: COMPLETE, PRUNED, FAIL, RUNNING, WAITING."""
        with self._place.open_record(self._name) as record:
            return record.counts

    @property
    @speaks_python
    def test_openings(self) -> int:
        """How often the test split was opened for it."""
        with self._place.open_record(self._name) as record:
            return record.test_openings

    @speaks_python
    def to_frame(self) -> "pd.DataFrame":
        """A table with a row for each trial, by number: state, accuracies (0 to 1), weights, MACs, epochs, seconds,
        network, and each parameter as `params_NAME`.

        Raises:
            InputError: pandas is not installed.
        """
        from hpsearch.api.frames import make_trial_frame

        with self._place.open_record(self._name) as record:
            return make_trial_frame(record)

    @speaks_python
    def curves(self) -> "pd.DataFrame":
        """A table with a row for each epoch of each trial: losses, validation accuracy, learning rate, seconds.

        Raises:
            InputError: pandas is not installed.
        """
        from hpsearch.api.frames import make_curve_frame

        with self._place.open_record(self._name) as record:
            return make_curve_frame(record)

    @speaks_python
    def figure(self, kind: FigureKind = "history", *, trial: int | None = None) -> "Figure":
        """Draw it.

        Args:
            kind: history (accuracy by trial), curves (losses and accuracy by epoch, of the best trials or of one),
                parameters (parallel coordinates of what was searched), importance (which parameters mattered),
                confusion (how a trial confuses the classes of the validation split).
            trial: Of curves and confusion: whose; by default the best.

        Raises:
            InputError: There is no such figure or trial, or nothing to draw yet.
        """
        from hpsearch.api.figures import make_figure

        with self._place.open_record(self._name) as record:
            return make_figure(record, kind, None if trial is None else record.trial(trial))

    def _repr_html_(self) -> str:
        from hpsearch.views.html import write_study

        with self._place.open_record(self._name) as record:
            return say_in_python(write_study(record))

    def __repr__(self) -> str:
        from hpsearch.reporting.record_words import describe_counts

        with self._place.open_record(self._name) as record:
            best = record.best
            accuracy = "" if best is None or best.value is None else f", best {best.value:.2%} (trial {best.number})"
            return (
                f"<Study {self._name!r}: {record.finished_count} of {record.trials_wanted} trials finished: "
                f"{describe_counts(record)}{accuracy}>"
            )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StudyView) and (self._name, self._place) == (other._name, other._place)

    def __hash__(self) -> int:
        return hash((self._name, self._place))
