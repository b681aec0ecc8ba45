"""Answers in gzip, for those who take it: a study of thousands of trials is megabytes of JSON."""

import gzip
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_LEAST_BYTES = 1024
_LEVEL = 4
"""Of 9; beyond it takes longer than it saves."""
_TEXT = ("application/json", "text/")


class Compression:
    """A WSGI application that compresses the text that another gives."""

    def __init__(self, application: "WSGIApplication") -> None:
        self._application = application

    def __call__(self, environment: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Serve a request; files, which come compressed or not at all, pass as they are."""
        if "gzip" not in environment.get("HTTP_ACCEPT_ENCODING", "") or environment["REQUEST_METHOD"] != "GET":
            return self._application(environment, start_response)
        started: list[tuple[str, list[tuple[str, str]], tuple[Any, ...]]] = []

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Callable[[bytes], object]:
            started[:] = [(status, headers, error)]
            return lambda _part: None

        parts = self._application(environment, start)
        status, headers, error = started[0]
        if not isinstance(parts, list) or not _is_text(headers) or sum(map(len, parts)) < _LEAST_BYTES:
            start_response(status, headers, *error)
            return parts
        body = gzip.compress(b"".join(parts), _LEVEL, mtime=0)
        kept = [(name, value) for name, value in headers if name.lower() != "content-length"]
        added = [("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding"), ("Content-Length", str(len(body)))]
        start_response(status, kept + added, *error)
        return [body]


def _is_text(headers: list[tuple[str, str]]) -> bool:
    named = {name.lower(): value for name, value in headers}
    return "content-encoding" not in named and named.get("content-type", "").startswith(_TEXT)
