"""Training one configuration, or the best of a search again, for programs."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from hpsearch.api.bundle import Bundle
from hpsearch.api.given_dataset import Dataset, find_dataset
from hpsearch.api.place import Location, find_place
from hpsearch.api.study import Callback, Study, relay_to
from hpsearch.api.trial import Trial
from hpsearch.api.wording import speaks_python
from hpsearch.api.working import read_count, train_planned
from hpsearch.errors import InputError
from hpsearch.home import expand_home

if TYPE_CHECKING:
    from hpsearch.study.trial_config import TrialConfig


@speaks_python
def train(
    config: "str | os.PathLike[str] | Bundle | Trial | TrialConfig",
    *,
    replicates: int = 1,
    epochs: int | None = None,
    dataset: Dataset | None = None,
    name: str | None = None,
    storage: Location = None,
    workers: int | Literal["auto"] = "auto",
    device: str = "auto",
    cache_folder: str | os.PathLike[str] | None = None,
    progress: bool = True,
    callbacks: Sequence[Callback] = (),
) -> Study:
    """Train a configuration as it stands, or as you edited it, without a search.

    The trainings are trials of a study of their own: the same call goes on after Ctrl-C, and adds nothing once all are
    finished. Then the test split is opened, once.

    Args:
        config: A trial, a bundle or its folder, a config.toml or config.json, or a configuration.
        replicates: How often: under its own seed, then under fresh ones.
        epochs: Of each training; by default as the configuration says.
        dataset: Other images than the configuration names, or where they are.
        name: The study's; by default one that tells this training from every other.
        storage: As `search` has it.
        workers: As `search` has it.
        device: As `search` has it.
        cache_folder: As `search` has it.
        progress: As `search` has it.
        callbacks: As `search` has it.

    Raises:
        InputError: It is no configuration, does not go with the images, or a study of this name has other settings.
        DataError: The images are missing, damaged or of another form.
        StorageError: The database cannot be opened or made, or failed.
        StudyStoppedError: Somebody stopped the study.
        HpsearchError: A worker ended with an error that starting it again does not mend.
    """
    from hpsearch.sessions.training import Training

    place = find_place(storage, cache_folder)
    training = Training(
        _read_config(config),
        read_count(replicates, "replicates"),
        epochs=None if epochs is None else read_count(epochs, "epochs"),
        dataset=None if dataset is None else find_dataset(dataset, place.cache_folder),
        name=name,
    )
    hear = relay_to(callbacks, place)
    record = train_planned(training.run, place, workers=workers, device=device, progress=progress, hear=hear)
    return Study(record.study.name, place)


def _read_config(given: Any) -> "TrialConfig":
    from hpsearch.export.config_file import read_config
    from hpsearch.study.trial_config import TrialConfig

    match given:
        case TrialConfig():
            return given
        case Bundle():
            return given.config
        case Trial():
            return given.config
        case str() | os.PathLike():
            return read_config(expand_home(given))
    raise InputError(f"config is a {type(given).__name__}: give a trial, a bundle, a path, or a configuration")
