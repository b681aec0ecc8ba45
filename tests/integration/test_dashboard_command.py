"""`hpsearch dashboard` as a person types it, and as somebody talks to it who wants in."""

import http.client
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from hpsearch.cli import main
from hpsearch.storage.database import Database
from tests.dashboards import read_rows, run_dashboard
from tests.scripted import make_study

SECRET = "a-secret-of-many-signs"


@pytest.fixture
def storage(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/studies.db"
    with Database.open(url, create=True) as database:
        make_study(database, "tiny-fcn")
    return url


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(f"{SECRET}\n")
    path.chmod(0o600)
    return path


def type_dashboard(capsys: pytest.CaptureFixture[str], *flags: str) -> tuple[int, str]:
    """The exit code and what stood on stderr, of a dashboard that cannot start."""
    code = main(["dashboard", *flags])
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    return code, err


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_an_address_that_others_reach_needs_a_token(
    capsys: pytest.CaptureFixture[str], storage: str, host: str
) -> None:
    code, err = type_dashboard(capsys, "--storage", storage, "--host", host)
    assert code == 2
    assert f"--host {host}" in err
    assert "--token-file" in err


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["--port", "seven"], "--port 'seven'"),
        (["--port", "-1"], "--port '-1'"),
        (["--port", "70000"], "--port 70000"),
        (["--host", "no-such-host.invalid"], "no-such-host.invalid"),
        (["--host", ""], "--host ''"),
        (["--token-file", "no-such-file"], "no-such-file"),
        (["--token-file", "/dev/null"], "is empty"),
        (["--allowed-host", "http://x/"], "--allowed-host"),
    ],
)
def test_wrong_input_is_one_line(
    capsys: pytest.CaptureFixture[str], storage: str, flags: list[str], expected: str
) -> None:
    code, err = type_dashboard(capsys, "--storage", storage, *flags)
    assert code == 2
    assert expected in err


def test_a_database_that_is_not_there_is_one_line_and_stays_away(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, err = type_dashboard(capsys, "--storage", f"sqlite:///{tmp_path}/none.db")
    assert code == 3
    assert "there is no database" in err
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_does_not_answer_is_one_line_without_the_password(capsys: pytest.CaptureFixture[str]) -> None:
    code, err = type_dashboard(capsys, "--storage", "postgresql://me:s{e}cret@127.0.0.1:1/studies")
    assert code == 3
    assert "s{e}cret" not in err


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_at_once_and_cleanly(storage: str, number: signal.Signals, code: int) -> None:
    with run_dashboard(storage) as dashboard:
        fetch(dashboard.port, "/api/studies")
        idle = http.client.HTTPConnection("127.0.0.1", dashboard.port)
        idle.connect()
        dashboard.process.send_signal(number)
        out, err = dashboard.process.communicate(timeout=240)  # an idle connection would be kept for longer
        idle.close()
    assert (dashboard.process.returncode, out, err) == (code, "", "")


@pytest.mark.slow
def test_it_says_where_it_is_and_what_is_allowed(storage: str, token_file: Path) -> None:
    with run_dashboard(storage) as dashboard:
        assert dashboard.printed[0].startswith("open       http://127.0.0.1:")
        assert "nobody can change anything" in dashboard.printed[2]
    token_file.chmod(0o644)
    flags = ("--host", "0.0.0.0", "--token-file", str(token_file), "--allowed-host", "me.example")
    with run_dashboard(storage, *flags) as dashboard:
        text = "\n".join(dashboard.printed)
        assert "/?token=TOKEN" in text
        assert "whoever has the token may read; nobody can change anything" in text
        assert f"me.example:{dashboard.port}" in text
        assert SECRET not in text
        dashboard.process.terminate()
        assert "chmod 600" in dashboard.process.stderr.read()  # type: ignore[union-attr]


def fetch(port: int, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    found = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    connection.close()
    return found


def send(port: int, text: str) -> bytes:
    """What the server says to these bytes."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(text.encode("latin-1"))
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while part := connection.recv(65_536):
            received += part
    return received


@pytest.mark.slow
def test_nothing_gets_past_the_guard_over_a_real_connection(storage: str) -> None:
    with Database.open(storage) as database:
        before = read_rows(database)
        with run_dashboard(storage) as dashboard:
            host = f"Host: 127.0.0.1:{dashboard.port}\r\n"
            refused = (
                ("GET /api/studies HTTP/1.1\r\nHost: evil.example\r\n\r\n", b"403"),
                ("GET /api/studies HTTP/1.0\r\n\r\n", b"403"),
                (f"GET /api/studies HTTP/1.1\r\n{host}Host: evil.example\r\n\r\n", b"403"),
                (f"GET http://evil.example/api/studies HTTP/1.1\r\n{host}\r\n", b"400"),
                (f"DELETE http://127.0.0.1:{dashboard.port}/api/studies/1 HTTP/1.1\r\n{host}\r\n", b"400"),
                (f"GET //api/studies HTTP/1.1\r\n{host}\r\n", b"400"),
                (f"DELETE //api/studies/1 HTTP/1.1\r\n{host}\r\n", b"400"),
                (f"DELETE /api/studies/1 HTTP/1.1\r\n{host}\r\n", b"405"),
                (f"delete /api/studies/1 HTTP/1.1\r\n{host}\r\n", b"400"),
                (f"GET /static/../../../../etc/passwd HTTP/1.1\r\n{host}\r\n", b"400"),
                (f"GET /static/%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\n{host}\r\n", b"400"),
                (f"GET /api/%73tudies HTTP/1.1\r\n{host}\r\n", b"400"),
                (f"OPTIONS * HTTP/1.1\r\n{host}\r\n", b"400"),
                (f"OPTIONS /api/studies HTTP/1.1\r\n{host}Origin: http://evil.example\r\n\r\n", b"405"),
                (f"POST /api/studies/1 HTTP/1.1\r\n{host}X-HTTP-Method-Override: DELETE\r\n\r\n", b"400"),
                (f"GET /api/studies/1?_method=DELETE HTTP/1.1\r\n{host}\r\n", b"200"),
                (
                    f"POST /api/studies HTTP/1.1\r\n{host}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
                    f"0\r\n\r\nDELETE /api/studies/1 HTTP/1.1\r\n{host}\r\n",
                    b"40",
                ),
            )
            for text, expected in refused:
                answer = send(dashboard.port, text)
                assert answer.startswith((b"HTTP/1.1 " + expected, b"HTTP/1.0 " + expected)), (text, answer[:200])
                assert b"access-control" not in answer.lower()
                assert b"204" not in answer
        assert read_rows(database) == before


@pytest.mark.slow
def test_importing_the_command_brings_nothing_heavy() -> None:
    code = (
        "import sys, hpsearch.cli.dashboard; print([m for m in ('optuna_dashboard', 'waitress') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert result.stdout.strip() == "[]"
