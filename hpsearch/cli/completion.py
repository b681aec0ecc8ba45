"""What TAB completes: names of studies, families, samplers, pruners and data sets.

`hpsearch --install-completion` switches it on. A database that cannot be read completes to nothing.
"""

import os
from collections.abc import Callable
from pathlib import Path

import typer

_DATASETS = (
    "fashion-mnist",
    "mnist",
    "kmnist",
    "cifar10",
    "cifar100",
    "emnist-balanced",
    "emnist-letters",
    "qmnist",
    "svhn",
    "usps",
)


def complete_from(*words: str) -> Callable[[str], list[str]]:
    """A completion from a few words."""

    def complete(incomplete: str) -> list[str]:
        return [word for word in words if word.startswith(incomplete)]

    return complete


complete_archs = complete_from("fcn", "cnn", "fcn,cnn")
complete_samplers = complete_from("tpe", "random", "gp", "qmc", "grid")
complete_pruners = complete_from("asha", "hyperband", "median", "none")
complete_datasets = complete_from(*_DATASETS)
complete_devices = complete_from("auto", "cpu", "cuda", "mps")


def complete_studies(context: typer.Context, incomplete: str) -> list[str]:
    """The studies of the database that the command line or the environment names."""
    from hpsearch.errors import HpsearchError
    from hpsearch.sessions.opening import list_names
    from hpsearch.sessions.storage import DEFAULT_STORAGE, STORAGE_FILE_VARIABLE, STORAGE_VARIABLE, read_storage_file

    try:
        file = os.environ.get(STORAGE_FILE_VARIABLE)
        given = context.params.get("storage") or os.environ.get(STORAGE_VARIABLE)
        url = given or (read_storage_file(Path(file)) if file else DEFAULT_STORAGE)
        return [name for name in list_names(url) if name.startswith(incomplete)]
    except HpsearchError:
        return []
