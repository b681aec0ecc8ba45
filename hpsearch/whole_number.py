"""Whole numbers as people and files write them."""

import re

_WHOLE = re.compile(r"-?\d{1,18}", re.ASCII)


def read_whole_number(text: str) -> int | None:
    """The whole number that a text holds, blanks around it left out; None of any other text.

    Python's own `int` fails of more than 4,300 digits and of some blanks that `strip` takes away, and takes more than
    digits: `1_000`, `+5`.
    """
    stripped = text.strip()
    return int(stripped) if _WHOLE.fullmatch(stripped) else None
