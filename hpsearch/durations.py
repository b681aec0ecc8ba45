"""Durations as a person types and reads them: `90s`, `15m`, `1h30m`."""

import re

from hpsearch.errors import InputError

_UNITS = (("days", "d", 86400.0), ("hours", "h", 3600.0), ("minutes", "m(?:in)?", 60.0), ("seconds", "s", 1.0))
_PATTERN = re.compile(
    r"\s*" + "".join(rf"(?:(?P<{unit}>\d{{1,6}}(?:\.\d+)?)\s?{letter}\s*)?" for unit, letter, _ in _UNITS),
    re.ASCII | re.IGNORECASE,
)
_SECONDS = {unit: seconds for unit, _, seconds in _UNITS}


def parse_duration(text: str, flag: str) -> float:
    """Read a duration such as `90s`, `15m`, `2h` or `1h30m`, also as it is written: `2h 10m`.

    Args:
        text: What was typed.
        flag: Where, for the message.

    Returns:
        Seconds, above 0.

    Raises:
        InputError: It is no duration, or none at all.
    """
    from hpsearch.wording import quote  # here: it brings pydantic in, which a help text does not need

    match = _PATTERN.fullmatch(text)
    found = {unit: figure for unit, figure in match.groupdict().items() if figure} if match else {}
    if not found:
        raise InputError(
            f"{flag} {quote(text)} is no duration: give days, hours, minutes, seconds such as 90s, 15m or 1h30m"
        )
    seconds = sum(float(figure) * _SECONDS[unit] for unit, figure in found.items())
    if seconds <= 0:
        raise InputError(f"{flag} {quote(text)} leaves no time at all: give for example 15m, or leave {flag} out")
    return seconds


def format_duration(seconds: float) -> str:
    """Write a duration with the two units that matter: `0.04 s`, `4.2 s`, `1m 05s`, `2h 10m`."""
    if seconds < 0.995:
        return f"{seconds:.2f} s"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    minutes = round(seconds / 60)
    return f"{minutes // 60}h {minutes % 60:02d}m"
