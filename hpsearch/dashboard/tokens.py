"""The dashboard's token: read from a file, compared in constant time, kept by the browser as a cookie made from it."""

import hashlib
import hmac
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path

from hpsearch.errors import InputError
from hpsearch.storable_text import decode_line

_LEAST_CHARACTERS, _MOST_BYTES = 16, 4096
_VISIBLE = re.compile(r"[!-~]+")
_HINT = "python -c 'import secrets; print(secrets.token_urlsafe())' makes one"


@dataclass(frozen=True)
class Token:
    """A secret that whoever opens the dashboard must show."""

    text: str = field(repr=False)
    cookie_name: str = "hpsearch_dashboard"
    """A host's cookies go to all its ports: dashboards side by side need names of their own."""

    def is_same(self, given: str) -> bool:
        """Whether it is the token."""
        return hmac.compare_digest(self.text.encode(), given.encode(errors="surrogateescape"))

    def is_cookie(self, given: str) -> bool:
        """Whether it is the cookie's value."""
        return hmac.compare_digest(self.cookie_value().encode(), given.encode(errors="surrogateescape"))

    def cookie_value(self) -> str:
        """What the browser keeps: the token cannot be found from it, and another token makes it void."""
        return hmac.new(self.text.encode(), b"hpsearch dashboard", hashlib.sha256).hexdigest()


def read_token_file(path: Path) -> str:
    """The token that is all of a file; nothing of it comes into a message.

    Raises:
        InputError: It cannot be read, or holds no token.
    """
    named = f"--token-file {str(path)!r}"
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise InputError(f"{named} cannot be read ({getattr(error, 'strerror', None) or error}); {_HINT}") from error
    text = decode_line(content)
    if not text:
        raise InputError(f"{named} is empty: give a file with at least {_LEAST_CHARACTERS} characters; {_HINT}")
    if len(content) > _MOST_BYTES or _VISIBLE.fullmatch(text) is None:
        raise InputError(f"{named} holds no token: give one line of letters, digits and signs; {_HINT}")
    if len(text) < _LEAST_CHARACTERS:
        raise InputError(
            f"{named} holds {len(text)} characters, which can be guessed: give at least {_LEAST_CHARACTERS}; {_HINT}"
        )
    return text


def is_readable_by_all(path: Path) -> bool:
    """Whether every user of this machine may read the file."""
    return bool(path.stat().st_mode & stat.S_IROTH)
