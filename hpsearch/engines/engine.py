"""What an engine is: it starts workers somewhere, looks after them, and ends them all."""

from typing import Protocol, Self

from hpsearch.errors import HpsearchError


class WorkerFailedError(HpsearchError):
    """A worker ended with an error that starting it again will not mend."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code
        """The worker's own exit code."""


class Engine(Protocol):
    """Runs workers until each has ended by itself. Use it as a context: leaving it leaves no worker behind.

    It knows nothing of trials: which worker has which one is the database's business.
    """

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...

    def start(self) -> None:
        """Start every worker."""
        ...

    @property
    def is_running(self) -> bool:
        """Whether a worker runs, or waits to be started."""
        ...

    def check(self) -> list[str]:
        """Look after the workers, without waiting: take note of those that ended, restart those that died.

        Returns:
            What a person should hear, a line each.

        Raises:
            WorkerFailedError: A worker ended with an error that starting it again will not mend.
        """
        ...

    def request_stop(self) -> None:
        """Ask every worker to give its trial back and end."""
        ...

    def suspend(self) -> None:
        """Let the workers of this terminal stand still, as Ctrl-Z asks for."""
        ...

    def go_on(self) -> None:
        """Let those that stand still go on."""
        ...

    def kill(self) -> None:
        """End every worker at once; their leases do the rest."""
        ...

    def close(self) -> None:
        """End what still runs, and wait for it."""
        ...
