"""Where the storage URL comes from, how PostgreSQL gets its password, and that nobody sees it."""

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import typer

from hpsearch.cli.app import build_app
from hpsearch.storage.database import Database
from tests.cli_runs import FINISH_SECONDS, CommandRoom, Ended, make_room, write_tiny_archive
from tests.password_postgres import PasswordServer, add_password
from tests.scripted import make_study
from tests.tiny_training import TINY_FCN, tiny_config

PASSWORD = "hunter2{x}%40@/:'\" {0.__class__}%zz"
PARTS = ("hunter2", "{x}", "__class__", "%zz", "hunter2%7Bx%7D")

FILE, VARIABLE = "HPSEARCH_STORAGE_FILE", "HPSEARCH_STORAGE"


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandRoom:
    monkeypatch.chdir(tmp_path)
    for name in (VARIABLE, FILE, "PGPASSWORD", "PGPASSFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HPSEARCH_CACHE", str(tmp_path / "cache"))
    return CommandRoom(tmp_path, capsys)


@pytest.fixture
def make_file(room: CommandRoom, monkeypatch: pytest.MonkeyPatch) -> Callable[[str | bytes], Path]:
    """Write the file that the variable names."""

    def make(content: str | bytes) -> Path:
        path = room.folder / "storage-url"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        monkeypatch.setenv(FILE, str(path))
        return path

    return make


def make_database(path: Path, study: str) -> str:
    url = f"sqlite:///{path}"
    with Database.open(url, create=True) as database:
        make_study(database, study)
    return url


def assert_one_line(ended: Ended, code: int, *expected: str) -> None:
    assert ended.code == code, ended
    assert ended.err.startswith("error: "), ended.err
    assert ended.err.count("\n") == 1, ended.err
    for text in expected:
        assert text in ended.err


@pytest.mark.parametrize("ending", ["", "\n", "\r\n", " \n\n"])
def test_the_storage_is_what_the_file_says_whose_name_is_in_the_environment(
    room: CommandRoom, make_file: Callable[[str | bytes], Path], ending: str
) -> None:
    make_file(make_database(room.folder / "elsewhere.db", "from-the-file") + ending)
    assert "from-the-file" in room.type("list").out


def test_a_flag_goes_above_the_variable_and_the_file(
    room: CommandRoom, make_file: Callable[[str | bytes], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    flag = make_database(room.folder / "flag.db", "from-the-flag")
    make_file(make_database(room.folder / "file.db", "from-the-file"))
    assert "from-the-flag" in room.type("list", "--storage", flag).out
    monkeypatch.setenv(VARIABLE, "sqlite:///variable.db")
    assert "from-the-flag" in room.type("list", "--storage", flag).out


def test_two_places_that_say_where_the_storage_is_are_refused(
    room: CommandRoom, make_file: Callable[[str | bytes], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_file("sqlite:///file.db")
    monkeypatch.setenv(VARIABLE, "sqlite:///variable.db")
    assert_one_line(room.type("list"), 2, VARIABLE, FILE, "unset one")


def test_a_variable_that_is_empty_says_nothing(
    room: CommandRoom, make_file: Callable[[str | bytes], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_file(make_database(room.folder / "file.db", "from-the-file"))
    monkeypatch.setenv(VARIABLE, "")
    assert "from-the-file" in room.type("list").out
    monkeypatch.setenv(FILE, "")
    assert_one_line(room.type("list"), 3, "hpsearch.db")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ("hunter2", "holds no database URL"),
        ("hunter2@host/studies", "holds no database URL"),
        ("postgresql://me:hunter2@host:port/studies", "holds no database URL"),
        ("mysql://me:hunter2@host/studies", "holds no database URL"),
        ("sqlite:///studies.db\npostgresql://me:hunter2@host/studies", "holds no database URL"),
        ("postgresql://me:hunter2@host/" + 5000 * "x", "holds no database URL"),
        (b"\xffhunter2\x00", "holds no database URL"),
    ],
)
def test_a_file_that_holds_no_url_is_named_and_its_content_is_not_shown(
    room: CommandRoom, make_file: Callable[[str | bytes], Path], content: str | bytes, expected: str
) -> None:
    path = make_file(content)
    ended = room.type("list")
    assert_one_line(ended, 3, str(path), FILE, expected)
    assert "hunter2" not in ended.out + ended.err
    assert room.list_files() == ["storage-url"]


@pytest.mark.parametrize(("name", "expected"), [("missing", "No such file"), (".", "directory"), ("a\0b", "null")])
def test_a_file_that_cannot_be_read_is_named(
    room: CommandRoom, monkeypatch: pytest.MonkeyPatch, name: str, expected: str
) -> None:
    if "\0" in name:  # no environment can hold it
        from hpsearch.errors import StorageError
        from hpsearch.sessions.storage import read_storage_file

        with pytest.raises(StorageError, match=expected):
            read_storage_file(Path(name))
        return
    monkeypatch.setenv(FILE, str(room.folder / name))
    assert_one_line(room.type("list"), 3, str(room.folder / name), expected)


def list_commands_with_a_storage() -> list[tuple[str, list[Any]]]:
    """The name of each command that takes a storage, and its required arguments."""
    group: Any = typer.main.get_command(build_app())
    found = []
    for name, command in group.commands.items():
        if any(parameter.name == "storage" for parameter in getattr(command, "params", [])):
            arguments = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
            found.append((name, [argument for argument in arguments if argument.required]))
    return found


COMMANDS = list_commands_with_a_storage()


def fill_in(room: CommandRoom, name: str, arguments: list[Any]) -> list[str]:
    """A command line that is right but for its storage."""
    archive = write_tiny_archive(room.folder / "tiny.npz")
    if name in ("run", "create"):
        return [name, "--arch", "fcn", "--budget", "2k", "--dataset", str(archive), "--trials", "2"]
    if name == "train":
        (room.folder / "config.json").write_text(tiny_config(TINY_FCN).model_dump_json())
        return [name, "config.json", "--dataset", str(write_tiny_archive(room.folder / "eight.npz"))]
    if name == "restore":
        make_database(room.folder / "copy.db", "study")
    (room.folder / "parameters.toml").write_text("[parameters]\nlr = 0.01\n")
    given = {"config": "parameters.toml", "file": "copy.db"}
    extra = {
        "delete": ["--yes"],
        "launch": ["--on", "slurm", "--workers", "1", "--time", "10m", "--print"],
        "requeue": ["--trial", "0"],
        "replay": ["--trial", "0"],
        "backup": ["--out", "new.db"],
        "track": ["--tensorboard", "runs"],
    }
    return [name, *(given.get(argument.name, "study") for argument in arguments), *extra.get(name, [])]


def test_the_commands_that_open_a_storage_are_known() -> None:
    assert {"run", "create", "worker", "list", "show", "best", "export"} <= {name for name, _arguments in COMMANDS}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wrong", "how"),
    [
        ("password", "flag"),
        ("host", "file"),
        pytest.param("password", "variable", marks=pytest.mark.exhaustive),
        pytest.param("password", "file", marks=pytest.mark.exhaustive),
    ],
)
@pytest.mark.parametrize(("name", "arguments"), COMMANDS, ids=[name for name, _arguments in COMMANDS])
def test_no_command_shows_a_password_of_a_storage_that_does_not_open(
    room: CommandRoom,
    password_server: PasswordServer,
    monkeypatch: pytest.MonkeyPatch,
    make_file: Callable[[str | bytes], Path],
    name: str,
    arguments: list[Any],
    wrong: str,
    how: str,
) -> None:
    command = fill_in(room, name, arguments)
    address = f"127.0.0.1:{password_server.port}" if wrong == "password" else "nowhere.invalid"
    url = add_password(f"postgresql://nobody@{address}/studies", PASSWORD)
    if how == "flag":
        command += ["--storage", url]
    elif how == "variable":
        monkeypatch.setenv(VARIABLE, url)
    else:
        make_file(url)
    ended = room.type(*command)
    if name == "launch" and how != "file":  # what it hands to a cluster is a file's name, never a URL
        assert_one_line(ended, 2, "the workers read the database's URL from")
    else:
        assert_one_line(ended, 3, "storage 'postgresql")
    for part in PARTS:
        assert part not in ended.out + ended.err


@pytest.mark.parametrize("password", ["hun@ter2", "hun@/ter2", "hun/@ter2", "h@un/ter2"])
def test_a_password_with_an_at_sign_that_is_not_encoded_is_refused_and_not_shown(
    room: CommandRoom, password: str
) -> None:
    ended = room.type("list", "--storage", f"postgresql://me:{password}@host/studies")
    assert_one_line(ended, 3, "%40")
    assert "hun" not in ended.err
    assert "ter2" not in ended.err


@pytest.fixture
def locked_url(password_server: PasswordServer) -> str:
    """A database on a server that asks for PASSWORD, without it."""
    import uuid

    role = f"role_{uuid.uuid4().hex[:12]}"
    url = password_server.make_role(role, PASSWORD.replace("'", "''"))
    with Database.open(add_password(url, PASSWORD), create=True) as database:
        make_study(database, "behind-a-password")
    return url


@pytest.mark.slow
def test_without_its_password_a_database_stays_shut(room: CommandRoom, locked_url: str) -> None:
    assert_one_line(room.type("list", "--storage", locked_url), 3, "password")
    assert_one_line(room.type("list", "--storage", add_password(locked_url, "wrong")), 3, "password authentication")


@pytest.mark.slow
def test_the_password_may_come_from_postgresqls_own_file(
    room: CommandRoom, locked_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = room.folder / "pgpass"
    path.write_text("127.0.0.1:*:*:*:" + PASSWORD.replace("\\", r"\\").replace(":", r"\:") + "\n")
    path.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(path))
    assert "behind-a-password" in room.type("list", "--storage", locked_url).out


@pytest.mark.slow
def test_the_password_may_come_from_postgresqls_own_variable(
    room: CommandRoom, locked_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    assert "behind-a-password" in room.type("list", "--storage", locked_url).out


@pytest.mark.slow
def test_the_password_may_be_in_the_url_of_the_file(
    room: CommandRoom, locked_url: str, make_file: Callable[[str | bytes], Path]
) -> None:
    make_file(add_password(locked_url, PASSWORD) + "\n")
    ended = room.type("list")
    assert "behind-a-password" in ended.out
    assert_one_line(room.type("show", "unknown"), 2, "behind-a-password")
    for part in PARTS:
        assert part not in room.type("list", "--json").out


@pytest.mark.slow
def test_no_process_of_a_run_has_the_password_on_its_command_line(tmp_path: Path, locked_url: str) -> None:
    path = tmp_path / "storage-url"
    path.write_text(add_password(locked_url, PASSWORD))
    archive = write_tiny_archive(tmp_path / "tiny.npz")
    room = make_room(tmp_path, {FILE: str(path), VARIABLE: "", "HPSEARCH_CACHE": str(tmp_path / "cache")})
    arguments = ("--arch", "fcn", "--budget", "2k", "--dataset", str(archive), "--trials", "2", "--epochs", "3")
    lines: dict[int, str] = {}
    variables: set[str] = set()
    with room.start("run", *arguments, "--workers", "2", "--device", "cpu", "--pruner", "none") as process:
        until = time.monotonic() + FINISH_SECONDS
        while process.poll() is None and time.monotonic() < until:
            for child in _list_children(process.pid):
                with contextlib.suppress(psutil.Error):
                    lines[child.pid] = " ".join(child.cmdline())
                    variables |= child.environ().keys()
            time.sleep(0.05)
        out, err = process.communicate(timeout=FINISH_SECONDS)
    assert (process.returncode, err) == (0, "")
    assert sum("--until-stdin-closes" in line for line in lines.values()) >= 2
    for text in (out, *lines.values()):
        assert not any(part in text for part in PARTS)
    # Both at once would be refused.
    assert VARIABLE in variables
    assert FILE not in variables


def _list_children(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []
