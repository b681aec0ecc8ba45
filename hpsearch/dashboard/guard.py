"""The guard around the dashboard: refuses what the rules refuse, and puts headers on what is served."""

import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from hpsearch.dashboard.requests import Request
from hpsearch.dashboard.rules import Refusal, Rules, find_refusal

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Headers = list[tuple[str, str]]

_EVERYWHERE: Headers = [
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
]
_POLICY = "content-security-policy"
_NOT_A_PAGE = "default-src 'none'; frame-ancestors 'none'"
_ARTIFACT = f"sandbox; {_NOT_A_PAGE}; style-src 'unsafe-inline'"
_PAGE = "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"


class Guard:
    """A WSGI application that lets to another only what the rules allow."""

    def __init__(self, application: "WSGIApplication", rules: Rules) -> None:
        self._application = application
        self._rules = rules

    def __call__(self, environment: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Serve or refuse a request."""
        request = Request.read(environment)
        if _is_login(request, self._rules):
            return _answer(request, self._enter(request), start_response)
        refusal = find_refusal(request, self._rules)
        if refusal is not None:
            return _answer(request, refusal, start_response)

        def start(status: str, headers: Headers, *error: Any) -> Callable[[bytes], object]:
            return start_response(status, secure_headers(request.path, headers), *error)

        # Optuna's dashboard trips over a request without it.
        environment.setdefault("HTTP_ACCEPT_ENCODING", "identity")
        return self._application(environment, start)

    def _enter(self, request: Request) -> Refusal:
        """Give the browser its cookie and send it on, if the token is the right one."""
        token = self._rules.token
        assert token is not None
        if not token.is_same(request.find_in_query("token") or ""):
            return Refusal("401 Unauthorized", "this is not the dashboard's token")
        cookie = f"{token.cookie_name}={token.cookie_value()}; Path=/; HttpOnly; SameSite=Strict"
        return Refusal("303 See Other", "the token is right", (("Location", "/dashboard"), ("Set-Cookie", cookie)))


def _is_login(request: Request, rules: Rules) -> bool:
    """Whether the request brings the token to where it is taken; anything else about it must be in order."""
    if rules.token is None or request.method != "GET" or request.path != "/":
        return False
    if request.find_in_query("token") is None:
        return False
    refusal = find_refusal(request, rules)
    return refusal is None or refusal.status.startswith("401")


def secure_headers(path: str, headers: Headers) -> Headers:
    """The headers of an answer with those that keep it harmless, and without those that open it to other sites."""
    replaced = {name.lower() for name, _ in _EVERYWHERE} | {_POLICY, "server"}
    given = next((value for name, value in headers if name.lower() == _POLICY), None)
    kept = [
        (name, value)
        for name, value in headers
        if name.lower() not in replaced and not name.lower().startswith("access-control-")
    ]
    policy = f"{given}; {_PAGE}" if given else _NOT_A_PAGE
    if path.startswith("/artifacts"):
        policy = _ARTIFACT
    if not path.startswith("/static") and not any(name.lower() == "cache-control" for name, _ in kept):
        kept.append(("Cache-Control", "no-store"))
    return [*kept, *_EVERYWHERE, ("Content-Security-Policy", policy)]


def _answer(request: Request, refusal: Refusal, start_response: "StartResponse") -> list[bytes]:
    """Programs read the dashboard's JSON, people a sentence."""
    if request.path.startswith("/api/"):
        kind, body = "application/json", json.dumps({"reason": refusal.reason}).encode()
    else:
        kind, body = "text/plain; charset=utf-8", f"{refusal.reason}\n".encode()
    headers = [("Content-Type", kind), ("Content-Length", str(len(body))), *refusal.headers]
    start_response(refusal.status, secure_headers("", headers))
    return [] if request.method == "HEAD" else [body]
