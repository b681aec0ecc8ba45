"""Who may ask the dashboard for what."""

import socket
from pathlib import Path

import pytest

from hpsearch.dashboard.addresses import Address, find_address, list_allowed_hosts, listen
from hpsearch.dashboard.guard import Guard, secure_headers
from hpsearch.dashboard.requests import Request
from hpsearch.dashboard.rules import Rules, find_refusal
from hpsearch.dashboard.tokens import Token, is_readable_by_all, read_token_file
from hpsearch.errors import InputError
from tests.dashboards import HOST, ask

READING = Rules(hosts=frozenset({HOST}))
SECRET = "a-secret-of-many-signs+/="
LOCKED = Rules(hosts=frozenset({HOST}), token=Token(SECRET))


def request(method: str = "GET", path: str = "/api/studies", **fields: object) -> Request:
    return Request(**({"method": method, "target": path, "path": path, "host": HOST} | fields))  # type: ignore[arg-type]


def status(asked: Request, rules: Rules) -> int | None:
    refusal = find_refusal(asked, rules)
    return None if refusal is None else int(refusal.status.split()[0])


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_everybody_at_the_address_may_read(method: str) -> None:
    assert status(request(method), READING) is None


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get", "PROPFIND"])
def test_no_other_method_passes(method: str) -> None:
    refusal = find_refusal(request(method), READING)
    assert refusal is not None
    assert refusal.status.startswith("405")
    assert ("Allow", "GET, HEAD") in refusal.headers


@pytest.mark.parametrize(
    "host", ["", "evil.example", "localhost", "localhost:8081", "localhost:8080.evil", f"{HOST}, x"]
)
def test_a_foreign_host_is_refused(host: str) -> None:
    assert status(request(host=host), READING) == 403


@pytest.mark.parametrize(
    "target",
    [
        "//api/studies",
        "/api//studies",
        "/static/../api/studies",
        "/./api",
        "/api/%73tudies",
        "/%2e%2e/etc/passwd",
        "/static/..%2f..%2fetc",
        "http://evil.example/api/studies",
        "//evil.example/api/studies",
        "*",
        "",
        "/api\\studies",
        "/api/studies;x",
        "/api/studies\n",
        "/api/studies#x",
    ],
)
def test_an_address_that_is_not_plain_is_refused_for_every_method(target: str) -> None:
    """What a server makes of it as a path does not matter, so it gets the path that would be served."""
    for path in ("/api/studies", target):
        for method in ("GET", "DELETE"):
            assert status(request(method, target=target, path=path), READING) == 400


def test_a_path_that_is_another_one_for_the_application_is_refused() -> None:
    assert status(request(target="/api/studies", path="/api/studies/1"), READING) == 400


@pytest.mark.parametrize("header", ["HTTP_X_HTTP_METHOD_OVERRIDE", "HTTP_X_HTTP_METHOD", "HTTP_X_METHOD_OVERRIDE"])
def test_a_header_that_changes_the_method_is_refused(header: str) -> None:
    answer = ask(Guard(lambda *_: [b"served"], READING), "/api/studies", **{header: "DELETE"})
    assert answer.status == 400


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "/api/studies/1/note"), ("DELETE", "/api/studies/1"), ("POST", "/api/trials/1/tell")],
)
def test_what_is_refused_says_which_commands_change_a_study(method: str, path: str) -> None:
    refusal = find_refusal(request(method, path), READING)
    assert refusal is not None
    assert refusal.status.startswith("405")
    assert "hpsearch delete" in refusal.reason


def test_without_the_token_nothing_is_told_to_anybody() -> None:
    for method in ("GET", "HEAD", "DELETE", "OPTIONS"):
        assert status(request(method), LOCKED) == 401
    assert SECRET not in repr(LOCKED)


def test_the_token_opens_as_a_header_or_as_the_cookie_made_from_it() -> None:
    token = Token(SECRET)
    assert status(request(authorization=f"Bearer {SECRET}"), LOCKED) is None
    assert status(request(cookies=f"other=1; {token.cookie_name}={token.cookie_value()}"), LOCKED) is None
    assert SECRET not in token.cookie_value()
    for fields in (
        {"authorization": f"Bearer {SECRET[:-1]}"},
        {"authorization": f"Basic {SECRET}"},
        {"authorization": "Bearer "},
        {"cookies": f"{token.cookie_name}={SECRET}"},
        {"cookies": f"{token.cookie_name}="},
        {"cookies": f"{token.cookie_name}={Token(SECRET + 'x').cookie_value()}"},
        {"authorization": "Bearer \udcff"},
    ):
        assert status(request(**fields), LOCKED) == 401


def test_a_served_answer_opens_to_no_other_site_and_runs_no_artifact() -> None:
    given = [("Access-Control-Allow-Origin", "*"), ("Server", "x"), ("Content-Type", "text/html")]
    headers = dict(secure_headers("/artifacts/1/1/abc", given))
    assert not any(name.lower().startswith("access-control") or name == "Server" for name in headers)
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert headers["X-Frame-Options"] == "DENY"
    page = dict(secure_headers("/dashboard", [("Content-Security-Policy", "default-src 'self'")]))
    assert page["Content-Security-Policy"].startswith("default-src 'self'; frame-ancestors 'none'")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "is empty"),
        (b"  \n", "is empty"),
        (b"fifteen-letters", "holds 15 characters"),
        (b"two words of a secret", "holds no token"),
        (b"a-secret-of-many-signs\nand-another", "holds no token"),
        ("ein-geheimnis-für-alle".encode(), "holds no token"),
        (b"x" * 5000, "holds no token"),
        (None, "cannot be read"),
    ],
)
def test_a_file_without_a_good_token_is_refused_and_not_quoted(
    tmp_path: Path, content: bytes | None, expected: str
) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=expected) as caught:
        read_token_file(path)
    assert not content or len(content.split()) == 0 or content.split()[0].decode() not in str(caught.value)


def test_a_token_file_may_end_in_a_line_break(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(f"{SECRET}\n")
    path.chmod(0o600)
    assert read_token_file(path) == SECRET
    assert not is_readable_by_all(path)
    path.chmod(0o644)
    assert is_readable_by_all(path)


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("localhost", True), ("0.0.0.0", False), ("192.0.2.1", False)]
    + [("::1", True), ("[::1]", True), ("::", False), ("::ffff:192.0.2.1", False)] * socket.has_ipv6,
)
def test_only_loopback_addresses_are_this_machines_own(host: str, is_loopback: bool) -> None:
    assert find_address(host, 8080).is_loopback is is_loopback


@pytest.mark.parametrize("host", ["no-such-host.invalid", "", "256.0.0.1", "a b", "x" * 300])
def test_an_unknown_host_is_one_line(host: str) -> None:
    with pytest.raises(InputError, match="--host"):
        find_address(host, 8080)


def test_a_port_out_of_range_is_one_line() -> None:
    with pytest.raises(InputError, match="--port 65536"):
        find_address("127.0.0.1", 65_536)


def test_a_port_that_is_taken_and_a_foreign_address_are_one_line() -> None:
    with listen(find_address("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"port {port} is taken"):
            listen(find_address("127.0.0.1", port))
    with pytest.raises(InputError, match="no address of this machine"):
        listen(find_address("192.0.2.1", 0))


def test_the_hosts_that_are_served_are_loopback_the_one_given_and_those_allowed() -> None:
    loopback = {"localhost:80", "127.0.0.1:80", "[::1]:80", "localhost", "127.0.0.1", "[::1]"}
    everywhere = Address("0.0.0.0", socket.AF_INET, ("0.0.0.0", 80))
    assert list_allowed_hosts(everywhere, 80, ()) == loopback
    one = Address("192.0.2.1", socket.AF_INET, ("192.0.2.1", 8080))
    further = ("Studies.Example", "proxy:9000", "[2001:db8::1]")
    assert list_allowed_hosts(one, 8080, further) == {
        *("localhost:8080", "127.0.0.1:8080", "[::1]:8080", "192.0.2.1:8080"),
        *("studies.example", "studies.example:8080", "proxy:9000", "[2001:db8::1]", "[2001:db8::1]:8080"),
    }


@pytest.mark.parametrize("name", ["", "*", "http://x", "a b", "x:port", "*.example"])
def test_an_allowed_host_is_a_name_and_no_pattern(name: str) -> None:
    with pytest.raises(InputError, match="--allowed-host"):
        list_allowed_hosts(find_address("127.0.0.1", 0), 8080, [name])
