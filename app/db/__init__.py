"""The database: the same methods for SQLite and PostgreSQL.

Statements are written in SQLAlchemy Core for the SQLModel tables. They are built at import, compiled once per database,
and executed by the drivers themselves: `await db.one(statement, **values)`, `db.all`, `db.run`, and the same methods
inside `async with db.transaction() as tx`. Outside a transaction each statement commits by itself. Every wait for the
database has a deadline, after which `Unavailable` is raised. A statement returns the same Python values on both
databases.
"""

from app.db.background import LONG_AGO, background_transaction, delete_in_batches
from app.db.bulk import (
    BulkStatement,
    CompareAndSwap,
    Rows,
    bulk_delete,
    bulk_insert,
    bulk_trim,
    bulk_update,
    bulk_upsert,
)
from app.db.clauses import any_of, byte_length, bytes_before
from app.db.database import Database, Db, PoolUse, RemoteDatabase, Row, Transaction
from app.db.json_rows import decode_json_row, json_row, json_rows
from app.db.lookup import Lookup
from app.db.notifications import ChangeNotifier
from app.db.opening import open_database
from app.db.statement import Statement, bind
from app.db.tables import Table

__all__ = [
    "LONG_AGO",
    "BulkStatement",
    "ChangeNotifier",
    "CompareAndSwap",
    "Database",
    "Db",
    "Lookup",
    "PoolUse",
    "RemoteDatabase",
    "Row",
    "Rows",
    "Statement",
    "Table",
    "Transaction",
    "any_of",
    "background_transaction",
    "bind",
    "bulk_delete",
    "bulk_insert",
    "bulk_trim",
    "bulk_update",
    "bulk_upsert",
    "byte_length",
    "bytes_before",
    "decode_json_row",
    "delete_in_batches",
    "json_row",
    "json_rows",
    "open_database",
]
