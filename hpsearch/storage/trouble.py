"""What goes wrong with a database: whether it is of the database, whether waiting may mend it, and its words."""

import sqlite3
import sys

_POOLER_SIGNS = ("unsupported startup parameter", "prepared statement")
"""What servers say that hand a session's connection to others between two transactions."""
_INSUFFICIENT_PRIVILEGE = "42501"
"""PostgreSQL's SQLSTATE where a role lacks a right."""


def is_of_database(error: BaseException) -> bool:
    """Whether an error comes from a driver, SQLAlchemy, Optuna's storage, or from reaching for them."""
    if isinstance(error, OSError | ImportError | UnicodeDecodeError | sqlite3.Error):
        return True
    # What was never imported raised nothing.
    if "sqlalchemy" in sys.modules:
        from sqlalchemy.exc import SQLAlchemyError

        if isinstance(error, SQLAlchemyError):
            return True
    if "optuna" in sys.modules:
        from optuna.exceptions import StorageInternalError

        return isinstance(error, StorageInternalError)
    return False


def may_pass(error: BaseException, *, is_file: bool) -> bool:
    """Whether it is trouble that waiting may mend: a broken connection, a server that starts, a lock."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, TimeoutError):
            return True
        if isinstance(cause, sqlite3.Error):
            return _is_locked(cause)
        if "sqlalchemy" in sys.modules:
            import sqlalchemy as sa

            if isinstance(cause, sa.exc.TimeoutError):
                return True
            if isinstance(cause, sa.exc.DBAPIError):
                if is_file:
                    return _is_locked(cause.orig)
                kinds = sa.exc.OperationalError | sa.exc.InterfaceError
                return cause.connection_invalidated or isinstance(cause, kinds)
        cause = cause.__cause__
    return False


def _is_locked(error: BaseException | None) -> bool:
    return getattr(error, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))


def explain(error: BaseException) -> str:
    """In at most 300 characters, on one line."""
    cause: BaseException = error
    while isinstance(cause.__cause__, Exception):
        cause = cause.__cause__
    original = getattr(cause, "orig", None)
    text = " ".join(str(original or cause).split())
    if getattr(original or cause, "sqlstate", None) == _INSUFFICIENT_PRIVILEGE and "for schema" in text:
        text = f"{text.partition(' LINE ')[0][:150]}; tables are made by the role hpsearch_owner: docs/scale.md"
    if "invalid connection option" in text:
        text = f"{text[:200]}: it is no option of PostgreSQL's own clients, so leave it out of the address"
    if any(sign in text for sign in _POOLER_SIGNS):
        text = (
            f"{text[:150]}; this is a connection pooler, it seems: give the direct (unpooled) address of the database, "
            "or set both up for it (docs/scale.md, PgBouncer)"
        )
    return text[:300] or type(cause).__name__
