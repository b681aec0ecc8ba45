"""What docker-compose.yml says is run as it stands: as local processes, against a real PostgreSQL."""

import http.client
import os
import signal
import stat
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from hpsearch.storage.database import Database
from tests.cli_runs import FINISH_SECONDS, CommandRoom
from tests.compose_file import load_compose
from tests.deployment_room import (
    DEPLOY,
    SECRETS,
    STUDY,
    DeploymentRoom,
    make_roles,
    make_secrets,
    make_study,
    open_room,
)
from tests.password_postgres import PasswordServer, find_free_port
from tests.scripted import make_study as make_tiny_study
from tests.shellcheck import check_script

pytestmark = pytest.mark.slow


@pytest.fixture
def room(tmp_path: Path, password_server: PasswordServer) -> Iterator[DeploymentRoom]:
    with open_room(tmp_path, password_server) as opened:
        yield opened


def list_command(service: Mapping[str, Any]) -> list[str]:
    """Entry point and command of one of our services."""
    return ["hpsearch", *service["command"]]


@contextmanager
def running(
    room: DeploymentRoom, command: list[str], environment: Mapping[str, str]
) -> Iterator["subprocess.Popen[str]"]:
    """A service that lasts; it is ended as Docker ends it."""
    with room.start(command, environment) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=240)


# The secrets


def test_secrets_are_made_once_and_differ(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    make_secrets(folder)
    first = {path.name: path.read_text() for path in folder.iterdir()}
    assert set(first) == SECRETS == set(load_compose()["secrets"])
    drawn = [content for name, content in first.items() if not name.endswith("_url")]
    assert len(set(drawn)) == len(drawn)
    assert all(len(content.strip()) == 48 for content in drawn)
    assert first["worker_url"] == f"postgresql://hpsearch_worker:{first['worker_password']}@database/hpsearch\n"
    (folder / "dashboard_token").unlink()
    make_secrets(folder)
    again = {path.name: path.read_text() for path in folder.iterdir()}
    assert {name for name in first if again[name] != first[name]} == {"dashboard_token"}


def test_nobody_else_on_the_machine_reaches_the_secrets_and_every_container_may(tmp_path: Path) -> None:
    make_secrets(tmp_path / "secrets")
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "secrets").iterdir()} == {0o444}


# The roles


def test_the_roles_may_do_what_they_are_for_and_nothing_else(room: DeploymentRoom) -> None:
    make_roles(room)
    Database.open(room.url("owner"), create=True).close()
    refused = psycopg.errors.InsufficientPrivilege
    with room.connect("worker") as connection:
        connection.execute("INSERT INTO studies (study_name) VALUES ('mine')")
        connection.execute("UPDATE studies SET study_name = 'yours'")
        connection.execute("DELETE FROM studies")
        for statement in (
            "DROP TABLE trials",
            "ALTER TABLE trials ADD COLUMN more text",
            "CREATE TABLE more (id int)",
            "TRUNCATE trials",
            "CREATE SCHEMA more",
            "SET ROLE hpsearch_owner",
        ):
            with pytest.raises(refused):
                connection.execute(statement)
    with room.connect("dashboard") as connection:
        assert connection.execute("SELECT count(*) FROM hpsearch_leases").fetchone() == (0,)
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("INSERT INTO studies (study_name) VALUES ('mine')")
        connection.execute("SET default_transaction_read_only = off")
        for statement in (
            "INSERT INTO studies (study_name) VALUES ('mine')",
            "UPDATE trials SET state = 'FAIL'",
            "DELETE FROM studies",
            "DROP TABLE trials",
            "CREATE TABLE more (id int)",
            "CREATE TEMPORARY TABLE more (id int)",
            "SELECT nextval('studies_study_id_seq')",
        ):
            with pytest.raises(refused):
                connection.execute(statement)


def test_the_roles_may_type_the_commands_that_the_documentation_says(
    room: DeploymentRoom, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_roles(room)
    monkeypatch.chdir(room.folder)
    monkeypatch.delenv("HPSEARCH_STORAGE", raising=False)
    with Database.open("sqlite:///laptop.db", create=True) as database:
        make_tiny_study(database, STUDY)
    (room.folder / "parameters.toml").write_text("[parameters]\nlr = 0.01\n")
    commands = CommandRoom(room.folder, capsys)
    monkeypatch.setenv("HPSEARCH_STORAGE_FILE", str(room.secrets / "worker_url"))
    ended = commands.type("create", "--arch", "fcn", "--budget", "2k", "--dataset", "tiny.npz")
    assert (ended.code, ended.err.count("\n")) == (3, 1)
    assert "permission denied" in ended.err
    assert "hpsearch_owner" in ended.err
    monkeypatch.setenv("HPSEARCH_STORAGE_FILE", str(room.secrets / "owner_url"))
    assert (ended := commands.type("restore", "laptop.db")).code == 0, ended
    monkeypatch.setenv("HPSEARCH_STORAGE_FILE", str(room.secrets / "worker_url"))
    for line in (
        ("list",),
        ("show", STUDY),
        ("status", STUDY),
        ("stop", STUDY),
        ("resume", STUDY, "--trials", "+5"),
        ("enqueue", STUDY, "parameters.toml"),
        ("backup", "--out", "copy.db"),
        ("delete", STUDY, "--yes"),
    ):
        assert (ended := commands.type(*line)).code == 0, ended


def test_a_role_of_another_database_is_not_let_in(room: DeploymentRoom) -> None:
    make_roles(room)
    other = room.server.make_role(f"other_{uuid.uuid4().hex[:8]}", "secret").replace("@", ":secret@")
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(other.rpartition("/")[0] + f"/{room.database}")


def test_a_secret_that_is_missing_makes_no_role_at_all(room: DeploymentRoom) -> None:
    (room.secrets / "dashboard_password").unlink()
    service = load_compose()["services"]["database"]
    environment = service["environment"] | {"POSTGRES_DB": room.database, "PGHOST": str(room.server.folder)}
    command = [str(DEPLOY / "postgres" / "roles.sh")]
    _out, err = room.run(command, environment | {"PGPORT": str(room.server.port)}, code=1)
    assert "DASHBOARD_PASSWORD_FILE names no file" in err
    with pytest.raises(psycopg.OperationalError):
        room.connect("owner")


def test_a_password_with_quotes_makes_its_role_and_is_in_no_log_when_that_fails(room: DeploymentRoom) -> None:
    password = 'it\'s "quoted" \\ $(id) :x hunter2'
    (room.secrets / "worker_password").unlink()
    (room.secrets / "worker_password").write_text(password + "\n")
    make_roles(room)
    server = {"host": "127.0.0.1", "port": room.server.port, "dbname": room.database}
    psycopg.connect(**server, user="hpsearch_worker", password=password).close()
    # A second time the roles exist: the statement fails, and the server writes to its log.
    service = load_compose()["services"]["database"]
    environment = service["environment"] | {"POSTGRES_DB": room.database, "PGHOST": str(room.server.folder)}
    command = [str(DEPLOY / "postgres" / "roles.sh")]
    _out, err = room.run(command, environment | {"PGPORT": str(room.server.port)}, code=3)
    log = (room.server.folder / "log").read_text()
    assert "already exists" in err
    assert 'role "hpsearch_owner" already exists' in log
    owner_password = (room.secrets / "owner_password").read_text().strip()
    for text in (err, log):
        assert "hunter2" not in text
        assert owner_password not in text


# Compose


def test_the_services_of_compose_search_a_study_to_its_end(room: DeploymentRoom) -> None:
    make_roles(room)
    services = load_compose({"HPSEARCH_STUDY": STUDY})["services"]
    create, worker = services["create"], services["worker"]
    out, err = room.run(list_command(create), create["environment"])
    assert f"study {STUDY} is made" in out
    assert err == ""
    workers = [room.start(list_command(worker), worker["environment"]) for _ in range(2)]
    connections = 0
    while any(process.poll() is None for process in workers):
        connections = max(connections, _count_connections(room))
        time.sleep(0.1)
    assert 2 <= connections <= 5 * len(workers)
    for process in workers:
        out, err = process.communicate(timeout=FINISH_SECONDS)
        assert (process.returncode, err) == (0, ""), out
        assert "the study is finished" in out
    record = room.read()
    assert record.counts["COMPLETE"] == len(record.trials) == 3


def _count_connections(room: DeploymentRoom) -> int:
    with room.connect("dashboard") as connection:
        row = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = 'hpsearch_worker'").fetchone()
    assert row is not None
    return int(row[0])


def test_the_dashboard_of_compose_answers_to_its_token_alone_and_only_reads(room: DeploymentRoom) -> None:
    make_study(room)
    service = load_compose()["services"]["dashboard"]
    port = find_free_port()
    command = [argument.replace("--port=8080", f"--port={port}") for argument in list_command(service)]
    token = (room.secrets / "dashboard_token").read_text().strip()
    published = service["ports"][0].rpartition(":")[0]
    assert run_health_check(room, service, "8080", str(port)) != 0
    with running(room, command, service["environment"]) as process:
        _wait_for_the_port(process, port)
        assert run_health_check(room, service, "8080", str(port)) == 0
        assert _ask(port, host=published, token=token) == 200
        assert _ask(port, host=published, token=None) == 401
        assert _ask(port, host=published, token="wrong") == 401
        assert _ask(port, host="evil.example", token=token) == 403
        assert _ask(port, host=published, token=token, method="DELETE") == 405
    assert process.returncode in (0, 128 + signal.SIGTERM)
    assert all(trial.attempts == 0 for trial in room.read().trials)


@pytest.mark.parametrize("is_open", [True, False])
def test_the_health_checks_of_compose_see_whether_the_database_is_there(room: DeploymentRoom, is_open: bool) -> None:
    services = load_compose()["services"]
    port = str(room.server.port if is_open else find_free_port())
    assert (run_health_check(room, services["database"], PGPORT=port) == 0) is is_open
    assert (run_health_check(room, services["worker"], "'database', 5432", f"'127.0.0.1', {port}") == 0) is is_open


def run_health_check(
    room: DeploymentRoom, service: Mapping[str, Any], old: str = "", new: str = "", **more: str
) -> int:
    """A service's health check as it is written, but for where it looks; its exit code."""
    _cmd, *command = service["healthcheck"]["test"]
    if old:
        assert old in command[-1]
        command[-1] = command[-1].replace(old, new)
    with room.start(command, more) as process:
        process.communicate(timeout=240)
    return process.returncode


def _wait_for_the_port(process: "subprocess.Popen[str]", port: int) -> None:
    import socket

    until = time.monotonic() + FINISH_SECONDS
    while time.monotonic() < until:
        assert process.poll() is None, process.communicate()
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("the dashboard never listened")


def _ask(port: int, *, host: str, token: str | None, method: str = "GET") -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=240)
    headers = {"Host": host} | ({"Authorization": f"Bearer {token}"} if token is not None else {})
    connection.request(method, "/api/studies" if method == "GET" else "/api/studies/1", headers=headers)
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.mark.parametrize("script", sorted(DEPLOY.rglob("*.sh")), ids=lambda path: path.name)
def test_a_script_has_no_fault_that_a_reader_of_scripts_finds(script: Path) -> None:
    subprocess.run(["bash", "-n", script], check=True)
    assert check_script(script) == ""
    assert os.access(script, os.X_OK)
