"""What `run`, `create` and `plan` do before any work: check what is cheap, then bring the data, then open the study.

Wrong input ends here, and has created nothing: no database, no cache folder.
"""

import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpsearch.engines.gpus import GpuShare, describe_sharing, place_on_gpus
from hpsearch.errors import InputError, StorageError

if TYPE_CHECKING:
    from hpsearch.dataset import DatasetIdentity
    from hpsearch.storage.database import Database
    from hpsearch.study.feasibility import FittedSpace
    from hpsearch.study.round_plan import RoundPlan
    from hpsearch.study.spec import StudySpec
    from hpsearch.study.trial_config import TrialConfig
    from hpsearch.tuning.records import StudyRecord
    from hpsearch.tuning.study import Study
    from hpsearch.tuning.warm_start import Predecessor

Tell = Callable[[str], None]

_MAXIMUM_WORKERS = 1024
_MANY_ON_SQLITE = 8


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
    engine: str = "local"
    """What places the workers: `local` or `ray`."""
    gpu_share: GpuShare | None = None
    """How many workers may share a GPU, if somebody said so."""


@dataclass(frozen=True)
class Hardware:
    """Where a search runs."""

    launch_device: str
    """As the workers are told."""
    name: str
    """As PyTorch has it: `cpu`, `cuda:0`."""
    description: str
    workers: int
    """The most that run at once."""
    engine: str = "local"
    gpus: int = 0
    """How many GPUs the workers are spread over."""
    gpu_share: int = 1
    """How many workers share a GPU, each with that part of its memory."""
    at_first: int | None = None
    """How many workers begin, where more follow as long as that pays; None for all."""
    note: str | None = None
    """What else a person should know of it."""

    def describe(self) -> str:
        """In words: `2 workers on cpu (AMD EPYC)`."""
        place = self.name if self.engine == "local" else self.launch_device
        return f"{self.workers} worker{'s' * (self.workers != 1)} on {place} ({self.description})"


def read_request(
    study_file: Path | None,
    flags: Mapping[str, Any],
    device: str,
    workers: str,
    *,
    predecessor: str | None = None,
    engine: str = "local",
    gpu_share: GpuShare | None = None,
) -> Request:
    """Flags above the study file above the defaults.

    Raises:
        InputError: A value is missing or not allowed.
    """
    from hpsearch.study.file import parse_study_spec, read_study_file

    given = {name: value for name, value in flags.items() if value is not None}
    fields = read_study_file(study_file) if study_file else {}
    if study_file is not None and isinstance(fields.get("dataset"), str):
        fields["dataset"] = resolve_beside(study_file, fields["dataset"])
    fields |= given
    if isinstance(fields.get("budget"), list):
        raise InputError(f"{str(study_file)!r} lists several budgets, which hpsearch run takes: add --budget with one")
    name, spec = parse_study_spec(fields)
    spec = spec.model_copy(update={"dataset": make_absolute(spec.dataset)})
    return Request(name, spec, device, parse_workers(workers), predecessor, engine, gpu_share)


def resolve_beside(study_file: Path, name_or_path: str) -> str:
    """What a study file calls its data set: a path is relative to the file, wherever the command is typed.

    Only where there is nothing it stays as it is: a name, or a path from the current folder.
    """
    from hpsearch.training.data.catalogue import CATALOGUE

    if name_or_path in CATALOGUE:
        return name_or_path
    try:
        beside = study_file.parent / Path(name_or_path).expanduser()
        return str(beside.absolute()) if beside.exists() else name_or_path
    except (OSError, RuntimeError, ValueError):  # what is wrong with it is said where it is read
        return name_or_path


def make_absolute(name_or_path: str) -> str:
    """A path made absolute, for workers may be started in another folder; a name, or what is not there, as it is."""
    from hpsearch.training.data.catalogue import CATALOGUE

    if name_or_path in CATALOGUE:
        return name_or_path
    try:
        path = Path(name_or_path).expanduser()
        return str(path.absolute()) if path.exists() else name_or_path
    except (OSError, RuntimeError, ValueError):  # what is wrong with it is said where it is read
        return name_or_path


def choose_hardware_for(request: Request, storage_url: str = "") -> Hardware:
    """The device of a request and how many workers it gets; the storage matters where they are on other machines.

    Raises:
        InputError: There is no such device, or no such cluster.
    """
    spec = request.spec
    most = _MAXIMUM_WORKERS if spec.time else spec.trials
    if request.engine == "ray":
        return choose_ray_hardware(
            request.device, request.workers, request.gpu_share, storage_url, spec.dataset, most=most
        )
    return choose_hardware(request.device, request.workers, most=most, share=request.gpu_share)


def choose_hardware(device: str, workers: int | None, *, most: int, share: GpuShare | None = None) -> Hardware:
    """The device of this name on this machine and how many workers it gets, never more than there are trials.

    Raises:
        InputError: There is no such device, or so many workers do not share its GPUs.
    """
    from hpsearch.training.device import choose_device, count_workers, describe_device

    chosen = choose_device(device)
    description = describe_device(chosen)
    if chosen.type != "cuda":
        if share is not None:
            raise InputError(f"--gpu-share is about GPUs, and this runs on {chosen}: leave it out")
        count = max(1, min(workers or count_workers(chosen), most))
        return Hardware(chosen.type, str(chosen), description, count)
    # "cuda" spreads the workers over all GPUs, "cuda:1" means that one for all of them.
    is_one_gpu = ":" in device
    gpus = 1 if is_one_gpu else count_workers(chosen)
    placement = place_on_gpus(workers, gpus, share, most=most)
    return Hardware(
        str(chosen) if is_one_gpu else chosen.type,
        str(chosen),
        description,
        placement.workers,
        gpus=gpus,
        gpu_share=placement.share,
        at_first=placement.at_first if placement.at_first < placement.workers else None,
        note=describe_sharing(placement, gpus, os.environ),
    )


def choose_ray_hardware(
    device: str, workers: int | None, share: GpuShare | None, storage_url: str, dataset: str | None, *, most: int
) -> Hardware:
    """What a Ray cluster has for the workers of a study; connects to it.

    Raises:
        InputError: There is no Ray, no such cluster, no such device there, or its nodes lack the data or the database.
    """
    from hpsearch.engines.ray_cluster import choose_ray_place
    from hpsearch.storage.url import is_sqlite, parse_storage_url
    from hpsearch.training.data.catalogue import CATALOGUE
    from hpsearch.training.device import count_gpus

    folder = None if dataset is None or dataset in CATALOGUE else dataset
    is_file = is_sqlite(parse_storage_url(storage_url))
    place = choose_ray_place(device, workers, share, is_sqlite=is_file, folder=folder, most=most)
    here = "cuda:0" if place.device == "cuda" and count_gpus() else "cpu"
    return Hardware(
        place.device,
        here,
        place.description,
        place.workers,
        engine="ray",
        gpus=place.gpus,
        gpu_share=place.gpu_share,
        note=place.note,
    )


def check_storage(url: str) -> bool:
    """Whether there is a database at a URL already; creates no file.

    Raises:
        StorageError: It cannot be opened or made, is no database, or is damaged.
    """
    from hpsearch.storage.database import Database
    from hpsearch.storage.url import is_sqlite, parse_storage_url, sqlite_path

    parsed = parse_storage_url(url)
    if not is_sqlite(parsed):
        Database.open(url, create=True).close()
        return True
    path = sqlite_path(parsed)
    if os.path.lexists(path):
        Database.open(url).close()
        return True
    folder = path.parent
    if not folder.is_dir():
        raise StorageError(f"storage {str(path)!r}: there is no folder {str(folder)!r}; make it first")
    try:
        tempfile.TemporaryFile(dir=folder).close()  # asking for rights does not tell root, nor a read-only disk
    except OSError as error:
        raise StorageError(
            f"storage {str(path)!r}: nothing can be written into {str(folder)!r} ({error.strerror or error}); "
            "name another --storage"
        ) from error
    return False


def identify_dataset(name_or_path: str, cache_folder: Path, tell: Tell, note: Tell | None = None) -> "DatasetIdentity":
    """Who the images are: of the catalogue without fetching them, of a person's own with a look at each.

    `note`, or else `tell`, hears what a person has to know of own images.

    Raises:
        InputError: There is no such data set, or it is damaged.
    """
    from hpsearch.training.data import fetch_dataset
    from hpsearch.training.data.catalogue import CATALOGUE
    from hpsearch.training.data.catalogue_files import CatalogueFiles

    if entry := CATALOGUE.get(name_or_path):
        return CatalogueFiles(entry, cache_folder / entry.name).identity
    return fetch_dataset(name_or_path, cache_folder, tell, note=note)


def fit(spec: "StudySpec", dataset: "DatasetIdentity") -> "FittedSpace":
    """What of the space the budget and the images allow.

    Raises:
        InputError: Nothing.
    """
    from hpsearch.study.feasibility import fit_space

    return fit_space(spec.arch, spec.space, spec.budget, dataset.input_shape, dataset.class_count)


def match_rules(database: "Database", study: str, dataset: "DatasetIdentity", cache_folder: Path) -> "DatasetIdentity":
    """The same data set by the rules of a study of this name, if there is one: an older one read files as it then was.

    Raises:
        DataError: By those rules the data cannot be read.
        StorageError: The database failed.
    """
    from hpsearch.training.data import describe_dataset
    from hpsearch.tuning.study import list_study_names, load_study

    if study not in list_study_names(database):
        return dataset
    stored = load_study(database, study).dataset
    if stored.rules == dataset.rules or dataset.rules == 1:  # the latter are known by name, and have no others
        return dataset
    return describe_dataset(dataset.name, cache_folder, rules=stored.rules)


def check_splits(spec: "StudySpec", dataset: "DatasetIdentity", cache_folder: Path) -> None:
    """Find out before a study is made that its images are too few to hold some out.

    Raises:
        DataError: They are, or they cannot be read.
    """
    from hpsearch.training.data import load_search_splits

    load_search_splits(
        spec.dataset,
        cache_folder,
        validation_fraction=spec.validation_fraction,
        split_seed=spec.seed,
        rules=dataset.rules,
    )


def check_beginning(
    url: str, request: Request, dataset: "DatasetIdentity", fitted: "FittedSpace", cache_folder: Path
) -> "DatasetIdentity":
    """Find out before anything is fetched that a study of this name has other settings, or how a new one begins.

    Returns:
        The data set, by the rules of the study.

    Raises:
        StudyDiffersError: It has; each differing field is named.
        InputError: It is to begin with the best of another study, which has nothing to give, or to learn from one that
            may not teach it.
        StorageError: The database failed.
    """
    from hpsearch.storage.database import Database
    from hpsearch.tuning.study import create_or_join_study, list_study_names
    from hpsearch.tuning.teacher_choice import check_teacher
    from hpsearch.tuning.warm_start import plan_beginning

    with Database.open(url, check=False) as database:
        dataset = match_rules(database, request.name, dataset, cache_folder)
        predecessor = find_predecessor(database, request)
        if request.name in list_study_names(database):
            create_or_join_study(database, request.name, request.spec, dataset, predecessor=predecessor)
        else:
            plan_beginning(request.spec, fitted.space, predecessor)
            if request.spec.teacher is not None:
                check_teacher(database, request.spec, dataset)
    return dataset


def find_predecessor(database: "Database", request: Request) -> "Predecessor | None":
    """The study that a person named with `--from`, not read yet."""
    from hpsearch.tuning.records import read_study_record
    from hpsearch.tuning.study import load_study
    from hpsearch.tuning.warm_start import Predecessor

    name = request.predecessor
    return None if name is None else Predecessor(name, lambda: read_study_record(load_study(database, name)))


def check_study(
    url: str, request: Request, cache_folder: Path, tell: Tell, note: Tell | None = None
) -> "tuple[DatasetIdentity, FittedSpace]":
    """Everything about a study that can be found wrong without creating anything.

    Raises:
        InputError: The data, the space or an older study of this name does not allow it.
        StorageError: The database cannot be opened or made.
    """
    dataset = identify_dataset(request.spec.dataset, cache_folder, tell, note)
    fitted = fit(request.spec, dataset)
    if check_storage(url):
        dataset = check_beginning(url, request, dataset, fitted, cache_folder)
    else:
        wanted = {"begin with": (request.predecessor, "--from"), "learn from": (request.spec.teacher, "--teacher")}
        for purpose, (name, flag) in wanted.items():
            if name is not None:
                raise InputError(
                    f"there is no study {name!r} to {purpose}: storage {url!r} has none yet; "
                    f"name another --storage, or leave {flag} out"
                )
    return dataset, fitted


def plan_request_time(
    url: str, request: Request, dataset: "DatasetIdentity", fitted: "FittedSpace", hardware: Hardware, tell: Tell
) -> Request:
    """The request with its time planned, where it has one and its study is still to be made; a few seconds of work.

    Raises:
        InputError: The time is too short for a single epoch.
        StorageError: The database failed.
    """
    from hpsearch.storage.database import Database
    from hpsearch.tuning.study import list_study_names

    if not request.spec.has_open_plan:
        return request
    if check_storage(url):
        with Database.open(url, check=False) as database:
            if request.name in list_study_names(database):
                return request
    plan = measure_plan(request.spec, dataset, fitted, hardware, tell)
    return replace(request, spec=request.spec.settle_rounds(plan))


def measure_plan(
    spec: "StudySpec", dataset: "DatasetIdentity", fitted: "FittedSpace", hardware: Hardware, tell: Tell
) -> "RoundPlan":
    """The rounds that a spec's time allows here.

    Raises:
        InputError: The time is too short for a single epoch.
    """
    from hpsearch.training.device import choose_device, count_workers
    from hpsearch.training.throughput import measure_worker_epoch_seconds
    from hpsearch.tuning.time_plan import plan_time

    if hardware.launch_device == "cuda" and hardware.name == "cpu":
        raise InputError(
            "--time is planned by timing epochs on this machine, which has no GPU: make the study on one that has "
            "(hpsearch create --time), or give --trials and --epochs"
        )
    tell("measuring how long an epoch takes here")
    device = choose_device(hardware.name)
    crowding = max(1.0, hardware.workers / count_workers(device))  # more workers than cores take turns

    def measure(config: "TrialConfig") -> float:
        return crowding * measure_worker_epoch_seconds(config, device)

    return plan_time(spec, fitted.space, dataset, hardware.workers, measure)


def open_study(
    url: str,
    request: Request,
    dataset: "DatasetIdentity",
    cache_folder: Path,
    tell: Tell,
    *,
    predecessor: "Predecessor | None" = None,
) -> "tuple[Database, Study]":
    """Bring the data here, then make or join the study; the caller closes its database.

    Args:
        url: Of the database.
        request: What was asked for.
        dataset: As it is known without its images.
        cache_folder: Where data sets are.
        tell: Hears what is being done.
        predecessor: In place of the one that the request names.

    Raises:
        DataError: The data cannot be had.
        StudyDiffersError: Somebody made a study of this name with other settings meanwhile.
        StorageError: The database failed.
    """
    from hpsearch.storage.database import Database
    from hpsearch.training.data import fetch_dataset
    from hpsearch.training.data.catalogue import CATALOGUE
    from hpsearch.tuning.study import create_or_join_study
    from hpsearch.tuning.teacher_choice import choose_teacher

    if request.spec.dataset in CATALOGUE:
        dataset = fetch_dataset(request.spec.dataset, cache_folder, tell)
    check_splits(request.spec, dataset, cache_folder)
    database = Database.open(url, create=True, check=False)
    try:
        predecessor = predecessor or find_predecessor(database, request)
        return database, create_or_join_study(
            database,
            request.name,
            request.spec,
            dataset,
            predecessor=predecessor,
            find_teacher=lambda: choose_teacher(database, request.spec, dataset),
        )
    except BaseException:
        database.close()
        raise


def describe_beginning(record: "StudyRecord") -> list[tuple[str, str]]:
    """Whom a study learns from, and what its first trials were given by another study and by the portfolio.

    In lines with a head each.
    """
    facts = []
    if record.study.teacher is not None:
        facts.append(("teacher", record.study.teacher.describe()))
    if (warm_start := record.study.warm_start) is not None:
        facts.append(("from", warm_start.describe()))
        facts += [("", change) for change in warm_start.changes]
    if record.study.spec.portfolio:
        given = [str(trial.number) for trial in record.portfolio_trials]
        what = f"trial{'s' * (len(given) > 1)} {', '.join(given)}" if given else "nothing of it fits this space"
        facts.append(("portfolio", what))
    return facts


def describe_left_out(fitted: "FittedSpace") -> list[str]:
    """A line for each parameter of which something was left out."""
    return [
        f"{name} {', '.join(str(value) for value in values)}: {fitted.reasons[name]}"
        for name, values in fitted.left_out.items()
    ]


def warn_of_many_workers(url: str, workers: int) -> str | None:
    """What to say where one SQLite file gets many workers."""
    from hpsearch.storage.url import is_sqlite, parse_storage_url

    if workers <= _MANY_ON_SQLITE or not is_sqlite(parse_storage_url(url)):
        return None
    return (
        f"{workers} workers wait for each other on one SQLite file: "
        "PostgreSQL (--storage postgresql://USER@HOST/DATABASE) bears more"
    )


def parse_workers(text: str) -> int | None:
    """Read `--workers`: None for auto.

    Raises:
        InputError: It is neither auto nor a number that makes sense.
    """
    if text.strip().lower() == "auto":
        return None
    from hpsearch.wording import quote

    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= _MAXIMUM_WORKERS):
        raise InputError(f"--workers {quote(text)} is not allowed: give auto, or a number from 1 to {_MAXIMUM_WORKERS}")
    return int(text)
