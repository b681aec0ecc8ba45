"""A request as the guard looks at it, taken from what a WSGI server says."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import unquote

_OVERRIDES = ("HTTP_X_HTTP_METHOD_OVERRIDE", "HTTP_X_HTTP_METHOD", "HTTP_X_METHOD_OVERRIDE")


@dataclass(frozen=True)
class Request:
    """What decides whether a request is served."""

    method: str
    target: str
    """As it stood in the request line, nothing decoded."""
    path: str
    """Decoded, as the application will see it."""
    host: str
    authorization: str = ""
    cookies: str = ""
    overrides_method: bool = False

    @classmethod
    def read(cls, environment: Mapping[str, Any]) -> Self:
        """The request of a WSGI environment."""
        return cls(
            method=environment["REQUEST_METHOD"],
            target=environment.get("REQUEST_URI", ""),
            path=environment.get("PATH_INFO", ""),
            host=environment.get("HTTP_HOST", "").lower(),
            authorization=environment.get("HTTP_AUTHORIZATION", ""),
            cookies=environment.get("HTTP_COOKIE", ""),
            overrides_method=any(name in environment for name in _OVERRIDES),
        )

    def find_in_query(self, name: str) -> str | None:
        """The first value of this name behind the question mark; a plus sign is a plus sign."""
        for pair in self.target.partition("?")[2].split("&"):
            found, _, value = pair.partition("=")
            if found == name:
                return unquote(value)
        return None

    def find_cookies(self, name: str) -> list[str]:
        """The values of the cookies of this name; other programs of the same host may have set others."""
        pairs = (pair.strip().partition("=") for pair in self.cookies.split(";"))
        return [value for found, _, value in pairs if found == name]
