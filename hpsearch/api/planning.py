"""What a search would do and take, for programs."""

import os
from typing import TYPE_CHECKING, Unpack

from hpsearch.api.asking import Arch, Limit, SearchSettings, check_settings, make_request
from hpsearch.api.given_dataset import Dataset
from hpsearch.api.place import find_place
from hpsearch.api.wording import say_in_python, speaks_python

if TYPE_CHECKING:
    import pandas as pd

    from hpsearch.dataset import DatasetIdentity
    from hpsearch.sessions.search_forecast import Example, SearchForecast
    from hpsearch.study.spec import StudySpec


class Plan:
    """What a search would do and take. Printed, or at the end of a notebook's cell, it is the whole page."""

    def __init__(self, made: "SearchForecast") -> None:
        """Use `hpsearch.plan`."""
        self._made = made

    @property
    def spec(self) -> "StudySpec":
        """What would be searched."""
        return self._made.spec

    @property
    def dataset(self) -> "DatasetIdentity":
        """On which images."""
        return self._made.dataset

    @property
    def seconds(self) -> float:
        """That it would take here, if no trial is pruned."""
        return self._made.seconds

    @property
    def examples(self) -> "tuple[Example, ...]":
        """A network of each depth: its configuration, and the seconds that an epoch of it takes here."""
        return self._made.examples

    @property
    def portfolio(self) -> list[str]:
        """The shipped configurations that would be the first trials."""
        return self._made.portfolio

    def to_frame(self) -> "pd.DataFrame":
        """A table with a row for each example: depth, weights, MACs, bytes of RAM and flash in int8, seconds an epoch.

        Raises:
            InputError: pandas is not installed.
        """
        from hpsearch.api.frames import make_example_frame

        return make_example_frame(self._made)

    def __str__(self) -> str:
        from hpsearch.views.search_forecast import write_search_forecast

        return say_in_python(write_search_forecast(self._made))

    def __repr__(self) -> str:
        from hpsearch.durations import format_duration

        spec = self.spec
        return f"<Plan: {spec.arch} of {spec.limits.describe()}, about {format_duration(self.seconds)}>"

    def _repr_html_(self) -> str:
        from hpsearch.views.html import write_text

        return write_text(str(self))


@speaks_python
def plan(
    budget: Limit = None,
    arch: Arch = "cnn",
    dataset: Dataset = "fashion-mnist",
    *,
    cache_folder: str | os.PathLike[str] | None = None,
    **settings: Unpack[SearchSettings],
) -> Plan:
    """What a search would try and how long it would take here; nothing is fetched, trained or stored.

    Args:
        budget: As `search` has it.
        arch: As `search` has it.
        dataset: As `search` has it.
        cache_folder: As `search` has it.
        **settings: What else `search` takes by name: trials, epochs, time, ram, space, workers, ...

    Raises:
        InputError: A value is not allowed, nothing fits, or the data set is neither here nor known.
        DataError: The images are damaged or of another form.
    """
    from hpsearch.sessions.search_forecast import forecast_search

    check_settings("plan", settings)
    place = find_place(None, cache_folder)
    request = make_request(budget, arch, dataset, None, settings, place)
    return Plan(forecast_search(request, place.cache_folder, lambda _step: None))
