"""What libraries warn of in a notebook that is no trouble of hpsearch."""

import contextlib
import functools
import importlib
import sys
import warnings


@functools.cache
def forget_progress_bars() -> None:
    """Let tqdm, which Optuna imports and nobody here uses, miss ipywidgets without a red block under the first cell."""
    if "ipykernel" not in sys.modules or "tqdm.auto" in sys.modules:
        return
    with warnings.catch_warnings(), contextlib.suppress(ImportError):
        warnings.filterwarnings("ignore", message="IProgress not found")
        importlib.import_module("tqdm.auto")
