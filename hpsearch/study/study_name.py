"""What a study may be called."""

import re

from hpsearch.errors import InputError
from hpsearch.wording import quote

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def check_study_name(name: str) -> str:
    """The name itself, if it can be a study's.

    Raises:
        InputError: It is empty, too long, or holds a character that a file name or a URL may not have.
    """
    if _NAME.fullmatch(name) is None or ".." in name:
        raise InputError(
            f"study name {quote(name)} is not allowed: "
            "use up to 64 letters, digits, dots (not two in a row), hyphens and underscores, a letter or digit first"
        )
    return name
