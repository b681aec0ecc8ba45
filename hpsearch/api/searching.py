"""Searching, and finding what was searched, for programs."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from hpsearch.api.asking import Arch, Limit, PrunerName, SamplerName, make_request, select_settings
from hpsearch.api.calling import Call
from hpsearch.api.given_dataset import Dataset
from hpsearch.api.place import Location, find_place
from hpsearch.api.study import Callback, Study, relay_to
from hpsearch.api.wording import speaks_python
from hpsearch.api.working import Duration, HeardProgress, read_seconds


@speaks_python
def search(
    budget: Limit = None,
    arch: Arch = "cnn",
    dataset: Dataset = "fashion-mnist",
    *,
    image_size: int | None = None,
    grey: bool = False,
    ram: Limit = None,
    flash: Limit = None,
    macs: Limit = None,
    target: str | None = None,
    trials: int | None = None,
    epochs: int | None = None,
    time: Duration | None = None,
    timeout: Duration | None = None,
    sampler: SamplerName | None = None,
    pruner: PrunerName | None = None,
    seed: int | None = None,
    space: Mapping[str, Any] | None = None,
    start: str | Study | None = None,
    portfolio: bool | None = None,
    teacher: str | Study | None = None,
    int8: bool | None = None,
    name: str | None = None,
    storage: Location = None,
    workers: int | Literal["auto"] = "auto",
    device: str = "auto",
    cache_folder: str | os.PathLike[str] | None = None,
    progress: bool = True,
    callbacks: Sequence[Callback] = (),
    wait: bool = True,
) -> Study:
    """Find the best network that fits a weight budget.

    The same call again goes on where it stopped, or shows the finished study and adds nothing: a cell of a notebook can
    be run as often as one likes. Ctrl-C (the stop button) has the workers give their trials back, and returns the
    study; a second one ends them at once. When the study is finished, or its time is up, the test split is opened
    once, for the best trial.

    Args:
        budget: The most weights a network may have: 100_000, "100k", "0.1m".
        ram: The most RAM for what flows in int8: 65_536, "64k" (k is 1024 bytes); with a budget or in its place.
        flash: The largest .tflite file in int8: "128k".
        macs: The most multiply-accumulates of an image: "2m" (k is 1000).
        target: A device by name, for RAM, flash and operators: "cortex-m4-64k".
        int8: Whether trainings end in whole numbers of 8 bits (quantization-aware).
        arch: Convolutional (cnn) or fully connected (fcn) networks.
        dataset: fashion-mnist, mnist or another name of the catalogue; the path of a folder with a folder of images per
            class, or of a file (.npz, .npy, CSV, Parquet, IDX); or arrays: (images, labels), perhaps with (...,
            test_images, test_labels), or a mapping with the names of an .npz file. Images (n, height, width),
            (n, height, width, 1 or 3) or (n, 1 or 3, height, width), bytes or floats from 0 to 1; labels (n,), class 0
            first. Or a data set of PyTorch, torchvision or Hugging Face, whose items are an image and its label, or two
            of them, to train and to test on; without random transforms and without normalization.
        image_size: Height and width in pixels that own images of any size are brought to.
        grey: Whether their colours are dropped, too.
        trials: Networks to try, where a search is not planned by its time.
        epochs: Of a trial that is not pruned.
        time: Plan rounds of trials that take so long here: "15m", "2h", seconds, or a timedelta. The default is 4
            minutes for fcn and 15 for cnn, unless trials, epochs or pruner is given.
        timeout: End after so long with the best so far, whatever is planned.
        sampler: Draws the trials; tpe by default.
        pruner: Stops hopeless trials; median by default, and not with a time, whose rounds do that.
        seed: Decides everything that is random; 0 by default.
        space: What is searched beside the defaults, as a study file's [space] has it: {"lr": {"low": 1e-4, "high":
            1e-1, "log": True}, "optimizer": ["adam", "sgd"]}.
        start: Another study in this database whose 3 best configurations come first, rescaled to this budget.
        portfolio: Whether the shipped configurations are tried first.
        teacher: A study in this database whose best network teaches every trial (distillation).
        name: The study's; by default from data set, arch and budget. A study of that name and the same settings goes
            on.
        storage: The database's URL, or a path of a SQLite file; by default what HPSEARCH_STORAGE says, else
            hpsearch.db in the current folder.
        workers: Processes on this machine; auto is one per CPU core, or per GPU.
        device: auto, cpu, cuda, cuda:1, mps.
        cache_folder: Where data sets are kept; by default what HPSEARCH_CACHE says.
        progress: Whether to show how far it is: in place in a notebook and on a terminal, otherwise a line a trial.
        callbacks: Each is called with the study and a trial as that ends.
        wait: False to return at once, while a process of its own works; `Study.wait` waits for it.

    Raises:
        InputError: A value is not allowed, or a study of this name has other settings; nothing was made.
        DataError: The images are missing, damaged or of another form.
        StorageError: The database cannot be opened or made, or failed.
        StudyStoppedError: Somebody stopped the study; `Study.resume` lets it go on.
        HpsearchError: A worker ended with an error that starting it again does not mend.
        KeyboardInterrupt: Ctrl-C came before there was a study.
    """
    settings = select_settings(locals())
    from hpsearch.sessions.session import Session
    from hpsearch.views.choice import choose_progress

    place = find_place(storage, cache_folder)
    request = make_request(budget, arch, dataset, name, settings, place)
    session = Session(request, place.url, place.cache_folder, read_seconds(timeout, "timeout"))
    heard = HeardProgress(choose_progress(progress), relay_to(callbacks, place))
    if wait:
        Call(session.run, heard).wait()
        return Study(request.name, place)
    from hpsearch.sessions.background import launch_background

    hardware = Call(session.create, heard).wait()
    return Study(
        request.name,
        place,
        launch_background(request.name, place.url, hardware, place.cache_folder, session.seconds),
    )


@speaks_python
def open_study(name: str, storage: Location = None, *, cache_folder: str | os.PathLike[str] | None = None) -> Study:
    """A study that exists, wherever it was made and whoever works on it.

    Args:
        name: The study's.
        storage: As `search` has it.
        cache_folder: As `search` has it.

    Raises:
        UnknownStudyError: There is none of this name; the message names the near ones.
        StorageError: There is no such database, or it failed.
    """
    from hpsearch.tuning.study import load_study

    place = find_place(storage, cache_folder)
    with place.open() as database:
        return Study(load_study(database, name).name, place)


@speaks_python
def list_studies(storage: Location = None, *, cache_folder: str | os.PathLike[str] | None = None) -> list[Study]:
    """The studies of a database, by name.

    Args:
        storage: As `search` has it.
        cache_folder: As `search` has it.

    Raises:
        StorageError: There is no such database, or it failed.
    """
    from hpsearch.tuning.study import list_study_names

    place = find_place(storage, cache_folder)
    with place.open() as database:
        return [Study(name, place) for name in list_study_names(database)]
