"""Options behind the question mark of a database address, as hosts and other clients write them, in libpq's words.

Of the parameters there, PostgreSQL's own library refuses what it does not know; Prisma, node-postgres, asyncpg and JDBC
have some of their own, and hosts hand such addresses out.
"""

from collections.abc import Mapping
from typing import Any

from hpsearch.whole_number import read_whole_number

PREPARE = "prepare_threshold"
"""psycopg's: after how many uses a statement is prepared; `none` for a pooler, which knows no prepared statements."""

_TRUE, _FALSE = ("true", "1", "yes", "on", "require", "required"), ("false", "0", "no", "off", "disable")
_OF_OTHER_CLIENTS = frozenset(
    {
        *(
            "connection_limit",
            "pool_timeout",
            "socket_timeout",
            "statement_cache_size",
            "prepared_statement_cache_size",
        ),
        *("supa", "uselibpqcompat", "pool_size", "max_overflow", "workaround"),
    }
)
"""What speaks of another client's own pool and cache, and changes nothing here: in small letters."""


class OptionError(ValueError):
    """An option that cannot be understood: what it is called, and what to write instead, without its value."""


def translate_options(query: Mapping[str, Any]) -> dict[str, Any]:
    """The options of an address as psycopg takes them; what stands there in libpq's own words goes above the others.

    Raises:
        OptionError: One has a value that is not allowed.
    """
    translated: dict[str, Any] = {}
    own: dict[str, Any] = {}
    for name, value in query.items():
        found = _translate(name.lower(), value)
        if found is None:
            own[name] = value
        else:
            translated |= found
    return translated | own


def _translate(name: str, value: Any) -> dict[str, Any] | None:
    """What another client's option is called here; None of one that is PostgreSQL's own, or unknown."""
    text = value.strip().lower() if isinstance(value, str) else ""
    match name:
        case _ if name in _OF_OTHER_CLIENTS:
            return {}
        case "pgbouncer":
            return {PREPARE: "none"} if text in _TRUE else {}
        case "ssl" | "usessl":
            if text not in (*_TRUE, *_FALSE):
                raise OptionError(f"{name}: write sslmode=require, or verify-full")
            return {"sslmode": "require" if text in _TRUE else "disable"}
        case "sslmode" if text == "no-verify":
            return {"sslmode": "require"}
        case "schema" | "currentschema":
            if text != "public":
                raise OptionError(f"{name}: write options=-csearch_path%3DNAME, or ALTER ROLE ... SET search_path")
            return {}
        case "prepare_threshold" if not _is_threshold(text):
            raise OptionError("prepare_threshold: write none for a connection pooler, or a whole number")
    return None


def _is_threshold(text: str) -> bool:
    number = read_whole_number(text)
    return text == "none" or (number is not None and 0 <= number < 1_000_000_000)


def read_prepare_threshold(query: Mapping[str, Any]) -> dict[str, int | None]:
    """As an argument of psycopg's, where the address has it."""
    text = query.get(PREPARE)
    if not isinstance(text, str):
        return {}
    return {PREPARE: None if text.strip().lower() == "none" else read_whole_number(text)}
