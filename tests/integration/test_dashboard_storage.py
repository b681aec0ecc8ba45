"""What the dashboard sees of a database, and that it cannot write it."""

import os
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from optuna.artifacts.exceptions import ArtifactNotFound
from optuna.exceptions import StorageInternalError
from optuna.trial import TrialState

from hpsearch.dashboard.application import build_application
from hpsearch.dashboard.artifact_store import DatabaseArtifactStore
from hpsearch.dashboard.errors import EditRefusedError
from hpsearch.dashboard.rules import Rules
from hpsearch.dashboard.shown_storage import ShownStorage
from hpsearch.errors import StorageError
from hpsearch.storage import optuna_rows, tables
from hpsearch.storage.database import Database
from hpsearch.storage.url import parse_storage_url
from hpsearch.tuning.claims import TrialQueue
from hpsearch.tuning.study import Study
from tests.dashboards import HOST, ask, claim, make_finished_study, read_rows
from tests.killed_writer import leave_a_journal
from tests.postgres import PostgresServer
from tests.scripted import curve_point, make_study

READING = Rules(frozenset({HOST}))


@pytest.fixture
def study(storage_url: str) -> Iterator[Study]:
    with Database.open(storage_url, create=True) as database:
        yield make_finished_study(database)


@pytest.fixture
def read_only(storage_url: str, study: Study) -> Iterator[Database]:
    with Database.open_read_only(storage_url) as database:
        yield database


def read_study(application: Any, study: Study) -> Any:
    answer = ask(application, f"/api/studies/{study.study_id}")
    assert answer.status == 200, answer.body
    return answer.document


def test_the_database_itself_refuses_every_write(study: Study, read_only: Database) -> None:
    before = read_rows(study.database)
    writes = (
        sa.delete(tables.leases),
        sa.update(optuna_rows.trials).values(state=TrialState.FAIL),
        sa.insert(tables.layout).values(version=99),
    )
    for write in writes:
        with pytest.raises(StorageError, match=r"read.?only"), read_only.transaction() as connection:
            connection.execute(write)
    with pytest.raises(StorageInternalError):
        read_only.optuna_storage.set_study_user_attr(study.study_id, "forged", 1)
    assert read_rows(study.database) == before


def test_a_role_that_may_only_select_is_enough(postgres: PostgresServer) -> None:
    url = postgres.make_database()
    with Database.open(url, create=True) as database:
        study = make_finished_study(database)
        administration = PostgresServer(postgres.url.set(database=sa.make_url(url).database))
        role = f"reader_{sa.make_url(url).database}"
        name = sa.make_url(url).database
        for statement in (
            f"CREATE ROLE {role} LOGIN",
            f"GRANT CONNECT ON DATABASE {name} TO {role}",
            f"GRANT USAGE ON SCHEMA public TO {role}",
            f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}",
        ):
            administration.execute(statement)
        reader = sa.make_url(url).set(username=role).render_as_string(hide_password=False)
        with Database.open_read_only(reader) as read_only:
            application = build_application(read_only, READING)
            found = read_study(application, study)
            assert len(found["trials"]) == 5
            identity = found["trials"][3]["artifacts"][0]["artifact_id"]
            assert DatabaseArtifactStore(read_only).open_reader(identity).read().startswith(b"\x89PNG")


def test_what_bloats_is_left_out_and_the_last_losses_shown(study: Study, read_only: Database) -> None:
    found = read_study(build_application(read_only, READING), study)
    names = {attribute["key"]: attribute["sortable"] for attribute in found["union_user_attrs"]}
    sortable = ("weights", "macs", "seconds", "epochs", "train_loss", "validation_loss")
    sortable += tuple(f"{what}_{number}_bytes" for what in ("ram", "flash") for number in ("int8", "fp32"))
    assert names == dict.fromkeys(sortable, True) | {"network": False}
    assert [value["value"] for value in found["trials"][3]["intermediate_values"]] == [0.625, 0.6406, 0.6562]
    assert found["trials"][3]["datetime_complete"].endswith("+00:00")


def test_the_fields_of_the_spec_stand_beside_a_study(study: Study, read_only: Database) -> None:
    found = ask(build_application(read_only, READING), "/api/studies").document["study_summaries"][0]
    shown = {attribute["key"]: attribute["value"] for attribute in found["user_attrs"]}
    assert {"dataset": "tiny", "arch": "fcn", "budget": "2000", "trials": "5"}.items() <= shown.items()
    assert not any("hpsearch" in name for name in shown)


def test_trials_are_shown_as_optuna_has_them_with_epochs_from_one_rounded_and_without_what_is_not_used(
    study: Study, read_only: Database
) -> None:
    shown = ShownStorage(read_only, forget=lambda: None)
    plain = study.database.optuna_storage.get_all_trials(study.study_id)
    for mine, theirs in zip(shown.get_all_trials(study.study_id), plain, strict=True):
        assert (mine.number, mine._trial_id, mine.state) == (theirs.number, theirs._trial_id, theirs.state)
        assert mine.value == (None if theirs.value is None else round(theirs.value, 4))
        assert mine.params == pytest.approx({name: theirs.params[name] for name in mine.params}, abs=1e-3)
        assert mine.distributions == {name: theirs.distributions[name] for name in mine.params}
        unused = {f"width_ratio_{layer}" for layer in (2, 3, 4) if layer > theirs.params["depth"]}
        assert theirs.params.keys() - mine.params.keys() == unused & theirs.params.keys()
        epochs = {step + 1: round(value, 4) for step, value in theirs.intermediate_values.items()}
        assert (mine.intermediate_values, mine.system_attrs) == (epochs, theirs.system_attrs)
        assert shown.get_trial(mine._trial_id).params == mine.params
    assert shown.get_best_trial(study.study_id).number == 3
    assert [trial.number for trial in shown.get_all_trials(study.study_id, states=(TrialState.PRUNED,))] == [2]


def test_what_workers_write_shows_at_the_next_look(study: Study, read_only: Database) -> None:
    shown = ShownStorage(read_only, forget=lambda: None)
    assert shown.get_all_trials(study.study_id)[-1].state == TrialState.RUNNING
    more = make_study(study.database, "more", trials=1)
    trial = claim(TrialQueue(more, "worker", "cpu"))
    trial.report(curve_point(0, 0.5))
    assert shown.get_all_trials(more.study_id)[0].intermediate_values == {1: 0.5}
    trial.report(curve_point(1, 0.75))
    trial.complete(b"weights")
    assert shown.get_all_trials(more.study_id)[0].value == 0.75


def test_a_finished_trial_that_is_put_back_is_not_shown_as_finished(study: Study, read_only: Database) -> None:
    """Optuna's own cache would go on showing it."""
    forgotten: list[bool] = []
    shown = ShownStorage(read_only, forget=lambda: forgotten.append(True))
    first = shown.get_all_trials(study.study_id)[0]
    assert (first.state, forgotten) == (TrialState.COMPLETE, [])
    row = optuna_rows.trials.c.trial_id == first._trial_id
    with study.database.transaction() as connection:
        change = optuna_rows.trials.update().where(row)
        connection.execute(change.values(state=TrialState.WAITING, datetime_complete=None))
    assert shown.get_all_trials(study.study_id)[0].state == TrialState.WAITING
    assert forgotten == [True]


def test_the_view_writes_nothing_even_into_a_database_that_would_take_it(study: Study) -> None:
    before = read_rows(study.database)
    shown = ShownStorage(study.database, forget=lambda: None)
    trial_id = shown.get_all_trials(study.study_id)[-1]._trial_id
    for write in (
        lambda: shown.delete_study(study.study_id),
        lambda: shown.create_new_study([]),
        lambda: shown.create_new_trial(study.study_id),
        lambda: shown.set_study_user_attr(study.study_id, "x", 1),
        lambda: shown.set_study_system_attr(study.study_id, "artifacts:x", "{}"),
        lambda: shown.set_study_system_attr(study.study_id, "dashboard:note_ver:x", 1),
        lambda: shown.set_trial_state_values(trial_id, TrialState.COMPLETE, [1.0]),
        lambda: shown.set_trial_intermediate_value(trial_id, 9, 1.0),
        lambda: shown.set_trial_user_attr(trial_id, "x", 1),
        lambda: shown.set_trial_system_attr(trial_id, "x", 1),
        lambda: DatabaseArtifactStore(study.database).remove("x"),
    ):
        with pytest.raises(EditRefusedError):
            write()
    assert read_rows(study.database) == before


def test_an_artifact_comes_from_the_database(study: Study, read_only: Database) -> None:
    application = build_application(read_only, READING)
    best = read_study(application, study)["best_trials"][0]
    assert sorted(artifact["filename"] for artifact in best["artifacts"]) == [
        "confusion-validation.png",
        "learning-curve.png",
    ]
    identity = best["artifacts"][0]["artifact_id"]
    answer = ask(application, f"/artifacts/{study.study_id}/{best['trial_id']}/{identity}")
    assert (answer.status, answer.headers["content-type"]) == (200, "image/png")
    assert answer.body.startswith(b"\x89PNG")
    assert answer.headers["content-security-policy"].startswith("sandbox")
    assert "access-control-allow-origin" not in answer.headers
    with pytest.raises(ArtifactNotFound):
        DatabaseArtifactStore(read_only).open_reader("0" * 32)


def test_the_dashboard_shows_the_note_that_a_study_was_made_with(study: Study, read_only: Database) -> None:
    found = read_study(build_application(read_only, READING), study)
    assert found["objective_names"] == ["validation accuracy"]
    assert found["note"]["version"] == 1
    assert "at most 2,000 weights" in found["note"]["body"]
    assert "`hpsearch best tiny-fcn`" in found["note"]["body"]


@pytest.mark.slow
def test_the_dashboard_reads_while_workers_write(study: Study, read_only: Database, storage_url: str) -> None:
    busy = make_study(study.database, "busy", trials=10)
    application = build_application(read_only, READING)

    def work(worker: str) -> None:
        with Database.open(storage_url) as database:
            queue = TrialQueue(make_study(database, "busy", trials=10), worker, "cpu")
            for _ in range(5):
                trial = claim(queue)
                for epoch in range(3):
                    trial.report(curve_point(epoch, 0.5))
                trial.complete(b"weights")

    with ThreadPoolExecutor(4) as pool:
        workers = [pool.submit(work, name) for name in ("one", "two")]
        looks = 0
        while not all(worker.done() for worker in workers):
            answers = list(pool.map(lambda _: ask(application, f"/api/studies/{busy.study_id}"), range(2)))
            assert {answer.status for answer in answers} == {200}, [answer.body[:300] for answer in answers]
            looks += 1
        for worker in workers:
            worker.result()
    assert looks > 1
    shown = ShownStorage(read_only, forget=lambda: None)
    assert [trial.state for trial in shown.get_all_trials(busy.study_id)] == [TrialState.COMPLETE] * 10


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[5000:9000] = os.urandom(4000)
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda path: path.unlink(), "there is no database"),
        (damage, "is damaged"),
        (lambda path: path.write_bytes(b""), "is empty"),
        (lambda path: path.write_bytes(b"no database at all, but text"), "is no SQLite database"),
        (lambda path: (path.unlink(), sqlite3.connect(path).execute("CREATE TABLE t (c)")), "holds no studies"),
    ],
)
def test_a_file_that_is_no_good_is_found_at_the_start(tmp_path: Path, spoil: Any, expected: str) -> None:
    path = tmp_path / "studies.db"
    with Database.open(f"sqlite:///{path}", create=True) as database:
        make_study(database)
    spoil(path)
    files = sorted(tmp_path.iterdir())
    with pytest.raises(StorageError, match=expected):
        Database.open_read_only(f"sqlite:///{path}")
    assert sorted(tmp_path.iterdir()) == files


@pytest.mark.slow
@pytest.mark.fault
def test_a_journal_that_a_killed_writer_left_does_not_stop_the_dashboard(tmp_path: Path) -> None:
    path = tmp_path / "studies #1.db"
    with Database.open(f"sqlite:///{path}", create=True) as database:
        study = make_finished_study(database)
    with Database.open_read_only(f"sqlite:///{path}") as read_only:
        application = build_application(read_only, READING)
        before = read_study(application, study)
        leave_a_journal(path)
        assert read_study(application, study)["name"] == before["name"]


def test_a_database_that_went_away_is_a_sentence_and_no_page_of_errors(tmp_path: Path) -> None:
    path = tmp_path / "studies.db"
    with Database.open(f"sqlite:///{path}", create=True) as database:
        study = make_finished_study(database)
    with Database.open_read_only(f"sqlite:///{path}") as read_only:
        application = build_application(read_only, READING)
        read_only.engine.dispose()
        path.write_bytes(b"no database at all, but text")
        assert ask(application, f"/api/studies/{study.study_id}").status == 500
        answer = ask(application, f"/csv/{study.study_id}")
        assert answer.status == 503
        assert "studies.db" in answer.document["reason"]


def test_the_session_says_that_it_only_reads_whatever_the_url_says(postgres: PostgresServer) -> None:
    url = postgres.make_database()
    with Database.open(url, create=True) as database:
        make_study(database)
    given = parse_storage_url(url)
    spoilt = given.update_query_dict({"options": "-c default_transaction_read_only=off"})
    with Database.open_read_only(spoilt.render_as_string(hide_password=False)) as read_only:
        with read_only.transaction() as connection:
            assert connection.execute(sa.text("SHOW transaction_read_only")).scalar_one() == "on"
        with pytest.raises(StorageError, match="read-only"), read_only.transaction() as connection:
            connection.execute(sa.delete(tables.leases))
