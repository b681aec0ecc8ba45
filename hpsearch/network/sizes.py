"""Bytes and operations as a person types them: `64k` of RAM is 64 * 1024 bytes, `2m` MACs are 2,000,000."""

import re
from decimal import Decimal
from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator, Field

from hpsearch.errors import InputError
from hpsearch.wording import has_thousands_point, quote

MAXIMUM_BYTES = 2**32
MAXIMUM_MACS = 10**13
"""Far beyond what the tool is made for; a larger figure is a slip of the hand."""

_PATTERN = re.compile(r"(?P<figure>\d[\d_]*(?:\.\d+)?(?:e\d{1,2})?) ?(?P<factor>[km]?)(?P<unit>i?b)?", re.ASCII)


class Unit(NamedTuple):
    """How one kind of quantity is written."""

    factor: int
    """What k is; m is its square."""
    most: int
    what: str
    hint: str


BYTES = Unit(1024, MAXIMUM_BYTES, "bytes", "give bytes such as 64k or 65536, where k is 1024 and m is 1024 * 1024")
MACS = Unit(1000, MAXIMUM_MACS, "MACs", "give multiply-accumulates such as 2m or 2_000_000, where k is 1000")


def parse_bytes(given: str | int, name: str) -> int:
    """Read a size in bytes: `64k`, `64K`, `64KiB`, `0.5m`, `65536`; k is 1024.

    Raises:
        InputError: It is none, or out of range; the message calls it `name`.
    """
    return _parse(given, name, BYTES)


def parse_macs(given: str | int, name: str) -> int:
    """Read a number of multiply-accumulates: `2m`, `500k`, `1e6`; k is 1000.

    Raises:
        InputError: It is none, or out of range; the message calls it `name`.
    """
    return _parse(given, name, MACS)


def format_bytes(size: int) -> str:
    """As briefly as it can be read back without loss: 65536 -> `64k`."""
    return _format(size, BYTES)


def format_macs(count: int) -> str:
    """As briefly as it can be read back without loss: 2000000 -> `2m`."""
    return _format(count, MACS)


def show_bytes(size: int) -> str:
    """For people: `812 bytes`, `15.2 KiB`, `1.4 MiB`."""
    if size < BYTES.factor:
        return f"{size} bytes"
    if size < BYTES.factor**2:
        return f"{size / BYTES.factor:.1f} KiB"
    return f"{size / BYTES.factor**2:.1f} MiB"


def _format(count: int, unit: Unit) -> str:
    for suffix, factor in (("m", unit.factor**2), ("k", unit.factor)):
        if count >= factor and count % factor == 0:
            return f"{count // factor}{suffix}"
    return str(count)


def _parse(given: str | int, name: str, unit: Unit) -> int:
    if isinstance(given, bool) or not isinstance(given, int | str):
        raise InputError(f"{name} {quote(given)} is not a number of {unit.what}: {unit.hint}")
    match = _PATTERN.fullmatch(str(given).strip().lower())
    if match is None or (match["unit"] and unit is MACS):
        raise InputError(f"{name} {quote(given)} is not a number of {unit.what}: {unit.hint}")
    if has_thousands_point(str(given)):
        few = f"{int(Decimal(match['figure']))} {unit.what}"
        raise InputError(f"{name} {quote(given)} is {few}, if a point is no thousands separator: {unit.hint}")
    factor = {"": 1, "k": unit.factor, "m": unit.factor**2}[match["factor"]]
    count = Decimal(match["figure"].replace("_", "")) * factor
    if count > unit.most:
        raise InputError(f"{name} {quote(given)} is over the largest allowed, {unit.most:,} {unit.what}: {unit.hint}")
    if count != int(count) or count < 1:
        raise InputError(f"{name} {quote(given)} is not a whole number of {unit.what}, 1 or more: {unit.hint}")
    return int(count)


def _read_ram(value: Any) -> int:
    return parse_bytes(value, "ram")


def _read_flash(value: Any) -> int:
    return parse_bytes(value, "flash")


def _read_macs(value: Any) -> int:
    return parse_macs(value, "macs")


RamBytes = Annotated[int, BeforeValidator(_read_ram), Field(ge=1, le=MAXIMUM_BYTES, strict=True)]
FlashBytes = Annotated[int, BeforeValidator(_read_flash), Field(ge=1, le=MAXIMUM_BYTES, strict=True)]
MacsLimit = Annotated[int, BeforeValidator(_read_macs), Field(ge=1, le=MAXIMUM_MACS, strict=True)]
"""Fields that hold a limit and take `"64k"` as well as 65536."""
