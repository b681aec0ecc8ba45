"""Every method on every route of Optuna's dashboard, from every kind of host: only what is allowed passes."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import optuna
import optuna_dashboard
import pytest

from hpsearch.dashboard.application import build_application
from hpsearch.dashboard.guard import Guard
from hpsearch.dashboard.rules import Rules
from hpsearch.storage.database import Database
from hpsearch.tuning.study import Study
from tests.dashboards import HOST, ask, make_finished_study, read_rows

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT")
HOSTS = (HOST, "127.0.0.1:8080", "evil.example:8080", "localhost:9999", None)
SERVED_HOSTS = frozenset({HOST, "127.0.0.1:8080"})
READING = Rules(SERVED_HOSTS)
FROM_OUR_PAGE = {"HTTP_ORIGIN": f"http://{HOST}", "HTTP_SEC_FETCH_SITE": "same-origin"}

BODY = {
    "study_name": "renamed",
    "directions": ["maximize"],
    "state": "complete",
    "values": [0.99],
    "user_attrs": {"forged": 1},
    "version": 2,
    "body": "forged",
    "file": "data:text/html;base64,PGI+",
    "filename": "page.html",
    "mode": "ChooseWorst",
    "candidates": [0, 1],
    "clicked": 0,
    "output_type": "artifact",
    "artifact_key": "x",
}
"""What makes any of the routes do what it does."""


@pytest.fixture
def study(storage_url: str) -> Iterator[Study]:
    with Database.open(storage_url, create=True) as database:
        yield make_finished_study(database)


@pytest.fixture
def read_only(storage_url: str, study: Study) -> Iterator[Database]:
    with Database.open_read_only(storage_url) as database:
        yield database


def list_paths(study: Study) -> list[str]:
    """A path for each route that the dashboard says it has: for a trial that runs and for one with artifacts."""
    application = optuna_dashboard.wsgi(optuna.storages.InMemoryStorage())
    trials = study.database.optuna_storage.get_all_trials(study.study_id, deepcopy=False)
    artifact = next(key for trial in trials for key in trial.system_attrs if key.startswith("artifacts:"))
    paths = set()
    for rule in {route.rule for route in application.routes}:
        for trial in trials[-2:]:
            names = {"study_id:int": study.study_id, "trial_id:int": trial._trial_id, "filename:path": "bundle.js"}
            names |= {"plot_type": "slice", "history_id": "1", ":re:(/.*)?": "/studies/1"}
            names["artifact_id:re:[0-9a-fA-F-]+"] = artifact.removeprefix("artifacts:")
            path = re.sub(r"<([^>]*(?:\[[^]]*\])?[^>]*)>", lambda match: str(names[match[1]]), rule)  # noqa: B023
            paths.add(path)
    assert len(paths) >= 25
    return sorted(paths)


@dataclass
class Spy:
    """Notes what comes through to an application."""

    application: Any
    passed: set[tuple[str, str, str | None]] = field(default_factory=set)

    def __call__(self, environment: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.passed.add((environment["REQUEST_METHOD"], environment["PATH_INFO"], environment.get("HTTP_HOST")))
        answer: Iterable[bytes] = self.application(environment, start_response)
        return answer


def ask_everything(application: Any, study: Study, rules: Rules) -> set[tuple[str, str, str | None]]:
    """Every combination; what the guard let through."""
    spy = Spy(application)
    guard = Guard(spy, rules)
    for path in list_paths(study):
        for method in METHODS:
            for host in HOSTS:
                ask(guard, path, method, host=host, body=BODY, **FROM_OUR_PAGE)
    return spy.passed


@pytest.mark.slow
def test_only_reading_passes_and_nothing_changes(study: Study, read_only: Database) -> None:
    before = read_rows(study.database)
    passed = ask_everything(build_application(read_only, READING), study, READING)
    assert passed == {
        (method, path, host) for path in list_paths(study) for method in ("GET", "HEAD") for host in SERVED_HOSTS
    }
    assert read_rows(study.database) == before


@pytest.mark.slow
def test_what_the_guard_keeps_out_would_do_what_it_says(study: Study) -> None:
    """So the tests above ask for something: Optuna's own application does it."""
    application = optuna_dashboard.wsgi(study.database.optuna_storage)
    trial = study.database.optuna_storage.get_all_trials(study.study_id)[-1]
    told = ask(application, f"/api/trials/{trial._trial_id}/tell", "POST", host="evil.example", body=BODY)
    assert told.status == 204
    assert study.database.optuna_storage.get_trial(trial._trial_id).value == 0.99
    deleted = ask(application, f"/api/studies/{study.study_id}", "DELETE", host="evil.example", body={})
    assert deleted.status == 204
    assert study.database.optuna_storage.get_all_studies() == []


@pytest.mark.slow
def test_even_without_the_guard_nothing_can_be_written(study: Study, read_only: Database) -> None:
    """What is inside refuses as well: the view of the database, and the database itself."""
    inside = build_application(read_only, READING)._application  # type: ignore[attr-defined]
    before = read_rows(study.database)
    for path in list_paths(study):
        for method in METHODS:
            ask(inside, path, method, body=BODY, HTTP_ACCEPT_ENCODING="identity")
    assert read_rows(study.database) == before


def test_what_is_wrong_comes_as_a_sentence(study: Study, read_only: Database) -> None:
    application = build_application(read_only, READING)
    answer = ask(application, f"/api/studies/{study.study_id}", "DELETE")
    assert answer.status == 405
    assert "hpsearch delete" in answer.document["reason"]
    assert ask(application, "/api/studies/999").status == 404
    trial = study.database.optuna_storage.get_all_trials(study.study_id)[0]
    assert ask(application, f"/artifacts/{study.study_id}/{trial._trial_id}/abc").status == 404
    assert ask(application, "/favicon.ico").status == 200
