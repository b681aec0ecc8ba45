"""What is put around Optuna's pages: a banner that says what may be done, no control that is refused, and the reports.

The pages are the browser's work; a style sheet within them hides what the rules would refuse.
"""

import html
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from hpsearch.output_folder import is_html_report

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_REPORTS = "/reports/"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}\.html")
_MOST_LINKS = 12
_REPORT_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"

_REFUSED_ICONS = ("AddBox", "Delete", "DriveFileRenameOutline", "Edit", "StopCircle", "Upload", "UploadFile", "Create")
"""The pictures of the buttons that make, rename, change, stop and delete, as the dashboard's library names them."""
_STYLE = (
    ", ".join(f'button:has(> svg[data-testid="{icon}Icon"])' for icon in _REFUSED_ICONS)
    + ", "
    + ", ".join(f'button:has(span > svg[data-testid="{icon}Icon"])' for icon in _REFUSED_ICONS)
    + ", .MuiCard-root:has(input[type=file]), .MuiPaper-root:has(> * input[type=file])"
    + """ { display: none !important; }
#hpsearch-banner { position: fixed; z-index: 2000; left: 0; right: 0; bottom: 0; padding: 6px 16px;
  font: 14px/1.4 system-ui, sans-serif; background: #10324f; color: #fff; }
#hpsearch-banner a { color: #9fd2ff; margin-left: .6em; }
#hpsearch-banner code { white-space: nowrap; }
body { padding-bottom: 3.5em; }
@media (max-width: 600px) { #hpsearch-banner { font-size: 12px; padding: 4px 8px; } }
"""
)


class Pages:
    """A WSGI application that dresses the pages of another, and serves the reports of a folder."""

    def __init__(self, application: "WSGIApplication", reports: Path) -> None:
        self._application = application
        self._reports = reports

    def __call__(self, environment: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Serve a request that the guard let through."""
        path = str(environment.get("PATH_INFO", ""))
        if path.startswith(_REPORTS):
            return self._serve_report(path.removeprefix(_REPORTS), start_response)
        return self._dress(environment, start_response)

    def _serve_report(self, name: str, start_response: "StartResponse") -> list[bytes]:
        if name not in self.list_reports():
            body = b"there is no such report\n"
            start_response("404 Not Found", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
            return [body]
        body = (self._reports / name).read_bytes()
        headers = [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(body)))]
        start_response("200 OK", [*headers, ("Content-Security-Policy", _REPORT_POLICY)])
        return [body]

    def list_reports(self) -> list[str]:
        """The pages of `hpsearch report` in the folder, the newest first; nothing else of it is ever served."""
        try:
            found = [path for path in self._reports.iterdir() if _NAME.fullmatch(path.name) and _is_ours(path)]
            found.sort(key=lambda path: (-path.stat().st_mtime, path.name))
        except OSError:
            return []
        return [path.name for path in found]

    def _dress(self, environment: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        begun: list[tuple[str, list[tuple[str, str]]]] = []

        def start(status: str, headers: list[tuple[str, str]], *error: object) -> object:
            if any(name.lower() == "content-type" and value.startswith("text/html") for name, value in headers):
                begun.append((status, headers))
                return _write_nothing
            return start_response(status, headers, *error)  # type: ignore[arg-type]

        answer = self._application(environment, start)  # type: ignore[arg-type]
        if not begun:
            return answer
        status, headers = begun[0]
        body = b"".join(answer)
        if close := getattr(answer, "close", None):
            close()
        if environment.get("REQUEST_METHOD") == "GET" and b"</head>" in body:
            body = self._write_into(body)
        kept = [(name, value) for name, value in headers if name.lower() not in _OF_THE_FILE]
        start_response(status, [*kept, ("Content-Length", str(len(body)))])
        return [body]

    def _write_into(self, page: bytes) -> bytes:
        links = "".join(
            f'<a href="{_REPORTS}{quote(name)}">{html.escape(name.removesuffix(".html"))}</a>'
            for name in self.list_reports()[:_MOST_LINKS]
        )
        reports = f"reports:{links}" if links else "<code>hpsearch report STUDY</code> makes a page that is linked here"
        banner = f'<div id="hpsearch-banner" role="note"><b>read-only</b>: nothing can be changed here; {reports}</div>'
        page = page.replace(b"</head>", f"<style>{_STYLE}</style></head>".encode(), 1)
        return page.replace(b"</body>", f"{banner}</body>".encode(), 1)


_OF_THE_FILE = ("content-length", "last-modified", "etag", "accept-ranges", "content-encoding")
"""What is said of a file as it lies there, and is no longer true."""


def _write_nothing(_data: bytes) -> object:
    return None


def _is_ours(path: Path) -> bool:
    return not path.is_symlink() and is_html_report(path)
