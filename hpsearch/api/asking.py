"""What is asked of a search, in the words of who writes Python."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypedDict, cast

from hpsearch.api.given_dataset import Dataset, find_dataset
from hpsearch.api.place import Place
from hpsearch.api.plain_numbers import make_all_plain
from hpsearch.api.study import Study
from hpsearch.api.working import Duration, read_seconds, read_workers

if TYPE_CHECKING:
    from hpsearch.sessions.request import Request

Arch = Literal["cnn", "fcn"]
SamplerName = Literal["tpe", "random", "gp", "qmc", "grid"]
PrunerName = Literal["asha", "hyperband", "median", "none"]
Limit = int | str | None
"""100_000, "100k", or None for no limit."""


class SearchSettings(TypedDict, total=False):
    """What `search` takes by name, beside what a study is called and where it is."""

    image_size: int | None
    grey: bool
    ram: Limit
    flash: Limit
    macs: Limit
    target: str | None
    trials: int | None
    epochs: int | None
    time: Duration | None
    sampler: SamplerName | None
    pruner: PrunerName | None
    seed: int | None
    space: Mapping[str, Any] | None
    start: str | Study | None
    portfolio: bool | None
    teacher: str | Study | None
    int8: bool | None
    workers: int | Literal["auto"]
    device: str


def check_settings(function: str, settings: Mapping[str, Any]) -> None:
    """Refuse names that there are not, as Python does of arguments.

    Raises:
        TypeError: There is such a name.
    """
    for name in settings:
        if name not in SearchSettings.__annotations__:
            raise TypeError(f"{function}() got an unexpected keyword argument {name!r}")


def select_settings(arguments: Mapping[str, Any]) -> SearchSettings:
    """Those of a call's arguments, by name, that are settings of a search."""
    return cast(SearchSettings, {name: arguments[name] for name in SearchSettings.__annotations__})


def make_request(
    budget: Limit, arch: str, dataset: Dataset, name: str | None, settings: SearchSettings, place: Place
) -> "Request":
    """Check it without touching the world; arrays are written into the cache.

    Raises:
        InputError: A value is missing or not allowed.
    """
    from hpsearch.sessions.request import read_request

    fields = list_fields(settings) | {
        "budget": budget,
        "arch": arch,
        "dataset": find_dataset(dataset, place.cache_folder),
        "name": name,
    }
    return read_request(
        None,
        fields,
        str(settings.get("device", "auto")),
        read_workers(settings.get("workers", "auto")),
        predecessor=find_name(settings.get("start")),
    )


def list_fields(settings: SearchSettings) -> dict[str, Any]:
    """The settings as a study file has them."""
    fields: dict[str, Any] = dict(settings)
    for name in ("device", "workers", "start"):
        fields.pop(name, None)
    space = settings.get("space")
    return fields | {
        "time": _read_time(settings.get("time")),
        "teacher": find_name(settings.get("teacher")),
        "space": None if space is None else make_all_plain(space),
        "grey": settings.get("grey") or None,
    }


def _read_time(given: Duration | None) -> str | int | None:
    seconds = None if isinstance(given, str) else read_seconds(given, "time")
    return given if isinstance(given, str) else None if seconds is None else max(1, round(seconds))


def find_name(study: str | Study | None) -> str | None:
    """A study's name, as it is or by its handle."""
    return study.name if isinstance(study, Study) else study
