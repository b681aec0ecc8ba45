"""The WSGI application: Optuna's dashboard over one database, inside the guard."""

import json
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import optuna_dashboard  # type: ignore[import-untyped]
from optuna.artifacts.exceptions import ArtifactNotFound

from hpsearch.dashboard.artifact_store import DatabaseArtifactStore
from hpsearch.dashboard.errors import EditRefusedError
from hpsearch.dashboard.guard import Guard
from hpsearch.dashboard.pages import Pages
from hpsearch.dashboard.rules import Rules
from hpsearch.dashboard.shown_storage import ShownStorage
from hpsearch.errors import StorageError
from hpsearch.storage.database import Database

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


REPORTS = Path("reports")
"""Where `hpsearch report` writes, if nobody says otherwise."""


def build_application(database: Database, rules: Rules, reports: Path = REPORTS) -> "WSGIApplication":
    """Optuna's dashboard as the rules allow it, with links to the reports in a folder."""
    storage = ShownStorage(database, forget=lambda: inner._inmemory_cache.clear())
    inner = optuna_dashboard.wsgi(storage, artifact_store=DatabaseArtifactStore(database))
    inner.catchall = False  # what goes wrong comes to `_Answers`, not to a page of the framework's
    logging.getLogger("optuna_dashboard").addFilter(_keep_first_line)
    return Guard(Pages(_Answers(inner), reports), rules)


class _Answers:
    """Says in a sentence what went wrong with the database, where Optuna's dashboard would fail."""

    def __init__(self, application: "WSGIApplication") -> None:
        self._application = application

    def __call__(self, environment: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        try:
            return self._application(environment, start_response)
        except (StorageError, EditRefusedError, ArtifactNotFound) as error:
            status = {StorageError: "503 Service Unavailable", EditRefusedError: "403 Forbidden"}
            found = next((text for kind, text in status.items() if isinstance(error, kind)), "404 Not Found")
            body = json.dumps({"reason": str(error)}).encode()
            start_response(found, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
            return [body]


def _keep_first_line(record: logging.LogRecord) -> bool:
    """A database that is away for an hour is a line for each request, not a traceback."""
    message = record.getMessage()
    if message.startswith("Exception: storage "):
        record.msg, record.args = message.partition("\n")[0].removeprefix("Exception: "), ()
    return True
