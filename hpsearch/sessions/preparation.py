"""What `run`, `create` and `plan` do before any work: check what is cheap, then bring the data, then open the study.

Wrong input ends here, and has created nothing: no database, no cache folder.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hpsearch.durations import format_duration
from hpsearch.errors import InputError
from hpsearch.sessions.hardware import Hardware
from hpsearch.sessions.request import Request
from hpsearch.sessions.storage import check_storage
from hpsearch.wording import count_of

if TYPE_CHECKING:
    from hpsearch.dataset import DatasetIdentity, Preparation
    from hpsearch.storage.database import Database
    from hpsearch.study.feasibility import FittedSpace
    from hpsearch.study.round_plan import RoundPlan
    from hpsearch.study.search_space import SearchSpace
    from hpsearch.study.spec import StudySpec
    from hpsearch.study.trial_config import TrialConfig
    from hpsearch.tuning.records import StudyRecord
    from hpsearch.tuning.study import Study
    from hpsearch.tuning.warm_start import Predecessor

Tell = Callable[[str], None]

_MOSTLY = 0.8
"""Of its time: a search that takes less says why."""


def identify_dataset(
    name_or_path: str,
    cache_folder: Path,
    tell: Tell,
    note: Tell | None = None,
    *,
    preparation: "Preparation | None" = None,
) -> "DatasetIdentity":
    """Who the images are: of the catalogue without fetching them, of a person's own with a look at each.

    `note`, or else `tell`, hears what a person has to know of own images. `preparation` brings them to one size.

    Raises:
        InputError: There is no such data set, or it is damaged.
    """
    from hpsearch.training.data import fetch_dataset
    from hpsearch.training.data.catalogue import CATALOGUE
    from hpsearch.training.data.catalogue_files import CatalogueFiles

    if preparation is None and (entry := CATALOGUE.get(name_or_path)):
        return CatalogueFiles(entry, cache_folder / entry.name).identity
    return fetch_dataset(name_or_path, cache_folder, tell, note=note, preparation=preparation)


def fit(spec: "StudySpec", dataset: "DatasetIdentity") -> "FittedSpace":
    """What of the space the limits and the images allow.

    Raises:
        InputError: Nothing.
    """
    from hpsearch.study.fitting import fit_spec

    return fit_spec(spec, dataset)


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
        preparation=dataset.preparation,
    )


def check_beginning(url: str, request: Request, dataset: "DatasetIdentity", fitted: "FittedSpace") -> None:
    """Find out before anything is fetched that a study of this name has other settings, or how a new one begins.

    Raises:
        StudyDiffersError: It has; each differing field is named.
        InputError: It is to begin with the best of another study, which has nothing to give, or to learn from one that
            may not teach it.
        StorageError: The database failed.
    """
    from hpsearch.storage.database import Database
    from hpsearch.tuning.creation import create_or_join_study
    from hpsearch.tuning.study import list_study_names
    from hpsearch.tuning.teacher_choice import check_teacher
    from hpsearch.tuning.warm_start import plan_beginning

    with Database.open(url, check=False) as database:
        predecessor = find_predecessor(database, request)
        if request.name in list_study_names(database):
            create_or_join_study(database, request.name, request.spec, dataset, predecessor=predecessor)
        else:
            plan_beginning(request.spec, fitted.space, predecessor)
            if request.spec.teacher is not None:
                check_teacher(database, request.spec, dataset)


def find_predecessor(database: "Database", request: Request) -> "Predecessor | None":
    """The study that a person named with `--from`, not read yet."""
    from hpsearch.tuning.records import read_study_record
    from hpsearch.tuning.study import load_study
    from hpsearch.tuning.warm_start import Predecessor

    name = request.predecessor
    return None if name is None else Predecessor(name, lambda: read_study_record(load_study(database, name)))


def fit_to_size(request: Request, dataset: "DatasetIdentity", note: Tell) -> Request:
    """The request with what follows from the number of images, which `note` is told."""
    spec = request.spec.fit_to_size(dataset.train_count, request.given)
    if spec.epochs != request.spec.epochs:
        note(
            f"note: {dataset.train_count:,} training images make few steps an epoch: {spec.epochs} epochs instead of "
            f"{request.spec.epochs} (--epochs says otherwise)"
        )
    if spec.validation_fraction != request.spec.validation_fraction and dataset.validation_count is None:
        note(
            f"note: of {dataset.train_count:,} training images {100 * spec.validation_fraction:g}% are held out, for "
            "a tenth is too few to rank by (validation_fraction in a study file says otherwise)"
        )
    return replace(request, spec=spec)


def check_study(
    url: str, request: Request, cache_folder: Path, tell: Tell, note: Tell | None = None
) -> "tuple[Request, DatasetIdentity, FittedSpace]":
    """Everything about a study that can be found wrong without creating anything.

    Returns:
        The request, with what follows from the number of images; the data set; and what of the space fits.

    Raises:
        InputError: The data, the space or an older study of this name does not allow it.
        StorageError: The database cannot be opened or made.
    """
    spec = request.spec
    dataset = identify_dataset(spec.dataset, cache_folder, tell, note, preparation=spec.preparation)
    is_there = check_storage(url)
    request = fit_to_size(request, dataset, note or tell)
    fitted = fit(request.spec, dataset)
    if is_there:
        check_beginning(url, request, dataset, fitted)
    else:
        wanted = {"begin with": (request.predecessor, "--from"), "learn from": (request.spec.teacher, "--teacher")}
        for purpose, (name, flag) in wanted.items():
            if name is not None:
                raise InputError(
                    f"there is no study {name!r} to {purpose}: storage {url!r} has none yet; "
                    f"name another --storage, or leave {flag} out"
                )
    return request, dataset, fitted


def plan_request_time(
    url: str,
    request: Request,
    dataset: "DatasetIdentity",
    fitted: "FittedSpace",
    hardware: Hardware,
    tell: Tell,
    note: Tell | None = None,
    *,
    are_workers_here: bool = True,
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
    plan = measure_plan(request, dataset, fitted, hardware, tell, are_workers_here=are_workers_here)
    spec = request.spec.settle_rounds(plan)
    if unused := describe_unused_time(spec, dataset):
        (note or tell)(f"note: {unused}")
    return replace(request, spec=spec)


def measure_plan(
    request: Request,
    dataset: "DatasetIdentity",
    fitted: "FittedSpace",
    hardware: Hardware,
    tell: Tell,
    *,
    are_workers_here: bool = True,
) -> "RoundPlan":
    """The rounds that a request's time allows here; cores train a network together only where the workers are here.

    The time that a search has by default is not filled with configurations that few validation images
    cannot tell apart.

    Raises:
        InputError: The time is too short for a single epoch.
    """
    from hpsearch.study.round_plan import count_comparable
    from hpsearch.training.device import choose_device, count_workers
    from hpsearch.training.throughput import EpochTimer
    from hpsearch.tuning.time_plan import plan_time

    if hardware.launch_device == "cuda" and hardware.name == "cpu":
        raise InputError(
            "--time is planned by timing epochs on this machine, which has no GPU: make the study on one that has "
            "(hpsearch create --time), or give --trials and --epochs"
        )
    tell("measuring how long an epoch takes here")
    device = choose_device(hardware.name)
    crowding = max(1.0, hardware.workers / count_workers(device))  # more workers than cores take turns

    timer = EpochTimer(device)

    def measure(config: "TrialConfig", threads: int) -> float:
        return crowding * timer.measure(config, threads)

    share_cores = are_workers_here and hardware.engine == "local" and device.type == "cpu" and crowding == 1.0
    spec = request.spec
    return plan_time(
        spec,
        fitted.space,
        dataset,
        hardware.workers,
        measure,
        share_cores=share_cores,
        drawn_at_most=None if "time" in request.given else count_comparable(_count_held_out(spec, dataset)),
    )


def describe_unused_time(spec: "StudySpec", dataset: "DatasetIdentity") -> str | None:
    """Why a search that was planned ends well before its time, where it does."""
    from hpsearch.study.round_plan import LONGEST_EPOCHS, count_comparable

    plan, held_out = spec.round_plan, _count_held_out(spec, dataset)
    if plan is None or spec.time is None or plan.rounds[-1].epochs < LONGEST_EPOCHS:
        return None
    if plan.drawn > max(count_comparable(held_out), 2 * plan.workers):  # another limit than theirs
        return None
    if plan.forecast_seconds() > _MOSTLY * spec.time:
        return None
    time = format_duration(spec.time)
    return (
        f"{count_of(held_out, 'validation image')} can tell few configurations apart: "
        f"{plan.drawn} are tried, in about {format_duration(plan.forecast_seconds())} of {time} "
        f"(--time {round(spec.time / 60)}m uses all of it)"
    )


def _count_held_out(spec: "StudySpec", dataset: "DatasetIdentity") -> int:
    return dataset.validation_count or round(dataset.train_count * spec.validation_fraction)


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
    from hpsearch.tuning.creation import create_or_join_study
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


def describe_repetition(spec: "StudySpec", space: "SearchSpace") -> str | None:
    """What to say where a space has fewer configurations than a search has trials to draw."""
    from hpsearch.study.parameters import count_configurations

    count = count_configurations(spec.arch, space)
    drawn = spec.trials if spec.round_plan is None else spec.round_plan.drawn
    if count is None or count >= drawn or spec.has_open_plan:
        return None
    return (
        f"the space has {count_of(count, 'configuration')}: {drawn:,} trials repeat them under other seeds; "
        "--trials says otherwise, or more values in the study file's [space]"
    )


def describe_left_out(fitted: "FittedSpace") -> list[str]:
    """A line for each parameter of which something was left out."""
    return [
        f"{name} {', '.join(str(value) for value in values)}: {fitted.reasons[name]}"
        for name, values in fitted.left_out.items()
    ]
