"""One connection to a SQLite file, through the standard library."""

import asyncio
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from app import observability
from app.database_url import SqliteUrl
from app.db.bulk import BulkStatement, Rows
from app.db.database import Transaction
from app.db.sqlite.failures import explain
from app.db.sqlite.private_file import create_private
from app.db.statement import Statement
from app.problems import READ_ONLY, StorageFull, Unavailable
from app.settings import Settings

_STEPS_BETWEEN_CHECKS: Final = 20_000
"""The number of instructions of SQLite's virtual machine between two checks of the deadline."""
_ROWS_AT_ONCE: Final = 200
_PRAGMAS: Final = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA secure_delete=ON"
CALLER_ERRORS: Final = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.DataError)
"""Errors that are caused by a statement or its values, not by the database. They are not translated."""


@contextmanager
def translated(errors: Counter[str]) -> Iterator[None]:
    """If the database fails in the block, raise `Unavailable` or `StorageFull` instead of the driver's error.

    Count the failure in `errors` by its reason, and log `database-unavailable` unless the disk is full.
    """
    try:
        yield
    except sqlite3.DatabaseError as error:
        if isinstance(error, CALLER_ERRORS):
            raise
        failure = explain(error)
        errors[failure.reason] += 1
        if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
            raise StorageFull from None
        observability.log_event("database-unavailable", "error", error=error.sqlite_errorname)
        raise Unavailable(READ_ONLY if failure.reason == "read-only" else "", failure) from None


class Connection:
    """One connection to a SQLite file, on which every statement has a deadline.

    The file is opened at the first use. If opening fails, the next use tries again.
    """

    def __init__(self, settings: Settings, pragmas: str = "") -> None:
        """`pragmas` are additional PRAGMA statements for this connection, each with a semicolon before it."""
        url = settings.database
        assert isinstance(url, SqliteUrl)  # noqa: S101 - PostgreSQL has other connections
        self._path = url.path
        self._seconds = settings.statement_seconds
        self._pragmas = _PRAGMAS + pragmas
        self._deadline = 0.0
        self._raw: sqlite3.Connection | None = None

    def _open(self) -> sqlite3.Connection:
        create_private(self._path)
        raw = sqlite3.connect(
            self._path, timeout=self._seconds, isolation_level=None, check_same_thread=False, cached_statements=1000
        )
        try:
            raw.executescript(self._pragmas)
        except sqlite3.DatabaseError:
            raw.close()
            raise
        raw.set_progress_handler(self._is_late, _STEPS_BETWEEN_CHECKS)
        return raw

    def _is_late(self) -> bool:
        return time.monotonic() > self._deadline

    def _ready(self) -> sqlite3.Connection:
        """Return the open connection, and set the deadline of the next statement."""
        raw = self._raw
        if raw is None:
            raw = self._raw = self._open()
        self._deadline = time.monotonic() + self._seconds
        return raw

    def execute(self, sql: str, arguments: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Execute SQL and return its cursor. Interrupt it at the time limit of statements."""
        return self._ready().execute(sql, arguments)

    def tuples(self, statement: Statement, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Execute a statement; return every row."""
        plan = statement.sqlite
        return plan.rows(self.execute(plan.sql, plan.arguments(values)).fetchall())

    def many(self, statement: Statement, rows: Rows) -> None:
        """Execute a statement once for each row of values."""
        plan = statement.sqlite
        if len(rows) == 1:  # `executemany` is slower for one row
            self.execute(plan.sql, plan.arguments(rows[0]))
        else:
            self._ready().executemany(plan.sql, [plan.arguments(row) for row in rows])

    def data_version(self) -> int:
        """Return a number that changes when another connection has committed."""
        version: int = self.execute("PRAGMA data_version").fetchone()[0]
        return version

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open. After some errors it is not, because SQLite has rolled it back."""
        return self._raw is not None and self._raw.in_transaction

    def rollback(self) -> None:
        """Roll back the transaction, if one is open."""
        if self.in_transaction:
            self.execute("ROLLBACK")

    def close(self) -> None:
        """Close the connection and its file."""
        if self._raw is not None:
            self._raw.close()


class SqliteTransaction(Transaction):
    """Executes statements inside a transaction. Its caller begins and ends the transaction, and translates errors."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def tuples(self, statement: Statement, /, **values: Any) -> Sequence[tuple[Any, ...]]:
        """Return every row as a tuple."""
        return self._connection.tuples(statement, values)

    async def many(self, statement: Statement, rows: Rows, /) -> None:
        """Execute a statement once for each row of values."""
        self._connection.many(statement, rows)

    async def write(self, *parts: tuple[BulkStatement, Rows]) -> None:
        """Write one part after the other, row by row. After each `_ROWS_AT_ONCE` rows, yield to the event loop."""
        for bulk, rows in parts:
            for start in range(0, len(rows), _ROWS_AT_ONCE):
                if start:
                    await asyncio.sleep(0)
                self._connection.many(bulk.one_row, rows[start : start + _ROWS_AT_ONCE])
