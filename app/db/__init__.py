"""The database: one small door to SQLite and PostgreSQL.

Statements are written in SQLAlchemy Core over the SQLModel tables, built at import, compiled once per dialect, and run
by the drivers themselves: `await db.one(statement, **values)`, `db.all`, `db.run`, and the same verbs inside
`async with db.transaction() as tx`. Reads outside a transaction are autocommitted. Every wait has a deadline, past
which the answer is `Unavailable`; values come back equal from both databases.
"""

from app.db.background import unhurried
from app.db.bulk import Bulk, Guard, Rows, inserting, updating
from app.db.clauses import among, size_of
from app.db.database import Database, Db, Far, Row, Transaction, open_database
from app.db.lookup import Lookup
from app.db.statement import Statement, given
from app.db.tables import Stored

__all__ = [
    "Bulk",
    "Database",
    "Db",
    "Far",
    "Guard",
    "Lookup",
    "Row",
    "Rows",
    "Statement",
    "Stored",
    "Transaction",
    "among",
    "given",
    "inserting",
    "open_database",
    "size_of",
    "unhurried",
    "updating",
]
