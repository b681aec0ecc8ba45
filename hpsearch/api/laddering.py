"""Several budgets, one search each, for programs."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

from hpsearch.api.asking import Arch, Limit, SearchSettings, check_settings, find_name, list_fields
from hpsearch.api.calling import Call
from hpsearch.api.given_dataset import Dataset, find_dataset
from hpsearch.api.place import Location, find_place
from hpsearch.api.plain_numbers import make_all_plain
from hpsearch.api.study import Callback, Study, relay_to
from hpsearch.api.wording import speaks_python
from hpsearch.api.working import Duration, HeardProgress, read_seconds, read_workers
from hpsearch.errors import InputError
from hpsearch.wording import quote

if TYPE_CHECKING:
    import pandas as pd

    from hpsearch.sessions.ladder import Rung
    from hpsearch.sessions.progress import Progress
    from hpsearch.sessions.stopping import StopRequest


class Ladder:
    """The studies of several budgets and families, small ones first."""

    def __init__(self, studies: Sequence[Study], rungs: "Sequence[Rung]") -> None:
        """Use `hpsearch.ladder`."""
        self._studies = tuple(studies)
        self._rungs = tuple(rungs)

    @property
    def studies(self) -> tuple[Study, ...]:
        """One for each rung that was begun."""
        return self._studies

    def to_frame(self) -> "pd.DataFrame":
        """A table with a row for each rung: study, family, limits, and the best network's weights, MACs, accuracies.

        `is_on_frontier` says that no other network here is as accurate in validation with as few weights.

        Raises:
            InputError: pandas is not installed.
        """
        from hpsearch.api.frames import make_ladder_frame

        return make_ladder_frame(self._rungs)

    def _repr_html_(self) -> str:
        from hpsearch.views.html import write_ladder

        return write_ladder(self._rungs)

    def __len__(self) -> int:
        return len(self._studies)

    def __repr__(self) -> str:
        return f"<Ladder of {', '.join(study.name for study in self._studies)}>"


@speaks_python
def ladder(
    budget: Sequence[int | str] | Limit = None,
    arch: Sequence[Arch] | Arch = "cnn",
    dataset: Dataset = "fashion-mnist",
    *,
    name: str | None = None,
    storage: Location = None,
    cache_folder: str | os.PathLike[str] | None = None,
    timeout: Duration | None = None,
    progress: bool = True,
    callbacks: Sequence[Callback] = (),
    **settings: Unpack[SearchSettings],
) -> Ladder:
    """Search several budgets and families, one after the other; the best of one begin the next.

    The same call again goes on where it stopped, or shows what came of it. Ctrl-C has the workers give their trials
    back, and returns the rungs that were begun.

    Args:
        budget: Several: [10_000, "20k", "50k"]; ram, flash and macs may list several in its place, as "16k,32k".
        arch: One family, or several.
        dataset: As `search` has it.
        name: What the studies' names begin with.
        storage: As `search` has it.
        cache_folder: As `search` has it.
        timeout: That each search may take.
        progress: As `search` has it.
        callbacks: As `search` has it; each hears of the trials of every rung.
        **settings: What else `search` takes by name: trials, epochs, time, workers, ...

    Raises what `search` raises.
    """
    from hpsearch.sessions.climb import climb
    from hpsearch.sessions.ladder import list_first_predecessors, read_rungs
    from hpsearch.sessions.request import read_request
    from hpsearch.sessions.session import Session
    from hpsearch.views.choice import choose_progress

    check_settings("ladder", settings)
    place = find_place(storage, cache_folder)
    seconds, workers = read_seconds(timeout, "timeout"), read_workers(settings.get("workers", "auto"))
    device = settings.get("device", "auto")
    fields = list_fields(settings)
    limits = {"budget": budget} | {limit: fields.get(limit) for limit in ("ram", "flash", "macs")}
    fields |= {limit: _join(limit, given) for limit, given in limits.items()}
    fields |= {"arch": _join("arch", arch), "dataset": find_dataset(dataset, place.cache_folder), "name": name}
    rungs = read_rungs(fields)
    first = list_first_predecessors(rungs, find_name(settings.get("start")))
    sessions = []
    for rung, predecessor in zip(rungs, first, strict=True):
        request = read_request(None, rung, device, workers, predecessor=predecessor)
        sessions.append(Session(request, place.url, place.cache_folder, seconds))

    def work(told: "Progress", stopping: "StopRequest") -> "list[Rung]":
        return climb(sessions, told, stopping, lambda _title: None)

    heard = HeardProgress(choose_progress(progress), relay_to(callbacks, place))
    climbed = Call(work, heard).wait()
    return Ladder([Study(rung.record.study.name, place) for rung in climbed], climbed)


def _join(name: str, given: Any) -> str | None:
    """Several values as the command line lists them.

    Raises:
        InputError: There is none, or it is neither a value nor a list.
    """
    given = make_all_plain(given)
    if given is None or (isinstance(given, str | int) and not isinstance(given, bool)):
        return None if given is None else str(given)
    if isinstance(given, bool) or not isinstance(given, Sequence):
        raise InputError(f"{name} {quote(given)} is not allowed: give one value, or a list of several")
    if not given:
        raise InputError(f"{name} is empty: give one value or several")
    return ",".join(str(each) for each in given)
