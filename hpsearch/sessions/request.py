"""What is asked of a search: checked without touching the world."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpsearch.engines.gpus import GpuShare
from hpsearch.errors import InputError
from hpsearch.home import expand_home

if TYPE_CHECKING:
    from hpsearch.study.spec import StudySpec

MOST_WORKERS = 1024


@dataclass(frozen=True)
class Request:
    """A command line, read and checked without touching the world."""

    name: str
    spec: "StudySpec"
    device: str
    workers: int | None
    """None for as many as fill the device."""
    predecessor: str | None = None
    """The study whose best come first, as a person named it."""
    given: frozenset[str] = frozenset()
    """The fields of the spec that a person has named."""
    engine: str = "local"
    """What places the workers: `local` or `ray`."""
    gpu_share: GpuShare | None = None
    """How many workers may share a GPU, if somebody said so."""


def read_request(
    study_file: Path | None,
    flags: Mapping[str, Any],
    device: str,
    workers: int | None,
    *,
    predecessor: str | None = None,
    engine: str = "local",
    gpu_share: GpuShare | None = None,
) -> Request:
    """Flags above the study file above the defaults.

    Raises:
        InputError: A value is missing or not allowed.
    """
    from hpsearch.network.limits import LIMIT_NAMES
    from hpsearch.study.file import parse_study_spec, read_study_file

    given = {name: value for name, value in flags.items() if value is not None}
    fields = read_study_file(study_file) if study_file else {}
    if study_file is not None and isinstance(fields.get("dataset"), str):
        fields["dataset"] = resolve_beside(study_file, fields["dataset"])
    fields |= given
    for limit in LIMIT_NAMES:
        if isinstance(fields.get(limit), list):
            several = "budgets" if limit == "budget" else f"values of {limit}"
            raise InputError(
                f"{str(study_file)!r} lists several {several}, which hpsearch run takes: add --{limit} with one"
            )
    name, spec = parse_study_spec(fields)
    spec = spec.model_copy(update={"dataset": make_absolute(spec.dataset)})
    return Request(name, spec, device, workers, predecessor, frozenset(fields), engine, gpu_share)


def resolve_beside(study_file: Path, name_or_path: str) -> str:
    """What a study file calls its data set: a path is relative to the file, wherever the command is typed.

    Only where there is nothing it stays as it is: a name, or a path from the current folder.
    """
    from hpsearch.training.data.catalogue import CATALOGUE

    if name_or_path in CATALOGUE:
        return name_or_path
    try:
        beside = study_file.parent / expand_home(name_or_path)
        return str(beside.absolute()) if beside.exists() else name_or_path
    except (OSError, RuntimeError, ValueError):  # what is wrong with it is said where it is read
        return name_or_path


def make_absolute(name_or_path: str) -> str:
    """A path made absolute, for workers may be started in another folder; a name, or what is not there, as it is."""
    from hpsearch.training.data.catalogue import CATALOGUE

    if name_or_path in CATALOGUE:
        return name_or_path
    try:
        path = expand_home(name_or_path)
        return str(path.absolute()) if path.exists() else name_or_path
    except (OSError, RuntimeError, ValueError):  # what is wrong with it is said where it is read
        return name_or_path
