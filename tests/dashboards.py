"""The dashboard in a test: a study worth looking at, requests without a network, a process with one."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote

import sqlalchemy as sa
from optuna.storages._rdb import models

from hpsearch.reporting.figures import draw_confusion_matrix, draw_learning_curve
from hpsearch.storage import tables
from hpsearch.storage.artifacts import Artifact
from hpsearch.storage.database import Database
from hpsearch.tuning.claimed_trial import ClaimedTrial
from hpsearch.tuning.claims import TrialQueue
from hpsearch.tuning.study import Study
from tests.scripted import curve_point, make_study

HOST = "localhost:8080"
CONFUSION = [[3, 1, 0], [0, 4, 0], [0, 1, 2]]
_SQLITE_SIDE_FILES = ("-journal", "-wal", "-shm")


def make_finished_study(database: Database, name: str = "tiny-fcn", *, trials: int = 4) -> Study:
    """A study whose last trial is the best, with figures; the one before it is pruned, one more runs."""
    study = make_study(database, name, trials=trials + 1)
    queue = TrialQueue(study, "worker", "cpu")
    for number in range(trials):
        trial = claim(queue)
        for epoch in range(3):
            trial.report(curve_point(epoch, 0.25 + number / 8 + epoch / 64))
        if number == trials - 2:
            trial.prune()
            continue
        figures = draw_figures() if number == trials - 1 else ()
        trial.complete(b"weights", confusion=CONFUSION, figures=figures)
    claim(queue).report(curve_point(0, 0.125))
    return study


@cache
def draw_figures() -> tuple[Artifact, ...]:
    """Real ones, drawn once."""
    curve = [curve_point(epoch, 0.5 + epoch / 10) for epoch in range(3)]
    return (
        Artifact("learning-curve.png", draw_learning_curve(curve, "the best trial")),
        Artifact("confusion-validation.png", draw_confusion_matrix(CONFUSION, "abc", "the best trial")),
    )


def claim(queue: TrialQueue) -> ClaimedTrial:
    """A trial that there must be."""
    claimed = queue.claim()
    assert isinstance(claimed, ClaimedTrial), claimed
    return claimed


def read_rows(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, sorted; of SQLite also the bytes of the file."""
    with database.engine.connect() as connection:
        rows = {
            table.name: sorted((tuple(row) for row in connection.execute(sa.select(table))), key=repr)
            for table in (*models.BaseModel.metadata.sorted_tables, *tables.metadata.sorted_tables)
        }
        connection.rollback()
    if database.engine.dialect.name == "sqlite":
        path = Path(database.url.database or "")
        rows["file"] = [(path.read_bytes(), *(path.with_name(path.name + end).exists() for end in _SQLITE_SIDE_FILES))]
    return rows


@dataclass
class Answer:
    """What an application said."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def document(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def ask(
    application: Any, target: str, method: str = "GET", *, host: str | None = HOST, body: Any = None, **headers: str
) -> Answer:
    """Ask a WSGI application as the server would; headers by their WSGI names."""
    content = b"" if body is None else json.dumps(body).encode()
    path, _, query = target.partition("?")
    environment: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "REQUEST_URI": target,
        "PATH_INFO": unquote(path),
        "QUERY_STRING": query,
        "CONTENT_LENGTH": str(len(content)),
        "CONTENT_TYPE": "application/json",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "8080",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.input": io.BytesIO(content),
        "wsgi.errors": sys.stderr,
        "wsgi.url_scheme": "http",
    }
    environment |= {"HTTP_HOST": host} if host is not None else {}
    answer = Answer()

    def start_response(status: str, named: list[tuple[str, str]], _error: Any = None) -> None:
        answer.status = int(status.split()[0])
        answer.headers = {name.lower(): value for name, value in named}

    answer.body = b"".join(application(environment | headers, start_response))
    return answer


@dataclass
class RunningDashboard:
    """`hpsearch dashboard` as a process, and what it printed."""

    process: "subprocess.Popen[str]"
    url: str
    printed: list[str]

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rsplit(":", 1)[1])


@contextmanager
def run_dashboard(storage_url: str, *flags: str) -> Iterator[RunningDashboard]:
    """Start the command on a port of its own, wait until it says where it is, and end it."""
    command = [sys.executable, "-m", "hpsearch", "dashboard", "--port", "0", *flags]
    environment = os.environ | {"HPSEARCH_STORAGE": storage_url}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
    with subprocess.Popen(command, env=environment, text=True, **pipes) as process:  # type: ignore[call-overload]
        try:
            stdout: IO[str] = process.stdout
            printed = []
            for line in stdout:
                printed.append(line.rstrip())
                if line.startswith("Ctrl-C"):
                    break
            assert printed, process.stderr.read()
            yield RunningDashboard(process, printed[0].split()[1].partition("/?")[0].rstrip("/"), printed)
        finally:
            process.kill()
