"""Explains why a SQLite file cannot be used: maps each result code of SQLite to a cause and a remedy."""

import sqlite3
from typing import Final

from app.problems import Failure

_URL: Final = "AFTERGLOW_DATABASE_URL"
_FAILURES: Final = {
    sqlite3.SQLITE_CANTOPEN: Failure(
        "cannot-open",
        f"the SQLite file in {_URL} cannot be opened: check that its folder exists, and that this user may write there",
        is_configuration=True,
    ),
    sqlite3.SQLITE_PERM: Failure(
        "no-permission", f"this user may not use the SQLite file in {_URL}: check its mode", is_configuration=True
    ),
    sqlite3.SQLITE_NOTADB: Failure(
        "no-database", f"the file in {_URL} is not a SQLite database: name another file", is_configuration=True
    ),
    sqlite3.SQLITE_CORRUPT: Failure(
        "corrupt", f"the SQLite file in {_URL} is damaged: restore a backup", is_configuration=True
    ),
    sqlite3.SQLITE_READONLY: Failure(
        "read-only", f"the SQLite file in {_URL} or its folder is read-only: give this user the right to write"
    ),
    sqlite3.SQLITE_FULL: Failure("storage-full", f"the disk of the SQLite file in {_URL} is full: free up some space"),
    sqlite3.SQLITE_BUSY: Failure("timeout", f"another process keeps the SQLite file in {_URL} locked: stop it"),
    sqlite3.SQLITE_ERROR: Failure(
        "not-migrated",
        "the database has not been migrated to this version: run `afterglow migrate`",
        is_configuration=True,
    ),
}
_OTHER: Final = Failure("unreachable", f"the SQLite file in {_URL} cannot be read or written: check its disk")
REASONS: Final = frozenset(failure.reason for failure in (*_FAILURES.values(), _OTHER))
"""All possible values of `Failure.reason` on SQLite."""


def explain(error: sqlite3.Error) -> Failure:
    """Return the `Failure` (cause and remedy) for an error of SQLite.

    SQLite's general error code, SQLITE_ERROR, is explained as a missing table or column.
    """
    return _FAILURES.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, _OTHER)
