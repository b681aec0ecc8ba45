"""Opening databases: what is damaged, foreign or absent is said, and nothing is made by looking."""

from pathlib import Path

import pytest

from hpsearch.errors import StorageError
from hpsearch.storage.database import Database
from hpsearch.storage.url import find_file, parse_storage_url, show_url, sqlite_path
from hpsearch.tuning.study import UnknownStudyError, list_study_names, load_study
from hpsearch.tuning.summaries import read_summaries
from tests.killed_writer import leave_a_journal
from tests.scripted import make_study


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database with a study."""
    target = tmp_path / "studies.db"
    with Database.open(f"sqlite:///{target}", create=True) as database:
        make_study(database, "fashion-mnist-cnn-100k")
    return target


def open_again(path: Path) -> None:
    with Database.open(f"sqlite:///{path}") as database:
        read_summaries(database)


def test_a_database_is_whole_after_it_was_made(path: Path) -> None:
    open_again(path)
    assert sorted(file.name for file in path.parent.iterdir()) == ["studies.db", "studies.db.lock"]


def test_looking_for_studies_makes_no_database(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="there is no database"):
        Database.open(f"sqlite:///{tmp_path}/absent.db")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="there is no folder"):
        Database.open(f"sqlite:///{tmp_path}/absent/studies.db", create=True)


@pytest.mark.parametrize("create", [False, True])
@pytest.mark.parametrize("content", [b"", b"no database at all, but some text", b"SQLite format 3\x00" + bytes(50)])
def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path: Path, content: bytes, create: bool) -> None:
    target = tmp_path / "studies.db"
    target.write_bytes(content)
    with pytest.raises(StorageError, match=r"studies\.db"):
        Database.open(f"sqlite:///{target}", create=create)
    assert target.read_bytes() == content


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
def test_a_truncated_database_is_never_taken_for_one_without_trials(path: Path, share: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(StorageError, match="damaged"):
        open_again(path)


@pytest.mark.parametrize("place", [0.01, 0.03, 0.2, 0.4, 0.6, 0.8])
def test_a_page_of_noise_never_ends_in_no_trials_or_a_traceback(path: Path, place: float) -> None:
    content = bytearray(path.read_bytes())
    start = int(place * len(content)) // 4096 * 4096
    content[start : start + 4096] = bytes(index * 89 % 256 for index in range(4096))
    path.write_bytes(content)
    with pytest.raises(StorageError):
        open_again(path)


def test_a_database_of_somebody_else_is_refused_for_reading(tmp_path: Path) -> None:
    import sqlite3

    with sqlite3.connect(tmp_path / "other.db") as connection:
        connection.execute("CREATE TABLE notes (text TEXT)")
    with pytest.raises(StorageError, match="holds no studies of hpsearch"):
        Database.open(f"sqlite:///{tmp_path}/other.db")


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "mysql://host/db",
        "sqlite:///a.db?mode=ro",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite://host/studies.db",
        "",
    ],
)
def test_a_url_that_is_none_of_ours_says_what_to_give(url: str) -> None:
    with pytest.raises(StorageError, match=r"give FILE\.db, sqlite:///FILE"):
        parse_storage_url(url)


@pytest.mark.parametrize("password", ["secret", "s{e}cret", "s%40cret", "{0.__class__}"])
def test_a_password_is_never_shown(password: str) -> None:
    url = parse_storage_url(f"postgresql://user:{password}@host/studies?password={password}")
    assert password not in show_url(url)
    assert "host/studies" in show_url(url)


@pytest.mark.parametrize("typed", ["studies.db", "old/my studies.sqlite", "/var/a@b.sqlite3", "./x.y.db"])
def test_a_file_s_name_alone_is_a_sqlite_file(typed: str) -> None:
    assert sqlite_path(parse_storage_url(typed)) == find_file(typed) == Path(typed)


@pytest.mark.parametrize("typed", ["studies", "/tmp/.db/", ".db", "sqlite:/x.db", "me:x@host/x.db", "x.db?mode=ro"])
def test_what_is_no_file_s_name_is_no_url_either(typed: str) -> None:
    with pytest.raises(StorageError):
        find_file(typed)


def test_a_password_in_something_that_is_no_url_is_not_shown_either() -> None:
    with pytest.raises(StorageError) as caught:
        parse_storage_url("user:secret@host/studies")
    assert "secret" not in str(caught.value)


def test_a_database_server_that_does_not_answer_is_a_storage_error() -> None:
    with pytest.raises(StorageError) as caught:
        Database.open("postgresql://user:s{e}cret@127.0.0.1:1/studies", create=True)
    assert "s{e}cret" not in str(caught.value)


def test_an_unknown_study_names_the_near_ones(path: Path) -> None:
    with (
        Database.open(f"sqlite:///{path}") as database,
        pytest.raises(UnknownStudyError, match="fashion-mnist-cnn-100k"),
    ):
        load_study(database, "fashion-mnist-cnn-10k")


def test_a_study_that_hpsearch_did_not_make_is_not_listed_and_not_loaded(path: Path) -> None:
    import optuna

    with Database.open(f"sqlite:///{path}") as database:
        optuna.create_study(study_name="foreign", storage=database.optuna_storage)
        assert list_study_names(database) == ["fashion-mnist-cnn-100k"]
        with pytest.raises(StorageError, match="none of hpsearch's"):
            load_study(database, "foreign")


def test_a_place_where_no_file_can_be_made_is_said_at_once() -> None:
    with pytest.raises(StorageError, match=r"/proc/studies\.db"):
        Database.open("sqlite:////proc/studies.db", create=True)


def test_a_journal_that_a_killed_writer_left_is_rolled_back_and_no_damage(path: Path) -> None:
    leave_a_journal(path)
    with Database.open(f"sqlite:///{path}") as database:
        assert list_study_names(database) == ["fashion-mnist-cnn-100k"]
