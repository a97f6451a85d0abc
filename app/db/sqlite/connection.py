"""One connection to a SQLite file, through the standard library."""

import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from app import observability
from app.db.bulk import BulkStatement, Rows
from app.db.database import Row, Transaction
from app.db.statement import Statement
from app.problems import StorageFull, Unavailable
from app.settings import Settings

_STEPS_BETWEEN_LOOKS: Final = 20_000
_SETTINGS: Final = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA secure_delete=ON"
MISTAKES: Final = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.DataError)


@contextmanager
def translated() -> Iterator[None]:
    """Say what failed in the API's own words."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if isinstance(error, MISTAKES):
            raise
        if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
            raise StorageFull from None
        observability.log_event("database-unavailable", error=error.sqlite_errorname)
        raise Unavailable from None


class Connection:
    """One connection, whose every statement ends by a deadline; opened when it is first used, or, after that failed,
    when it is used again.
    """

    def __init__(self, settings: Settings, pragmas: str = "") -> None:
        """Remember where the file is, and what else to tell SQLite of this connection."""
        self._path = settings.database_url.removeprefix("sqlite:///")
        self._seconds = settings.statement_seconds
        self._pragmas = _SETTINGS + pragmas
        self._until = 0.0
        self._raw: sqlite3.Connection | None = None

    def _open(self) -> sqlite3.Connection:
        raw = sqlite3.connect(
            self._path, timeout=self._seconds, isolation_level=None, check_same_thread=False, cached_statements=1000
        )
        try:
            raw.executescript(self._pragmas)
        except sqlite3.DatabaseError:
            raw.close()
            raise
        raw.set_progress_handler(self._late, _STEPS_BETWEEN_LOOKS)
        return raw

    def _late(self) -> bool:
        return time.monotonic() > self._until

    def _at_hand(self) -> sqlite3.Connection:
        """Return the connection, with a new deadline."""
        raw = self._raw
        if raw is None:
            raw = self._raw = self._open()
        self._until = time.monotonic() + self._seconds
        return raw

    def execute(self, sql: str, arguments: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Carry out a statement by its deadline."""
        return self._at_hand().execute(sql, arguments)

    def one(self, statement: Statement, values: Mapping[str, Any]) -> Row | None:
        """Return the first row."""
        plan = statement.sqlite
        row = self.execute(plan.sql, plan.arguments(values)).fetchone()
        return None if row is None else plan.dicts([row])[0]

    def all(self, statement: Statement, values: Mapping[str, Any]) -> list[Row]:
        """Return every row."""
        plan = statement.sqlite
        return plan.dicts(self.execute(plan.sql, plan.arguments(values)).fetchall())

    def tuples(self, statement: Statement, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Return every row bare."""
        plan = statement.sqlite
        return plan.rows(self.execute(plan.sql, plan.arguments(values)).fetchall())

    def run(self, statement: Statement, values: Mapping[str, Any]) -> None:
        """Carry out a statement."""
        plan = statement.sqlite
        self.execute(plan.sql, plan.arguments(values))

    def many(self, statement: Statement, rows: Rows) -> None:
        """Carry out a statement once for each row of values."""
        plan = statement.sqlite
        if len(rows) == 1:  # the driver's way for many is the longer one
            self.execute(plan.sql, plan.arguments(rows[0]))
        else:
            self._at_hand().executemany(plan.sql, [plan.arguments(row) for row in rows])

    def changes_elsewhere(self) -> int:
        """Return a number that changes with every commit of another connection."""
        version: int = self.execute("PRAGMA data_version").fetchone()[0]
        return version

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open: some errors end it."""
        return self._raw is not None and self._raw.in_transaction

    def rollback(self) -> None:
        """Roll back, where there is something to."""
        if self.in_transaction:
            self.execute("ROLLBACK")

    def close(self) -> None:
        """Let the file go."""
        if self._raw is not None:
            self._raw.close()


class SqliteTransaction(Transaction):
    """The verbs inside a transaction; what fails is translated where the transaction ends."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def one(self, statement: Statement, /, **values: Any) -> Row | None:
        """Return the first row."""
        return self._connection.one(statement, values)

    async def all(self, statement: Statement, /, **values: Any) -> list[Row]:
        """Return every row."""
        return self._connection.all(statement, values)

    async def tuples(self, statement: Statement, /, **values: Any) -> Sequence[tuple[Any, ...]]:
        """Return every row bare."""
        return self._connection.tuples(statement, values)

    async def run(self, statement: Statement, /, **values: Any) -> None:
        """Carry out a statement that returns nothing."""
        self._connection.run(statement, values)

    async def many(self, statement: Statement, rows: Rows, /) -> None:
        """Carry out a statement once for each row of values."""
        self._connection.many(statement, rows)

    async def write(self, *parts: tuple[BulkStatement, Rows]) -> None:
        """Write part after part, row after row."""
        for bulk, rows in parts:
            self._connection.many(bulk.each, rows)
