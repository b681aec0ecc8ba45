"""One study that cannot be read hides no other, and can be deleted."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from hpsearch.cli import main
from hpsearch.dashboard.shown_storage import ShownStorage
from hpsearch.dataset import DatasetIdentity
from hpsearch.errors import InputError, UnreadableStudyError
from hpsearch.sessions.report_subjects import choose_records
from hpsearch.storage.database import Database
from hpsearch.storage.optuna_rows import write_attributes, write_study_attributes
from hpsearch.tuning.operations import delete_unreadable_study
from hpsearch.tuning.study import UnknownStudyError, list_study_names, load_studies, load_study
from hpsearch.tuning.summaries import read_summaries
from tests.scripted import TINY_DATASET, make_study

UNDECODABLE = json.dumps(TINY_DATASET.model_dump(mode="json") | {"class_names": ["caf\udce9", "b", "c"]})
WRONG = {"no UTF-8": UNDECODABLE, "no JSON": '{"name": ', "another version": '{"version": 99}', "a list": "[]"}


@pytest.fixture(params=WRONG)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A database with a study that is right, and one that is not."""
    target = tmp_path / "studies.db"
    with Database.open(f"sqlite:///{target}", create=True) as database:
        make_study(database, "good")
        study_id = make_study(database, "bad").study_id
    with sqlite3.connect(target) as connection:
        change = "UPDATE study_user_attributes SET value_json = ? WHERE study_id = ? AND key = 'hpsearch:dataset'"
        connection.execute(change, (WRONG[request.param], study_id))
    connection.close()
    return target


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    with Database.open(f"sqlite:///{path}") as opened:
        yield opened


def test_the_others_are_read_and_the_bad_one_is_named(database: Database) -> None:
    assert list_study_names(database) == ["bad", "good"]
    studies, unreadable = load_studies(database)
    assert ([study.name for study in studies], [study.name for study in unreadable]) == (["good"], ["bad"])
    records, unreadable = read_summaries(database)
    assert [record.study.name for record in records] == ["good"]
    assert "hpsearch delete bad" in unreadable[0].reason
    with pytest.raises(UnreadableStudyError, match="hpsearch delete bad removes it"):
        load_study(database, "bad")


@pytest.mark.slow
def test_a_report_of_all_notes_the_bad_one_and_one_of_it_is_refused(database: Database) -> None:
    notes: list[str] = []
    records = choose_records(database, ["*"], lambda _line: None, notes.append)
    assert [record.study.name for record in records] == ["good"]
    assert "'bad'" in notes[0]
    with pytest.raises(UnreadableStudyError):
        choose_records(database, ["bad"], lambda _line: None, notes.append)
    with pytest.raises(InputError, match="can be read"):
        choose_records(database, ["ba*"], lambda _line: None, notes.append)


def test_the_dashboard_shows_both(database: Database) -> None:
    storage = ShownStorage(database, forget=lambda: None)
    assert {study.study_name for study in storage.get_all_studies()} == {"good", "bad"}
    for study in storage.get_all_studies():
        storage.get_study_user_attrs(study._study_id)


def test_the_bad_one_is_deleted_and_nothing_else(database: Database) -> None:
    delete_unreadable_study(database, "bad")
    assert list_study_names(database) == ["good"]
    with pytest.raises(UnknownStudyError):
        delete_unreadable_study(database, "bad")


@pytest.mark.slow
def test_list_shows_the_good_one_and_delete_takes_the_bad_one(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    storage = ("--storage", f"sqlite:///{path}")
    assert main(["list", *storage]) == 0
    out = capsys.readouterr().out
    assert "good" in out
    assert "hpsearch delete bad" in out
    assert main(["list", "--json", *storage]) == 0
    assert [study["study"] for study in json.loads(capsys.readouterr().out)] == ["good", "bad"]
    assert main(["delete", "bad", *storage]) == 2
    assert main(["delete", "bad", "--yes", *storage]) == 0
    assert main(["list", *storage]) == 0


def test_what_cannot_be_stored_makes_no_study_and_is_written_out_of_a_trial(tmp_path: Path) -> None:
    with Database.open(f"sqlite:///{tmp_path}/studies.db", create=True) as database:
        study = make_study(database)
        with database.transaction() as connection, pytest.raises(InputError, match=r"caf.*is no UTF-8"):
            write_study_attributes(connection, study.study_id, {"hpsearch:spec": {"dataset": "caf\udce9"}}, {})
        with database.transaction() as connection:
            write_attributes(connection, 1, {"reason": "cannot read caf\udce9"})
            text = connection.exec_driver_sql("SELECT value_json FROM trial_user_attributes").scalar_one()
    assert json.loads(text) == r"cannot read caf\xe9"


def test_no_identity_holds_a_name_that_cannot_be_stored() -> None:
    with pytest.raises(ValueError, match=r"caf.*is no UTF-8"):
        DatasetIdentity.model_validate(TINY_DATASET.model_dump() | {"class_names": ("caf\udce9", "b")})
