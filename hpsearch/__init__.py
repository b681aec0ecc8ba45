"""hpsearch finds the best fully connected or convolutional network that fits a weight budget.

    import hpsearch

    study = hpsearch.search("100k", "cnn", "fashion-mnist")   # again: it goes on, or shows what came of it
    study.to_frame()                                          # a row a trial
    study.figure("history")
    network = study.best.network()                            # a torch.nn.Module in eval mode
    bundle = study.export("exports")[0]                       # files that run anywhere
    bundle.predict("shoe.png").classes

`search` makes a study in a database, or goes on with it; `plan` says before what it would try and take. `ladder`
searches several budgets. `train` trains one configuration, `Study.finalists` the best of a search again. `open_study`
and `list_studies` find what is there; `load` opens an exported network. What a person can mend is raised as an
`HpsearchError` with a sentence that says how.
"""

from typing import TYPE_CHECKING, Any

from hpsearch.version import __version__

if TYPE_CHECKING:
    from hpsearch.api.bundle import Bundle as Bundle
    from hpsearch.api.bundle import Predictions as Predictions
    from hpsearch.api.bundle import load as load
    from hpsearch.api.laddering import Ladder as Ladder
    from hpsearch.api.laddering import ladder as ladder
    from hpsearch.api.planning import Plan as Plan
    from hpsearch.api.planning import plan as plan
    from hpsearch.api.replaying import ReplayResult as ReplayResult
    from hpsearch.api.searching import list_studies as list_studies
    from hpsearch.api.searching import open_study as open_study
    from hpsearch.api.searching import search as search
    from hpsearch.api.study import Study as Study
    from hpsearch.api.training import train as train
    from hpsearch.api.trial import Trial as Trial
    from hpsearch.errors import DataError as DataError
    from hpsearch.errors import HpsearchError as HpsearchError
    from hpsearch.errors import InputError as InputError
    from hpsearch.errors import StorageError as StorageError

_HOMES = {
    "Bundle": "api.bundle",
    "DataError": "errors",
    "HpsearchError": "errors",
    "InputError": "errors",
    "Ladder": "api.laddering",
    "Plan": "api.planning",
    "Predictions": "api.bundle",
    "ReplayResult": "api.replaying",
    "StorageError": "errors",
    "Study": "api.study",
    "Trial": "api.trial",
    "ladder": "api.laddering",
    "list_studies": "api.searching",
    "load": "api.bundle",
    "open_study": "api.searching",
    "plan": "api.planning",
    "search": "api.searching",
    "train": "api.training",
}
"""Where each public name is: none is imported before it is asked for, so that `import hpsearch` costs nothing."""

__all__ = [
    "Bundle",
    "DataError",
    "HpsearchError",
    "InputError",
    "Ladder",
    "Plan",
    "Predictions",
    "ReplayResult",
    "StorageError",
    "Study",
    "Trial",
    "__version__",
    "ladder",
    "list_studies",
    "load",
    "open_study",
    "plan",
    "search",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'hpsearch' has no attribute {name!r}")
    from importlib import import_module

    found = getattr(import_module(f"hpsearch.{_HOMES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
