"""The libraries of the trackers, which only `hpsearch[tracking]` brings."""

from importlib.util import find_spec

from hpsearch.errors import InputError

INSTALL_COMMAND = "pip install 'hpsearch[tracking]'"


def require_package(name: str, *, what: str) -> None:
    """Raises InputError with the command to type where a package is not installed that `what` needs."""
    if find_spec(name) is None:
        raise InputError(f"{what} needs {name}, not installed here: {INSTALL_COMMAND}")
