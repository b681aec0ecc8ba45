"""Databases of older versions: refused with the command to type, brought up with nothing lost, gone on with."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from hpsearch.errors import StorageError
from hpsearch.storage import tables
from hpsearch.storage.database import Database
from hpsearch.storage.upgrade import upgrade_database
from hpsearch.tuning.claims import ClaimedTrial, NoTrial, TrialQueue
from hpsearch.tuning.records import load_trial_weights, read_study_record
from hpsearch.tuning.study import load_study
from tests.postgres import PostgresServer
from tests.scripted import curve_point

DATA = Path(__file__).parent.parent / "data"
"""layout-N: a database as version N of the layout left it, with the study `study` of 4 trials, 2 of them complete."""

RELEASED = sorted(int(path.stem.removeprefix("layout-")) for path in DATA.glob("layout-*.db"))

MakeOld = Callable[[int], str]


@pytest.fixture(params=["sqlite", "postgresql"])
def make_old(request: pytest.FixtureRequest, tmp_path: Path) -> MakeOld:
    """A database of an old layout, by its number: its URL."""

    def copy(version: int) -> str:
        path = tmp_path / "old.db"
        shutil.copy(DATA / f"layout-{version}.db", path)
        return f"sqlite:///{path}"

    def load(version: int) -> str:
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.make_database()
        engine = sa.create_engine(sa.make_url(url).set(drivername="postgresql+psycopg"))
        with engine.begin() as connection:
            connection.exec_driver_sql((DATA / f"layout-{version}.sql").read_text())
        engine.dispose()
        return url

    return copy if request.param == "sqlite" else load


def test_every_released_layout_is_kept_for_both_databases() -> None:
    assert list(range(1, tables.LAYOUT_VERSION)) == RELEASED
    assert all((DATA / f"layout-{version}.sql").is_file() for version in RELEASED)


@pytest.mark.parametrize("version", RELEASED)
def test_an_older_layout_is_refused_with_what_to_type(make_old: MakeOld, version: int) -> None:
    url = make_old(version)
    with pytest.raises(
        StorageError, match=rf"layout {version}, .* hpsearch upgrade --storage (sqlite|postgresql).*://"
    ):
        Database.open(url)


@pytest.mark.parametrize("version", RELEASED)
def test_an_upgraded_database_has_every_trial_and_its_study_goes_on(make_old: MakeOld, version: int) -> None:
    url = make_old(version)
    done = upgrade_database(url)
    assert (done.before, done.after) == (version, tables.LAYOUT_VERSION)
    with Database.open(url) as database:
        study = load_study(database, "study")
        record = read_study_record(study)
        assert [(trial.number, trial.state, trial.value) for trial in record.trials] == [
            (0, "COMPLETE", 0.75),
            (1, "COMPLETE", 0.375),
        ]
        assert [point.validation_accuracy for point in record.trial(0).curve] == [0.25, 0.5, 0.75]
        assert load_trial_weights(study, record.trial(0)) == b"the weights"
        queue = TrialQueue(study, "new", "cpu")
        while isinstance(trial := queue.claim(), ClaimedTrial):
            for epoch in range(3):
                trial.report(curve_point(epoch, 0.5))
            trial.complete(b"weights")
        assert trial is NoTrial.ALL_FINISHED
        assert read_study_record(study).counts["COMPLETE"] == 4


@pytest.mark.parametrize("version", RELEASED)
def test_an_upgraded_database_has_the_tables_of_a_new_one(
    make_old: MakeOld, version: int, tmp_path: Path, postgres: PostgresServer
) -> None:
    url = make_old(version)
    upgrade_database(url)
    new = f"sqlite:///{tmp_path}/new.db" if url.startswith("sqlite") else postgres.make_database()
    with Database.open(new, create=True), Database.open(url):
        pass
    assert describe_tables(url) == describe_tables(new)


def describe_tables(url: str) -> dict[str, dict[str, tuple[str, bool]]]:
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    inspector = sa.inspect(engine)
    found = {
        name: {
            column["name"]: (str(column["type"]), bool(column["nullable"])) for column in inspector.get_columns(name)
        }
        for name in inspector.get_table_names()
    }
    engine.dispose()
    if url.startswith("sqlite"):  # which keeps no lengths
        return {
            name: {column: (kind.split("(")[0], nullable) for column, (kind, nullable) in columns.items()}
            for name, columns in found.items()
        }
    return found


def test_a_database_of_this_version_needs_no_upgrade(storage_url: str) -> None:
    with Database.open(storage_url, create=True):
        pass
    done = upgrade_database(storage_url)
    assert done.before == done.after == tables.LAYOUT_VERSION


def test_a_newer_layout_is_refused_and_left_as_it_is(storage_url: str) -> None:
    with Database.open(storage_url, create=True) as database:
        change_layout(database, tables.LAYOUT_VERSION + 1)
    for go in (Database.open, upgrade_database):
        with pytest.raises(StorageError, match="pip install --upgrade hpsearch"):
            go(storage_url)


@pytest.mark.parametrize("version", RELEASED)
def test_an_upgrade_that_fails_changes_nothing(
    make_old: MakeOld, version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = make_old(version)
    before = describe_tables(url)

    def fail(*_arguments: object, **_keywords: object) -> None:
        raise sa.exc.OperationalError("statement", {}, Exception("the disk is full"))

    monkeypatch.setattr("hpsearch.storage.layout.Operations.add_column", fail)
    with pytest.raises(StorageError, match="the disk is full"):
        upgrade_database(url)
    monkeypatch.undo()
    assert describe_tables(url) == before
    assert upgrade_database(url).before == version


@pytest.mark.parametrize("version", RELEASED)
def test_a_database_with_workers_at_work_is_not_upgraded(make_old: MakeOld, version: int) -> None:
    url = make_old(version)
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE hpsearch_leases SET token = 't', worker = 'host-7', expires_at = '9999-01-01'"
        )
    engine.dispose()
    before = describe_tables(url)
    with pytest.raises(StorageError, match=r"in use by host-7: .* hpsearch upgrade again"):
        upgrade_database(url)
    assert describe_tables(url) == before


def change_layout(database: Database, version: int) -> None:
    with database.transaction() as connection:
        connection.execute(tables.layout.update().values(version=version))
